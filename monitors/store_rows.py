"""Good rows into their tables, kind by kind: set-based SQL over temporary tables, under the batch lock.

Each kind answers with what is new and what was known, both counted; `store.save` insists that they add up. What makes
two rows the same, and which version of a result counts: docs/adr/0004-result-identity.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from sqlalchemy import Connection

from monitors.database import copy_frame, sql

DAY = pd.ArrowDtype(pa.date32())
LABS = (
    "row_no", "analyte", "collected_at", "value", "flags", "unit", "issued_at", "status", "accession", "specimen",
    "value_text", "comparator", "unit_text", "code", "comment", "reference_range", "abnormal", "condition",
)  # fmt: skip
MEDICATIONS = ("row_no", "drug_text", "ingredient", "classes", "order_no", "days_supply", "dose", "status")
CENSUS = ("row_no", "unit", "status", "modality", "schedule", "clinician", "location")
FACTS = ("row_no", "fact", "code", "text", "value", "status", "unit")

Keys = Mapping[str, Any]


@dataclass(frozen=True)
class Stored:
    """What became of good rows: stored (now, or by an earlier reading of the same row) or known from elsewhere."""

    stored: int = 0
    known: int = 0

    def __add__(self, other: Stored) -> Stored:
        return Stored(self.stored + other.stored, self.known + other.known)


@dataclass
class Refused:
    """Rows the store itself turns away, since they contradict what is known of who a patient is: row_no -> sentence
    and remedy. The first sentence about a row stays."""

    words: dict[int, tuple[str, str]] = field(default_factory=dict)

    def add(self, row_no: pd.Series, which: npt.NDArray[np.bool_], sentence: str, remedy: str) -> None:
        """Those of `row_no` that `which` says."""
        for number in row_no.to_numpy()[which].tolist():
            self.words.setdefault(number, (sentence, remedy))

    @property
    def rows(self) -> list[int]:
        return list(self.words)

    def frame(self) -> pd.DataFrame:
        """row_no, reason, sentence, remedy, releasable: a person who knows better may say so."""
        words = np.array(list(self.words.values()), dtype=object).reshape(-1, 2)
        return pd.DataFrame({
            "row_no": np.array(self.rows, np.int64), "reason": "identity_mismatch", "sentence": words[:, 0],
            "remedy": words[:, 1], "releasable": True,
        })  # fmt: skip


def take_batch(connection: Connection, purpose: str, now: datetime) -> int:
    """The next batch, its counter locked to commit: batch order is commit order."""
    batch = int(connection.execute(sql("store/take_batch")).scalar_one())
    connection.execute(sql("store/open_batch"), {"batch": batch, "now": now, "purpose": purpose})
    return batch


def run(connection: Connection, keys: Keys, *statements: str) -> None:
    """Statements of sql/store in order, each given those of `keys` it names."""
    for name in statements:
        statement = sql(f"store/{name}")
        named = statement.compile().params
        connection.execute(statement, {key: value for key, value in keys.items() if key in named})


def load(connection: Connection, table: str, frame: pd.DataFrame) -> None:
    """Make the temporary table sql/store/<table>.sql describes, and copy a frame into it."""
    connection.execute(sql(f"store/{table}"))
    copy_frame(connection, table, frame)


def save_labs(connection: Connection, good: pd.DataFrame, person: npt.NDArray[np.int32], keys: Keys, refused: Refused) -> Stored:
    """Results as versions; rows under another patient's accession go to `refused`."""
    incoming = good.reindex(columns=list(LABS)).assign(
        person=person, assay=_load_assays(connection, good), issue_stated=(good["issued_state"] != "missing").to_numpy()
    )
    if "specimen_kind" in good:  # '' for blood, whatever the source calls it
        incoming["specimen_kind"] = good["specimen_kind"]
    else:
        incoming["specimen_kind"] = good["specimen"]
    for name in ("value_text", "unit_text", "code", "specimen_kind"):
        incoming[name] = incoming[name].astype(object).where(incoming[name].notna(), "")
    load(connection, "incoming_labs", incoming)
    run(connection, keys, "analyze_labs", "new_assays", "keyed", "key_results", "analyze_keyed", "repeated", "find_repeated",
        "known_before", "find_known", "index_known", "analyze_known", "date_unissued", "own_results")  # fmt: skip
    if keys["again"]:
        run(connection, keys, "find_own_results")
    for row in connection.execute(sql("store/other_patients_accession"), {"released": list(keys["released"])}):
        refused.words.setdefault(row.row_no, (row.sentence, row.remedy))
    if refused.rows:
        connection.execute(sql("store/drop_refused"), {"rows": refused.rows})
    run(connection, keys, "fates", "find_fates")
    fates = {row.fate: row.rows for row in connection.execute(sql("store/count_fates"))}
    inserted = connection.execute(sql("store/insert_results"), _named("insert_results", keys)).rowcount
    _insist(inserted == fates.get("new", 0))
    run(connection, keys, "supersede")
    if keys["again"]:
        run(connection, keys, "supersede_moved")
    return Stored(inserted + fates.get("same", 0), fates.get("known", 0))


