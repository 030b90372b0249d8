"""One text of a feed: what is a number, a unit, a time, and what is not."""

# ruff: noqa: E501  (a row of a table is read as one line)

from __future__ import annotations

import math

import feed_builders as build
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.feeds import csv, fields, moments, readings
from monitors.records import Flag


@pytest.mark.parametrize(
    ("text", "value", "flag"),
    [("5.5", 5.5, 0), (" 5 ", 5.0, 0), (".5", 0.5, 0), ("-1", -1.0, 0), ("<3", 3.0, Flag.BELOW), ("<=3", 3.0, Flag.AT_MOST),
     ("≥ 3", 3.0, Flag.AT_LEAST), (">5000", 5000.0, Flag.ABOVE), ("less than 1.0", 1.0, Flag.BELOW)],
)  # fmt: skip
def test_numbers_and_comparators(text: str, value: float, flag: int) -> None:
    assert readings.number(text, ("<", "LESS THAN"), (">",)) == (value, flag)


@pytest.mark.parametrize("text", ["", "nan", "inf", "1e5", "1e400", "9" * 400, "1_000", "1,5", "٦", "５", "0x10", "5.5 H", "<<3", "--", "5 5"])
def test_what_is_not_a_number(text: str) -> None:
    assert math.isnan(readings.number(text).value)


@given(st.text(max_size=12))
def test_any_text_is_a_finite_number_or_none(text: str) -> None:
    read = readings.number(text)
    assert math.isnan(read.value) or math.isfinite(read.value)


@pytest.mark.parametrize(("text", "limit"), [("65", 65.0), ("15-65", 65.0), ("15 – 65", 65.0), ("<65", 65.0)])
def test_upper_limits(text: str, limit: float) -> None:
    assert readings.upper_limit(text) == limit


@pytest.mark.parametrize("text", [">65", "see note", "15-", "15 to 65"])
def test_what_is_no_upper_limit(text: str) -> None:
    assert math.isnan(readings.upper_limit(text))


@pytest.mark.hazard(18)
@pytest.mark.parametrize(
    ("text", "utc", "assumed"),
    [
        ("2026-01-15 08:00", "2026-01-15 08:00Z", True),
        ("2026-07-15 08:00", "2026-07-15 07:00Z", True),
        ("2026-03-29 01:30", "2026-03-29 01:00Z", True),  # skipped by the clock change
        ("2026-10-25 01:30", "2026-10-25 00:30Z", True),  # happens twice: the first
        ("2026-10-25T01:30:00+0000", "2026-10-25 01:30Z", False),
    ],
)
def test_times_without_a_zone_are_read_in_the_feeds(text: str, utc: str, assumed: bool) -> None:
    read = moments.times(pd.Series([text], dtype="str"), ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M"], "Europe/London")
    assert read.instant[0] == pd.Timestamp(utc)
    assert list(read.assumed) == [assumed]


def test_missing_and_unreadable_times_differ() -> None:
    texts = pd.Series([None, "yesterday", "2026-02-30", "２０２６-01-01", "2026-01-01"], dtype="str")
    assert list(moments.times(texts, ["%Y-%m-%d"], "UTC").state) == ["missing", *["unreadable"] * 3, "read"]


def lab(**texts: str) -> dict[str, object]:
    """One phosphate with these fields on top, derived."""
    given = {"patient": "7", "collected_at": "2026-03-01 08:00", "code": "PTH", "value": "50", "unit_text": "pmol/L", **texts}
    feed = build.feed({"mapping": {"columns": {name: name for name in given}}})
    raw = ",".join(given) + "\n" + ",".join(given.values()) + "\n"
    return dict(fields.derive(csv.parse(raw.encode(), feed).frames["labs"], feed, build.config()).iloc[0])


def test_the_upper_limit_is_converted_with_the_unit_of_its_row() -> None:
    row = lab(upper_limit="1.6-6.9")
    assert (row["value"], row["upper_limit"]) == (471.698113, 65.09434)


@pytest.mark.parametrize(
    ("field", "text", "flag"),
    [("timing", "PRE", Flag.PRE_DIALYSIS), ("timing", "post-dialysis", Flag.POST_DIALYSIS), ("location", "Inpatient", Flag.INPATIENT),
     ("status", "P", Flag.PRELIMINARY), ("unit_text", "pmol/L", Flag.SI)],
)  # fmt: skip
def test_what_a_row_says_about_itself_becomes_a_flag(field: str, text: str, flag: Flag) -> None:
    assert int(str(lab(**{field: text})["flags"])) & flag


def test_a_withdrawn_result_needs_no_value_and_no_unit() -> None:
    row = lab(status="D", value="", unit_text="")
    assert (row["value_state"], row["unit_state"]) == ("withdrawn", "withdrawn")
    assert math.isnan(float(str(row["value"])))


def test_an_unknown_status_is_not_taken_for_final() -> None:
    assert lab(status="Z")["status_state"] == "unknown"


@pytest.mark.parametrize(
    ("text", "value"),
    [("7.1 H", 7.1), ("6,1", 6.1), ("0.6*", 0.6), (">7.1 H", 7.1), ("7.1 mmol/L", 7.1), ("6.8~6.9", 6.8), ("7.9e0", 7.9),
     ("7-8", math.nan), ("1:128", math.nan), ("2026-03-01", math.nan), ("07.03.2026", math.nan), ("10:30", math.nan),
     ("see 7.9", math.nan), ("", math.nan)],
)  # fmt: skip
def test_what_a_text_that_is_no_number_seems_to_say(text: str, value: float) -> None:
    assert readings.seems(text) == pytest.approx(value, nan_ok=True)
