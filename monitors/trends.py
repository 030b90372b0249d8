"""Draws over time: anchors, breaches, the fold, rolling means and exposure to a drug class.

Pure and vectorised over all patients at once: rows are draws sorted by patient rank, then time; -1 as a row
index means "none". Nothing here knows what a rule is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from monitors.measures import DAYS, BoolArray, IntArray, Values
from monitors.units import FloatArray, round6

SUPPLY_GRACE_DAYS = 14  # a supply that ran out still counts as taken for so long
LIST_GOOD_DAYS = 30  # a reconciled list says "not on it" for so long
NEVER, ALWAYS = DAYS // 2 - 1, -DAYS // 2
OFF, ON, UNKNOWN = 0, 1, -1


def day_key(rank: IntArray, day: IntArray) -> IntArray:
    """Patient and day as one sortable integer."""
    return rank * DAYS + day


def unkeyed(key: IntArray) -> tuple[IntArray, IntArray]:
    """(rank, day) of day keys."""
    rank = (key + DAYS // 2) // DAYS
    return rank, key - rank * DAYS


def chain(rank: IntArray, day: IntArray, method: IntArray | None, apart_days: int, gap_days: int) -> IntArray:
    """For each draw the anchor before it: the newest draw of the patient at least `apart_days` earlier.

    -1 where there is none, where it lies more than `gap_days` back, or where the assay method differs: the
    chain ends there. Following the result twice gives the third anchor.
    """
    key = day_key(rank, day)
    before = np.searchsorted(key, key - apart_days, "right") - 1
    safe = np.maximum(before, 0)
    linked = (before >= 0) & (rank[safe] == rank) & (day - day[safe] <= gap_days)
    if method is not None:
        linked &= method[safe] == method
    return np.where(linked, before, -1)


def before_of(previous: IntArray, rows: IntArray) -> IntArray:
    """One step back along a chain; -1 stays -1."""
    return np.where(rows >= 0, previous[rows], -1)


def certain(comparison: str, lo: FloatArray, hi: FloatArray, limit: FloatArray) -> BoolArray:
    """Whether each value, known to lie in [lo, hi], is certainly above | at_least | below | at_or_below its limit."""
    return np.asarray(
        {
            "above": lambda: lo > limit,
            "at_least": lambda: lo >= limit,
            "below": lambda: hi < limit,
            "at_or_below": lambda: hi <= limit,
        }[comparison]()
    )


def met(
    beyond: BoolArray, previous: IntArray, anchors: int, window: int, after: IntArray | None = None
) -> BoolArray:
    """Whether the latest anchor and at least `anchors` of the last `window` lie beyond the limit, at each draw.

    after: row of the last clear before each draw (-1 none); a supporting anchor at or before it does not count.
    """
    if window == 1:
        return beyond
    count = beyond.astype(np.int64)
    row = np.arange(len(beyond))
    for _ in range(window - 1):
        row = before_of(previous, row)
        counts = (row >= 0) & beyond[row]
        count += counts if after is None else counts & (row > after)
    return beyond & (count >= anchors)


class Fold(NamedTuple):
    """Where each draw stands: does it raise, does it clear, the row of the last that did so far (-1 none), and
    whether it is latched: raised, and not cleared since."""

    raised: BoolArray
    cleared: BoolArray
    last_raise: IntArray
    last_clear: IntArray
    latched: BoolArray


def last_so_far(rank: IntArray, marked: BoolArray) -> IntArray:
    """Row of the patient's last marked draw at or before each draw, -1 where there is none."""
    if not len(rank):
        return np.zeros(0, dtype=np.int64)
    last = np.maximum.accumulate(np.where(marked, np.arange(len(rank)), -1))
    return np.where((last >= 0) & (rank[np.maximum(last, 0)] == rank), last, -1)


def last_clear_before(rank: IntArray, cleared: BoolArray) -> IntArray:
    """Row of the patient's last clear strictly before each draw, -1 where there is none."""
    last = last_so_far(rank, cleared)
    earlier = np.r_[np.int64(-1), last[:-1]] if len(last) else last
    return np.where((earlier >= 0) & (rank[np.maximum(earlier, 0)] == rank), earlier, -1)