def save_medications(
    connection: Connection, good: pd.DataFrame, person: npt.NDArray[np.int32], keys: Keys, refused: Refused
) -> Stored:
    """Medications as versions; of two the later one counts."""
    days = {name: good[name].astype(DAY) for name in ("started_on", "ended_on", "listed_on")}
    return _save(connection, "medications", good.reindex(columns=list(MEDICATIONS)).assign(person=person, **days), keys)


def save_census(
    connection: Connection, good: pd.DataFrame, person: npt.NDArray[np.int32], keys: Keys, refused: Refused
) -> Stored:
    """Census rows, each its content."""
    incoming = good.reindex(columns=list(CENSUS)).assign(person=person, effective_on=good["effective_on"].astype(DAY))
    return _save(connection, "census", incoming, keys)


def save_facts(connection: Connection, good: pd.DataFrame, person: npt.NDArray[np.int32], keys: Keys, refused: Refused) -> Stored:
    """Diagnoses, procedures, sessions, weights as versions; of two the later one counts."""
    days = {name: good[name].astype(DAY) for name in ("happened_on", "ended_on")}
    return _save(connection, "facts", good.reindex(columns=list(FACTS)).assign(person=person, **days), keys)


SAVE = {"labs": save_labs, "medications": save_medications, "census": save_census, "facts": save_facts}


def _save(connection: Connection, kind: str, incoming: pd.DataFrame, keys: Keys) -> Stored:
    """Keys first, with whether that version was known; then the others are inserted."""
    load(connection, f"incoming_{kind}", incoming)
    run(connection, keys, f"keyed_{kind}")
    fates = {row.fate: row.rows for row in connection.execute(sql(f"store/count_{kind}"), _named(f"count_{kind}", keys))}
    inserted = connection.execute(sql(f"store/insert_{kind}"), _named(f"insert_{kind}", keys)).rowcount
    _insist(inserted == fates.get("new", 0))
    return Stored(inserted + fates.get("same", 0), fates.get("known", 0))


def withdraw(connection: Connection, keys: Keys, kinds: Mapping[str, list[int]], spared: list[int]) -> None:
    """A file read again: versions that an earlier reading stored of rows that are not read as good any more count no
    more. kinds: kind -> rows good now; spared: rows a person has decided about."""
    for kind in ("results", "medications", "facts"):
        good = kinds.get("labs" if kind == "results" else kind, [])
        run(connection, {**keys, "kept": [*good, *spared]}, f"withdraw_{kind}")
    run(connection, keys, "supersede_withdrawn")


def _named(name: str, keys: Keys) -> dict[str, Any]:
    named = sql(f"store/{name}").compile().params
    return {key: value for key, value in keys.items() if key in named}


def _insist(counts_agree: bool) -> None:
    if not counts_agree:
        raise RuntimeError("The rows stored are not those counted as new: a defect of the store; nothing of this file was kept.")


def _load_assays(connection: Connection, good: pd.DataFrame) -> pd.Series:
    """(n,) assay number of each row, missing where it names neither a method nor a limit; see incoming_assays."""
    named = good["assay"].notna() | good["upper_limit"].notna()
    told = good.loc[named, ["analyte_name", "assay", "upper_limit"]].fillna({"assay": ""})
    places = told.groupby(list(told.columns), dropna=False, sort=False).ngroup()
    assays = told.assign(number=places).drop_duplicates("number").rename(columns={"assay": "method", "number": "assay"})
    load(connection, "incoming_assays", assays)
    return places.astype("Int32").reindex(good.index)
