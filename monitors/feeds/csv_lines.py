"""The lines of a CSV file -> columns of text: which line is a row, which row has the wrong number of fields."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from monitors.errors import FeedError

QUOTE, NEWLINE = ord('"'), ord("\n")
BLOCK = 1 << 24  # bytes Arrow reads at a time; at least as long as the longest line
Column = Any  # pa.Array or pa.ChunkedArray; pyarrow has no types of its own


@dataclass(frozen=True)
class Table:
    """columns: one text array a header, without the ragged rows; ragged: row number -> its text; row_no, line_no:
    (n,) of all rows, ragged ones among them; rows count from 1, lines of the file from 1. unended: number of the row whose
    line the text ends in without a line end (its last field may be cut), 0 where there is none. unseen: it holds signs nobody
    sees."""

    header: list[str]
    columns: list[Column]
    row_no: np.ndarray
    line_no: np.ndarray
    ragged: dict[int, str]
    unended: int = 0
    unseen: bool = False

    @property
    def good(self) -> np.ndarray:
        """(n,) rows that fit the header."""
        return ~np.isin(self.row_no, list(self.ragged)) if self.ragged else np.ones(len(self.row_no), dtype=bool)

    def without(self, places: np.ndarray) -> Table:
        """The table less some rows that fit the header, by their place among those. Numbers of the others stay."""
        if not len(places):
            return self
        left = np.delete(np.arange(self.good.sum()), places)
        stays = np.ones(len(self.row_no), dtype=bool)
        stays[np.flatnonzero(self.good)[places]] = False
        columns = [column.take(pa.array(left)) for column in self.columns]
        return replace(self, columns=columns, row_no=self.row_no[stays], line_no=self.line_no[stays])

    def spread(self) -> list[Column]:
        """The columns over all rows; ragged rows have missing fields."""
        if not self.ragged:
            return self.columns
        good = self.good
        place = pa.array(np.cumsum(good) - 1, mask=~good)
        return [column.take(place) for column in self.columns]

    def ragged_lines(self) -> list[str | None]:
        """(n,) text of each ragged row, None for the others."""
        return [self.ragged.get(n) for n in self.row_no.tolist()] if self.ragged else [None] * len(self.row_no)


def read(text: str, delimiter: str, trailing: bool = False, first_line: int = 1) -> Table:
    """The header (first line that is not blank) and the rows below it; blank lines are no rows.

    trailing: rows end with a delimiter that the header lacks. first_line: number of the text's first line.
    Raises FeedError: truncated (an open quote; a last line without end that lacks columns), wrong_columns (no
    header; every row has one empty field too many).
    """
    table = _whole_lines(text, delimiter, trailing)
    if table is None:
        table = _records(text, delimiter, trailing)
    if len(table.ragged) == len(table.row_no) > 0 and all(
        line.endswith(delimiter) and line.count(delimiter) == len(table.header) for line in table.ragged.values()
    ):
        sentence = "Every row ends with a delimiter that the header lacks; set the feed's trailing_delimiter, or mend the file."
        raise FeedError("wrong_columns", sentence)
    return replace(table, line_no=table.line_no + first_line - 1)


def _header(cells: list[str], trailing: bool) -> list[str]:
    names = [name.strip() for name in cells]
    if not any(names):
        raise FeedError("wrong_columns", "The first line is not a header; the feed needs one line of column names.")
    return [*names, ""] if trailing and names[-1] else names


def _whole_lines(text: str, delimiter: str, trailing: bool) -> Table | None:
    """A line is a row: counted with numpy, read with Arrow. None where quotes do not stand around whole fields of one
    line, so that only reading record by record can tell."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    ended = text.endswith("\n")
    data = text.encode() if ended else text.encode() + b"\n"
    bytes_ = np.frombuffer(data, dtype=np.uint8)
    ends, marks = np.flatnonzero(bytes_ == NEWLINE), np.flatnonzero(bytes_ == ord(delimiter))
    quotes = np.flatnonzero(bytes_ == QUOTE)
    if len(quotes):
        if len(quotes) % 2:
            return None
        opening, closing = quotes[::2], quotes[1::2]
        outside = np.array([ord(delimiter), NEWLINE, QUOTE])
        before = np.where(opening == 0, NEWLINE, bytes_[opening - 1])
        if not (np.isin(before, outside).all() and np.isin(bytes_[closing + 1], outside).all()):
            return None
        if (np.searchsorted(quotes, ends) % 2).any():
            return None
        marks = marks[np.searchsorted(quotes, marks) % 2 == 0]
    starts = np.concatenate(([0], ends[:-1] + 1))
    lines = np.flatnonzero(ends > starts)
    first, rows = lines[0], lines[1:]
    top = data[starts[first] : ends[first]].decode()
    header = _header(next(csv.reader([top], delimiter=delimiter)), trailing)
    delimiters = np.searchsorted(marks, ends[rows]) - np.searchsorted(marks, starts[rows])
    wrong = delimiters != len(header) - 1
    if not ended and len(rows) and delimiters[-1] < len(header) - 1:
        raise FeedError("truncated", _cut_off(int(rows[-1]) + 1))
    ragged = {int(i) + 1: data[starts[rows[i]] : ends[rows[i]]].decode() for i in np.flatnonzero(wrong)}
    columns: list[Column] = [pa.array([], pa.string()) for _ in header]
    if len(rows) > len(ragged):
        names = [str(n) for n in range(len(header))]
        columns = arrow_csv.read_csv(
            pa.BufferReader(pa.py_buffer(data)[int(ends[first]) + 1 :]),
            read_options=arrow_csv.ReadOptions(
                column_names=names, use_threads=False, block_size=max(BLOCK, 2 * int((ends - starts).max()))
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=delimiter, quote_char='"' if len(quotes) else False, invalid_row_handler=lambda row: "skip"
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        ).columns
    return Table(header, columns, np.arange(1, len(rows) + 1), rows + 1, ragged, 0 if ended else len(rows))


class _Lines(Iterator[str]):
    """Physical lines, remembering those taken for the record being read."""

    def __init__(self, text: str) -> None:
        self._lines = io.StringIO(text, newline="")
        self.taken: list[str] = []

    def __next__(self) -> str:
        line = next(self._lines)
        self.taken.append(line)
        return line


def _records(text: str, delimiter: str, trailing: bool) -> Table:
    """Quotes over lines or astray: the standard reader, strictly, which knows the line of every record."""
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    header: list[str] = []
    good: list[list[str]] = []
    line_no: list[int] = []
    ragged: dict[int, str] = {}
    last = (0, 0, 0)
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
        if not "".join(lines.taken).strip("\r\n"):
            continue
        if not header:
            header = _header(record, trailing)
            continue
        if len(lines.taken) > 1 and sum(line.count(delimiter) for line in lines.taken) >= 2 * (len(header) - 1) > 0:
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
    ended = text.endswith(("\n", "\r"))
    if not ended and ragged and last[0] == len(line_no) and last[2] < len(header):
        raise FeedError("truncated", _cut_off(last[1]))
    columns: list[Column] = [pa.array(column, pa.string()) for column in zip(*good, strict=True)]
    columns = columns or [pa.array([], pa.string()) for _ in header]
    lines_of = np.array(line_no, dtype=np.int64)
    return Table(header, columns, np.arange(1, len(line_no) + 1), lines_of, ragged, 0 if ended else len(line_no))


def _cut_off(line: int) -> str:
    return f"Line {line}, the last, breaks off before its last column; ask the sender for the whole file."
