"""Bulk reads and writes in columns: Arrow to numpy, and frames through COPY. `database` is the way in."""

from __future__ import annotations

import datetime as dt
import operator
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pyarrow as pa
import pyarrow.csv
import sqlalchemy as sa
from psycopg.sql import SQL, Identifier

BLOCK_ROWS = 65_536  # rows a COPY block holds

_PARAMETER = re.compile(r"(?<![:\w\\]):(\w+)")  # a name after one colon; not `::type`


def filled(name: str, text: str, values: Mapping[str, object]) -> str:
    """Statement `text` with integers, booleans and dates written in for `:parameter`: a COPY takes no
    parameters.

    name: of the statement, for errors. Raises TypeError for any other type, and when names do not match.
    """
    if differ := set(_PARAMETER.findall(text)) ^ set(values):
        raise TypeError(f"sql/{name}.sql and its caller disagree about :{sorted(differ)[0]}.")
    return _PARAMETER.sub(lambda match: _literal(name, match[1], values[match[1]]), text)


def _literal(name: str, parameter: str, value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "TRUE" if value else "FALSE"
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return f"DATE '{value.isoformat()}'"
    try:
        return (
            f"({operator.index(value)})"  # in parentheses: '-' before a negative number would begin a comment
        )
    except TypeError:
        kind = type(value).__name__
        raise TypeError(
            f":{parameter} of sql/{name}.sql is a {kind}; only int, bool and date are written in."
        ) from None


def numpy_arrays(table: pa.Table) -> dict[str, Any]:
    """An Arrow table as numpy arrays, {column: (n,)}; times are datetime64[us] in UTC."""
    return {name: column.to_numpy() for name, column in zip(table.column_names, table.columns, strict=True)}


def numpy_frame(table: pa.Table) -> pd.DataFrame:
    """An Arrow table as a frame of numpy-backed columns; `Database.frame` lists the types."""
    columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        values = column.to_numpy()
        if pa.types.is_timestamp(column.type) and column.type.tz:
            columns[name] = pd.Series(values).dt.tz_localize("UTC")
        else:  # object said aloud, lest pandas makes text an Arrow-backed `str`
            columns[name] = pd.Series(values, dtype=object if values.dtype == object else None)
    return pd.DataFrame(columns, columns=table.column_names, copy=False)


def copy_frame(connection: sa.Connection, table: str, frame: pd.DataFrame) -> int:
    """COPY a frame into a table, columns by name, within the connection's transaction. Returns the rows
    written.

    table: `name` or `schema.name`. None, NaN and NaT become NULL; '' stays ''. Times must be zone-aware.
    jsonb, uuid and array columns are given as text. Raises ValueError for a text with a NUL character,
    TypeError for a column COPY cannot take, psycopg.Error for what PostgreSQL refuses.
    """
    columns = SQL(", ").join(Identifier(str(name)) for name in frame.columns)
    # Arrow quotes every text and leaves NULL unquoted: in CSV, just how PostgreSQL tells '' from NULL.
    statement = SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(Identifier(*table.split(".")), columns)
    plain = pa.csv.WriteOptions(include_header=False)
    driver: Any = connection.connection.driver_connection
    if driver.info.parameter_status("TimeZone") != "UTC":
        raise ValueError(f"The session that writes {table} left UTC; times would be read in another zone.")
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for block in _printable(frame).to_batches(max_chunksize=BLOCK_ROWS):
                buffer = pa.BufferOutputStream()
                pa.csv.write_csv(block, buffer, plain)
                copy.write(buffer.getvalue().to_pybytes())
    except psycopg.errors.CharacterNotInRepertoire:
        raise ValueError(
            f"A text for {table} holds a NUL character, which PostgreSQL cannot store."
        ) from None
    return len(frame)


def _printable(frame: pd.DataFrame) -> pa.Table:
    """The frame as Arrow columns whose CSV form PostgreSQL reads back exactly."""
    arrow = pa.Table.from_pandas(frame, preserve_index=False)
    columns = [_column(name, arrow[name]) for name in arrow.column_names]
    return pa.table(columns, names=arrow.column_names)


def _column(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return column.cast(kind.value_type)
    if pa.types.is_timestamp(kind):
        if kind.tz is None:
            raise TypeError(f"Times in column {name} have no zone; make them UTC first.")
        # Microseconds are what PostgreSQL keeps. Written without "Z", which Arrow takes 20 times as long over: the
        # session reads them in UTC, as copy_frame made sure.
        microseconds = column.cast(pa.timestamp("us", "UTC"), safe=False)
        return microseconds.cast(pa.int64()).cast(pa.timestamp("us"))
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        raise TypeError(f"Column {name} holds {kind}, which COPY takes as text only.")
    return column
