"""A CSV file as received -> one frame of text fields, nothing interpreted.

Leading zeros, `NA`, `1_000` are data. Every line of the file is accounted for: a row that has the wrong
number of fields stays in the frame (its fields missing, its text in `ragged_line`) and is quarantined by
itself; only a file that cannot be trusted as a whole raises FeedError. docs/feeds.md has the list of oddities.
"""

from __future__ import annotations

import codecs
import difflib
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from monitors.config import Feed
from monitors.errors import FeedError
from monitors.feeds import csv_seems
from monitors.feeds.csv_lines import Column, Table, read
from monitors.feeds.parsed import SOURCE, Parsed

SEPARATOR = re.compile(r'"?sep=(.)"?(?:\r\n|\r|\n)', re.IGNORECASE)  # what Excel writes above the header
EXCEL_TEXT = r'^="([^"]*)"$'  # what keeps Excel from dropping leading zeros
# what a spreadsheet writes where something is lost
EXCEL_ERRORS = ("#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!", "#SPILL!", "#CALC!")
UNSEEN = "\u200b\u200c\u200d\u2060\ufeff\u00ad"  # no white space, and nothing anybody sees


def parse(raw: bytes, feed: Feed) -> Parsed:
    """Read one file of `feed`: one frame, of the feed's kind, with a row for each data row in file order, or in the
    wide layout for each result of it.

    `row_no`: 1 = the first row after the header; wide: (that - 1) * columns of the header + the result's column, so it
    depends on the file alone. `line_no`: line of the file the row starts on. Every field the mapping names (text,
    missing where the source wrote nothing), `ragged_line` (text of a row with the wrong number of fields, else
    missing), of laboratory rows `results` (what such a row seems to say, as in `Parsed.refused`), `unended` where the last line
    has no end ('yes' for its row), and each source column as received under `source:<header>`; wide: the columns that are no
    results, and the result as `source:(column)` and `source:(cell)`.
    ignored: repeated header lines, rows without a single text; wide: rows without a result, and the cells of columns nobody
    asked for.
    Raises FeedError: empty_file, mis_encoded, truncated, wrong_columns.
    """
    table, ignored = rows(raw, feed)
    assert feed.kind is not None  # feed_model: a csv feed has one
    frame: pd.DataFrame = _wide(table, feed, ignored) if feed.mapping.wide else long(table, feed).to_pandas()
    return Parsed({feed.kind: frame}, ignored=ignored)


def rows(raw: bytes, feed: Feed) -> tuple[Table, dict[str, int]]:
    """The rows of a file below its header, and what of it is none. Raises FeedError, see `parse`."""
    text = _decode(raw, feed)
    skipped = _separator(text, feed)
    if not text[skipped:].strip():
        raise FeedError("empty_file", "The file holds no bytes but white space; ask the sender for the file again.")
    table = read(text[skipped:], feed.delimiter, feed.trailing_delimiter, first_line=2 if skipped else 1)
    _refuse_wrong_columns(table.header, feed)
    table, repeated = _without_repeated_headers(table)
    table, empty = _without_empty_rows(replace(table, unseen=not text.isascii() and re.search(f"[{UNSEEN}]", text) is not None))
    counts = {"repeated header": repeated, "empty row": empty}
    return table, {name: count for name, count in counts.items() if count}


def _without_empty_rows(table: Table) -> tuple[Table, int]:
    """Rows of delimiters alone, as spreadsheets write below what was filled in once."""
    filled = np.zeros(table.good.sum(), dtype=bool)
    for column in table.columns:
        if filled.all():
            return table, 0
        filled |= pc.not_equal(pc.utf8_trim_whitespace(column), "").to_numpy(zero_copy_only=False)
    empty = np.flatnonzero(~filled)
    return table.without(empty), len(empty)


