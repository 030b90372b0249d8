"""Rows as they are read: tuples, one list a kind; and what is known about a whole message."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from monitors.feed_model import FIELDS, KINDS, Feed, Kind
from monitors.feeds import hl7_refusal
from monitors.feeds.hl7_refusal import Refused
from monitors.feeds.parsed import SOURCE, Parsed

PERSON = ("patient", "second_identifier", "date_of_birth", "family_name", "given_name", "sex")
RAW = (f"{SOURCE}MSH", f"{SOURCE}PID", f"{SOURCE}order", f"{SOURCE}row")
COLUMNS: dict[Kind, tuple[str, ...]] = {
    "labs": ("row_no", *RAW, *PERSON, "unit", "location", "collected_at", "issued_at", "accession", "specimen", "condition",
             "code", "value", "unit_text", "status", "reference_range", "upper_limit", "abnormal", "assay", "comment", "sub_id",
             "timing", "unit_beside"),
    "medications": ("row_no", *RAW, *PERSON, "unit", "order", "drug", "dose", "started_on", "ended_on", "days_supply", "status"),
    "census": ("row_no", *RAW, *PERSON, "unit", "location", "effective_on", "status", "clinician"),
    "facts": ("row_no", *RAW, *PERSON, "unit", "fact", "code", "text", "value", "unit_text", "happened_on", "status"),
    "links": ("row_no", *RAW, "patient", "merged_patient", "effective_at", "action"),
}  # fmt: skip
Row = tuple[int | str, ...]


@dataclass
class Read:
    """One file, read: rows by kind, in the order of `COLUMNS`; refused parts; segments and messages nobody asked for.

    A row's number is the line its segment stands on (MSH for a census row and for a refused message)."""

    rows: dict[Kind, list[Row]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    refused: list[Refused] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)


def parsed(read: Read, feed: Feed) -> Parsed:
    """The frames of all that was read."""
    frames: dict[str, pd.DataFrame] = {kind: frame(kind, rows, feed) for kind, rows in read.rows.items() if rows}
    refused = pd.DataFrame(
        {
            "row_no": pd.Series([part.line_no for part in read.refused], dtype="int64"),
            "line_no": pd.Series([part.line_no for part in read.refused], dtype="int64"),
            **{name: pd.Series([getattr(part, name) for part in read.refused], dtype="str")
               for name in ("reason", "sentence", "remedy", "raw")},
            "results": pd.Series([hl7_refusal.results(part.raw, feed) for part in read.refused], dtype="str"),
        }
    )  # fmt: skip
    return Parsed(frames, refused, dict(read.ignored))


def frame(kind: Kind, rows: list[Row], feed: Feed) -> pd.DataFrame:
    """Rows of one kind as a frame of `Parsed.frames`."""
    missing = pa.array(sorted({"", *(text.strip() for text in feed.mapping.missing)}), pa.string())
    nothing = pa.scalar(None, pa.string())
    columns: dict[str, pa.Array] = {}
    for name, column in zip(COLUMNS[kind], zip(*rows, strict=True), strict=True):
        if name == "row_no":
            columns["row_no"] = columns["line_no"] = pa.array(column, pa.int64())
            continue
        text = pa.array(column, pa.string())
        columns[name] = text if name.startswith(SOURCE) else pc.if_else(pc.is_in(text, value_set=missing), nothing, text)
    for name in sorted({*feed.mapping.constants} & (FIELDS[kind][0] | FIELDS[kind][1])):
        constant = pa.array(pa.repeat(feed.mapping.constants[name], len(rows)))
        columns[name] = pc.coalesce(columns[name], constant) if name in columns else constant
    columns["ragged_line"] = pa.nulls(len(rows), pa.string())
    made: pd.DataFrame = pa.table(columns).to_pandas()
    return made
