"""Time is an argument: the instant a night ends, the day a draw belongs to, and whether a night is tonight's."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from itertools import pairwise

import pytest

from monitors.records import Severity, State, Unit, as_of, is_live, local_day, night_of, rank, utc_text

LONDON, NEW_YORK, LORD_HOWE, KIRITIMATI = (
    "Europe/London", "America/New_York", "Australia/Lord_Howe", "Pacific/Kiritimati",
)  # fmt: skip


def unit(zone: str, cutoff: str = "04:00") -> Unit:
    return Unit("U", "Unit", zone, time.fromisoformat(cutoff))


@pytest.mark.parametrize(
    ("zone", "cutoff", "night", "ends"),
    [
        (LONDON, "04:00", "2026-01-15", "2026-01-15T04:00:00Z"),
        (LONDON, "04:00", "2026-04-15", "2026-04-15T03:00:00Z"),
        (LONDON, "04:00", "2026-03-29", "2026-03-29T03:00:00Z"),  # the clocks went forward at 01:00
        (LONDON, "01:30", "2026-03-29", "2026-03-29T01:30:00Z"),  # skipped: the offset before, so 02:30 summer
        (LONDON, "01:30", "2026-10-25", "2026-10-25T00:30:00Z"),  # twice: the first
        (NEW_YORK, "04:00", "2026-03-08", "2026-03-08T08:00:00Z"),
        (NEW_YORK, "02:30", "2026-03-08", "2026-03-08T07:30:00Z"),  # skipped
        (NEW_YORK, "01:30", "2026-11-01", "2026-11-01T05:30:00Z"),  # twice
        (LORD_HOWE, "04:00", "2026-04-04", "2026-04-03T17:00:00Z"),  # summer time is half an hour there
        (LORD_HOWE, "04:00", "2026-04-05", "2026-04-04T17:30:00Z"),
        (LORD_HOWE, "01:45", "2026-04-05", "2026-04-04T14:45:00Z"),  # twice, thirty minutes apart
        (LORD_HOWE, "02:15", "2026-10-04", "2026-10-03T15:45:00Z"),  # skipped
        (KIRITIMATI, "04:00", "2026-04-15", "2026-04-14T14:00:00Z"),  # UTC+14: the night ends the day before
        (KIRITIMATI, "00:00", "2026-01-01", "2025-12-31T10:00:00Z"),
    ],
)
def test_a_nights_evidence_ends_at_the_units_own_wall_clock(zone: str, cutoff: str, night: str, ends: str) -> None:
    end = as_of(date.fromisoformat(night), unit(zone, cutoff))
    assert utc_text(end) == ends
    assert end.tzinfo is UTC


@pytest.mark.hazard(18)
@pytest.mark.parametrize("zone", [LONDON, NEW_YORK, LORD_HOWE, KIRITIMATI])
def test_every_night_of_a_year_ends_after_the_one_before(zone: str) -> None:
    nights = [date(2026, 1, 1) + timedelta(days=n) for n in range(366)]
    ends = [as_of(night, unit(zone, "02:15")) for night in nights]
    hours = {(b - a) / timedelta(hours=1) for a, b in pairwise(ends)}
    assert hours <= {23, 23.5, 24, 24.5, 25}


@pytest.mark.parametrize(
    ("zone", "instant", "day"),
    [
        (LONDON, "2026-03-28T23:59:59.999999+00:00", "2026-03-28"),
        (LONDON, "2026-03-29T00:00:00+00:00", "2026-03-29"),
        (LONDON, "2026-03-29T23:00:00+00:00", "2026-03-30"),
        (LONDON, "2026-10-24T23:00:00+00:00", "2026-10-25"),
        (LONDON, "2026-10-25T23:00:00+00:00", "2026-10-25"),
        (NEW_YORK, "2026-04-15T03:59:00+00:00", "2026-04-14"),
        (LORD_HOWE, "2026-04-04T12:59:59+00:00", "2026-04-04"),
        (LORD_HOWE, "2026-04-04T13:00:00+00:00", "2026-04-05"),
        (LORD_HOWE, "2026-04-05T13:29:59+00:00", "2026-04-05"),
        (LORD_HOWE, "2026-04-05T13:30:00+00:00", "2026-04-06"),
        (KIRITIMATI, "2026-04-14T09:59:00+00:00", "2026-04-14"),
        (KIRITIMATI, "2026-04-14T10:00:00+00:00", "2026-04-15"),
    ],
)
def test_a_draw_belongs_to_the_calendar_day_of_its_unit(zone: str, instant: str, day: str) -> None:
    assert local_day(datetime.fromisoformat(instant), zone) == date.fromisoformat(day)


def test_a_night_is_named_by_the_utc_date_it_was_asked_for() -> None:
    auckland = timezone(timedelta(hours=12))
    assert night_of(datetime(2026, 4, 16, 9, tzinfo=auckland)) == date(2026, 4, 15)
    assert night_of(datetime(2026, 4, 15, 2, tzinfo=UTC)) == date(2026, 4, 15)


@pytest.mark.parametrize(
    ("night", "live"),
    [("2026-04-13", False), ("2026-04-14", True), ("2026-04-15", True), ("2026-04-16", True), ("2025-04-15", False)],
)
def test_tonight_and_last_night_are_live_and_older_nights_are_back_fills(night: str, live: bool) -> None:
    for now in (datetime(2026, 4, 15, 0, 0, tzinfo=UTC), datetime(2026, 4, 15, 23, 59, tzinfo=UTC)):
        assert is_live(date.fromisoformat(night), now) is live


def test_liveness_is_told_by_utc_whatever_zone_the_clock_speaks() -> None:
    kiritimati = timezone(timedelta(hours=14))
    now = datetime(2026, 4, 16, 13, 0, tzinfo=kiritimati)  # 15 April, 23:00 UTC
    assert is_live(date(2026, 4, 14), now)
    assert not is_live(date(2026, 4, 13), now)


def test_times_are_written_in_utc_with_a_z_and_never_without_a_zone() -> None:
    summer = timezone(timedelta(hours=1))
    assert utc_text(datetime(2026, 4, 15, 4, 10, tzinfo=summer)) == "2026-04-15T03:10:00Z"
    assert utc_text(datetime(2026, 4, 15, 4, 10, 0, 5, tzinfo=UTC)) == "2026-04-15T04:10:00.000005Z"
    with pytest.raises(ValueError, match="no time zone"):
        utc_text(datetime(2026, 4, 15))  # noqa: DTZ001


def test_severities_are_ordered_and_states_know_their_end() -> None:
    assert [rank(s) for s in (None, Severity.WARNING, Severity.HIGH, Severity.CRITICAL)] == [0, 1, 2, 3]
    assert {state for state in State if state.ended} == {State.RESOLVED, State.RETRACTED, State.CLOSED}