def fold(rank: IntArray, raised: BoolArray, cleared: BoolArray) -> Fold:
    """Raise wins over clear; latched is the last raise after the last clear."""
    cleared = cleared & ~raised
    last_raise, last_clear = last_so_far(rank, raised), last_so_far(rank, cleared)
    return Fold(raised, cleared, last_raise, last_clear, last_raise > last_clear)


def window_start(values: Values, rows: IntArray, days: int) -> IntArray:
    """The first draw of the same patient that is not more than `days` days older than each of `rows`."""
    key, first = day_key(values.rank, values.day), np.searchsorted(values.rank, values.rank[rows], "left")
    return np.asarray(np.maximum(np.searchsorted(key, key[rows] - days, "left"), first))


class Means(NamedTuple):
    mean: FloatArray
    values: IntArray
    si: BoolArray


def rolling_mean(values: Values, rows: IntArray, days: int) -> Means:
    """Mean of the exact values of the `days` days that end with each of `rows` (that draw included, later ones not).

    In SI where all of them were reported in SI, else in the conventional unit; rounded by round6; NaN of none.
    """
    if not len(rows):
        return Means(np.zeros(0), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=bool))
    cut = np.column_stack([window_start(values, rows, days - 1), rows + 1]).ravel()
    exact = values.exact

    def total(numbers: FloatArray) -> FloatArray:
        return np.asarray(np.add.reduceat(np.append(numbers, 0.0), cut)[::2])

    count = total(exact.astype(np.float64))
    si = (total((exact & values.si).astype(np.float64)) == count) & (count > 0)
    reported = values.interval.value
    conventional = np.where(values.si, round6(reported / values.to_si), reported)
    totals = np.where(si, total(np.where(exact, reported, 0.0)), total(np.where(exact, conventional, 0.0)))
    mean = np.divide(totals, count, out=np.full(len(rows), np.nan), where=count > 0)
    return Means(round6(mean), count.astype(np.int64), si)


@dataclass(frozen=True)
class Periods:
    """When patients were on one drug class. `starts`, `ends` (exclusive): sorted day keys of the periods.

    stops: (day keys of every end that has a cause, sorted; whether a stop was recorded). lists: day keys of
    reconciled lists.
    """

    starts: IntArray
    ends: IntArray
    stops: IntArray
    recorded: BoolArray
    lists: IntArray

    def state(self, rank: IntArray, day: IntArray) -> IntArray:
        """ON, OFF or UNKNOWN for each (patient, day).

        Off: the last period ended with a recorded stop, or the newest list is at most 30 days old.
        """
        key = day_key(rank, day)
        on = np.searchsorted(self.starts, key, "right") > np.searchsorted(self.ends, key, "right")
        # Every earlier patient has as many starts as ends, so the difference is this patient's own.
        stop = np.searchsorted(self.stops, key, "right") - 1
        stopped = _same_patient(self.stops, stop, rank)
        if len(self.stops):
            stopped &= self.recorded[np.maximum(stop, 0)]
        newest = np.searchsorted(self.lists, key, "right") - 1
        listed = _same_patient(self.lists, newest, rank)
        if len(self.lists):
            listed &= key - self.lists[np.maximum(newest, 0)] <= LIST_GOOD_DAYS
        return np.where(on, ON, np.where(stopped | listed, OFF, UNKNOWN))

    def off_for(self, rank: IntArray, day: IntArray, days: int) -> BoolArray:
        """Whether each patient is off that day and was on at none of the `days` days before it."""
        key = day_key(rank, day)
        last = np.searchsorted(self.ends, key, "right") - 1
        recent = _same_patient(self.ends, last, rank)
        if len(self.ends):
            recent &= key - self.ends[np.maximum(last, 0)] < days
        return np.asarray((self.state(rank, day) == OFF) & ~recent)

    def ended_within(self, rank: IntArray, day: IntArray, days: int) -> BoolArray:
        """Whether a period ended no more than `days` before each (patient, day)."""
        return self._any_between(self.ends, day_key(rank, day), days)

    def begun_within(self, rank: IntArray, day: IntArray, days: int) -> BoolArray:
        """Whether a period began no more than `days` before each (patient, day)."""
        return self._any_between(self.starts, day_key(rank, day), days)

    def _any_between(self, keys: IntArray, key: IntArray, days: int) -> BoolArray:
        return np.asarray(np.searchsorted(keys, key, "right") > np.searchsorted(keys, key - days, "left"))

    def ever_on(self, patients: int, first: IntArray, last: IntArray) -> BoolArray:
        """Whether each patient was on at any day from `first` to `last`, both included; arrays (patients,)."""
        rank = np.arange(patients)
        begun = np.searchsorted(self.starts, day_key(rank, last), "right")
        over = np.searchsorted(self.ends, day_key(rank, first), "right")
        return np.asarray(begun > over)


