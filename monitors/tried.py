"""What only looks at files: a feed's description tried on one, and Data Docs of the newest. Nothing is stored or told.

No value, number or name of the file is given back: examples have every letter of a source as x and every digit as 9.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from monitors import quality, quality_docs, store
from monitors.config import Config
from monitors.database import Database, Role, sql
from monitors.errors import FeedError, UserError
from monitors.feeds import fields, places, source, unpacked
from monitors.receiving import archive_url
from monitors.settings import Settings

EXAMPLES = 3  # rows shown of each kind
LINES = 5  # line numbers shown of each reason
OURS = ("analyte_name", "ingredient", "fact", "status", "unit", "modality", "action")  # words of ours: shown as they are
THEIRS = ("patient", "value", "value_text", "unit_text", "collected_at", "drug_text", "started_on", "ended_on", "effective_on",
          "happened_on", "merged_patient")  # fmt: skip


def tried(name: str, path: Path, config: Config, now: datetime) -> dict[str, Any]:
    """What `nephrowatch feeds check` prints: received, good and quarantined rows; held {reason, sentence} or None;
    reasons [{kind, reason, rows, sentence, remedy, lines}]; ignored {name: count}; examples [{kind, line, row}].

    FHIR references into other files are not looked up, and nothing earlier is known of any patient, so gates that
    compare with earlier results say less here than in a night. Raises UserError.
    """
    feed = config.feeds.get(name)
    if feed is None:
        raise UserError(f"There is no feed {name!r} in feeds.yaml; it has {', '.join(sorted(config.feeds))}.")
    try:
        raw = path.read_bytes()
    except OSError as problem:
        raise UserError(f"{path} cannot be read: {problem.strerror or type(problem).__name__}.") from None
    try:
        parsed = unpacked.parse(raw, feed)
    except FeedError as problem:
        return {"received": 0, "good": 0, "quarantined": 0, "held": {"reason": problem.reason, "sentence": str(problem)},
                "reasons": [], "ignored": {}, "examples": []}  # fmt: skip
    checked: dict[str, quality.Checked] = {
        kind: quality.check(fields.derive(frame, feed, config, kind), feed, now, kind=kind, analytes=config.analytes)
        for kind, frame in parsed.frames.items() if kind in feed.takes()
    }  # fmt: skip
    not_taken = {f"rows of kind {kind}": len(frame) for kind, frame in parsed.frames.items() if kind not in feed.takes()}
    bad = pd.concat([parsed.refused.assign(kind=""), *(c.bad.assign(kind=kind) for kind, c in checked.items())])
    good = sum(len(c.good) for c in checked.values())
    gate = quality.gate(checked, len(parsed.refused), feed)
    return {
        "received": good + len(bad), "good": good, "quarantined": len(bad),
        "held": {"reason": gate[0], "sentence": gate[1]} if gate else None,
        "reasons": [
            {"kind": kind, "reason": reason, "rows": len(rows), "sentence": rows["sentence"].iloc[0],
             "remedy": rows["remedy"].iloc[0], "lines": [int(line) for line in rows["line_no"].iloc[:LINES]]}
            for (kind, reason), rows in bad.groupby(["kind", "reason"], sort=True)
        ],
        "ignored": {str(what): int(count) for what, count in {**parsed.ignored, **not_taken}.items()},
        "examples": [
            {"kind": kind, "line": int(row["line_no"]), "row": example(row)}
            for kind, c in checked.items() for row in c.good.head(EXAMPLES).to_dict("records")
        ],
    }  # fmt: skip


def waiting(config: Config, settings: Settings, now: datetime) -> dict[str, dict[str, Any]]:
    """A look into each feed's folder as it is now: {feed: {ready: files, waiting: [{name, why}], reason, sentence}};
    reason and sentence where it cannot be listed. Feeds that ask a server are left out: they have no folder."""
    found: dict[str, dict[str, Any]] = {}
    for name, feed in config.feeds.items():
        if feed.pull is not None:
            continue
        try:
            with places.reach(name, feed, config.folder, settings.secret) as place:
                looked = place.look(now)
        except FeedError as problem:
            found[name] = {"ready": 0, "waiting": [], "reason": problem.reason, "sentence": str(problem)}
            continue
        files = [{"name": file.name, "why": file.why} for file in looked.waiting]
        found[name] = {"ready": len(looked.found), "waiting": files, "reason": None, "sentence": None}
    return found


def docs(db: Database, config: Config, settings: Settings, folder: Path, now: datetime) -> Path:
    """Data Docs of the newest file of each feed, written into a folder. Returns their first page."""
    frames: dict[str, tuple[str, pd.DataFrame]] = {}
    with db.begin(Role.PIPELINE) as connection:
        for name, archived in connection.execute(sql("read/newest_files")).all():
            if (feed := config.feeds.get(name)) is None:
                continue
            raw = source.archive_get(archive_url(config, settings), archived)
            parsed = unpacked.parse(raw, feed, partial(store.resources, connection, name))
            for kind, frame in parsed.frames.items():
                if kind in feed.takes() and len(frame):
                    derived = fields.derive(frame, feed, config, kind)
                    page = name if len(feed.takes()) == 1 else f"{name}-{kind}"
                    frames[page] = kind, quality.prepared(derived, now, kind, None, config.analytes)
    if not frames:
        raise UserError("No file has been checked yet; Data Docs show what became of the newest file of each feed.")
    return quality_docs.build(frames, folder)


def example(row: Mapping[Any, Any]) -> str:
    """`analyte_name phosphate, patient xxx-99999, value 9.9`: our own words plain, everything of the source masked."""
    shown = [f"{name} {row[name]}" for name in OURS if _there(row.get(name))]
    return ", ".join(shown + [f"{name} {masked(row[name])}" for name in THEIRS if _there(row.get(name))])


def masked(value: Any) -> str:
    """Letters as x, digits as 9; what stands between them stays, so that a shape can be recognised."""
    return re.sub(r"[^\W\d_]", "x", re.sub(r"\d", "9", str(value)))


def _there(value: Any) -> bool:
    return not (value is None or pd.isna(value) or value == "")
