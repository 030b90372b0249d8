"""What reading a file asks of the store: a patient's own past, for the gates, and resources of earlier files."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
from sqlalchemy import Connection

from monitors.config import Feed
from monitors.database import sql

HISTORY_DAYS = 400



def history(connection: Connection, feed: Feed, identifiers: list[str], now: datetime, besides: int = 0) -> pd.DataFrame:
    """The newest six current results of each of these patients and analytes, of the 400 days before `now`; those that
    file `besides` brought left out, for a file that is read again is not compared with itself.

    patient (number of the feed's authority), analyte (number), collected_at (UTC), value (conventional unit),
    unit_text, accession; in the order of patient, analyte, time.
    """
    row = connection.execute(sql("store/history"), {
        "authority": feed.authority, "identifiers": identifiers, "besides": besides,
        "since": now - timedelta(days=HISTORY_DAYS)}).one()  # fmt: skip
    collected = np.frombuffer(row.collected_at or b"", ">i8").astype("M8[us]")
    return pd.DataFrame({
        "patient": _texts(row.patient_sizes, row.patients),
        "analyte": np.frombuffer(row.analytes or b"", ">i2").astype(np.int16),
        "collected_at": pd.Series(collected).dt.tz_localize("UTC"),
        "value": np.frombuffer(row.figures or b"", ">f8").astype(np.float64),
        "unit_text": _texts(row.unit_sizes, row.units),
        "accession": _texts(row.accession_sizes, row.accessions),
    })  # fmt: skip


def _texts(sizes: bytes | None, texts: bytes | None) -> pd.Series:
    """Texts put one behind the other, with the size of each in bytes (-1: none), as a column."""
    size = np.frombuffer(sizes or b"", ">i4")
    offsets = np.append(0, np.cumsum(np.maximum(size, 0), dtype=np.int64))
    there = np.packbits(size >= 0, bitorder="little").tobytes()
    buffers = [pa.py_buffer(there), pa.py_buffer(offsets.tobytes()), pa.py_buffer(texts or b"")]
    column = pa.Array.from_buffers(pa.large_string(), len(size), buffers)
    column.validate(full=True)
    return pd.Series(column.to_pandas(), dtype="str")


def resources(connection: Connection, feed_name: str, references: list[str]) -> dict[str, str]:
    """Bodies of resources that earlier files of a feed held, by reference; those not known are not there."""
    given = {"feed": feed_name, "references": references}
    return {row.reference: row.body for row in connection.execute(sql("store/resources"), given)}