def _same_patient(keys: IntArray, place: IntArray, rank: IntArray) -> BoolArray:
    if not len(keys):
        return np.zeros(len(rank), dtype=bool)
    return np.asarray((place >= 0) & ((keys[np.maximum(place, 0)] + DAYS // 2) // DAYS == rank))


def medication_periods(medications: pd.DataFrame, rank: IntArray) -> pd.DataFrame:
    """Each medication row's period: rank, drug_class, start, end (exclusive), stopped (a recorded stop); any order.

    rank: (n,) place of each row's patient, -1 for a patient who is not judged. Start: the recorded start, else
    the list's day, else always. End: the recorded stop; else supply + 14 days; else the first list of the
    patient newer than both the row's own list and its start, because that list omits it; else never.
    """
    start, listed = medications["start_day"].to_numpy(), medications["listed_day"].to_numpy()
    stop, supply = medications["stop_day"].to_numpy(), medications["supply_days"].to_numpy()
    begun = np.where(start >= 0, start, np.where(listed >= 0, listed, ALWAYS))
    lists = list_days(medications, rank)
    after = np.searchsorted(lists, day_key(rank, np.maximum(listed, begun)), "right")
    omitted = np.full(len(rank), NEVER)
    if len(lists):
        newer = lists[np.minimum(after, len(lists) - 1)]
        same = (after < len(lists)) & ((newer + DAYS // 2) // DAYS == rank)
        omitted = np.where(same, newer - rank * DAYS, NEVER)
    end = np.where(stop >= 0, stop, np.where(supply >= 0, begun + supply + SUPPLY_GRACE_DAYS, omitted))
    return pd.DataFrame(
        {"rank": rank, "drug_class": medications["drug_class"].to_numpy(), "start": begun, "end": end,
         "stopped": stop >= 0}
    )  # fmt: skip


def list_days(medications: pd.DataFrame, rank: IntArray) -> IntArray:
    """Day keys of the days patients' drug lists were reconciled, sorted, each once."""
    listed = medications["listed_day"].to_numpy()
    rows = (listed >= 0) & (rank >= 0)
    return np.unique(day_key(rank[rows], listed[rows]))


def exposure(periods: pd.DataFrame, lists: IntArray, drug_class: str) -> Periods:
    """Exposure of every patient to one class, from the periods of all medication rows."""
    chosen = (periods["drug_class"].to_numpy() == drug_class) & (periods["rank"].to_numpy() >= 0)
    rank, start, end = (periods[name].to_numpy()[chosen] for name in ("rank", "start", "end"))
    stopped = periods["stopped"].to_numpy()[chosen]
    taken = start < end
    stop = day_key(rank, np.maximum(start, end))
    order = np.lexsort((stopped, stop))  # of two ends on one day the recorded stop comes last, and counts
    return Periods(
        np.sort(day_key(rank[taken], start[taken])), np.sort(day_key(rank[taken], end[taken])),
        stop[order], stopped[order], lists,
    )  # fmt: skip
