"""Files on their way in: received, checked, and what people do about those that were set aside.

Put together from feeds, quality and store, one transaction a file: a file is stored, known, held or unreadable, or it
still waits. Rooms never know each other; this module and `stages` are where they meet.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from monitors import alarms, quality, store, tell
from monitors.config import Config, Feed
from monitors.database import Database, Role
from monitors.errors import FeedError, NephrowatchError
from monitors.feeds import fields, source, unpacked
from monitors.history import ledger
from monitors.receiving import archive_url
from monitors.settings import Settings

NOT_WANTED: dict[str, Any] = {
    "reason": "not_monitored", "sentence": "Rows of this kind are not taken from this feed.",
    "remedy": "Nothing to do; add the kind to the feed's kinds if it should be taken.",
    "expected": True, "releasable": False, "critical": "",
}  # fmt: skip


@dataclass(frozen=True)
class FileCounts:
    """What became of one file's rows: received = stored + known + quarantined."""

    file_id: int
    received: int
    stored: int
    known: int
    quarantined: int


# --------------------------------------------------------------------------------------------------- check
def check(db: Database, config: Config, settings: Settings, run_id: int, now: datetime) -> list[FileCounts]:
    """Every waiting file, one transaction each: parsed, checked, stored or held."""
    with db.begin(Role.PIPELINE) as connection:
        waiting = source.waiting(connection)
    counts = []
    for file_id in waiting:
        with db.begin(Role.PIPELINE) as connection:
            if (done := check_file(connection, config, archive_url(config, settings), run_id, file_id, now)) is not None:
                counts.append(done)
    with db.begin(Role.PIPELINE) as connection:
        tell.quarantined(connection, config, run_id, now)
        alarms.look(connection, config, now)
    return counts


def check_file(
    connection: Connection, config: Config, archive: str, run_id: int, file_id: int, now: datetime
) -> FileCounts | None:
    """One file, under its row's lock: None when another worker has finished it meanwhile."""
    file = source.lock(connection, file_id)
    if file is None or file.feed not in config.feeds:  # done by another, or of a feed that is no longer configured
        return None
    if (twin := source.same_bytes(connection, file_id)) is not None:
        counts = store.mark_known(connection, file_id, twin)
    else:
        raw = source.archive_get(archive, file.archived)
        counts = take(connection, config, file.feed, config.feeds[file.feed], file_id, raw, now)
    ledger.append(connection, [("file_checked", {
        "file": file_id, "feed": file.feed, "sha256": file.sha256, "received": counts.received,
        "stored": counts.stored, "known": counts.known, "quarantined": counts.quarantined})])  # fmt: skip
    if twin is None:
        tell.after_check(connection, config, run_id, file_id, now)
    return FileCounts(file_id, counts.received, counts.stored, counts.known, counts.quarantined)


def take(
    connection: Connection, config: Config, name: str, feed: Feed, file_id: int, raw: bytes, now: datetime
) -> store.Counts:
    """One registered file, whatever it does to us: the other files and units have their night."""
    try:
        with connection.begin_nested():
            return stored(connection, config, name, feed, file_id, raw, now)
    except NephrowatchError:
        raise
    except Exception as problem:
        if connection.invalidated or connection.closed:
            raise
        what = f"Storing this file failed ({type(problem).__name__}), a defect of ours; its bytes are kept. Please report it."
        return store.refuse(connection, file_id, "not_storable", what, now)


def stored(
    connection: Connection, config: Config, name: str, feed: Feed, file_id: int, raw: bytes, now: datetime
) -> store.Counts:
    """One registered file from its bytes to its rows: stored, held, or unreadable."""
    try:
        reading = read(connection, raw, name, feed, config, file_id, now)
    except FeedError as problem:
        return store.refuse(connection, file_id, problem.reason, str(problem), now)
    if reading.gate is not None:
        return store.hold(connection, file_id, *reading.gate, reading, now)
    return store.save(connection, file_id, name, feed, reading, now)


def read(
    connection: Connection, raw: bytes, name: str, feed: Feed, config: Config, file_id: int, now: datetime
) -> store.Reading:
    """A file as it reads under the mapping of now, compared with what others brought. Raises FeedError."""
    parsed = unpacked.parse(raw, feed, lambda references: store.resources(connection, name, references))
    checked: dict[str, quality.Checked] = {}
    for kind, frame in parsed.frames.items():
        if kind not in feed.takes():
            checked[kind] = quality.Checked(frame.iloc[:0], frame.assign(**NOT_WANTED), None)
            continue
        derived = fields.derive(frame, feed, config, kind)
        past = _past(connection, feed, derived, file_id, now) if kind == "labs" and len(derived) else None
        checked[kind] = quality.check(derived, feed, now, kind=kind, history=past, analytes=config.analytes)
    gate = quality.gate(checked, len(parsed.refused), feed)
    if gate is not None and "labs" in checked and "labs" in feed.takes():
        labs = checked["labs"]
        checked["labs"] = replace(labs, good=quality.with_criticals(labs.good, config.analytes))
    return store.Reading(checked, parsed.refused, gate, parsed.ignored, parsed.resources)


def _past(connection: Connection, feed: Feed, derived: pd.DataFrame, file_id: int, now: datetime) -> pd.DataFrame:
    return store.history(connection, feed, derived["patient"].dropna().unique().tolist(), now, file_id)
