"""Local hours: when a unit's list is due, and until when its readers are left in peace. Pure; both ways over a clock change.

An hour that a clock change skips is read with the offset before it (02:30 becomes 03:30 summer time); one that happens twice
means the first.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

BEGINS = time(2, 0)  # UTC, when `nightly_labs` starts
RUNS_FOR = timedelta(hours=1)  # no unit expects its list sooner after that


def at(day: date, local: time, zone: str) -> datetime:
    """A local time of a day as UTC."""
    return datetime.combine(day, local, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def due(night: date, deadline: time, zone: str, ahead: timedelta = timedelta(0)) -> datetime:
    """When a night's list is due at a unit: so long (`ahead`, in elapsed time) before its clock shows `deadline`, the first time
    that is after the night can be done."""
    earliest = datetime.combine(night, BEGINS, UTC) + RUNS_FOR
    day = earliest.astimezone(ZoneInfo(zone)).date()
    return next(found for n in range(3) if (found := at(day + timedelta(days=n), deadline, zone) - ahead) >= earliest)


def held_until(local: time, zone: str, due: datetime) -> datetime:
    """The last time before a list is due that a unit's clock shows `local`: it goes no sooner."""
    day = due.astimezone(ZoneInfo(zone)).date()
    return next(found for n in range(3) if (found := at(day - timedelta(days=n), local, zone)) <= due)


def quiet_until(start: time, end: time, zone: str, now: datetime) -> datetime | None:
    """The end of the quiet hours that `now` lies in; None outside them. start is in, end is out; they may pass midnight."""
    today = now.astimezone(ZoneInfo(zone)).date()
    for day in (today - timedelta(days=1), today):
        begins = at(day, start, zone)
        ends = at(day if start < end else day + timedelta(days=1), end, zone)
        if begins <= now < ends:
            return ends
    return None
