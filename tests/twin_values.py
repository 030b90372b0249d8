"""The plain twin's rows and values: one result at a time, as an interval in the unit it was reported in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitors.records import Flag
from monitors.rules.model import Analyte
from monitors.units import round6

KEPT_OUT = Flag.PRELIMINARY | Flag.POST_DIALYSIS | Flag.INPATIENT


# ----------------------------------------------------------------------------------------------- the rows
@dataclass(frozen=True)
class Result:
    analyte: int
    at: int
    day: int
    value: float
    flags: int
    draw: int
    id: int
    method: int
    upper_limit: float


@dataclass(frozen=True)
class Medication:
    drug_class: str
    start_day: int
    stop_day: int
    supply_days: int
    listed_day: int


@dataclass(frozen=True)
class Patient:
    patient_id: int
    unit: str
    as_of: int
    as_of_day: int
    excluded: str
    results: tuple[Result, ...]
    medications: tuple[Medication, ...]


# ------------------------------------------------------------------------------------ values as intervals
@dataclass(frozen=True)
class Interval:
    """Where the true value lies. An open end is not itself possible."""

    low: float
    high: float
    low_open: bool = False
    high_open: bool = False

    def holds(self, comparison: str, limit: float) -> bool:
        """Whether the comparison is certain, wherever in the interval the true value lies."""
        if comparison == "above":
            return self.low > limit or (self.low == limit and self.low_open)
        if comparison == "at_least":
            return self.low >= limit
        if comparison == "below":
            return self.high < limit or (self.high == limit and self.high_open)
        return self.high <= limit


def interval(value: float, flags: int) -> Interval:
    if flags & Flag.BELOW:
        return Interval(-math.inf, value, high_open=True)
    if flags & Flag.AT_MOST:
        return Interval(-math.inf, value)
    if flags & Flag.ABOVE:
        return Interval(value, math.inf, low_open=True)
    if flags & Flag.AT_LEAST:
        return Interval(value, math.inf)
    return Interval(value, value)


def rounded(low: float, high: float, low_open: bool, high_open: bool) -> Interval:
    low = low if math.isinf(low) else round6(low)
    high = high if math.isinf(high) else round6(high)
    return Interval(low, high, low_open, high_open)


@dataclass(frozen=True)
class Point:
    """One value of one measure, in the unit system it is compared in."""

    at: int
    day: int
    value: Interval
    si: bool
    ids: frozenset[int]
    order: int
    method: int = -1
    upper_limit: float = math.nan
    conventional: float = math.nan  # for means; NaN where censored or derived


class Measures:
    """Points of each measure of one patient, oldest first."""

    def __init__(
        self, patient: Patient, analytes: Mapping[str, Analyte], days_back: int, calcium_basis: str
    ) -> None:
        self.analytes, self.calcium_basis = analytes, calcium_basis
        self.rows = [r for r in patient.results if r.day >= patient.as_of_day - days_back]
        self.instants: dict[int, set[int]] = {}
        for row in patient.results:
            self.instants.setdefault(row.day, set()).add(row.at)

    def to_si(self, measure: str) -> float:
        return self.analytes[measure].to_si if measure in self.analytes else math.nan

    def points(self, measure: str) -> list[Point]:
        found = self.derived(measure) if measure not in self.analytes else self.measured(measure)
        return sorted(found, key=lambda point: (point.at, point.order))

    def of(self, analyte: str) -> list[Result]:
        """Rows of an analyte that count for persistence."""
        if analyte not in self.analytes:
            return []
        number = self.analytes[analyte].number
        return [row for row in self.rows if row.analyte == number and not row.flags & KEPT_OUT]

    def number(self, row: Result, analyte: str, si: bool) -> float:
        """The row's number in SI or in the conventional unit."""
        return round6(row.value * self.analytes[analyte].to_si) if si else row.value

    def measured(self, analyte: str) -> list[Point]:
        points = []
        for row in self.of(analyte):
            si = bool(row.flags & Flag.SI)
            value = interval(self.number(row, analyte, si), row.flags)
            exact = value.low == value.high
            points.append(
                Point(row.at, row.day, value, si, frozenset({row.id}), row.id, row.method, row.upper_limit,
                      row.value if exact else math.nan)
            )  # fmt: skip
        return points

    def partner(self, calcium: Result, analyte: str) -> Result | None:
        """The value of the same draw; failing that of the same day, if blood was taken just once that day."""
        there = [row for row in self.of(analyte) if row.draw == calcium.draw]
        if not there and len(self.instants[calcium.day]) == 1:
            there = [row for row in self.of(analyte) if row.day == calcium.day]
        return max(there, key=lambda row: (row.at, row.id), default=None)

    def derived(self, measure: str) -> list[Point]:
        points = []
        for calcium in self.of("calcium"):
            albumin = self.partner(calcium, "albumin")
            phosphate = self.partner(calcium, "phosphate")
            point = None
            if measure == "computed_adjusted_calcium" and albumin:
                si = all_si(calcium, albumin)
                point = self.made(calcium, self.adjusted(calcium, albumin, si), si, [calcium, albumin])
            elif measure == "calcium_higher":
                point = self.higher_calcium(calcium, albumin)
            elif measure == "ca_p" and phosphate and self.calcium_basis == "measured":
                si = all_si(calcium, phosphate)
                point = self.made(calcium, self.product(calcium, phosphate, si), si, [calcium, phosphate])
            elif measure == "ca_p" and phosphate and albumin:
                si = all_si(calcium, phosphate, albumin)
                adjusted = self.adjusted(calcium, albumin, si)
                product = times(adjusted, self.exact(phosphate, "phosphate", si))
                point = self.made(calcium, product, si, [calcium, phosphate, albumin])
            elif measure == "ca_p_higher" and phosphate:
                point = self.higher(calcium, phosphate, albumin)
            if point is not None:
                points.append(point)
        return points

    @staticmethod
    def made(calcium: Result, value: Interval, si: bool, parts: Sequence[Result]) -> Point:
        return Point(calcium.at, calcium.day, value, si, frozenset(part.id for part in parts), calcium.id)

    def exact(self, row: Result, analyte: str, si: bool) -> Interval:
        return interval(self.number(row, analyte, si), row.flags)

    def adjusted(self, calcium: Result, albumin: Result, si: bool) -> Interval:
        """Ca + 0.8 x (4.0 - albumin g/dL) in mg/dL; Ca + 0.02 x (40 - albumin g/L) in mmol/L."""
        slope, normal = (0.02, 40.0) if si else (0.8, 4.0)
        ca, alb = self.exact(calcium, "calcium", si), self.exact(albumin, "albumin", si)
        return rounded(
            ca.low + slope * (normal - alb.high), ca.high + slope * (normal - alb.low),
            ca.low_open or alb.high_open, ca.high_open or alb.low_open,
        )  # fmt: skip

    def product(self, calcium: Result, phosphate: Result, si: bool) -> Interval:
        return times(self.exact(calcium, "calcium", si), self.exact(phosphate, "phosphate", si))

    def higher_calcium(self, calcium: Result, albumin: Result | None) -> Point:
        """The higher of measured and adjusted calcium."""
        if albumin is None:
            si = all_si(calcium)
            return self.made(calcium, self.exact(calcium, "calcium", si), si, [calcium])
        si = all_si(calcium, albumin)
        measured = self.exact(calcium, "calcium", si)
        found = greater(measured, self.adjusted(calcium, albumin, si))
        return self.made(calcium, found, si, [calcium] if found == measured else [calcium, albumin])

    def higher(self, calcium: Result, phosphate: Result, albumin: Result | None) -> Point:
        """The higher of measured and adjusted calcium, times phosphate."""
        if albumin is None:
            si = all_si(calcium, phosphate)
            return self.made(calcium, self.product(calcium, phosphate, si), si, [calcium, phosphate])
        si = all_si(calcium, phosphate, albumin)
        measured = self.product(calcium, phosphate, si)
        adjusted = times(self.adjusted(calcium, albumin, si), self.exact(phosphate, "phosphate", si))
        higher = greater(measured, adjusted)
        parts = [calcium, phosphate] if higher == measured else [calcium, phosphate, albumin]
        return self.made(calcium, higher, si, parts)


def greater(a: Interval, b: Interval) -> Interval:
    """The greater of two quantities known by their bounds."""
    low = max((a.low, a.low_open), (b.low, b.low_open))
    high = max((a.high, not a.high_open), (b.high, not b.high_open))
    return Interval(low[0], high[0], low[1], not high[1])


def all_si(*rows: Result) -> bool:
    return all(row.flags & Flag.SI for row in rows)


def times(a: Interval, b: Interval) -> Interval:
    """Product of two quantities that are never negative."""
    low = max(a.low, 0.0) * max(b.low, 0.0)
    high = math.inf if math.inf in (a.high, b.high) else a.high * b.high
    return rounded(low, high, a.low_open or b.low_open, a.high_open or b.high_open)
