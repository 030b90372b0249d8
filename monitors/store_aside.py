"""Rows into quarantine, with what was received, and whether somebody has to be told of them at once."""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection

from monitors.config import Feed
from monitors.database import copy_frame, sql
from monitors.store_claims import claims

# The archived file keeps these: as many as a laboratory has tests, and rows that are in order.
WITHOUT_RAW = frozenset({"not_monitored", "held"})
CRITICAL = ("low", "high")


def put_aside(connection: Connection, feed: Feed, rows: pd.DataFrame, file_id: int, batch: int) -> None:
    """Rows into quarantine: row_no, line_no, kind, reason, sentence, remedy, and where there: unit, critical,
    analyte_name, collected_at, releasable, and the row as received, but for WITHOUT_RAW. A critical row that only
    repeats a stored version is not marked: what is stored is judged."""
    if rows.empty:
        return
    blank = pd.Series(None, index=rows.index, dtype=object)
    critical = rows.get("critical", blank).astype(object)
    said = claims(connection, feed, rows, critical.isin(CRITICAL).to_numpy(), file_id)
    critical = critical.where(said.notna(), None)
    kept = ~rows["reason"].isin(WITHOUT_RAW) | critical.notna()
    entries = rows[["row_no", "line_no", "kind", "reason", "sentence", "remedy"]].assign(raw=_raw(rows, kept.to_numpy(bool)))
    entries["said"] = said
    entries["unit"] = rows.get("unit", blank).astype(object).where(rows.get("unit", blank).notna(), None)
    entries["critical"] = critical
    entries["analyte"] = rows.get("analyte_name", blank).astype(object).where(critical.notna(), None)
    if "collected_at" in rows:
        entries["collected_at"] = rows["collected_at"].where(critical.notna())
    entries["releasable"] = rows["releasable"].eq(True).to_numpy() if "releasable" in rows else False
    connection.execute(sql("store/incoming_quarantine"))
    copy_frame(connection, "incoming_quarantine", entries)
    connection.execute(sql("store/insert_quarantine"), {"file_id": file_id, "batch": batch})
    connection.execute(sql("store/drop_incoming_quarantine"))


def _raw(rows: pd.DataFrame, which: npt.NDArray[np.bool_]) -> npt.NDArray[np.object_]:
    """Each row as received, as JSON text: {source column: text}, or {"line": text} where it did not fit the header."""
    raw = np.full(len(rows), None, dtype=object)
    source = [str(name) for name in rows.columns if str(name).startswith("source:")]
    names = [name.removeprefix("source:") for name in source]
    kept = np.flatnonzero(which)
    chosen = rows.iloc[kept]
    lines = [chosen[name].to_numpy(dtype=object) for name in ("ragged_line", "raw") if name in chosen]
    texts = chosen[source].to_numpy(dtype=object)
    for number, place in enumerate(kept):
        line = next((column[number] for column in lines if isinstance(column[number], str)), None)
        row = {name: text for name, text in zip(names, texts[number], strict=True) if isinstance(text, str)}
        if line is not None or row:
            raw[place] = json.dumps(row if line is None else {"line": line}, ensure_ascii=False)
    return raw
