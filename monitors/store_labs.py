"""Good laboratory rows into nephrowatch.results, as versions: docs/adr/0004-result-identity.md.

Keys come first and alone, so that what is known word for word costs no more than being asked for. Of the others, rows
whose identity nobody has seen are copied straight into the table. Only what is left, the contested rows, is weighed
against the versions stored and against each other, in SQL over temporary tables.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection

from monitors import store_keys
from monitors.database import copy_frame, sql
from monitors.store_batch import Keys, Refused, Stored, insist, load, named, run
from monitors.store_keys import LabKeys

SAME = ("analyte", "collected_at", "value", "flags", "unit", "issued_at", "status", "accession", "specimen", "value_text",
        "comparator", "unit_text", "code", "comment", "reference_range", "abnormal", "condition")  # fmt: skip
NEVER_NULL = ("value_text", "unit_text", "code")
ASKED = [("fields", ">i2"), ("a", ">i4"), ("place", ">i4"), ("b", ">i4"), ("person", ">i4"), ("c", ">i4"), ("result_key", "V16"),
         ("d", ">i4"), ("content_key", "V16")]  # fmt: skip
HEADER, TRAILER = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"  # of COPY (FORMAT binary)

Mask = npt.NDArray[np.bool_]


def save_labs(connection: Connection, good: pd.DataFrame, person: npt.NDArray[np.int32], keys: Keys, refused: Refused) -> Stored:
    """Results as versions; rows that contradict what their key stands for go to `refused`. person: (n,) numbers of the temporary
    table `people`."""
    rows = good.reindex(columns=["row_no", *SAME]).reset_index(drop=True)
    for name in NEVER_NULL:
        rows[name] = rows[name].fillna("")
    rows["issue_stated"] = (good["issued_state"] != "missing").to_numpy()
    lab = store_keys.of_labs(good, keys["laboratory"], keys["authority"])
    rows = rows.assign(draw=lab.draw, result_key=store_keys.as_text(lab.result), content_key=store_keys.as_text(lab.content))
    ours = _Rows(rows, person, lab.rank, _assays(connection, good, keys))
    fate = _fates(connection, person, lab, keys["again"])
    contested = _Fates() if not fate.contested.any() else _contested(connection, ours, fate.contested, keys, refused)
    plain = ours.rows["row_no"].to_numpy()[fate.plain]
    place = np.sort(np.concatenate([plain, contested.new]))  # ids in the order of the file, without a gap
    first = int(connection.execute(sql("store/newest_result")).scalar_one()) + 1
    if len(plain):
        _copy_plain(connection, ours, fate.plain, first + np.searchsorted(place, plain), keys)
    if len(contested.new):
        ids = pd.DataFrame({"row_no": contested.new, "id": first + np.searchsorted(place, contested.new)})
        load(connection, "numbered", ids)
        inserted = connection.execute(sql("store/insert_results"), named("insert_results", keys)).rowcount
        insist(inserted == len(contested.new))
        run(connection, keys, "supersede")
    if keys["again"]:
        run(connection, keys, "supersede_moved")
    return Stored(len(place) + contested.same, int(fate.known.sum()) + contested.known)


@dataclass(frozen=True)
class _Rows:
    """rows: as they are to be stored, keys with them; beside each: its person, class of status and assay_id, -1 none."""

    rows: pd.DataFrame
    person: npt.NDArray[np.int32]
    rank: npt.NDArray[np.int8]
    assay_id: npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Fate:
    """(n,) each, one of them True. plain: an identity nobody has seen; known: stored word for word; contested: the rest."""

    plain: Mask
    known: Mask
    contested: Mask


@dataclass(frozen=True)
class _Fates:
    """What became of the contested rows. new: (k,) their row numbers; same, known: how many."""

    new: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    same: int = 0
    known: int = 0


def _fates(connection: Connection, person: npt.NDArray[np.int32], lab: LabKeys, again: bool) -> _Fate:
    """By the keys alone. A file that is read again is compared row by row with what it was, so all of it is contested;
    as is an identity that occurs twice in the file."""
    none = np.zeros(len(person), bool)
    if again:
        return _Fate(none, none, ~none)
    there, said = none.copy(), none.copy()
    for places, which in zip(_stored(connection, person, lab), (there, said), strict=True):
        which[places] = True
    # half of the key: should two identities agree in it, they are weighed like others, and found to be two
    twice = pd.Series(lab.result.view("i8")[::2]).duplicated(keep=False).to_numpy()
    return _Fate(~there & ~twice, said & ~twice, (there & ~said) | twice)


def _stored(
    connection: Connection, person: npt.NDArray[np.int32], lab: LabKeys
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Places of rows whose identity is stored, and of those of which a version says the same of the same number. Asked
    in the binary form of COPY: rows of one size, made as an array."""
    asked = np.empty(len(person), ASKED)
    asked["fields"], asked["a"], asked["b"], asked["c"], asked["d"] = 4, 4, 4, 16, 16
    asked["place"], asked["person"] = np.arange(len(person)), person
    asked["result_key"], asked["content_key"] = lab.result, lab.content
    connection.execute(sql("store/asked"))
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy("COPY asked FROM STDIN (FORMAT binary)") as copy:
        copy.write(HEADER + asked.tobytes() + TRAILER)
    there, said = connection.execute(sql("store/stored_of_asked")).one()
    return np.frombuffer(there or b"", ">i4").astype(np.int64), np.frombuffer(said or b"", ">i4").astype(np.int64)


