"""Whether a patient is on a drug: on, off or unknown, by day (decision 7)."""

from __future__ import annotations

import math
from collections.abc import Iterable

from tests.twin.rows import Medication

SUPPLY_GRACE = 14  # days an exposure lasts beyond its recorded supply
LIST_FRESH = 30  # days a reconciled list can show that a drug is not taken
ON, OFF, UNKNOWN = "on", "off", "unknown"


class Drug:
    """One drug class of one patient: periods are [(first day on, first day off, a stop was recorded)]."""

    def __init__(self, drug_class: str, medications: Iterable[Medication]) -> None:
        everything = list(medications)
        self.lists = sorted({row.listed_day for row in everything if row.listed_day >= 0})
        self.rows: list[tuple[float, float, bool]] = []
        for row in everything:
            if row.drug_class == drug_class:
                start = row.start_day if row.start_day >= 0 else row.listed_day if row.listed_day >= 0 else -math.inf
                self.rows.append((start, self.end(row, start), row.stop_day >= 0))
        self.periods = [(start, end) for start, end, _ in self.rows if start < end]
        self.said: dict[int, str] = {}

    def end(self, row: Medication, start: float) -> float:
        """First day it is no longer taken: the stop; the supply and 14 days; or the next list, which omits it."""
        if row.stop_day >= 0:
            return row.stop_day
        if row.supply_days >= 0:
            return start + row.supply_days + SUPPLY_GRACE
        return next((day for day in self.lists if day > max(row.listed_day, start)), math.inf)

    def on(self, day: int) -> bool:
        return any(start <= day < end for start, end in self.periods)

    def state(self, day: int) -> str:
        if day not in self.said:
            self.said[day] = self.worked_out(day)
        return self.said[day]

    def worked_out(self, day: int) -> str:
        if self.on(day):
            return ON
        over = [(max(start, end), stopped) for start, end, stopped in self.rows if start <= day and end <= day]
        if over and max(over)[1]:  # what ended last ended by a recorded stop
            return OFF
        newest = max((listed for listed in self.lists if listed <= day), default=None)
        return OFF if newest is not None and day - newest <= LIST_FRESH else UNKNOWN

    def ended_within(self, day: int, days: int) -> bool:
        return any(day - days <= end <= day for _, end in self.periods)

    def begun_within(self, day: int, days: int) -> bool:
        return any(day - days <= start <= day for start, _ in self.periods)

    def begun(self, day: int, from_days: int, to_days: int) -> int | None:
        """Day of the newest beginning, if that day lies within a window after it."""
        newest = max((start for start, _ in self.periods if start <= day), default=None)
        return int(newest) if newest is not None and from_days <= day - newest <= to_days else None

    def off_for(self, day: int, washout: int) -> bool:
        """Off, and not on at any of the `washout` days before."""
        return self.state(day) == OFF and not any(end > day - washout for start, end in self.periods if end <= day)

    def turning_days(self) -> set[int]:
        """Days on which a period begins or ends, and days a drug that is over may turn from or to unknown."""
        days = {max(start, end) for start, end, _ in self.rows} | {start for start, _ in self.periods}
        return {int(day) for day in days if math.isfinite(day)}

    def ends(self) -> set[int]:
        return {int(end) for _, end in self.periods if math.isfinite(end)}

    def starts(self) -> set[int]:
        return {int(start) for start, _ in self.periods if math.isfinite(start)}
