"""Values: what is known of one number, in the unit it was reported in, and what is computed from values of one draw."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitors.records import Flag
from monitors.rules.substances import Analyte
from tests.twin.rows import Patient, Result

INFINITY = math.inf
SI, PRELIMINARY, POST, INPATIENT = int(Flag.SI), int(Flag.PRELIMINARY), int(Flag.POST_DIALYSIS), int(Flag.INPATIENT)
BELOW, AT_MOST, ABOVE, AT_LEAST = int(Flag.BELOW), int(Flag.AT_MOST), int(Flag.ABOVE), int(Flag.AT_LEAST)
LEFT_OUT = {  # which results a way of reading does not look at
    "anchored": PRELIMINARY | POST | INPATIENT, "every": 0, "every_pre_dialysis": POST, "valid": PRELIMINARY,
}  # fmt: skip
PRODUCT = ("mg2/dL2", "mmol2/L2")


def round6(number: float) -> float:
    """Six decimals, half to even."""
    return round(number * 1e6) / 1e6 if math.isfinite(number) else number


@dataclass(frozen=True)
class Interval:
    """The true value lies from low to high; an open end is not itself possible. written: the number on the report."""

    written: float
    low: float
    high: float
    low_open: bool = False
    high_open: bool = False

    @property
    def exact(self) -> bool:
        return self.low == self.high

    @property
    def sign(self) -> str | None:
        """How it is printed; None where it is bounded on neither side."""
        if self.exact:
            return ""
        if self.high < INFINITY:
            return "<" if self.high_open else "<="
        if self.low > -INFINITY:
            return ">" if self.low_open else ">="
        return None

    def surely(self, comparison: str, limit: float) -> bool:
        """Whether the comparison is certain, wherever in the interval the true value lies."""
        if comparison == "above":
            return self.low > limit or (self.low == limit and self.low_open)
        if comparison == "at_least":
            return self.low >= limit
        if comparison == "below":
            return self.high < limit or (self.high == limit and self.high_open)
        return self.high <= limit


def reported(number: float, flags: int) -> Interval:
    """'<3' lies below 3, '>=3' from 3 upwards; without a sign it is what is written."""
    if flags & (BELOW | AT_MOST):
        return Interval(number, -INFINITY, number, high_open=bool(flags & BELOW))
    if flags & (ABOVE | AT_LEAST):
        return Interval(number, number, INFINITY, low_open=bool(flags & ABOVE))
    return Interval(number, number, number)


def adjusted(calcium: Interval, albumin: Interval, si: bool) -> Interval:
    """Ca + 0.8 x (4.0 - albumin g/dL) in mg/dL; Ca + 0.02 x (40 - albumin g/L) in mmol/L."""

    def formula(ca: float, alb: float) -> float:
        return round6(ca + 0.02 * (40.0 - alb)) if si else round6(ca + 0.8 * (4.0 - alb))

    low, high = formula(calcium.low, albumin.high), formula(calcium.high, albumin.low)
    return Interval(
        formula(calcium.written, albumin.written), low, high,
        low > -INFINITY and (calcium.low_open or albumin.high_open), high < INFINITY and (calcium.high_open or albumin.low_open),
    )  # fmt: skip


def times(a: Interval, b: Interval) -> Interval:
    """The product of two amounts, neither of which can be negative; nothing is known below a bound that is not there."""
    low_known, high_known = a.low >= 0 and b.low >= 0, a.high < INFINITY and b.high < INFINITY
    return Interval(
        round6(a.written * b.written), round6(a.low * b.low) if low_known else -INFINITY,
        round6(a.high * b.high) if high_known else INFINITY,
        low_known and (a.low_open or b.low_open), high_known and (a.high_open or b.high_open),
    )  # fmt: skip


def bounded(a: Interval, b: Interval, low: float, high: float, low_open: bool, high_open: bool) -> Interval:
    """An amount with the bounds chosen from two others; what is written is the number of the end that bounds it."""
    if high < INFINITY:
        owner = a if (a.high, a.high_open) == (high, high_open) else b
    else:
        owner = a if (a.low, a.low_open) == (low, low_open) else b
    return Interval(owner.written, low, high, low_open, high_open)


def higher(a: Interval, b: Interval) -> Interval:
    """The higher of two amounts, as far as their bounds tell."""
    low, low_open = max((a.low, a.low_open), (b.low, b.low_open))
    high, closed = max((a.high, not a.high_open), (b.high, not b.high_open))
    return bounded(a, b, low, high, low_open, not closed)


def lower(a: Interval, b: Interval) -> Interval:
    low, low_open = min((a.low, a.low_open), (b.low, b.low_open))
    high, closed = min((a.high, not a.high_open), (b.high, not b.high_open))
    return bounded(a, b, low, high, low_open, not closed)


@dataclass(frozen=True)
class Point:
    """One value of a measure. number: the value in the conventional unit where it is exact, else NaN. upper_limit: in the
    unit reported. parts: the points it was computed from."""

    measure: str
    at: int
    day: int
    value: Interval
    si: bool
    id: int
    known: int
    number: float = math.nan
    method: int = -1
    upper_limit: float = math.nan
    parts: tuple[Point, ...] = ()
    row: Result | None = None
    to_si: float = 1.0


class Measures:
    """The points of each measure of one patient, oldest first."""

    def __init__(self, patient: Patient, analytes: Mapping[str, Analyte], basis: str) -> None:
        self.analytes, self.basis = analytes, basis
        self.rows: dict[int, list[Result]] = {}
        self.instants: dict[int, set[int]] = {}
        for row in sorted(patient.results, key=lambda row: (row.at, row.id)):
            self.rows.setdefault(row.analyte, []).append(row)
            self.instants.setdefault(row.day, set()).add(row.at)
        self.found: dict[tuple[str, str], list[Point]] = {}

    def units(self, measure: str) -> tuple[str, str]:
        if measure.startswith("ca_p"):
            return PRODUCT
        analyte = self.analytes[measure if measure in self.analytes else "calcium"]
        return analyte.conventional, analyte.si

    def to_si(self, measure: str) -> float:
        return self.analytes[measure].to_si

    def points(self, measure: str, reads: str = "anchored") -> list[Point]:
        if (measure, reads) not in self.found:
            measured = measure in self.analytes
            self.found[measure, reads] = self.measured(measure, reads) if measured else self.computed(measure, reads)
        return self.found[measure, reads]

    def measured(self, analyte: str, reads: str) -> list[Point]:
        described = self.analytes[analyte]
        points = []
        for row in self.rows.get(described.number, []):
            if row.flags & LEFT_OUT[reads]:
                continue
            si = bool(row.flags & SI)
            value = reported(self.written(row, described, si), row.flags)
            limit = round6(row.upper_limit * described.to_si) if si else row.upper_limit
            number = math.nan
            if value.exact:
                number = round6(value.written / described.to_si) if si else value.written
            points.append(Point(analyte, row.at, row.day, value, si, row.id, row.known, number, row.method, limit, (), row,
                                described.to_si))  # fmt: skip
        return points

    @staticmethod
    def written(row: Result, described: Analyte, si: bool) -> float:
        return round6(row.value * described.to_si) if si else row.value

    def in_system(self, point: Point, si: bool) -> Interval:
        """The value in the unit system asked for."""
        if point.si == si:
            return point.value
        assert point.row is not None
        to_si = self.to_si(point.measure)
        conventional = round6(point.value.written / to_si) if point.si else point.value.written
        return reported(round6(conventional * to_si) if si else conventional, point.row.flags)

    def partner(self, calcium: Point, analyte: str, reads: str) -> Point | None:
        """The value of the same draw; failing that of the same day, if blood was taken just once that day."""
        assert calcium.row is not None
        others = self.points(analyte, reads)
        there = [other for other in others if other.row is not None and other.row.draw == calcium.row.draw]
        if not there and len(self.instants[calcium.day]) == 1:
            there = [other for other in others if other.day == calcium.day]
        return there[-1] if there else None

    def computed(self, measure: str, reads: str) -> list[Point]:
        points = []
        for calcium in self.points("calcium", reads):
            albumin = self.partner(calcium, "albumin", reads)
            if measure == "computed_adjusted_calcium":
                point = None if albumin is None else self.made(measure, [calcium, albumin], self.adjusted)
            elif measure == "calcium_higher":
                point = self.chosen(measure, [calcium], albumin, higher)
            elif measure == "calcium_lower":
                point = self.chosen(measure, [calcium], albumin, lower)
            else:
                phosphate = self.partner(calcium, "phosphate", reads)
                point = None if phosphate is None else self.product(measure, calcium, phosphate, albumin)
            if point is not None:
                points.append(point)
        return points

    def product(self, measure: str, calcium: Point, phosphate: Point, albumin: Point | None) -> Point | None:
        if measure == "ca_p_higher":
            return self.chosen(measure, [calcium, phosphate], albumin, higher)
        if self.basis == "measured":
            return self.made(measure, [calcium, phosphate], self.plain)
        return None if albumin is None else self.made(measure, [calcium, phosphate, albumin], self.adjusted)

    def chosen(self, measure: str, parts: list[Point], albumin: Point | None, choose: object) -> Point:
        """Measured or adjusted calcium (times phosphate), whichever `choose` says; albumin is a part only if it mattered."""
        if albumin is None:
            return self.made(measure, parts, self.plain)
        with_albumin = [*parts, albumin]
        si = all(part.si for part in with_albumin)
        measured = self.plain(parts, si)
        best = choose(measured, self.adjusted(with_albumin, si))  # type: ignore[operator]
        ends = [(one.low, one.low_open, one.high, one.high_open) for one in (best, measured)]
        used = parts if ends[0] == ends[1] else with_albumin
        return self.made(measure, used, lambda _parts, _si: best, si)

    def plain(self, parts: Sequence[Point], si: bool) -> Interval:
        """Calcium, times phosphate where that is a part."""
        values = [self.in_system(part, si) for part in parts if part.measure != "albumin"]
        return values[0] if len(values) == 1 else times(values[0], values[1])

    def adjusted(self, parts: Sequence[Point], si: bool) -> Interval:
        values = {part.measure: self.in_system(part, si) for part in parts}
        found = adjusted(values["calcium"], values["albumin"], si)
        return times(found, values["phosphate"]) if "phosphate" in values else found

    @staticmethod
    def made(measure: str, parts: Sequence[Point], work_out: object, si: bool | None = None) -> Point:
        """A computed value: at its calcium's instant, in SI where every part was, known when its last part was."""
        calcium = parts[0]
        system = all(part.si for part in parts) if si is None else si
        value = work_out(parts, system)  # type: ignore[operator]
        known = max(part.known for part in parts)
        number = value.written if value.exact else math.nan
        return Point(measure, calcium.at, calcium.day, value, system, -calcium.id, known, number, parts=tuple(parts))