def _decode(raw: bytes, feed: Feed) -> str:
    wide = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if wide and not re.search("16|32", feed.encoding):
        raise FeedError("mis_encoded", f"The file is UTF-16, not {feed.encoding}; set the feed's encoding, or ask for the other.")
    if raw.startswith(codecs.BOM_UTF8) and codecs.lookup(feed.encoding).name not in ("utf-8", "utf-8-sig"):
        raise FeedError("mis_encoded", f"The file is UTF-8, not {feed.encoding}; set the feed's encoding, or ask for the other.")
    try:
        text = raw.decode(feed.encoding)
        if "utf-8" not in codecs.lookup(feed.encoding).name:
            text.encode()  # half a pair of surrogates is no character
    except UnicodeError as problem:
        start, end = getattr(problem, "start", 0), getattr(problem, "end", 0)
        bytes_ = getattr(problem, "object", b"")
        known = isinstance(bytes_, bytes)
        line = bytes_.count(b"\n", 0, start) + 1 if known else 1
        if known and end >= len(raw) and ("unexpected end" in str(problem) or "truncated" in str(problem)):
            raise FeedError("truncated", f"The file ends inside a character on line {line}; ask for the whole file.") from None
        sentence = f"Line {line} is not {feed.encoding}; set the feed's encoding, or ask the sender for {feed.encoding}."
        raise FeedError("mis_encoded", sentence) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise FeedError("truncated", f"Line {line} holds NUL bytes: a part of the file was never written; ask for it again.")
    return text.removeprefix("\ufeff")


def _separator(text: str, feed: Feed) -> int:
    """How many characters Excel's `sep=;` line takes above the header, 0 without one."""
    if not (found := SEPARATOR.match(text)):
        return 0
    if found[1] != feed.delimiter:
        sentence = f"The first line says {found[1]!r} parts the columns, the feed says {feed.delimiter!r}; mend its delimiter."
        raise FeedError("wrong_columns", sentence)
    return found.end()


def _refuse_wrong_columns(header: list[str], feed: Feed) -> None:
    wanted = {column: (field, False) for field, column in feed.mapping.columns.items()}
    wanted |= {column: (wide.code, wide.optional) for column, wide in feed.mapping.wide.items()}
    for column, (meaning, optional) in wanted.items():
        if header.count(column) > 1:
            sentence = f"Column '{column}' ({meaning}) stands in the header more than once; mend the mapping or the file."
            raise FeedError("wrong_columns", sentence)
        if column not in header:
            # an optional column may be away, not renamed: its results would be lost without a word
            others = [name for name in header if name not in wanted] if optional else header
            near = difflib.get_close_matches(column, others, n=1, cutoff=0.8 if optional else 0.6)
            if optional and not near:
                continue
            # a file without a header shows patients in its first row: only a name that is nearly ours is repeated
            hint = f"the nearest is '{near[0]}'" if near else f"none of its {len(header)} columns is like it"
            sentence = f"Column '{column}' ({meaning}) is not in the header; {hint}. Mend the mapping or the file."
            raise FeedError("wrong_columns", sentence)


def _without_repeated_headers(table: Table) -> tuple[Table, int]:
    """Files put one behind the other: the same header again is no row; another one means that from there on the
    columns mean something else, and nobody's result may be given to somebody else."""
    names = pa.array(sorted({name for name in table.header if name}), pa.string())
    like = np.zeros(table.good.sum(), dtype=np.int32)
    for column in table.columns:
        like += pc.is_in(pc.utf8_trim_whitespace(column), value_set=names).to_numpy(zero_copy_only=False)
    suspects = np.flatnonzero(2 * like >= max(len(names), 2))
    lines = table.line_no[table.good]
    for at in suspects:
        if [(column[int(at)].as_py() or "").strip() for column in table.columns] != table.header:
            raise FeedError("wrong_columns", _second_header(int(lines[at])))
    for row, text in table.ragged.items():
        if sum(name in text for name in names.to_pylist()) == len(names):
            raise FeedError("wrong_columns", _second_header(int(table.line_no[row - 1])))
    return table.without(suspects), len(suspects)


def _second_header(line: int) -> str:
    return f"Line {line} is a second header, unlike the first: two files in one. Ask the sender for one file each."


def long(table: Table, feed: Feed) -> pa.Table:
    """The long layout: a row of the file is a row of the table."""
    kept = table.spread()
    numbers = {"row_no": pa.array(table.row_no, pa.int64()), "line_no": pa.array(table.line_no, pa.int64())}
    source = {SOURCE + name: column for name, column in zip(_source_names(table.header), kept, strict=True)}
    return pa.table({**numbers, **_fields(kept, table, feed), **_oddities(table, feed), **source})


