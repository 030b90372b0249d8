"""A CSV file as received -> one frame of text fields, nothing interpreted.

Leading zeros, `NA`, `1_000` are data. Every line of the file is accounted for: a row that has the wrong
number of fields stays in the frame (its fields missing, its text in `ragged_line`) and is quarantined by
itself; only a file that cannot be trusted as a whole raises FeedError.
"""

from __future__ import annotations

import codecs
import csv
import difflib
import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from monitors.config import Feed
from monitors.errors import FeedError

SOURCE = "source:"  # prefix of the columns that keep the row as received
LONGEST_FIELD = 131_072  # characters; a longer one is an opened quote that swallows the file


def parse(raw: bytes, feed: Feed) -> pd.DataFrame:
    """Read one file of `feed`.

    Gives a row for each data row, in file order: `row_no` (1 = first after the header), `line_no` (line of the
    file the row starts on), every field the mapping names (text, missing where the source wrote nothing),
    `ragged_line` (text of a row with the wrong number of fields, else missing), and each source column as
    received under `source:<header>`.
    Raises FeedError: empty_file, mis_encoded, truncated, wrong_columns.
    """
    text = _decode(raw, feed)
    if not text.strip():
        raise FeedError("empty_file", "The file holds no bytes but white space; ask the sender for the file again.")
    table = _quoted(text, feed) if '"' in text else _plain(text, feed)
    _refuse_wrong_columns(table.header, feed)
    return _frame(table, feed)


@dataclass(frozen=True)
class Table:
    """What a reader hands on. columns: one text array a header, without the ragged rows; ragged: row number ->
    its text; line_no: (n,) for all rows, ragged ones among them."""

    header: list[str]
    columns: list[pa.Array | pa.ChunkedArray]
    line_no: np.ndarray
    ragged: dict[int, str]


def _decode(raw: bytes, feed: Feed) -> str:
    marks = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    if raw.startswith(marks) and "16" not in feed.encoding:
        raise FeedError("mis_encoded", f"The file is UTF-16, not {feed.encoding}; set the feed's encoding, or ask for the other.")
    try:
        text = raw.decode(feed.encoding)
    except UnicodeDecodeError as problem:
        line = raw.count(b"\n", 0, problem.start) + 1
        if problem.end >= len(raw) and "unexpected end" in problem.reason:
            raise FeedError("truncated", f"The file ends inside a character on line {line}; ask for the whole file.") from None
        sentence = f"Line {line} is not {feed.encoding}; set the feed's encoding, or ask the sender for {feed.encoding}."
        raise FeedError("mis_encoded", sentence) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise FeedError("truncated", f"Line {line} holds NUL bytes: a part of the file was never written; ask for it again.")
    return text.removeprefix("\ufeff")


