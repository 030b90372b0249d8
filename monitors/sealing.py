"""Checkpoints of the ledger out of the house, and the ledger held against them: what stages call, with configuration at hand.

Where: `history: {checkpoints: [...]}` in site.yaml, folders or fsspec addresses outside the database, at least two in real use;
without it, the folder checkpoints in NEPHROWATCH_HOME.
"""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from monitors.config import Config
from monitors.database import Database, Role, sql
from monitors.delivery import outbox
from monitors.errors import HistoryError, UserError
from monitors.history import checkpoint, keys, ledger, merkle, nephrowatch_verify
from monitors.settings import Settings


def places(config: Config, settings: Settings) -> list[str]:
    return list(config.site.history.checkpoints) or [f"file://{(settings.home / 'checkpoints').absolute()}"]


def entries(db: Database) -> int:
    """How many entries the ledger has."""
    role = Role.READER if Role.READER in db.roles else db.roles[0]
    with db.begin(role) as connection:
        return int(connection.execute(sql("metrics/ledger")).scalar_one())


def seal_now(db: Database, config: Config, settings: Settings, role: Role, now: datetime) -> dict[str, Any]:
    """Sign what there is and keep it in every place; does nothing where the newest checkpoint says it already.

    Returns size, places {place: kept | there | what went wrong}, problem (a sentence or None). A problem goes to operations once
    a day and place; the next checkpoint covers what this one could not.
    """
    found: dict[str, Any] = {"size": 0, "places": {}, "problem": None}
    try:
        with db.begin(role) as connection:
            connection.execute(sql("history/one_sealer"))  # two nights at once would take each other's half-kept file for a fault
            key = keys.ensured(settings, keys.CHECKPOINT)
            earlier, problems = checkpoint.kept(places(config, settings), keys.known(settings))
            size, text = checkpoint.take(connection, checkpoint.origin_of(config.site.link), key, earlier)
            found["size"], found["places"] = size, checkpoint.keep(size, text, places(config, settings))
        failed = [f"{place} {became}" for place, became in found["places"].items() if became not in ("kept", "there")]
        if failed or problems:
            found["problem"] = f"A checkpoint of the history could not be kept everywhere: {'; '.join(failed + problems)}"
    except (HistoryError, UserError, OSError) as problem:
        found["problem"] = f"No checkpoint of the history was made: {problem}"
    if found["problem"]:
        with db.begin(role) as connection:
            _tell(connection, config, found["problem"], now)
    return found


def verified(db: Database, config: Config, settings: Settings, *, signatures: bool = True) -> dict[str, Any]:
    """The ledger recomputed, its signatures checked, and held against every checkpoint that can be read."""
    known = keys.known(settings)
    found_checkpoints, problems = checkpoint.kept(places(config, settings), known)
    with db.begin(Role.WEB) as connection:
        found = ledger.verify(connection, found_checkpoints, known if signatures and known.by_id else None)
    bad = found.first_bad
    return {"entries": found.entries, "erased": found.erased, "unsigned": found.unsigned, "head_seq": found.head_seq,
            "head_hash": found.head_hash, "checkpoints": len(found_checkpoints), "covered": found.covered,
            "checkpoint_problems": problems, "first_bad": {"seq": bad[0], "what": bad[1]} if bad else None}  # fmt: skip


def export(db: Database, config: Config, settings: Settings, folder: Path, actor: str, now: datetime) -> dict[str, Any]:
    """Everything an outsider needs to verify the history: entries, checkpoints, public keys and the verifier.

    The export is itself an entry, its last. Raises UserError for a folder with something in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise UserError(f"{folder} is not empty; an export goes into a folder of its own.")
    with db.begin(Role.WEB) as connection:
        ledger.append(connection, [("history_exported", {"actor": actor})])
    seal_now(db, config, settings, Role.PIPELINE, now)
    count = 0
    with db.begin(Role.WEB) as connection, (folder / "ledger.ndjson").open("w", encoding="utf-8") as out:
        for entry in ledger.stored_entries(connection):
            out.write(ledger.line(entry) + "\n")
            count += 1
    known = keys.known(settings)
    kept, _ = checkpoint.kept(places(config, settings), known)
    (folder / "checkpoints").mkdir()
    for one in kept:
        text = checkpoint.text_of(one, places(config, settings))
        (folder / "checkpoints" / checkpoint.name_of(one.size)).write_text(text, encoding="utf-8")
    (folder / "keys.txt").write_text("\n".join(keys.public(settings)) + "\n", encoding="utf-8")
    shutil.copy(Path(nephrowatch_verify.__file__), folder / "nephrowatch_verify.py")
    return {"entries": count, "checkpoints": len(kept), "folder": str(folder)}


def proof(db: Database, config: Config, settings: Settings, seq: int) -> dict[str, Any]:
    """That an entry stands in the history under the newest checkpoint: entry, path and checkpoint. Raises UserError."""
    kept, _ = checkpoint.kept(places(config, settings), keys.known(settings))
    newest = checkpoint.newest(one for one in kept if one.size >= seq)
    if newest is None or seq < 1:
        raise UserError(f"No checkpoint covers entry {seq} yet; `nephrowatch history checkpoint` makes one.")
    with db.begin(Role.WEB) as connection:
        leaves = list(checkpoint.leaves(connection, newest.size))
        entry = next(iter(ledger.stored_entries(connection, seq)))
    path = merkle.inclusion(leaves, seq - 1)
    return {"entry": json.loads(ledger.line(entry)), "index": seq - 1, "size": newest.size,
            "path": [step.hex() for step in path],
            "checkpoint": checkpoint.text_of(newest, places(config, settings))}  # fmt: skip


def _tell(connection: Connection, config: Config, sentence: str, now: datetime) -> None:
    night = now.astimezone(UTC).date()
    for destination in config.routes.operations():
        outbox.enqueue(
            connection, dedup_key=f"operations/checkpoint/{night}/{destination}", kind="operations", destination=destination,
            severity=None, unit=None, night=night, episode_id=None, change_seq=None,
            content={"reason": "checkpoint_failed", "sentence": sentence}, now=now,
        )  # fmt: skip


__all__ = ["export", "places", "proof", "seal_now", "verified"]
