"""Local hours over clock changes: when a list is due, and until when readers are left in peace."""

from __future__ import annotations

import ast
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors import hours

# ruff: noqa: E501  (a row of a table is read as one line)
ZONES = ["Europe/London", "America/New_York", "Australia/Melbourne", "Asia/Kathmandu", "Pacific/Auckland", "UTC"]
DUE = """
night        deadline   zone                  due
2026-04-15   06:00      Europe/London         2026-04-15T05:00
2026-01-15   06:00      Europe/London         2026-01-15T06:00
2026-04-15   06:00      America/New_York      2026-04-15T10:00   hours after the night was done
2026-04-15   06:00      Australia/Melbourne   2026-04-15T20:00   the night runs at its noon: the next morning
2026-03-29   06:00      Europe/London         2026-03-29T05:00   the clock went forward that night
2026-10-25   06:00      Europe/London         2026-10-25T06:00   and back
2026-04-15   03:30      Europe/London         2026-04-16T02:30   before the night can be done: a day later
"""
QUIET = """
start   end     zone                now                until
22:00   06:30   Europe/London       2026-04-15T01:00   2026-04-15T05:30
22:00   06:30   Europe/London       2026-04-15T20:59   -                  21:59 there
22:00   06:30   Europe/London       2026-04-15T21:00   2026-04-16T05:30   22:00 there is in
22:00   06:30   Europe/London       2026-04-15T05:30   -                  06:30 there is out
12:00   13:00   Europe/London       2026-01-15T12:30   2026-01-15T13:00   within a day
22:00   06:30   Europe/London       2026-03-28T23:00   2026-03-29T05:30   an hour shorter: the clock goes forward
22:00   06:30   Europe/London       2026-10-24T22:00   2026-10-25T06:30   an hour longer
22:00   02:30   Europe/Berlin       2026-03-28T23:00   2026-03-29T01:30   02:30 does not happen: 03:30 summer time
22:00   02:30   Europe/Berlin       2026-10-24T23:00   2026-10-25T00:30   02:30 happens twice: the first
22:00   06:30   America/New_York    2026-04-15T03:00   2026-04-15T10:30

22:00   06:30   Australia/Melbourne 2026-04-15T04:00   -
"""


SHIFT = """
night        shift   ahead   zone                  due                held from   held until
2026-04-15   06:30   45      Europe/London         2026-04-15T04:45   05:00       2026-04-15T04:00
2026-01-15   06:30   45      Europe/London         2026-01-15T05:45   05:00       2026-01-15T05:00
2026-03-29   06:30   45      Europe/London         2026-03-29T04:45   05:00       2026-03-29T04:00   the clock went forward that night
2026-10-25   06:30   45      Europe/London         2026-10-25T05:45   05:00       2026-10-25T05:00   and back
2026-03-28   06:30   45      Europe/London         2026-03-28T05:45   05:00       2026-03-28T05:00   the day before
2026-03-29   03:15   45      Europe/Berlin         2026-03-30T00:30   02:15       2026-03-30T00:15   too soon for the night: the next day
2026-03-08   06:30   45      America/New_York      2026-03-08T09:45   22:00       2026-03-08T03:00   held over the change, from the evening before
2026-11-01   06:30   45      America/New_York      2026-11-01T10:45   01:30       2026-11-01T05:30   01:30 happens twice: the first
2026-04-04   06:30   45      Australia/Melbourne   2026-04-04T19:45   05:00       2026-04-04T19:00   the clock went back in their night
2026-10-03   06:30   45      Australia/Melbourne   2026-10-03T18:45   02:30       2026-10-03T16:30   02:30 is skipped: 03:30 summer time
2026-04-15   00:20   45      Europe/London         2026-04-15T22:35   23:00       2026-04-15T22:00   ahead of a shift past midnight

2026-04-15   06:30   0       America/Chicago       2026-04-15T11:30   06:30       2026-04-15T11:30
"""


def rows(table: str) -> list[list[str]]:
    return [line.split() for line in table.splitlines()[2:] if line.strip()]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.hazard(18)
@pytest.mark.parametrize("row", rows(DUE), ids=lambda row: f"{row[2]} {row[0]}")
def test_when_a_list_is_due(row: list[str]) -> None:
    night, deadline, zone, due = row[:4]
    assert hours.due(date.fromisoformat(night), time.fromisoformat(deadline), zone) == utc(due)


@pytest.mark.hazard(18)
@pytest.mark.parametrize("row", rows(QUIET), ids=lambda row: f"{row[2]} {row[3]}")
def test_until_when_readers_are_left_in_peace(row: list[str]) -> None:
    start, end, zone, now, until = row[:5]
    found = hours.quiet_until(time.fromisoformat(start), time.fromisoformat(end), zone, utc(now))
    assert found == (None if until == "-" else utc(until))


@pytest.mark.hazard(18)
@pytest.mark.parametrize("row", rows(SHIFT), ids=lambda row: f"{row[3]} {row[0]}")
def test_a_list_is_due_before_the_first_shift_and_held_until_an_hour_before_that(row: list[str]) -> None:
    night, shift, ahead, zone, due, held_from, held = row[:7]
    found = hours.due(date.fromisoformat(night), time.fromisoformat(shift), zone, timedelta(minutes=int(ahead)))
    assert found == utc(due)
    assert hours.held_until(time.fromisoformat(held_from), zone, found) == utc(held)


@given(st.dates(date(2024, 1, 1), date(2028, 1, 1)), st.sampled_from(ZONES), st.times(), st.times(), st.integers(0, 720))
def test_a_list_is_held_less_than_a_day_and_never_past_its_due(
    night: date, zone: str, shift: time, held_from: time, ahead: int
) -> None:
    due = hours.due(night, shift.replace(second=0, microsecond=0), zone, timedelta(minutes=ahead))
    earliest = datetime.combine(night, hours.BEGINS, UTC) + hours.RUNS_FOR
    assert earliest <= due <= earliest + timedelta(hours=25)
    held = hours.held_until(held_from.replace(second=0, microsecond=0), zone, due)
    assert due - timedelta(hours=25) <= held <= due


@given(st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1)), st.sampled_from(ZONES), st.times(), st.times())  # noqa: DTZ001
def test_quiet_hours_end_soon_and_at_their_end(moment: datetime, zone: str, start: time, end: time) -> None:
    start, end = start.replace(second=0, microsecond=0), end.replace(second=0, microsecond=0)
    now = moment.replace(tzinfo=UTC)
    until = hours.quiet_until(start, end, zone, now) if start != end else None
    if until is not None:
        assert now < until <= now + timedelta(hours=25)
        assert hours.quiet_until(start, end, zone, until) is None or until.astimezone(ZoneInfo(zone)).time() != end


@given(st.dates(date(2024, 1, 1), date(2028, 1, 1)), st.sampled_from(ZONES), st.times())
def test_a_list_is_never_due_before_the_night_can_be_done_nor_a_day_after(night: date, zone: str, deadline: time) -> None:
    earliest = datetime.combine(night, hours.BEGINS, UTC) + hours.RUNS_FOR
    assert earliest <= hours.due(night, deadline.replace(second=0, microsecond=0), zone) <= earliest + timedelta(hours=25)


def test_the_night_begins_when_its_schedule_says() -> None:
    source = (Path(__file__).parents[2] / "dags" / "nightly_labs.py").read_text(encoding="utf-8")
    constants = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    crons = [value for value in constants if "* * *" in str(value)]
    assert crons == [f"{hours.BEGINS.minute} {hours.BEGINS.hour} * * *"]