def _plain(text: str, feed: Feed) -> Table:
    """No quote anywhere: a line is a row. Counted with numpy, read with Arrow."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    ended = text.endswith("\n")
    data = text.encode() if ended else text.encode() + b"\n"
    bytes_ = np.frombuffer(data, dtype=np.uint8)
    ends = np.flatnonzero(bytes_ == ord("\n"))
    starts = np.concatenate(([0], ends[:-1] + 1))
    delimiter = feed.delimiter.encode()
    marks = np.flatnonzero(bytes_ == delimiter[0]) if len(delimiter) == 1 else _marks(data, delimiter)
    delimiters = np.searchsorted(marks, ends) - np.searchsorted(marks, starts)
    lines = np.flatnonzero(ends > starts)  # blank lines are no rows
    first, rows = lines[0], lines[1:]
    header = data[starts[first] : ends[first]].decode().split(feed.delimiter)
    wrong = delimiters[rows] != len(header) - 1
    if not ended and len(rows) and wrong[-1] and delimiters[rows[-1]] < len(header) - 1:
        raise FeedError("truncated", _cut_off(int(rows[-1]) + 1))
    ragged = {int(i) + 1: data[starts[rows[i]] : ends[rows[i]]].decode() for i in np.flatnonzero(wrong)}
    body = pa.py_buffer(data)[int(ends[first]) + 1 :]
    if len(rows) == len(ragged):
        columns: list[pa.Array | pa.ChunkedArray] = [pa.array([], pa.string()) for _ in header]
    else:
        names = [str(n) for n in range(len(header))]
        columns = arrow_csv.read_csv(
            pa.BufferReader(body),
            read_options=arrow_csv.ReadOptions(column_names=names, use_threads=False, block_size=1 << 24),
            parse_options=arrow_csv.ParseOptions(
                delimiter=feed.delimiter, quote_char=False, invalid_row_handler=lambda row: "skip"
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        ).columns
    return Table([name.strip() for name in header], columns, rows + 1, ragged)


def _marks(data: bytes, delimiter: bytes) -> np.ndarray:
    found, at = [], data.find(delimiter)
    while at >= 0:
        found.append(at)
        at = data.find(delimiter, at + 1)
    return np.array(found, dtype=np.int64)


class _Lines(Iterator[str]):
    """Physical lines, remembering those taken for the record being read."""

    def __init__(self, text: str) -> None:
        self._lines = io.StringIO(text, newline="")
        self.taken: list[str] = []

    def __next__(self) -> str:
        line = next(self._lines)
        self.taken.append(line)
        return line


def _quoted(text: str, feed: Feed) -> Table:
    """Quotes somewhere: the standard reader, strictly, which knows the line of every record."""
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=feed.delimiter, strict=True)
    header: list[str] = []
    good: list[list[str]] = []
    line_no: list[int] = []
    ragged: dict[int, str] = {}
    while True:
        lines.taken.clear()
        start = reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            break
        except csv.Error as problem:
            if "unexpected end" in str(problem) or "field limit" in str(problem):
                sentence = f"A quote opened on line {start} is never closed; ask the sender for the whole file."
                raise FeedError("truncated", sentence) from None
            record = []  # a stray quote: this row only
        if not header:
            header = record
            if not header:
                raise FeedError("wrong_columns", "The first line is not a header; the feed needs one line of column names.")
            continue
        if not record and not "".join(lines.taken).strip("\r\n"):
            continue
        if len(lines.taken) > 1 and sum(line.count(feed.delimiter) for line in lines.taken) >= 2 * (len(header) - 1) > 0:
            # a stray quote would swallow whole rows: each of its lines is a row of its own that cannot be read
            for offset, line in enumerate(lines.taken):
                line_no.append(start + offset)
                ragged[len(line_no)] = line.rstrip("\r\n")
            last = (len(line_no), start, len(header))
            continue
        line_no.append(start)
        if len(record) == len(header):
            good.append(record)
        else:
            ragged[len(line_no)] = "".join(lines.taken).rstrip("\r\n")
            last = (len(line_no), start, len(record))
    if not text.endswith(("\n", "\r")) and ragged and last[0] == len(line_no) and last[2] < len(header):
        raise FeedError("truncated", _cut_off(last[1]))
    columns = [pa.array(column, pa.string()) for column in zip(*good, strict=True)] or [pa.array([], pa.string())] * len(header)
    return Table([name.strip() for name in header], columns, np.array(line_no, dtype=np.int64), ragged)


def _cut_off(line: int) -> str:
    return f"Line {line}, the last, breaks off before its last column; ask the sender for the whole file."


def _refuse_wrong_columns(header: list[str], feed: Feed) -> None:
    for field, column in feed.mapping.columns.items():
        if header.count(column) > 1:
            sentence = f"Column '{column}' ({field}) stands in the header more than once; mend the mapping or the file."
            raise FeedError("wrong_columns", sentence)
        if column not in header:
            near = difflib.get_close_matches(column, header, n=1, cutoff=0.6)
            # a file without a header shows patients in its first row: only a name that is nearly ours is repeated
            hint = f"the nearest is '{near[0]}'" if near else f"none of its {len(header)} columns is like it"
            sentence = f"Column '{column}' ({field}) is not in the header; {hint}. Mend the mapping or the file."
            raise FeedError("wrong_columns", sentence)


def _frame(table: Table, feed: Feed) -> pd.DataFrame:
    rows = len(table.line_no)
    row_no = np.arange(1, rows + 1)
    place: pa.Array | None = None
    if table.ragged:  # where each row's fields are; ragged rows have none
        good = ~np.isin(row_no, list(table.ragged))
        place = pa.array(np.cumsum(good) - 1, mask=~good)
    missing = pa.array(sorted({"", *(text.strip() for text in feed.mapping.missing)}), pa.string())
    kept = [column.take(place) if place is not None else column for column in table.columns]
    columns: dict[str, object] = {}
    for field, header in feed.mapping.columns.items():
        text = pc.utf8_trim_whitespace(kept[table.header.index(header)])
        columns[field] = pc.if_else(pc.is_in(text, value_set=missing), pa.scalar(None, pa.string()), text)
    for field, constant in feed.mapping.constants.items():
        columns[field] = pa.array(pa.repeat(constant, rows))
    lines = [table.ragged.get(n) for n in range(1, rows + 1)] if table.ragged else [None] * rows
    columns["ragged_line"] = pa.array(lines, pa.string())
    for number, header in enumerate(table.header):
        name = header if table.header.count(header) == 1 else f"{header} ({number + 1})"
        columns[SOURCE + name] = kept[number]
    frame: pd.DataFrame = pa.table(columns).to_pandas()
    frame.insert(0, "row_no", row_no)
    frame.insert(1, "line_no", table.line_no)
    return frame
