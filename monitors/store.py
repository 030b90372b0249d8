"""What became of one file's rows, in one transaction: stored, already known, or in quarantine with a reason.

Insert-only. The batch is taken first and locked to commit, so ids are gapless and batch order is commit order. Who the
rows are about is decided first (`store_identity`), then each kind goes into its table (`store_rows`); what is done
about rows in quarantine stands in `quarantine`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection

from monitors.config import Feed
from monitors.database import sql
from monitors.store_aside import put_aside
from monitors.store_batch import load
from monitors.store_claims import WHAT
from monitors.store_identity import save_people
from monitors.store_links import unmerge
from monitors.store_reads import history, resources
from monitors.store_rows import SAVE, Refused, Stored, take_batch, withdraw

__all__ = [
    "WHAT", "Checked", "Counts", "Reading", "finish", "history", "hold", "keep_context", "mark_known", "put_aside", "refuse",
    "resources", "save", "store_good", "unmerge",
]  # fmt: skip

class Checked(Protocol):
    """What `quality.check` gives of one kind: rows to store, and rows with their reason, sentence and remedy."""

    @property
    def good(self) -> pd.DataFrame: ...
    @property
    def bad(self) -> pd.DataFrame: ...


@dataclass(frozen=True)
class Reading:
    """One file as it reads under the mapping of now. checked: by kind; refused: parts that are no rows (feeds.parsed);
    gate: reason and sentence when the file is to be held whole; ignored: what was read and is no row, counted;
    resources: reference -> body, for other files of the feed; mark: gives laboratory rows their `critical`, asked for
    those the store refuses."""

    checked: Mapping[str, Checked]
    refused: pd.DataFrame
    gate: tuple[str, str] | None = None
    ignored: Mapping[str, int] | None = None
    resources: Mapping[str, str] | None = None
    mark: Callable[[pd.DataFrame], pd.DataFrame] = lambda rows: rows

    @property
    def good(self) -> dict[str, pd.DataFrame]:
        return {kind: checked.good for kind, checked in self.checked.items() if len(checked.good)}

    @property
    def bad(self) -> pd.DataFrame:
        """Rows of every kind that are not good, and the parts that are no rows."""
        frames = [checked.bad.assign(kind=kind) for kind, checked in self.checked.items() if len(checked.bad)]
        return pd.concat([*frames, self.refused.assign(kind="")], ignore_index=True) if len(self.refused) else (
            pd.concat(frames, ignore_index=True) if frames else self.refused.assign(kind="")
        )

    def aside(self, refused: pd.DataFrame) -> pd.DataFrame:
        """Rows that are not good, and those the store refused."""
        if refused.empty:
            return self.bad
        labs = refused["kind"].eq("labs")
        return pd.concat([self.bad, self.mark(refused[labs]), refused[~labs]], ignore_index=True)

    @property
    def row_numbers(self) -> set[int]:
        """Of every row of the file, the parts that are none among them."""
        frames = [frame for checked in self.checked.values() for frame in (checked.good, checked.bad)]
        return {number for frame in (*frames, self.refused) for number in frame["row_no"].tolist()}

    @property
    def received(self) -> int:
        return len(self.refused) + sum(len(checked.good) + len(checked.bad) for checked in self.checked.values())


@dataclass(frozen=True)
class Counts:
    """What became of the rows of one file: received = stored + known + quarantined."""

    received: int
    stored: int
    known: int
    quarantined: int


def save(connection: Connection, file_id: int, feed_name: str, feed: Feed, reading: Reading, now: datetime) -> Counts:
    """Store the good rows, quarantine the others, finish the file. A file that is finished is left as it is, and its
    counts are given."""
    if done := _finished(connection, file_id):
        return done
    batch = take_batch(connection, f"file {file_id} of {feed_name}", now)
    stored, refused = store_good(connection, feed, reading.good, file_id, batch, now)
    aside = reading.aside(refused)
    put_aside(connection, feed, aside, file_id, batch)
    keep_context(connection, file_id, feed_name, reading)
    counts = Counts(reading.received, stored.stored, stored.known, len(aside))
    return finish(connection, file_id, "stored", counts, batch=batch)


def store_good(
    connection: Connection, feed: Feed, good: Mapping[str, pd.DataFrame], file_id: int, batch: int, now: datetime, *,
    released: frozenset[int] = frozenset(), again: bool = False, spared: list[int] | None = None,
) -> tuple[Stored, pd.DataFrame]:  # fmt: skip
    """Good rows by kind into their tables: what became of them, and those the store refuses, with reason and kind.

    released: rows that a person says are true; nothing known of the patient refuses them. again: the file was read
    before, under another mapping: what reads differently becomes a version of its own. spared: then rows not among
    `good` any more are withdrawn, but for these; None withdraws nothing.
    """
    refused, total, frames = Refused(), Stored(), []
    keys = {"file_id": file_id, "batch": batch, "authority": feed.authority, "laboratory": feed.laboratory, "now": now,
            "zone": feed.zone, "again": again, "released": released}  # fmt: skip
    kept: dict[str, list[int]] = {}
    if good:
        people = save_people(connection, feed, good, file_id, batch, released)
        total, refused = people.links, people.refused
        for kind, person in people.person.items():
            rows, who = _only(good[kind], person)
            if len(rows):
                total += SAVE[kind](connection, rows, who, keys, refused)
                kept[kind] = [number for number in rows["row_no"].tolist() if number not in refused.words]
    if again and spared is not None:
        withdraw(connection, keys, kept, spared)
    words = refused.frame()
    frames = [frame.merge(words, on="row_no").assign(kind=kind) for kind, frame in good.items() if len(words)]
    out = pd.concat(frames, ignore_index=True) if frames else words.iloc[:0].assign(kind="")
    _insist(sum(map(len, good.values())) == total.stored + total.known + len(words))
    return total, out


def _only(frame: pd.DataFrame, person: npt.NDArray[np.int32]) -> tuple[pd.DataFrame, npt.NDArray[np.int32]]:
    """The rows whose patient is not in doubt."""
    sure = person >= 0
    return (frame, person) if sure.all() else (frame[sure], person[sure])


def hold(
    connection: Connection, file_id: int, feed: Feed, reason: str, sentence: str, reading: Reading, now: datetime
) -> Counts:
    """Hold a file whole: each of its rows is in quarantine, for its own reason, or as `held` where it is in order; the
    file says why all are. A file without rows gets the one entry `row_no` 0, which is counted nowhere."""
    remedy = "Mend what the sentence says, then have the file read again; or release or discard it."
    fine = {"reason": "held", "sentence": "The row is in order; its file is held.", "remedy": remedy}
    rows = [checked.good.assign(kind=kind, **fine) for kind, checked in reading.checked.items() if len(checked.good)]
    held = pd.concat([*rows, reading.bad], ignore_index=True) if rows else reading.bad
    held = held.assign(releasable=False)  # by itself; the file may be
    if done := _finished(connection, file_id):
        return done
    if held.empty:
        return _set_whole_aside(connection, file_id, "held", reason, sentence, remedy, now)
    batch = take_batch(connection, f"file {file_id} held", now)
    put_aside(connection, feed, held, file_id, batch)
    return finish(connection, file_id, "held", Counts(len(held), 0, 0, len(held)), batch, reason, sentence)


def refuse(connection: Connection, file_id: int, reason: str, sentence: str, now: datetime) -> Counts:
    """Keep a file that cannot be read as rows: none received, one quarantine entry `row_no` 0 for the file."""
    remedy = "Mend what the sentence says, then retry."
    return _finished(connection, file_id) or _set_whole_aside(
        connection, file_id, "unreadable", reason, sentence, remedy, now
    )


def mark_known(connection: Connection, file_id: int, same_as: int) -> Counts:
    """The bytes of an earlier file under another name: all of its rows are known."""
    rows = connection.execute(sql("store/file_state"), {"file_id": same_as}).one().rows_received
    return finish(connection, file_id, "known", Counts(rows, 0, rows, 0), same_as=same_as)


def _set_whole_aside(
    connection: Connection, file_id: int, state: str, reason: str, sentence: str, remedy: str, now: datetime
) -> Counts:
    batch = take_batch(connection, f"file {file_id} {state}", now)
    connection.execute(sql("store/hold_file"), {
        "file_id": file_id, "batch": batch, "reason": reason, "sentence": sentence, "remedy": remedy})  # fmt: skip
    return finish(connection, file_id, state, Counts(0, 0, 0, 0), batch, reason, sentence)


def _finished(connection: Connection, file_id: int) -> Counts | None:
    row = connection.execute(sql("store/file_state"), {"file_id": file_id}).one()
    return None if row.state == "received" else Counts(*row[1:])


def finish(
    connection: Connection, file_id: int, state: str, counts: Counts, batch: int | None = None,
    reason: str | None = None, sentence: str | None = None, same_as: int | None = None,
) -> Counts:  # fmt: skip
    """Write the file's state and counts, which have to add up."""
    _insist(counts.received == counts.stored + counts.known + counts.quarantined)
    connection.execute(sql("store/finish_file"), {
        "file_id": file_id, "state": state, "reason": reason, "sentence": sentence, "same_as": same_as, "batch": batch,
        "received": counts.received, "stored": counts.stored, "known": counts.known, "quarantined": counts.quarantined,
    })  # fmt: skip
    return counts


def _insist(adds_up: bool) -> None:
    if not adds_up:
        raise RuntimeError("Received is not stored + known + quarantined: a defect of the store; nothing of this file was kept.")


def keep_context(connection: Connection, file_id: int, feed_name: str, reading: Reading) -> None:
    """What was read and is no row: the counts of what was ignored, and resources that other files refer to."""
    if reading.ignored:
        given = {"file_id": file_id, "ignored": json.dumps(dict(sorted(reading.ignored.items())))}
        connection.execute(sql("store/keep_ignored"), given)
    if reading.resources:
        kept = pd.DataFrame(list(reading.resources.items()), columns=["reference", "body"])
        load(connection, "incoming_resources", kept.assign(last_updated=kept["body"].map(_last_updated)))
        connection.execute(sql("store/keep_resources"), {"feed": feed_name, "file_id": file_id})


def _last_updated(body: str) -> str | None:
    """meta.lastUpdated of a resource; None where it does not say, or not with a zone."""
    if '"lastUpdated"' not in body and "\\u" not in body:
        return None
    try:
        when = datetime.fromisoformat(json.loads(body)["meta"]["lastUpdated"])
    except (ValueError, KeyError, TypeError):
        return None
    return when.isoformat() if when.tzinfo is not None else None
