"""CSV files as hospitals send them: what is data, what is structure, what refuses the whole file."""

from __future__ import annotations

from typing import Any

import feed_builders as build
import pytest

from monitors.errors import FeedError
from monitors.feeds import csv
from monitors.feeds.parsed import Parsed

HEADER = "Patient,Sample,Test,Result,Units,Taken"
ROW = "007,S1,PHOS,5.5,mg/dL,2026-03-01 08:00"
WIDE = {"mapping": {
    "columns": {"patient": "Patient", "collected_at": "Taken"},
    "wide": {"Phosphate": {"code": "PHOS", "unit_text": "mg/dL"}, "Calcium": {"code": "CAL", "unit_text": "mg/dL"},
             "PTH": {"code": "PTH", "optional": True}},
    "missing": ["", "-"]}}  # fmt: skip


def parse(text: str | bytes, change: dict[str, Any] | None = None) -> Parsed:
    return csv.parse(text.encode() if isinstance(text, str) else text, build.feed(change))


def rows(text: str | bytes, *fields: str, change: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
    frame = parse(text, change).frames["labs"]
    return [tuple(None if value != value else value for value in row) for row in frame[list(fields)].to_numpy(dtype=object)]


def reason(text: str | bytes, change: dict[str, Any] | None = None) -> tuple[str, str]:
    with pytest.raises(FeedError) as caught:
        parse(text, change)
    return caught.value.reason, str(caught.value)


@pytest.mark.parametrize("written", ["007", "NA", "1_000", "٦", "1e3", "true", "-", "=1+1", "null", "'007"])
def test_everything_is_text(written: str) -> None:
    assert rows(f"{HEADER}\n{ROW.replace('007', written)}\n", "patient", "value") == [(written, "5.5")]


@pytest.mark.parametrize("written", ['="007"', '"=""007"""', "007"])
def test_the_sign_that_keeps_excel_from_dropping_zeros_is_no_part_of_a_number(written: str) -> None:
    parsed = parse(f"{HEADER}\n{ROW.replace('007', written)}\n").frames["labs"]
    assert parsed["patient"].tolist() == ["007"]
    assert parsed["source:Patient"].tolist() == ["007" if written == "007" else '="007"']


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("quoted", [False, True])
def test_ends_of_lines_blank_lines_and_quotes_change_nothing(end: str, quoted: bool) -> None:
    lines = ["", HEADER, "", ROW, ROW.replace("007", "008"), ""]
    if quoted:
        lines = [",".join(f'"{cell}"' for cell in line.split(",")) if line else "" for line in lines]
    assert rows(end.join(lines), "row_no", "line_no", "patient") == [(1, 4, "007"), (2, 5, "008")]


def test_quotes_hold_delimiters_quotes_and_lines() -> None:
    text = f'{HEADER}\n{ROW.replace("5.5", chr(34) + "5,5" + chr(34))}\n"0""07",S2,PHOS,"a\nb",mg/dL,2026-03-01 08:00\n{ROW}\n'
    assert rows(text, "row_no", "line_no", "patient", "value") == [
        (1, 2, "007", "5,5"), (2, 3, '0"07', "a\nb"), (3, 5, "007", "5.5")]  # fmt: skip
    without = text.replace("a\nb", "ab")  # the fast way says the same
    assert rows(without, "line_no", "patient", "value") == [(2, "007", "5,5"), (3, '0"07', "ab"), (4, "007", "5.5")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252"])
def test_an_encoding_is_read_as_the_feed_says_with_or_without_its_mark(encoding: str) -> None:
    text = f"{HEADER}\n{ROW.replace('mg/dL', 'µmol/L')}\n"
    assert rows(text.encode(encoding), "patient", "unit_text", change={"encoding": encoding}) == [("007", "µmol/L")]


def test_another_encoding_than_the_feed_says_is_refused() -> None:
    text = f"{HEADER}\n{ROW.replace('mg/dL', 'µmol/L')}\n"
    assert reason(text.encode("latin-1"))[1].startswith("Line 2 is not utf-8-sig")
    assert reason(text.encode("utf-16"))[1].startswith("The file is UTF-16")
    assert reason(text.encode("utf-8-sig"), {"encoding": "latin-1"})[1].startswith("The file is UTF-8, not latin-1")
    assert reason(text.encode("utf-16")[:-1], {"encoding": "utf-16"})[0] == "truncated"


def test_the_first_line_excel_writes_is_no_header() -> None:
    text = f"sep=;\r\n{HEADER}\r\n{ROW}\r\n".replace(",", ";")
    assert rows(text, "line_no", "patient", change={"delimiter": ";"}) == [(3, "007")]
    assert reason(text)[1].startswith("The first line says ';' parts the columns")


def test_the_same_header_again_is_no_row_and_another_one_refuses_the_file() -> None:
    assert rows(f"{HEADER}\n{ROW}\n{HEADER}\n{ROW}\n", "row_no", "line_no") == [(1, 2), (3, 4)]
    assert parse(f"{HEADER}\n{ROW}\n{HEADER}\n").ignored == {"repeated header": 1}
    moved = HEADER.replace("Patient,Sample", "Sample,Patient")
    assert "Line 3 is a second header" in reason(f"{HEADER}\n{ROW}\n{moved}\n{ROW}\n")[1]
    assert "Line 3 is a second header" in reason(f"{HEADER}\n{ROW}\n{HEADER},More\n{ROW},x\n")[1]


def test_a_delimiter_behind_every_row_is_the_feeds_to_say() -> None:
    text = f"{HEADER}\n{ROW},\n{ROW},\n"
    assert "set the feed's trailing_delimiter" in reason(text)[1]
    assert rows(text, "patient", "collected_at", change={"trailing_delimiter": True}) == [("007", "2026-03-01 08:00")] * 2
    assert rows(f"{HEADER},\n{ROW},\n", "patient") == [("007",)]


def test_a_column_twice_matters_only_where_it_is_asked_for() -> None:
    assert rows(f"{HEADER},Note,Note\n{ROW},a,b\n", "source:Note (7)", "source:Note (8)") == [("a", "b")]
    assert "more than once" in reason(f"{HEADER},Patient\n{ROW},008\n")[1]


def test_a_wide_row_gives_a_row_for_each_result_numbered_by_the_header_alone() -> None:
    text = "Patient,Calcium,Taken,Phosphate,Ward\n007,9.1,2026-03-01,5.5,3\n008,-,2026-03-01,,3\n009,,2026-03-02,6.1,\n010,1\n"
    fields = ("row_no", "line_no", "patient", "code", "value", "unit_text", "ragged_line")
    assert rows(text, *fields, change=WIDE) == [
        (2, 2, "007", "CAL", "9.1", "mg/dL", None), (4, 2, "007", "PHOS", "5.5", "mg/dL", None),
        (14, 4, "009", "PHOS", "6.1", "mg/dL", None), (16, 5, None, None, None, None, "010,1"),
    ]  # fmt: skip
    parsed = parse(text, WIDE)
    assert parsed.ignored == {"rows without a result": 1, "column Ward": 2}
    assert parsed.frames["labs"]["source:(cell)"].tolist()[:3] == ["9.1", "5.5", "6.1"]
    fewer = {"mapping": {**WIDE["mapping"], "wide": {"Phosphate": {"code": "PHOS"}}}}
    assert [row[0] for row in rows(text, "row_no", change=fewer)] == [4, 14, 16], "the mapping does not move row numbers"


def test_a_wide_column_that_changed_its_name_is_named_with_the_nearest() -> None:
    drifted = reason("Patient,Calcium,Taken,Phosphat\n", WIDE)[1]
    assert "'Phosphate' (PHOS) is not in the header; the nearest is 'Phosphat'" in drifted
    optional = {"mapping": {**WIDE["mapping"], "wide": {"Calcium": {"code": "CAL", "optional": True}}}}
    assert rows("Patient,Taken\n007,2026-03-01\n", "row_no", change=optional) == []
    assert "the nearest is 'Calcium.'" in reason("Patient,Taken,Calcium.\n007,2026-03-01,9\n", optional)[1]


def test_no_sentence_repeats_what_stands_in_a_row() -> None:
    for text in ("OXENHOPE,S1,PHOS\n", f"{HEADER}\nOXENHOPE,S1", f'{HEADER}\n"OXENHOPE,S1,PHOS\n', f"{HEADER}\nOXENHOPE\0,S1\n"):
        assert "OXENHOPE" not in reason(text)[1]