def _copy_plain(connection: Connection, ours: _Rows, plain: Mask, ids: npt.NDArray[np.int64], keys: Keys) -> None:
    """Straight into the table. A correction that does not say when it was issued counts from when it came."""
    rows, rank, who = (ours.rows, ours.rank, ours.person) if plain.all() else (
        ours.rows[plain], ours.rank[plain], ours.person[plain]
    )
    subjects = pd.DataFrame(connection.execute(sql("store/subjects_of_people")).all(), columns=["person", "subject_id"])
    of_person = np.zeros(int(subjects["person"].max()) + 1, np.int64)
    of_person[subjects["person"]] = subjects["subject_id"]
    rows = rows.assign(
        id=ids, subject_id=of_person[who], batch=keys["batch"], file_id=keys["file_id"], laboratory=keys["laboratory"]
    )
    if (late := (rank >= store_keys.RANKS["corrected"]) & ~rows["issue_stated"].to_numpy()).any():
        rows["issued_at"] = rows["issued_at"].mask(late, pd.Timestamp(keys["now"]))
    if (taken_back := rank == store_keys.WITHDRAWN).any():
        rows["reason"] = np.where(taken_back, "withdrawn", "received")
    rows["assay_id"] = _nullable(ours.assay_id[plain])
    copy_frame(connection, "nephrowatch.results", rows.dropna(axis="columns", how="all"))


def _contested(connection: Connection, ours: _Rows, which: Mask, keys: Keys, refused: Refused) -> _Fates:
    """Weighed against the versions stored and against each other; the new ones stand ready to be inserted."""
    incoming = ours.rows[which].assign(person=ours.person[which], rank=ours.rank[which], assay_id=_nullable(ours.assay_id[which]))
    load(connection, "incoming_labs", incoming)
    run(connection, keys, "analyze_labs", "keyed", "key_results", "analyze_keyed", "repeated", "find_repeated",
        "known_before", "find_known", "index_known", "analyze_known", "date_unissued", "own_results")  # fmt: skip
    if keys["again"]:
        run(connection, keys, "find_own_results")
    for row in connection.execute(sql("store/contradictions"), {"released": list(keys["released"]), "zone": keys["zone"]}):
        refused.say(row.row_no, row.sentence, row.remedy, row.reason)
    if refused.rows:
        connection.execute(sql("store/drop_refused"), {"rows": refused.rows})
    run(connection, keys, "fates", "find_fates")
    counts = {row.fate: row.rows for row in connection.execute(sql("store/count_fates"))}
    new = np.array(connection.execute(sql("store/new_fates")).scalars().all(), np.int64)
    insist(len(new) == counts.get("new", 0))
    return _Fates(new, counts.get("same", 0), counts.get("known", 0))


def _nullable(ids: npt.NDArray[np.int64]) -> pd.arrays.IntegerArray:
    return pd.arrays.IntegerArray(ids, ids < 0)


def _assays(connection: Connection, good: pd.DataFrame, keys: Keys) -> npt.NDArray[np.int64]:
    """(n,) assay_id of each row, -1 where it names neither a method nor a limit; see incoming_assays."""
    told = good["assay"].notna().to_numpy() | good["upper_limit"].notna().to_numpy()
    out = np.full(len(good), -1, np.int64)
    if not told.any():
        return out
    named_so = good.loc[told, ["analyte_name", "assay", "upper_limit"]].fillna({"assay": ""})
    which = named_so.groupby(list(named_so.columns), dropna=False, sort=False, observed=True).ngroup()
    assays = named_so.assign(number=which).drop_duplicates("number").rename(columns={"assay": "method", "number": "assay"})
    load(connection, "incoming_assays", assays)
    run(connection, keys, "new_assays")
    found = {row.assay: row.assay_id for row in connection.execute(sql("store/assays"), {"laboratory": keys["laboratory"]})}
    out[told] = np.array([found[number] for number in range(len(found))], np.int64)[which]
    return out
