"""A patient is forgotten, lawfully: what says who it was and what was found goes; that there were alerts, stays.

    erase(...) -> what went                  hold(...), lift(...)       a legal hold, under which nobody is erased

One transaction: rows go, the ledger's bodies about the patient go, and an entry `patient_erased` names them, the person and
the reason. Their hashes stay in the chain, so the history verifies; a body that goes in any other way is damage. Raw files in
the archive hold other patients, too: they are named, and go only when asked for.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import fsspec
from sqlalchemy import Connection

from monitors.config import Config
from monitors.database import Database, Role, sql
from monitors.errors import UserError
from monitors.history import ledger
from monitors.receiving import archive_url
from monitors.settings import Settings


def erase(
    db: Database, config: Config, settings: Settings, now: datetime, *, authority: str, identifier: str, actor: str, reason: str,
    raw_files: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Erase a patient. Returns patient (the number of ours that is left), rows {table: count}, entries, files,
    archived (their places below the archive), files_deleted.

    Raises UserError: an unknown number, an open episode, a legal hold, a last result within `history: keep_days`, no reason.
    """
    if not reason.strip() or not actor.strip():
        raise UserError("An erasure is recorded with who asked and why.")
    with db.begin(Role.PIPELINE) as connection:
        connection.execute(sql("reconcile/lock"))
        who = _patient(connection, authority, identifier)
        if who.open_episodes:
            raise UserError(f"Episode {who.open_episodes[0]} of this patient is open: who is watched is not erased. End it, "
                            "by the census (left, died) and a night.")  # fmt: skip
        if who.hold:
            raise UserError(f"This patient is under a legal hold ({who.hold}); `nephrowatch erase --lift` ends it.")
        kept = timedelta(days=config.site.history.keep_days)
        if who.newest_result is not None and now - who.newest_result < kept:
            raise UserError(f"The last result is of {who.newest_result:%Y-%m-%d}; site.yaml keeps results for {kept.days} days "
                            "(history: keep_days).")  # fmt: skip
        key = {"patient": who.patient_id, "actor": actor, "reason": reason, "now": now}
        files = connection.execute(sql("erase/files"), key).all()
        entries = [row.seq for row in connection.execute(sql("erase/entries"), key)]
        rows = connection.execute(sql("erase/erase"), key).scalar_one()
        connection.execute(sql("erase/bodies"), {"entries": entries})
        ledger.append(connection, [("patient_erased", {
            "patient": who.patient_id, "actor": actor, "reason": reason, "rows": rows, "entries": entries,
            "files": [row.file_id for row in files], "raw_files": raw_files})])  # fmt: skip
    if raw_files:
        base = archive_url(config, settings)
        for row in files:
            system, path = fsspec.core.url_to_fs(f"{base}/{row.archived}")
            if system.exists(path):
                system.rm(path)
    return {"patient": who.patient_id, "rows": rows, "entries": len(entries), "files": [row.file_id for row in files],
            "archived": [row.archived for row in files], "files_deleted": raw_files}  # fmt: skip


def hold(db: Database, now: datetime, *, authority: str, identifier: str, actor: str, reason: str) -> int:
    """Keep a patient from erasure until lifted. Returns the patient's number of ours. Raises UserError."""
    if not reason.strip() or not actor.strip():
        raise UserError("A legal hold is recorded with who placed it and why.")
    with db.begin(Role.PIPELINE) as connection:
        who = _patient(connection, authority, identifier)
        if who.hold:
            raise UserError("This patient is under a legal hold already.")
        connection.execute(sql("erase/hold"), {"patient": who.patient_id, "actor": actor, "reason": reason, "now": now})
        ledger.append(connection, [("hold_placed", {"patient": who.patient_id, "actor": actor, "reason": reason})])
        return int(who.patient_id)


def lift(db: Database, now: datetime, *, authority: str, identifier: str, actor: str, reason: str) -> int:
    """End a legal hold. Returns the patient's number of ours. Raises UserError."""
    with db.begin(Role.PIPELINE) as connection:
        who = _patient(connection, authority, identifier)
        if connection.execute(sql("erase/lift"), {"patient": who.patient_id, "actor": actor, "now": now}).rowcount == 0:
            raise UserError("This patient is under no legal hold.")
        ledger.append(connection, [("hold_lifted", {"patient": who.patient_id, "actor": actor, "reason": reason})])
        return int(who.patient_id)


def _patient(connection: Connection, authority: str, identifier: str) -> Any:
    found = connection.execute(sql("erase/patient"), {"authority": authority, "identifier": identifier}).all()
    if not found:
        raise UserError(f"No patient has the number {identifier!r}.")
    if len({row.patient_id for row in found}) > 1:
        raise UserError(f"That number means several patients; name the --authority: {', '.join(row.authority for row in found)}.")
    return found[0]
