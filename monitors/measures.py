"""What was measured and what is derived from it: adjusted calcium, Ca×P, PTH beside its assay's limit.

Pure and vectorised: one `Values` holds one measure of every patient of a shard. Values stand in the unit
system they were reported in; a value a laboratory could only bound (`<3`) is an interval, not a number.

Choices this module makes where the sources leave one:
- Post-dialysis, inpatient and preliminary results are left out of every measure; they still count as
  collections when "exactly one collection that day" is asked.
- Each calcium result gives one derived value, with that calcium's instant, day and draw.
- A derived value has no assay method of its own (-1).
- Critical limbs read every value: `reading('every')` leaves nothing out, `reading('every_pre_dialysis')` only what was drawn
  after dialysis, `reading('valid')` only what is preliminary.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from monitors.draws import Draws
from monitors.records import Flag
from monitors.units import FloatArray, Quantity, as_reported, round6

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

KEPT_OUT = int(Flag.PRELIMINARY | Flag.POST_DIALYSIS | Flag.INPATIENT)
READINGS = {
    "anchored": KEPT_OUT, "every": 0, "every_pre_dialysis": int(Flag.POST_DIALYSIS), "valid": int(Flag.PRELIMINARY),
}  # fmt: skip
BOUNDED_ABOVE, BOUNDED_BELOW = int(Flag.BELOW | Flag.AT_MOST), int(Flag.ABOVE | Flag.AT_LEAST)
PRODUCT_UNITS = ("mg2/dL2", "mmol2/L2")
PARTS = ("calcium", "phosphate", "albumin")  # what derived measures are made of
DAYS = 1 << 22  # more than any day number: patient and day pack into one sortable integer


class Interval(NamedTuple):
    """What is known of each value: it lies in [lo, hi]. An end that is excluded (`<3`) is the neighbouring
    double, so that plain comparison is exact. `value` is the number written."""

    value: FloatArray
    lo: FloatArray
    hi: FloatArray

    def take(self, rows: IntArray | BoolArray) -> Interval:
        """Only these rows. Where no value is bounded, the three ends stay one array."""
        value = self.value[rows]
        if self.lo is self.value is self.hi:
            return Interval(value, value, value)
        return Interval(value, self.lo[rows], self.hi[rows])

    @property
    def open_lo(self) -> BoolArray:
        return np.isfinite(self.lo) & (self.lo > self.value)

    @property
    def open_hi(self) -> BoolArray:
        return np.isfinite(self.hi) & (self.hi < self.value)


def bounds(value: FloatArray, flags: IntArray) -> Interval:
    """Intervals of values with their comparator flags: `<v` is (-inf, v), `>=v` is [v, inf)."""
    if not (flags & (BOUNDED_ABOVE | BOUNDED_BELOW)).any():
        return Interval(value, value, value)
    lo = np.where(flags & int(Flag.ABOVE), np.nextafter(value, np.inf), value)
    hi = np.where(flags & int(Flag.BELOW), np.nextafter(value, -np.inf), value)
    return Interval(
        value, np.where(flags & BOUNDED_ABOVE, -np.inf, lo), np.where(flags & BOUNDED_BELOW, np.inf, hi)
    )


def adjusted_calcium(calcium: Interval, albumin: Interval, si: BoolArray) -> Interval:
    """Calcium adjusted for albumin, rounded by round6.

    Conventional: Ca + 0.8 × (4.0 - albumin), mg/dL and g/dL (Payne's form, as tabulated in Med Sci Monit 941321,
    table 1). SI: Ca + 0.02 × (40 - albumin), mmol/L and g/L (the same in SI; confirmed on review). In haemodialysis
    it followed ionised calcium worse than measured calcium did (Clase 2000), so the site chooses the basis.
    """

    def formula(ca: FloatArray, alb: FloatArray) -> FloatArray:
        return np.where(si, round6(ca + 0.02 * (40.0 - alb)), round6(ca + 0.8 * (4.0 - alb)))

    return _rounded(
        formula(calcium.value, albumin.value), formula(calcium.lo, albumin.hi), formula(calcium.hi, albumin.lo),
        calcium.open_lo | albumin.open_hi, calcium.open_hi | albumin.open_lo,
    )  # fmt: skip


def product(calcium: Interval, phosphate: Interval) -> Interval:
    """Calcium × phosphate, rounded by round6: mg²/dL² or mmol²/L² (KDOQI 2003 guideline 6.5, a legacy measure)."""
    with np.errstate(invalid="ignore"):
        low, high = round6(calcium.lo * phosphate.lo), round6(calcium.hi * phosphate.hi)
    known_low = (calcium.lo >= 0) & (phosphate.lo >= 0) & np.isfinite(low)
    known_high = np.isfinite(calcium.hi) & np.isfinite(phosphate.hi)
    return _rounded(
        round6(calcium.value * phosphate.value), np.where(known_low, low, -np.inf), np.where(known_high, high, np.inf),
        calcium.open_lo | phosphate.open_lo, calcium.open_hi | phosphate.open_hi,
    )  # fmt: skip


def either(a: Interval, b: Interval, choose: np.ufunc) -> Interval:
    """The higher or the lower of two amounts, end by end; the number written is that of the end that bounds it."""
    lo, hi = choose(a.lo, b.lo), choose(a.hi, b.hi)
    by_lo, by_hi = np.where(lo == a.lo, a.value, b.value), np.where(hi == a.hi, a.value, b.value)
    return Interval(np.where(np.isfinite(hi), by_hi, by_lo), lo, hi)


def _rounded(value: FloatArray, lo: FloatArray, hi: FloatArray, open_lo: BoolArray, open_hi: BoolArray) -> Interval:
    return Interval(
        value,
        np.where(open_lo & np.isfinite(lo), np.nextafter(lo, np.inf), lo),
        np.where(open_hi & np.isfinite(hi), np.nextafter(hi, -np.inf), hi),
    )


@dataclass(frozen=True)
class Values:
    """One measure of every patient of a shard. All arrays (n,), sorted by patient, instant, result id.

    rank: place of the patient in the patients frame. value, lo, hi, upper_limit (NaN none): in the unit
    system reported. place: of its draw, on the shard's time line. id: result version; negative (minus the calcium's id) for
    derived values. parts: what a derived value was made of, (measure, rows of it; -1 none). adjusted: of a measure that
    chooses between measured and adjusted calcium, whether it took the adjusted one. known: when each value became known
    (batch order or µs UTC); None where nobody said, and then a value is known when it is drawn.
    """

    measure: str
    units: tuple[str, str]
    rank: IntArray
    at: IntArray
    day: IntArray
    place: IntArray
    interval: Interval
    si: BoolArray
    method: IntArray
    upper_limit: FloatArray
    id: IntArray
    draw: IntArray
    flags: IntArray
    to_si: float = 1.0
    parts: tuple[tuple[Values, IntArray], ...] = ()
    adjusted: BoolArray | None = None
    known: IntArray | None = None

    def __len__(self) -> int:
        return len(self.rank)

    @property
    def exact(self) -> BoolArray:
        return np.asarray(self.interval.lo == self.interval.hi)

    def take(self, rows: IntArray) -> Values:
        """The same measure, only these rows (ascending)."""
        return replace(
            self, rank=self.rank[rows], at=self.at[rows], day=self.day[rows], place=self.place[rows],
            interval=self.interval.take(rows), si=self.si[rows], method=self.method[rows],
            upper_limit=self.upper_limit[rows], id=self.id[rows], draw=self.draw[rows], flags=self.flags[rows],
            parts=tuple((part, index[rows]) for part, index in self.parts),
            adjusted=None if self.adjusted is None else self.adjusted[rows],
            known=None if self.known is None else self.known[rows],
        )  # fmt: skip

    def within(self, system_si: BoolArray, rows: IntArray) -> Interval:
        """Some rows, in the unit system asked for instead of the one reported (measured values only)."""
        reported = self.interval.value[rows]
        same = self.si[rows] == system_si
        conventional = np.where(self.si[rows], round6(reported / self.to_si), reported)
        value = np.where(same, reported, as_reported(conventional, system_si, self.to_si))
        return bounds(value, self.flags[rows])


@dataclass
class Measures:
    """The measures of one shard, each computed once, when first asked for.

    series, patients: frames of docs/architecture.md (any row order). quantities: analyte name -> (number,
    Quantity). calcium_basis: which calcium `ca_p` multiplies, 'measured' or 'adjusted'.
    """

    series: pd.DataFrame
    patients: pd.DataFrame
    quantities: Mapping[str, tuple[int, Quantity]]
    calcium_basis: str = "measured"
    _made: dict[tuple[str, int], Values] = field(default_factory=dict)
    _newest: dict[tuple[str, int], tuple[IntArray, IntArray]] = field(default_factory=dict)
    _flags: dict[str, int] = field(default_factory=dict)
    _kept_out: int = KEPT_OUT
    _readings: dict[str, Measures] = field(default_factory=dict)

    def __post_init__(self) -> None:
        columns = {name: self.series[name].to_numpy() for name in self.series.columns}
        keys = [columns[name] for name in ("patient_id", "analyte", "at", "id")]
        if not _sorted(keys):
            order = np.lexsort(keys[::-1])
            columns = {name: column[order] for name, column in columns.items()}
        self._columns = columns
        self._rank = _rank(columns["patient_id"], self.patients["patient_id"].to_numpy())
        self.draws, self._place = Draws.of(self._rank, columns["at"], columns["day"])
        self._by_analyte = np.argsort(columns["analyte"], kind="stable")  # rows of one analyte lie together, in their order
        self._analytes = columns["analyte"][self._by_analyte]

    def reading(self, reads: str) -> Measures:
        """The same patients, leaving out other values (READINGS). What no value of a measure is marked with leaves nothing
        out: readings that come to the same share what was made."""
        if READINGS[reads] == self._kept_out:
            return self
        if reads not in self._readings:
            other = copy(self)
            other._kept_out = READINGS[reads]
            self._readings[reads] = other
        return self._readings[reads]

    @cached_property
    def seen(self) -> tuple[IntArray, IntArray]:
        """Day of each patient's first and newest result of any kind, (patients,); far ahead and far back without one."""
        first, newest = np.full(len(self.patients), DAYS), np.full(len(self.patients), -DAYS)
        heads = np.flatnonzero(np.r_[True, self._rank[1:] != self._rank[:-1]]) if len(self._rank) else np.zeros(0, np.int64)
        own = self._rank[heads] >= 0
        if len(heads):
            first[self._rank[heads][own]] = np.minimum.reduceat(self._columns["day"], heads)[own]
            newest[self._rank[heads][own]] = np.maximum.reduceat(self._columns["day"], heads)[own]
        return first, newest

    def of(self, measure: str) -> Values:
        """The values of an analyte, or of a derived measure (rules.load.DERIVED). KeyError for any other name."""
        key = self._key(measure)
        if key not in self._made:
            derived = {"computed_adjusted_calcium": self._adjusted, "calcium_higher": self._calcium_higher,
                       "calcium_lower": self._calcium_lower, "ca_p": self._product, "ca_p_higher": self._higher}  # fmt: skip
            self._made[key] = derived[measure]() if measure in derived else self._measured(measure)
        return self._made[key]

    def newest(self, measure: str) -> IntArray:
        """Row of each patient's newest value of a measure, (patients,); -1 where there is none."""
        return self._newest_of(measure)[0]

    def newest_day(self, measure: str) -> IntArray:
        """Day of each patient's newest value, (patients,); far in the past where there is none."""
        return self._newest_of(measure)[1]

    def _newest_of(self, measure: str) -> tuple[IntArray, IntArray]:
        key = self._key(measure)
        if key not in self._newest:
            values = self.of(measure)
            rows = ends(values.rank, len(self.patients))
            self._newest[key] = rows, np.append(values.day, np.int64(-DAYS))[rows]
        return self._newest[key]

    def _key(self, measure: str) -> tuple[str, int]:
        """A measure, and what this reading leaves out of it."""
        if measure not in self._flags:
            parts = (measure,) if measure in self.quantities else PARTS
            flags = [self._columns["flags"][self._rows(part)] for part in parts if part in self.quantities]
            self._flags[measure] = int(np.bitwise_or.reduce(np.concatenate(flags), initial=0))
        return measure, self._kept_out & self._flags[measure]

    def _rows(self, analyte: str) -> IntArray:
        number = self.quantities[analyte][0]
        first, end = np.searchsorted(self._analytes, [number, number + 1])
        return self._by_analyte[first:end]

    def _measured(self, analyte: str) -> Values:
        quantity, column, rows = self.quantities[analyte][1], self._columns, self._rows(analyte)
        flags = self._whole("flags", rows)
        keep = (flags & self._kept_out == 0) & (self._rank[rows] >= 0) & np.isfinite(column["value"][rows])
        if not keep.all():
            rows, flags = rows[keep], flags[keep]
        si = (flags & int(Flag.SI)).astype(bool)
        return Values(
            analyte, (quantity.conventional, quantity.si), self._rank[rows], self._whole("at", rows), self._whole("day", rows),
            self._place[rows], bounds(_reported(column["value"][rows], si, quantity.to_si), flags), si,
            self._whole("method", rows), _reported(column["upper_limit"][rows].astype(np.float64), si, quantity.to_si),
            self._whole("id", rows), self._whole("draw", rows), flags, quantity.to_si,
            known=self._whole("known_since", rows) if "known_since" in column else None,
        )  # fmt: skip

    def _whole(self, name: str, rows: IntArray) -> IntArray:
        return self._columns[name][rows].astype(np.int64, copy=False)

    def _adjusted(self) -> Values:
        calcium, albumin = self.of("calcium"), self.of("albumin")
        mate = self._mates(calcium, albumin)
        rows = np.flatnonzero(mate >= 0)
        mate = mate[rows]
        si = calcium.si[rows] & albumin.si[mate]
        interval = adjusted_calcium(calcium.within(si, rows), albumin.within(si, mate), si)
        parts = ((calcium, rows), (albumin, mate))
        return _derived("computed_adjusted_calcium", calcium.units, rows, interval, si, parts)

    def _calcium_higher(self) -> Values:
        return self._calcium_either("calcium_higher", np.maximum)

    def _calcium_lower(self) -> Values:
        return self._calcium_either("calcium_lower", np.minimum)

    def _calcium_either(self, name: str, choose: np.ufunc) -> Values:
        """Every calcium, measured or adjusted, whichever `choose` takes: without albumin the measured one still counts."""
        calcium, albumin = self.of("calcium"), self.of("albumin")
        mate, rows = self._mates(calcium, albumin), np.arange(len(calcium))
        given, si = mate >= 0, calcium.si.copy()
        si[given] &= albumin.si[mate[given]]
        measured = calcium.within(si, rows)
        found = measured.take(given)
        best = Interval(*(end.copy() for end in measured))
        adjusted = adjusted_calcium(found, albumin.within(si[given], mate[given]), si[given])
        for end, other in zip(best, either(found, adjusted, choose), strict=True):
            end[given] = other
        chosen = given & ((best.lo != measured.lo) | (best.hi != measured.hi))
        parts = ((calcium, rows), (albumin, np.where(chosen, mate, -1)))
        return replace(_derived(name, calcium.units, rows, best, si, parts), adjusted=chosen)

    def _product(self) -> Values:
        return self._products("ca_p", self.calcium_basis)

    def _higher(self) -> Values:
        return self._products("ca_p_higher", "higher")

    def _products(self, name: str, basis: str) -> Values:
        """measured: all pairs of calcium and phosphate; adjusted: those with albumin; higher: the higher of both."""
        calcium, phosphate = self.of("calcium"), self.of("phosphate")
        mate = self._mates(calcium, phosphate)
        if basis == "measured":
            rows = np.flatnonzero(mate >= 0)
            si = calcium.si[rows] & phosphate.si[mate[rows]]
            plain = product(calcium.within(si, rows), phosphate.within(si, mate[rows]))
            return _derived(name, PRODUCT_UNITS, rows, plain, si, ((calcium, rows), (phosphate, mate[rows])))
        albumin = self.of("albumin")
        third = self._mates(calcium, albumin)
        rows = np.flatnonzero((mate >= 0) & ((third >= 0) | (basis == "higher")))
        mate, third = mate[rows], third[rows]
        given = third >= 0
        si = calcium.si[rows] & phosphate.si[mate]
        si[given] &= albumin.si[third[given]]
        measured, p = calcium.within(si, rows), phosphate.within(si, mate)
        found = measured.take(given)
        adjusted = adjusted_calcium(found, albumin.within(si[given], third[given]), si[given])
        with_adjusted = product(adjusted, p.take(given))
        if basis == "adjusted":
            best, chosen = with_adjusted, given
        else:
            plain, best = product(measured, p), product(measured, p)
            higher = either(plain.take(given), with_adjusted, np.maximum)
            for end, other in zip(best, higher, strict=True):
                end[given] = other
            chosen = given & ((best.lo != plain.lo) | (best.hi != plain.hi))
        used = np.where(chosen, third, -1)  # albumin is a part only where the adjusted product was taken
        parts = ((calcium, rows), (phosphate, mate), (albumin, used))
        return replace(_derived(name, PRODUCT_UNITS, rows, best, si, parts), adjusted=chosen)

    def _mates(self, values: Values, other: Values) -> IntArray:
        """Row of `other` from the same draw as each row of `values`, -1 where there is none.

        Same draw first (the newest of several); failing that the newest of the same day, if the patient had
        exactly one collection instant on it.
        """
        if len(values) == len(other) and (values.rank == other.rank).all() and (values.draw == other.draw).all():
            keys = np.sort(_mixed(values.rank, values.draw))
            if (keys[1:] != keys[:-1]).all():  # the usual panel: one of each a draw, in the same order
                return np.arange(len(values))
        mate = _last_equal(_mixed(other.rank, other.draw), _mixed(values.rank, values.draw))
        same = (other.rank[mate] == values.rank) & (other.draw[mate] == values.draw) if len(other) else mate >= 0
        mate = np.where((mate >= 0) & same, mate, -1)
        alone = np.flatnonzero(mate < 0)
        key = values.rank[alone] * DAYS + values.day[alone]
        by_day = _last_equal(other.rank * DAYS + other.day, key)
        alone, key, by_day = alone[by_day >= 0], key[by_day >= 0], by_day[by_day >= 0]
        if len(alone):
            single = self._single_instant(key)
            mate[alone[single]] = by_day[single]
        return mate

    def _single_instant(self, key: IntArray) -> BoolArray:
        """Whether all of a patient's results of a day (rank * DAYS + day) were collected at one instant."""
        of_interest = np.zeros(len(self.patients) + 1, dtype=bool)  # one more place for rank -1
        of_interest[key // DAYS] = True
        rows = np.flatnonzero(of_interest[self._rank] & (self._rank >= 0))
        keys = self._rank[rows] * DAYS + self._columns["day"][rows]
        order = np.lexsort((self._columns["at"][rows], keys))
        keys, at = keys[order], self._columns["at"][rows][order]
        first, last = np.searchsorted(keys, key, "left"), np.searchsorted(keys, key, "right") - 1
        return np.asarray(at[first] == at[last])


def _derived(
    name: str, units: tuple[str, str], rows: IntArray, interval: Interval, si: BoolArray,
    parts: tuple[tuple[Values, IntArray], ...],
) -> Values:  # fmt: skip
    calcium = parts[0][0]
    return Values(
        name, units, calcium.rank[rows], calcium.at[rows], calcium.day[rows], calcium.place[rows], interval, si,
        np.full(len(rows), -1, dtype=np.int64), np.full(len(rows), np.nan), -calcium.id[rows], calcium.draw[rows],
        np.zeros(len(rows), dtype=np.int64), parts=parts, known=_known(parts),
    )  # fmt: skip


def _known(parts: tuple[tuple[Values, IntArray], ...]) -> IntArray | None:
    """A derived value is known when the last of its parts is."""
    known = [np.where(rows >= 0, part.known[rows], np.int64(-DAYS)) for part, rows in parts
             if part.known is not None and len(part)]  # fmt: skip
    return np.maximum.reduce(known) if known else None


def _reported(value: FloatArray, si: BoolArray, to_si: float) -> FloatArray:
    return as_reported(value, si, to_si) if si.any() else value


def ends(rank: IntArray, patients: int) -> IntArray:
    """Row of the newest draw of each patient, (patients,); -1 where the patient has none."""
    everyone = np.arange(patients)
    if not len(rank):
        return np.full(patients, -1, dtype=np.int64)
    last = np.searchsorted(rank, everyone, "right") - 1
    return np.where((last >= 0) & (rank[np.maximum(last, 0)] == everyone), last, -1)


def patient_ranks(ids: IntArray, patients: IntArray) -> IntArray:
    """Place of each id, in any order, among the sorted patients; -1 where it is not one of them."""
    if not len(patients):
        return np.full(len(ids), -1, dtype=np.int64)
    place = np.minimum(np.searchsorted(patients, ids), len(patients) - 1)
    return np.where(patients[place] == ids, place, -1).astype(np.int64, copy=False)


def _sorted(keys: list[npt.NDArray[np.int64]]) -> bool:
    later = keys[-1][:-1] <= keys[-1][1:]
    for column in keys[-2::-1]:
        later = (column[:-1] < column[1:]) | ((column[:-1] == column[1:]) & later)
    return bool(later.all())


def _rank(ids: IntArray, patients: IntArray) -> IntArray:
    """patient_ranks of sorted ids, looked up once a patient."""
    if not len(ids):
        return np.zeros(0, dtype=np.int64)
    heads = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]])
    return np.repeat(patient_ranks(ids[heads], patients), np.diff(np.r_[heads, len(ids)]))


def _mixed(rank: IntArray, draw: IntArray) -> IntArray:
    """Patient and 64-bit draw in one integer, wrapping around; equality is checked again by the caller."""
    return np.asarray(draw ^ (rank * np.int64(-7046029254386353131)), dtype=np.int64)


def _last_equal(keys: IntArray, wanted: IntArray) -> IntArray:
    """Last place in `keys` that equals each wanted key, -1 where none does."""
    if not len(keys):
        return np.full(len(wanted), -1, dtype=np.int64)
    order = np.argsort(keys, kind="stable")
    place = np.searchsorted(keys, wanted, "right", sorter=order) - 1
    found = order[np.maximum(place, 0)]
    return np.where((place >= 0) & (keys[found] == wanted), found, -1)
