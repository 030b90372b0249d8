"""What rows in quarantine say that would be critical if true: so that each is told once, and none that is stored anyway."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection

from monitors import store_keys
from monitors.config import Feed
from monitors.database import sql

WHAT = ("analyte_name", "number", "seems", "comparator", "value_text", "unit_text")
WHOSE = ("patient", "accession")
AS_RECEIVED = "source:"


def claims(
    connection: Connection, feed: Feed, rows: pd.DataFrame, critical: npt.NDArray[np.bool_], file_id: int
) -> pd.Series:
    """(n,) For each critical row a hash (uuid as text) of whose result it is and what it says, the same whatever the way
    or format it came by; None for the others, and for a row word for word like a version another file brought.

    Whose: patient with accession or collection time. Of a row that says neither patient nor accession, its text counts:
    two patients' results must never be taken for one.
    """
    said = pd.Series(None, index=rows.index, dtype=object)
    marked = rows[critical].reset_index(drop=True)
    if marked.empty:
        return said
    marked = marked[~_stored(connection, feed, marked, file_id)]
    texts = marked.reindex(columns=[*WHAT, *WHOSE, "collected_at"]).astype(object)
    texts = texts.where(texts.notna(), "").astype(str)
    texts.loc[texts["number"] != "", "value_text"] = ""  # the number says it, however it was written
    texts.loc[texts["accession"] != "", "collected_at"] = ""
    nobody = texts["patient"].eq("") & texts["accession"].eq("")
    received = [str(name) for name in marked if str(name).startswith(AS_RECEIVED) or name in ("raw", "ragged_line")]
    texts["received"] = ""
    for name in received if nobody.any() else []:
        texts["received"] += marked[name].astype(object).where(marked[name].notna(), "").astype(str).where(nobody, "")
    hashed = [blake2b("\x1f".join([feed.laboratory, *row]).encode(), digest_size=16).hexdigest() for row in texts.to_numpy()]
    said.iloc[np.flatnonzero(critical)[marked.index]] = hashed
    return said


def _stored(connection: Connection, feed: Feed, rows: pd.DataFrame, file_id: int) -> npt.NDArray[np.bool_]:
    """(n,) whether another file brought a version that says the very same of the same patient."""
    out = np.zeros(len(rows), bool)
    whole = ["patient", "analyte", "collected_at", "value", "status"]
    if not {*whole, "issued_state"} <= set(rows):
        return out
    complete = np.flatnonzero(rows[whole].notna().all(axis=1) & rows["analyte"].ne(0))
    if not len(complete):
        return out
    labs = rows.iloc[complete].astype({"analyte": np.int16, "flags": np.int32})
    keys = store_keys.of_labs(labs, feed.laboratory, feed.authority)
    found = connection.execute(sql("store/said_before"), {
        "authority": feed.authority, "file_id": file_id, "identifiers": labs["patient"].tolist(),
        "results": store_keys.as_text(keys.result).tolist(), "contents": store_keys.as_text(keys.content).tolist(),
    }).scalars()  # fmt: skip
    out[complete[np.array(list(found), np.int64) - 1]] = True
    return out
