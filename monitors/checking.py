"""Files on their way in: received, checked, and what people do about those that were set aside.

Put together from feeds, quality and store, one transaction a file: a file is stored, known, held or unreadable, or it
still waits. Rooms never know each other; this module and `stages` are where they meet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from monitors import alarms, quality, store, tell
from monitors.config import Config, Feed
from monitors.database import Database, Role
from monitors.errors import FeedError, NephrowatchError, UserError
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
    """One file, under its row's lock: None when another worker has finished it meanwhile, or the archive has lost it:
    then it waits, operations is told, and the other files have their night."""
    file = source.lock(connection, file_id)
    if file is None or file.feed not in config.feeds:  # done by another, or of a feed that is no longer configured
        return None
    if (twin := source.same_bytes(connection, file_id)) is not None:
        counts = store.mark_known(connection, file_id, twin)
    else:
        try:
            raw = source.archive_get(archive, file.archived)
        except UserError:
            tell.lost(connection, config, run_id, file_id, file.feed, now)
            return None
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
        if (twin := source.same_bytes(connection, file_id, "held")) is not None:  # under another name, and still to be held
            return store.mark_known(connection, file_id, twin)
        return store.hold(connection, file_id, feed, *reading.gate, reading, now)
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
        if "results" in derived:  # rows whose fields do not fit their header
            bad = checked[kind].bad
            told = quality.with_criticals(fields.said(bad, feed, config), config.analytes)
            checked[kind] = replace(checked[kind], bad=_may_be_critical(bad, told))
    gate = quality.gate(checked, len(parsed.refused), feed)

    def mark(rows: pd.DataFrame) -> pd.DataFrame:
        return quality.with_criticals(rows, config.analytes)

    refused = parsed.refused
    if "labs" in feed.takes():
        refused = _marked(refused, mark(fields.said(refused, feed, config)))
        if gate is not None and "labs" in checked:
            checked["labs"] = replace(checked["labs"], good=mark(checked["labs"].good))
    ignored = parsed.ignored | ({"date of birth not known": unknown} if (unknown := _births_not_known(checked)) else {})
    return store.Reading(checked, refused, gate, ignored, parsed.resources, mark)


def _marked(refused: pd.DataFrame, said: pd.DataFrame) -> pd.DataFrame:
    """Broken parts with `critical`, analyte, time and accession of the first of their results that would be critical if
    it were true: nobody may act on it as a result, and nobody may overlook it (hazards 2 and 3)."""
    would_be = said[said["critical"] != ""].drop_duplicates("row_no").set_index("row_no")
    if would_be.empty:
        return refused
    return refused.join(would_be[[*store.WHAT, "critical", "accession", "collected_at", "unit"]], on="row_no")


def _may_be_critical(bad: pd.DataFrame, said: pd.DataFrame) -> pd.DataFrame:
    """Rejected rows as `_marked`: of the patient and the sample they may name nothing is taken."""
    would_be = said[said["critical"] != ""].drop_duplicates("row_no").set_index("row_no")
    if would_be.empty:
        return bad
    bad = bad.copy()
    rows = bad["row_no"].isin(would_be.index).to_numpy()
    for name in (*store.WHAT, "critical", "collected_at"):
        told = bad.loc[rows, "row_no"].map(would_be[name].astype(object))
        bad[name] = bad[name].astype(object).where(~rows, told) if name != "collected_at" else bad[name].where(~rows, told)
    return bad


def _births_not_known(checked: Mapping[str, quality.Checked]) -> int:
    """Rows whose date of birth is none a person can have."""
    frames = [frame for part in checked.values() for frame in (part.good, part.bad) if "birth_state" in frame]
    return sum(int((frame["birth_state"] == "unknown").sum()) for frame in frames)


def _past(connection: Connection, feed: Feed, derived: pd.DataFrame, file_id: int, now: datetime) -> pd.DataFrame:
    return store.history(connection, feed, derived["patient"].dropna().unique().tolist(), now, file_id)
