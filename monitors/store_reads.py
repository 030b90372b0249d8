"""What reading a file asks of the store: a patient's own past, for the gates, and resources of earlier files."""

from __future__ import annotations

from datetime import datetime, timedelta

import pandas as pd
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
    columns = {"patient": "str", "analyte": "int16", "collected_at": "datetime64[us, UTC]", "value": "float64",
               "unit_text": "str", "accession": "str"}  # fmt: skip
    rows = connection.execute(sql("store/history"), {
        "authority": feed.authority, "identifiers": identifiers, "besides": besides,
        "since": now - timedelta(days=HISTORY_DAYS)}).all()  # fmt: skip
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


def resources(connection: Connection, feed_name: str, references: list[str]) -> dict[str, str]:
    """Bodies of resources that earlier files of a feed held, by reference; those not known are not there."""
    given = {"feed": feed_name, "references": references}
    return {row.reference: row.body for row in connection.execute(sql("store/resources"), given)}
