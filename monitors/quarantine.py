"""What is done about rows and files in quarantine: read again under the mapping of now, released, discarded.

Each function works in the caller's transaction, under the lock of the file's row, and looks again at what is open once
it holds it: two at once, or one twice, change nothing the second time. Nothing is deleted; an entry is ended by a row
that says how, why and by whom, and the ledger (handed in as `append`) says it, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Row

from monitors.config import Feed
from monitors.database import sql
from monitors.errors import UserError
from monitors.store import Counts, Reading, finish, keep_context, put_aside, store_good
from monitors.store_rows import take_batch

# Reasons that follow from other results of the patient, not from the row.
BY_HISTORY = frozenset({"unit_flip", "diluted", "possible_other_patient"})
NOT_READ = {
    "reason": "not_read_any_more",
    "sentence": "An earlier reading stored this row; as the feed is described now, what it stands in cannot be read.",
    "remedy": "Mend what is wrong with the part it stands in, then retry.",
}

Append = Callable[[Connection, Sequence[tuple[str, dict[str, Any]]]], Any]


@dataclass(frozen=True)
class File:
    """A finished file, its row locked to the end of the transaction."""

    file_id: int
    feed: str
    state: str
    archived: str
    batch: int | None
    counts: Counts


@dataclass(frozen=True)
class Said:
    """Who does something, why, and when."""

    actor: str
    reason: str
    now: datetime


@dataclass(frozen=True)
class Mended:
    """What reading one file again did. mended: open rows that are stored or known now; still_bad: those still open."""

    mended: int
    still_bad: int


def lock(connection: Connection, file_id: int) -> File:
    """The file, locked. Raises UserError when there is none, or it was never checked."""
    row = connection.execute(sql("quarantine/lock_file"), {"file_id": file_id}).one_or_none()
    if row is None:
        raise UserError(f"There is no file {file_id} that has been checked.")
    return File(row.file_id, row.feed, row.state, row.archived, row.batch, Counts(*row[5:]))


def files(connection: Connection, *, file_id: int | None, feed: str, reason: str) -> list[int]:
    """Files with open rows, by number: of one feed or reason, or the one asked for; all where nothing is said."""
    given = {"file_id": file_id or 0, "feed": feed, "reason": reason}
    return [int(number) for number in connection.execute(sql("quarantine/files"), given).scalars()]


def retry(
    connection: Connection, file: File, feed: Feed, reading: Reading, said: Said, append: Append, reason: str = ""
) -> Mended:
    """Store what an earlier reading could not, as it reads now; versions of rows that read differently are `remapped`,
    and rows that were stored and are bad now are withdrawn and set aside, unless only the patients' past speaks against
    them (BY_HISTORY): that has grown since.

    reason: only open rows of this reason are mended, and nothing that is stored is touched. A file that is still to be
    held, or was discarded, stays as it is; one that is stored is not held again.
    """
    entries = _entries(connection, file)
    open_ = {entry.row_no: entry for entry in entries if entry.ended is None}
    whole = file.state != "stored"
    if whole and (reading.gate is not None or not open_):
        return _retried(connection, file, said, append, Mended(0, sum(number > 0 for number in open_)))
    now, before = reading.row_numbers, _stored(connection, file)
    wanted = {number for number, entry in open_.items() if whole or not reason or entry.reason == reason}
    unread = _within(now, [open_[number] for number in wanted - now - before])  # rows of broken parts that can be read now
    # a row ended by itself; those released with their file are read again like any other
    by_itself = [entry for entry in entries if entry.ended == "discarded" or (entry.ended == "released" and entry.releasable)]
    decided = {entry.row_no for entry in by_itself}
    apart = decided | _within(now, [entry for entry in by_itself if entry.row_no not in now])
    by_past = set() if whole else set(reading.bad.loc[reading.bad["reason"].isin(BY_HISTORY), "row_no"])
    by_past -= open_.keys() | unread | decided
    chosen = ((wanted & now) | unread if reason and not whole else now - by_past) - apart
    good = {kind: frame[frame["row_no"].isin(chosen)] for kind, frame in reading.good.items()}
    batch = take_batch(connection, f"file {file.file_id} of {file.feed}, read again", said.now)
    spared = None if reason and not whole else sorted(decided | by_past)
    done, refused = store_good(connection, feed, good, file.file_id, batch, said.now, again=True, spared=spared)
    stored = {number for frame in good.values() for number in frame["row_no"].tolist()} - set(refused["row_no"])
    bad = reading.aside(refused)
    put_aside(connection, feed, bad[bad["row_no"].isin(chosen if whole else chosen - open_.keys())], file.file_id, batch)
    mended = [open_[number] for number in wanted if whole or number in stored or number not in now | before]
    _end(connection, mended, "mended", batch, said)
    keep_context(connection, file.file_id, file.feed, reading)
    after = _stored(connection, file)
    if spared is not None and (lost := sorted(after - now - apart - open_.keys())):  # of a part that is broken as it reads now
        put_aside(connection, feed, pd.DataFrame({"row_no": lost, "line_no": lost, "kind": "", **NOT_READ}), file.file_id, batch)
    if spared is None:
        known = file.counts.known + done.known
    else:
        kept = {entry.row_no for entry in by_itself if entry.ended == "released"} | by_past
        known = done.known + len(kept - after)
    counts = _recount(connection, file, known, batch)
    new = stored & (wanted | unread) if not whole else stored - before
    return _retried(connection, file, said, append, Mended(len(new), counts.quarantined))


def unread(connection: Connection, file: File, said: Said, append: Append) -> Mended:
    """The file cannot be read now either."""
    return _retried(connection, file, said, append, Mended(0, file.counts.quarantined))


def reasons(connection: Connection) -> set[str]:
    """Every reason a row or file was ever set aside for."""
    return set(connection.execute(sql("quarantine/reasons")).scalars())


def _retried(connection: Connection, file: File, said: Said, append: Append, done: Mended) -> Mended:
    append(connection, [("quarantine_retried", _entry(file, said) | {"mended": done.mended, "still_bad": done.still_bad})])
    return done


def _within(now: set[int], parts: Sequence[Row[Any]]) -> set[int]:
    """Rows read now that stand inside parts which were no rows before."""
    return {row for part in parts for row in range(part.row_no, part.row_no + part.lines)} & now


def release_row(
    connection: Connection, file: File, row_no: int, feed: Feed, reading: Reading, said: Said, append: Append
) -> Counts:
    """A person says the row is true: it is stored as it reads. Raises UserError where that is not for a person to say."""
    entry = _open_row(connection, file, row_no)
    frame = _row_of(reading, row_no)
    if frame is None or not (entry.releasable or frame[2]):
        raise UserError(f"Row {entry.quarantine_id} cannot be released ({entry.reason}): {entry.remedy}")
    kind, row, _ = frame
    batch = take_batch(connection, f"row {row_no} of file {file.file_id}, released", said.now)
    done, refused = store_good(
        connection, feed, {kind: row}, file.file_id, batch, said.now, released=frozenset({row_no})
    )
    if len(refused):
        raise UserError(f"Row {entry.quarantine_id} cannot be released: {refused['sentence'].iloc[0]}")
    _end(connection, [entry], "released", batch, said)
    counts = _recount(connection, file, file.counts.known + done.known, batch)
    append(connection, [("quarantine_released", _entry(file, said) | {"quarantine": entry.quarantine_id, "why": entry.reason})])
    return counts


def release_file(connection: Connection, file: File, feed: Feed, reading: Reading, said: Said, append: Append) -> Counts:
    """A person says a held file is in order: stored without its gate, its bad rows set aside each for its own reason."""
    entries = _held(connection, file)
    batch = take_batch(connection, f"file {file.file_id} of {file.feed}, released", said.now)
    done, refused = store_good(connection, feed, reading.good, file.file_id, batch, said.now)
    _end(connection, entries, "released", batch, said)
    put_aside(connection, feed, reading.aside(refused), file.file_id, batch)
    keep_context(connection, file.file_id, file.feed, reading)
    _decide(connection, file, "released", said)
    counts = _recount(connection, file, done.known, batch)
    append(connection, [("file_released", _entry(file, said) | {"stored": counts.stored, "quarantined": counts.quarantined})])
    return counts


def discard_row(connection: Connection, file: File, row_no: int, said: Said, append: Append) -> int:
    """A person says the row is of no use: it stays in quarantine, ended. Returns how many rows that are: one."""
    entry = _open_row(connection, file, row_no)
    batch = take_batch(connection, f"row {row_no} of file {file.file_id}, discarded", said.now)
    _end(connection, [entry], "discarded", batch, said)
    append(connection, [("quarantine_discarded", _entry(file, said) | {"quarantine": entry.quarantine_id, "why": entry.reason})])
    return 1


def discard_file(connection: Connection, file: File, said: Said, append: Append) -> int:
    """A person says a held file is of no use. Returns how many rows were ended."""
    entries = _held(connection, file)
    _end(connection, entries, "discarded", take_batch(connection, f"file {file.file_id}, discarded", said.now), said)
    _decide(connection, file, "discarded", said)
    append(connection, [("file_discarded", _entry(file, said) | {"rows": len(entries)})])
    return len(entries)


def place(connection: Connection, quarantine_id: int) -> tuple[int, int]:
    """File and row number of an entry. Raises UserError when there is none."""
    row = connection.execute(sql("quarantine/place"), {"quarantine_id": quarantine_id}).one_or_none()
    if row is None or row.row_no == 0:
        raise UserError(f"There is no row {quarantine_id} in quarantine.")
    return int(row.file_id), int(row.row_no)


# ------------------------------------------------------------------------------------------------ the rows
def _entries(connection: Connection, file: File) -> list[Row[Any]]:
    """The newest entry of each row of a file."""
    return list(connection.execute(sql("quarantine/entries"), {"file_id": file.file_id}))


def _open_row(connection: Connection, file: File, row_no: int) -> Row[Any]:
    entry = next((entry for entry in _entries(connection, file) if entry.row_no == row_no), None)
    if entry is None or entry.ended is not None:
        raise UserError(f"This row is not open any more{f': it was {entry.ended}' if entry else ''}; nothing was changed.")
    if file.state == "held":
        raise UserError("The whole file is held: release, discard or retry the file, not one row of it.")
    return entry


def _held(connection: Connection, file: File) -> list[Row[Any]]:
    entries = [entry for entry in _entries(connection, file) if entry.ended is None]
    if file.state != "held" or not entries:
        raise UserError(f"File {file.file_id} is not held (any more); nothing was changed.")
    return entries


def _row_of(reading: Reading, row_no: int) -> tuple[str, pd.DataFrame, bool] | None:
    """Kind, the row as a frame, and whether it may be released now, as it reads now."""
    for kind, checked in reading.checked.items():
        for frame, may in ((checked.good, True), (checked.bad, False)):
            found = frame[frame["row_no"] == row_no]
            if len(found):
                return kind, found, may or bool(found["releasable"].iloc[0])
    return None


def _stored(connection: Connection, file: File) -> set[int]:
    """Rows of a file that a table holds, versions withdrawn by a later reading among them."""
    return set(connection.execute(sql("quarantine/stored_rows"), {"file_id": file.file_id}).scalars())


def _end(connection: Connection, entries: Sequence[Row[Any]], ended: str, batch: int, said: Said) -> None:
    if entries:
        connection.execute(sql("quarantine/end"), {
            "ids": [entry.quarantine_id for entry in entries], "ended": ended, "reason": said.reason, "actor": said.actor,
            "batch": batch, "now": said.now,
        })  # fmt: skip


def _decide(connection: Connection, file: File, decision: str, said: Said) -> None:
    given = {"file_id": file.file_id, "decision": decision, "reason": said.reason, "actor": said.actor, "now": said.now}
    connection.execute(sql("quarantine/decide"), given)


def _recount(connection: Connection, file: File, known: int, batch: int) -> Counts:
    """The file's counts as they stand now: a row is quarantined while it is open or discarded, stored where a table holds
    it; known: counted by the caller."""
    found = connection.execute(sql("quarantine/recount"), {"file_id": file.file_id}).one()
    counts = Counts(found.stored + known + found.quarantined, found.stored, known, found.quarantined)
    return finish(connection, file.file_id, "stored", counts, batch=file.batch or batch)


def _entry(file: File, said: Said) -> dict[str, Any]:
    return {"file": file.file_id, "feed": file.feed, "actor": said.actor, "reason": said.reason}
