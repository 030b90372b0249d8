"""Good rows into their tables, kind by kind: set-based SQL over temporary tables, under the batch lock.

Each kind answers with what is new and what was known, both counted; `store.save` insists that they add up. What makes
two rows the same, and which version of a result counts: docs/adr/0004-result-identity.md.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from sqlalchemy import Connection

from monitors.database import sql
from monitors.store_batch import Keys, Refused, Stored, insist, load, named, run, take_batch
from monitors.store_labs import save_labs

__all__ = [
    "SAVE", "Keys", "Refused", "Stored", "load", "run", "save_census", "save_facts", "save_labs", "save_medications",
    "take_batch", "withdraw",
]  # fmt: skip

DAY = pd.ArrowDtype(pa.date32())
MEDICATIONS = ("row_no", "drug_text", "ingredient", "classes", "order_no", "days_supply", "dose", "status")
CENSUS = ("row_no", "unit", "status", "modality", "schedule", "clinician", "location")
FACTS = ("row_no", "fact", "code", "text", "value", "status", "unit")


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
    fates = {row.fate: row.rows for row in connection.execute(sql(f"store/count_{kind}"), named(f"count_{kind}", keys))}
    inserted = connection.execute(sql(f"store/insert_{kind}"), named(f"insert_{kind}", keys)).rowcount
    insist(inserted == fates.get("new", 0))
    return Stored(inserted + fates.get("same", 0), fates.get("known", 0))


def withdraw(connection: Connection, keys: Keys, kinds: dict[str, list[int]], spared: list[int]) -> None:
    """A file read again: versions that an earlier reading stored of rows that are not read as good any more count no
    more. kinds: kind -> rows good now; spared: rows a person has decided about."""
    for kind in ("results", "medications", "facts"):
        good = kinds.get("labs" if kind == "results" else kind, [])
        run(connection, {**keys, "kept": [*good, *spared]}, f"withdraw_{kind}")
    run(connection, keys, "supersede_withdrawn")