def _wide(table: Table, feed: Feed, ignored: dict[str, int]) -> pd.DataFrame:
    """The wide layout: a cell that is not missing is a row of the frame; a ragged row stays one."""
    kept = table.spread()
    base = _fields(kept, table, feed)
    names = _source_names(table.header)
    asked = feed.mapping.wide
    used = {*feed.mapping.columns.values(), *asked}
    for name, header, column in zip(names, table.header, kept, strict=True):
        if header not in asked:
            base[SOURCE + name] = column
        if header not in used and (cells := pc.sum(pc.is_valid(_clean(column, feed, table.unseen))).as_py()):
            ignored[f"column {name}"] = cells
    base |= _oddities(table, feed)
    body: pd.DataFrame = pa.table(base).to_pandas()
    body.insert(0, "row_no", (table.row_no - 1) * len(table.header))
    body.insert(1, "line_no", table.line_no)
    ragged = np.flatnonzero(~table.good)
    parts = [body.iloc[ragged].assign(row_no=lambda rows: rows["row_no"] + 1)]
    taken = ~table.good
    for header, meant in asked.items():
        if header not in table.header:
            continue
        at = table.header.index(header)
        cells = _clean(kept[at], feed, table.unseen).to_pandas()
        here = cells.notna().to_numpy()
        taken |= here
        part = body[here]
        told = {"row_no": part["row_no"] + at + 1, "code": meant.code, "value": cells[here].array,
                SOURCE + "(column)": header, SOURCE + "(cell)": kept[at].to_pandas()[here].array}  # fmt: skip
        if meant.unit_text:
            told["unit_text"] = meant.unit_text
        parts.append(part.assign(**told))
    if empty := int((~taken).sum()):
        ignored["rows without a result"] = empty
    frame = pd.concat(parts, ignore_index=True).sort_values("row_no", ignore_index=True)
    texts = {name: frame[name].astype("str") for name in frame.columns if name not in ("row_no", "line_no")}
    for name in ("code", "value"):
        texts.setdefault(name, pd.Series(None, index=frame.index, dtype="str"))
    return frame.assign(**texts)


def _oddities(table: Table, feed: Feed) -> dict[str, object]:
    """ragged_line, and where there are such what they seem to say (`results`, see csv_seems); where there is one `unended`: the
    file ends inside the row's line, whose last field may have been longer."""
    columns: dict[str, object] = {"ragged_line": pa.array(table.ragged_lines(), pa.string())}
    if table.ragged and feed.kind == "labs":
        said = dict(zip(table.ragged, csv_seems.results([*table.ragged.values()], table.header, feed), strict=True))
        columns["results"] = pa.array([said.get(number) for number in table.row_no.tolist()], pa.string())
    if table.unended and feed.unterminated == "refuse":
        yes = np.full(len(table.row_no), "yes")
        columns["unended"] = pa.array(yes, pa.string(), mask=table.row_no != table.unended)
    return columns


def _source_names(header: list[str]) -> list[str]:
    """Names of the source columns; one that comes twice tells its place."""
    return [name if header.count(name) == 1 else f"{name} ({number})" for number, name in enumerate(header, 1)]


def _fields(kept: list[Column], table: Table, feed: Feed) -> dict[str, object]:
    columns: dict[str, object] = {}
    for field, header in feed.mapping.columns.items():
        columns[field] = _clean(kept[table.header.index(header)], feed, table.unseen)
    for field, constant in feed.mapping.constants.items():
        columns[field] = pa.array(pa.repeat(constant, len(table.line_no)))
    return columns


def _clean(column: Column, feed: Feed, unseen: bool) -> Column:
    """A column without white space (and, where the file has any, unseen signs) around its texts, missing where the source wrote
    nothing."""
    text = pc.utf8_trim_whitespace(column)
    if pc.any(pc.starts_with(text, '="')).as_py():
        text = pc.replace_substring_regex(text, EXCEL_TEXT, r"\1")
    if unseen:
        text = pc.utf8_trim_whitespace(pc.utf8_trim(text, characters=UNSEEN))
    missing = pa.array(sorted({"", *EXCEL_ERRORS, *(word.strip() for word in feed.mapping.missing)}), pa.string())
    return pc.if_else(pc.is_in(text, value_set=missing), pa.scalar(None, pa.string()), text)
