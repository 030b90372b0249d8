"""Rows of one kind as a frame of `Parsed`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from monitors.config import FIELDS, Feed
from monitors.feeds.fhir_people import Row
from monitors.feeds.fhir_piece import Piece
from monitors.feeds.fhir_quick import Quick
from monitors.feeds.parsed import SOURCE

Column = Callable[[str, Callable[[str, pa.Array], pa.Array]], pa.Array]


def labs(read: Sequence[tuple[int, Piece, Row]], quick: Quick, feed: Feed) -> pd.DataFrame:
    """Results that were read one by one and quick ones, in the order of the file."""
    if not quick.numbers:
        return frame("labs", read, feed)
    table = _table("labs", quick.column, quick.numbers, quick.pieces, feed)
    if not read:
        return table
    return pd.concat([table, frame("labs", read, feed)], ignore_index=True).sort_values("row_no", ignore_index=True)


def frame(kind: str, found: Sequence[tuple[int, Piece, Row]], feed: Feed) -> pd.DataFrame:
    """Rows of one kind as a frame of `Parsed`."""

    def column(name: str, finished: Callable[[str, pa.Array], pa.Array]) -> pa.Array:
        return finished(name, pa.array([row.get(name) for _, _, row in found], pa.string()))

    return _table(kind, column, [number for number, _, _ in found], [piece for _, piece, _ in found], feed)


def _table(kind: str, column: Column, numbers: list[int], pieces: list[Piece], feed: Feed) -> pd.DataFrame:
    """The frame of some rows. column: a field's texts, see `Quick.column`; numbers, pieces: one each row."""
    must, may = FIELDS[kind]
    missing = pa.array(sorted({"", *(word.strip() for word in feed.mapping.missing)}), pa.string())

    def finished(name: str, written: pa.Array) -> pa.Array:
        if name in feed.mapping.constants:
            written = pc.coalesce(written, pa.scalar(feed.mapping.constants[name], pa.string()))
        return pc.if_else(pc.is_in(written, value_set=missing), pa.scalar(None, pa.string()), written)

    columns: dict[str, object] = {
        "row_no": pa.array(numbers, pa.int64()), "line_no": pa.array([piece.line_no for piece in pieces], pa.int64()),
        **{name: column(name, finished) for name in sorted(must | may)},
        "ragged_line": pa.nulls(len(numbers), pa.string()),
        SOURCE + "resource": pa.array([piece.text for piece in pieces], pa.string()),
    }  # fmt: skip
    table: pd.DataFrame = pa.table(columns).to_pandas()
    return table
