"""What became of one file's rows, in one transaction: stored, already known, or in quarantine with a reason.

Insert-only. The batch is taken first and locked to commit, so ids are gapless and batch order is commit order;
everything after it is set-based SQL over temporary tables. What makes two rows the same result, and which
version of a result wins: docs/adr/0004-result-identity.md.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
from sqlalchemy import Connection

from monitors.config import Feed
from monitors.database import copy_frame, sql

PERSON = ("family_name", "given_name", "sex", "second_identifier")
DAY = pd.ArrowDtype(pa.date32())
LABS = (
    "row_no", "analyte", "collected_at", "value", "flags", "unit", "issued_at", "status", "accession", "specimen",
    "value_text", "comparator", "unit_text", "code", "comment",
)  # fmt: skip
MEDICATIONS = ("row_no", "drug_text", "ingredient", "classes", "order_no", "days_supply", "dose", "status")
CENSUS = ("row_no", "unit", "status", "modality", "schedule", "clinician")
WITHOUT_RAW = frozenset({"not_monitored"})  # as many as a laboratory has tests: the archived file keeps them


class Checked(Protocol):
    """What `quality.check` gives: rows to store, and rows with their reason, sentence and remedy."""

    @property
    def good(self) -> pd.DataFrame: ...
    @property
    def bad(self) -> pd.DataFrame: ...


@dataclass(frozen=True)
class Counts:
    """What became of the rows of one file: received = stored + known + quarantined."""

    received: int
    stored: int
    known: int
    quarantined: int


def save(
    connection: Connection, file_id: int, feed_name: str, feed: Feed, checked: Checked, now: datetime, *,
    again: bool = False,
) -> Counts:  # fmt: skip
    """Store the good rows, quarantine the bad ones, finish the file.

    A file that is finished already is left as it is and its counts are given, unless `again`: then it is read
    under the mapping of now, and what differs becomes versions with reason 'remapped'.
    """
    if not again and (done := _finished(connection, file_id)):
        return done
    batch = _take_batch(connection, f"file {file_id} of {feed_name}", now)
    keys = {"file_id": file_id, "batch": batch, "authority": feed.authority, "laboratory": feed.laboratory}
    good = checked.good
    stored = 0
    refused = pd.DataFrame(columns=["row_no", "reason", "sentence", "remedy"])
    if len(good):
        person = _load_people(connection, good)
        store = {"labs": _store_labs, "medications": _store_medications, "census": _store_census}[feed.kind]
        stored = store(connection, good, person, keys, again)
        refused = pd.DataFrame(connection.execute(sql("store/refused_rows")).all(), columns=refused.columns)
    rows = [checked.bad, good.merge(refused, on="row_no")] if len(refused) else [checked.bad]
    _quarantine(connection, pd.concat(rows, ignore_index=True), file_id, batch)
    received = len(good) + len(checked.bad)
    quarantined = len(checked.bad) + len(refused)
    counts = Counts(received, stored, received - stored - quarantined, quarantined)
    return _finish(connection, file_id, "stored", counts, batch=batch)


def hold(
    connection: Connection, file_id: int, reason: str, sentence: str, received: int, now: datetime
) -> Counts:
    """Hold a file whole: each of its rows counts as quarantined for the file's reason. The raw rows stay in the
    archived file alone. A file without rows gets the one entry `row_no` 0, which is counted nowhere."""
    return _hold(connection, file_id, "held", reason, sentence, received, now)


def refuse(connection: Connection, file_id: int, reason: str, sentence: str, now: datetime) -> Counts:
    """Keep a file that cannot be read as rows: none received, one quarantine entry `row_no` 0 for the file."""
    return _hold(connection, file_id, "unreadable", reason, sentence, 0, now)


def mark_known(connection: Connection, file_id: int, same_as: int) -> Counts:
    """The bytes of an earlier file under another name: all of its rows are known."""
    rows = connection.execute(sql("store/file_state"), {"file_id": same_as}).one().rows_received
    return _finish(connection, file_id, "known", Counts(rows, 0, rows, 0), same_as=same_as)


def _hold(
    connection: Connection, file_id: int, state: str, reason: str, sentence: str, received: int, now: datetime
) -> Counts:
    if done := _finished(connection, file_id):
        return done
    batch = _take_batch(connection, f"file {file_id} {state}", now)
    connection.execute(sql("store/hold_rows"), {
        "file_id": file_id, "batch": batch, "reason": reason, "sentence": sentence, "first": min(received, 1),
        "last": received, "remedy": "Mend what the sentence says, then have the file read again.",
    })  # fmt: skip
    return _finish(connection, file_id, state, Counts(received, 0, 0, received), batch, reason, sentence)


def _finished(connection: Connection, file_id: int) -> Counts | None:
    row = connection.execute(sql("store/file_state"), {"file_id": file_id}).one()
    return None if row.state == "received" else Counts(*row[1:])


def _take_batch(connection: Connection, purpose: str, now: datetime) -> int:
    batch = int(connection.execute(sql("store/take_batch")).scalar_one())
    connection.execute(sql("store/open_batch"), {"batch": batch, "now": now, "purpose": purpose})
    return batch


def _finish(
    connection: Connection, file_id: int, state: str, counts: Counts, batch: int | None = None,
    reason: str | None = None, sentence: str | None = None, same_as: int | None = None,
) -> Counts:  # fmt: skip
    connection.execute(sql("store/finish_file"), {
        "file_id": file_id, "state": state, "reason": reason, "sentence": sentence, "same_as": same_as, "batch": batch,
        "received": counts.received, "stored": counts.stored, "known": counts.known, "quarantined": counts.quarantined,
    })  # fmt: skip
    return counts


# --------------------------------------------------------------------------------------------- by kind
def _store_labs(
    connection: Connection, good: pd.DataFrame, person: np.ndarray, keys: dict[str, Any], again: bool
) -> int:
    incoming = good.loc[:, list(LABS)].assign(
        person=person, date_of_birth=good["date_of_birth"].astype(DAY), assay=_load_assays(connection, good)
    )
    for name in ("value_text", "unit_text", "code"):
        incoming[name] = incoming[name].fillna("")
    _load(connection, "incoming_labs", incoming)
    connection.execute(sql("store/analyze_labs"))
    _subjects(connection, "labs", keys)
    _run(connection, keys, "new_assays", "keyed", "key_results", "analyze_keyed", "repeated", "find_repeated",
         "known_before", "find_known", "index_known", "analyze_known", "refuse_accession", "drop_refused")  # fmt: skip
    stored = connection.execute(sql("store/insert_results"), keys).rowcount
    _run(connection, keys, "supersede")
    if again:
        _run(connection, keys, "supersede_moved")
    return int(stored)


def _store_medications(
    connection: Connection, good: pd.DataFrame, person: np.ndarray, keys: dict[str, Any], again: bool
) -> int:
    days = {name: good[name].astype(DAY) for name in ("date_of_birth", "started_on", "ended_on", "listed_on")}
    _load(connection, "incoming_medications", good.loc[:, list(MEDICATIONS)].assign(person=person, **days))
    _subjects(connection, "medications", keys)
    return int(connection.execute(sql("store/insert_medications"), keys).rowcount)


def _store_census(
    connection: Connection, good: pd.DataFrame, person: np.ndarray, keys: dict[str, Any], again: bool
) -> int:
    days = {name: good[name].astype(DAY) for name in ("date_of_birth", "effective_on")}
    _load(connection, "incoming_census", good.loc[:, list(CENSUS)].assign(person=person, **days))
    _subjects(connection, "census", keys)
    return int(connection.execute(sql("store/insert_census"), keys).rowcount)


def _run(connection: Connection, keys: dict[str, Any], *statements: str) -> None:
    for name in statements:
        statement = sql(f"store/{name}")
        named = statement.compile().params
        connection.execute(statement, {key: value for key, value in keys.items() if key in named})


def _load(connection: Connection, table: str, frame: pd.DataFrame) -> None:
    connection.execute(sql(f"store/{table}"))
    copy_frame(connection, table, frame)


def _subjects(connection: Connection, kind: str, keys: dict[str, Any]) -> None:
    """Who the rows are about: doubtful rows refused, new numbers founded, gaps in what is known filled."""
    _run(connection, keys, "refused", f"refuse_birth_{kind}", "new_subjects", "found_links", "fill_subjects")


def _load_people(connection: Connection, good: pd.DataFrame) -> np.ndarray:
    """(n,) person number of each row; the persons themselves in incoming_people."""
    person, identifiers = pd.factorize(good["patient"])
    people = pd.DataFrame({"person": np.arange(len(identifiers), dtype=np.int32), "identifier": identifiers})
    for name in PERSON:
        people[name] = _first(good[name], person).reindex(people["person"]).to_numpy(dtype=object)
    births = good["date_of_birth"].groupby(person).agg(["min", "max"]).reindex(people["person"])
    people["birth_first"], people["birth_last"] = births["min"].astype(DAY).array, births["max"].astype(DAY).array
    _load(connection, "incoming_people", people)
    return person.astype(np.int32)


def _first(texts: pd.Series, group: np.ndarray) -> pd.Series:
    """The first text that is there, by group."""
    there = texts.notna().to_numpy()
    found = pd.Series(texts.to_numpy(dtype=object)[there], index=group[there])
    return found[~found.index.duplicated()]


def _load_assays(connection: Connection, good: pd.DataFrame) -> pd.Series:
    """(n,) assay number of each row, missing where it names neither a method nor a limit; see incoming_assays."""
    named = good["assay"].notna() | good["upper_limit"].notna()
    told = good.loc[named, ["analyte_name", "assay", "upper_limit"]].fillna({"assay": ""})
    places = told.groupby(list(told.columns), dropna=False, sort=False).ngroup()
    assays = told.assign(number=places).drop_duplicates("number").rename(columns={"assay": "method", "number": "assay"})
    _load(connection, "incoming_assays", assays)
    return places.astype("Int32").reindex(good.index)


# --------------------------------------------------------------------------------------------- quarantine
def _quarantine(connection: Connection, rows: pd.DataFrame, file_id: int, batch: int) -> None:
    if rows.empty:
        return
    entries = rows[["row_no", "line_no", "reason", "sentence", "remedy"]].assign(raw=_raw(rows))
    connection.execute(sql("store/incoming_quarantine"))
    copy_frame(connection, "incoming_quarantine", entries)
    connection.execute(sql("store/insert_quarantine"), {"file_id": file_id, "batch": batch})


def _raw(rows: pd.DataFrame) -> np.ndarray:
    """Each row as received, as JSON text: {source column: text}, or {"line": text} where it did not fit the header."""
    raw = np.full(len(rows), None, dtype=object)
    kept = np.flatnonzero(~rows["reason"].isin(WITHOUT_RAW).to_numpy())
    source = [str(name) for name in rows.columns if str(name).startswith("source:")]
    names = [name.removeprefix("source:") for name in source]
    chosen = rows.iloc[kept]
    texts = chosen[source].to_numpy(dtype=object)
    for place, line, values in zip(kept, chosen["ragged_line"].to_numpy(dtype=object), texts, strict=True):
        row = {"line": line} if isinstance(line, str) else dict(zip(names, values, strict=True))
        raw[place] = json.dumps(row, ensure_ascii=False)
    return raw
