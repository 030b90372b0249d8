"""The course of one signal that follows a measure: where it stands at each of its draws, all patients at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from monitors.measures import BoolArray, IntArray, Values, ends
from monitors.rules.breaches import Anchors, Breach, UpperLimit
from monitors.rules.model import Rule, Signal
from monitors.rules.movements import falls, moves, rises_in_a_row
from monitors.trends import Fold, certain, chain, fold, last_clear_before, met, rolling_mean
from monitors.units import FloatArray, Limit, round6

OPPOSITE = {"above": "at_or_below", "at_least": "below", "below": "at_least", "at_or_below": "above"}


@dataclass(frozen=True)
class Nights:
    """When each patient is judged: as_of (µs UTC) and as_of_day, arrays (patients,)."""

    as_of: IntArray
    day: IntArray

    def __len__(self) -> int:
        return len(self.as_of)


@dataclass(frozen=True)
class Course:
    """Where a rule, or one signal of it, stands at each of its draws or events (rows, sorted by patient, time).

    draw: place of the patient's newest draw of anything at or before each row. end: newest row of each patient, -1 none.
    gap_days: how old its newest draw may be for a rule that mentions it.
    Of a signal: values; previous, its chain of anchors; beyond, whether each value breaches the raise limit;
    stands, whether it counts as raising there: it raises, or what raised became known after this value.
    described: the signals that run at this site, in the order of the arrays below.
    Of a rule over events: signals (None for one without draws of its own); newest, at each event the row of each
    signal's newest draw (-1 none); raises, latched: whether that signal raises, is latched there; drawn, the newest event
    so far that is a draw (-1 none); previous, the chain over those; followed, the patients it was folded for; noted, the
    fold of the signals that are not live (shadow, page only): the fold itself is of the live ones.
    """

    rank: IntArray
    at: IntArray
    day: IntArray
    draw: IntArray
    fold: Fold
    end: IntArray
    gap_days: int
    values: Values | None = None
    previous: IntArray | None = None
    beyond: BoolArray | None = None
    stands: BoolArray | None = None
    described: tuple[Signal, ...] = ()
    signals: tuple[Course | None, ...] = ()
    newest: tuple[IntArray, ...] = ()
    raises: tuple[BoolArray, ...] = ()
    latched: tuple[BoolArray, ...] = ()
    drawn: IntArray | None = None
    followed: BoolArray | None = None
    presumed: BoolArray | None = None
    noted: Fold | None = None

    @property
    def standing(self) -> BoolArray:
        """Whether it raises at each row, late knowledge counted."""
        return self.fold.raised if self.stands is None else self.stands


def limits(limit: Limit | UpperLimit, values: Values) -> FloatArray:
    """The limit each value is held against, in the unit it was reported in."""
    if not isinstance(limit, UpperLimit):
        return limit.per(values.si)
    multiple = round6(limit.times * values.upper_limit)
    return np.where(np.isnan(multiple), limit.otherwise.per(values.si), multiple)


def beyond(breach: Breach, values: Values, previous: IntArray | None = None) -> BoolArray:
    """Whether each value certainly breaches. previous: the chain of anchors, for movements."""
    if breach.change is not None or breach.rises is not None:
        assert previous is not None
        if breach.change is not None:
            return moves(breach.change, values, previous)
        assert breach.rises is not None
        return rises_in_a_row(breach.rises, values, previous)
    if breach.fall is not None:
        return falls(breach.fall, values)
    if breach.mean is not None:
        return _mean_beyond(breach, values)
    lo, hi = values.interval.lo, values.interval.hi
    found = certain(breach.comparison, lo, hi, limits(breach.limit, values))
    if breach.but_below is not None:
        found &= ~certain("at_least", lo, hi, limits(breach.but_below, values))  # `>9` may lie in the range, and counts
    return found


def not_beyond(breach: Breach, values: Values) -> BoolArray:
    """Whether each value certainly does not lie beyond the limit of a plain comparison."""
    out = certain(OPPOSITE[breach.comparison], values.interval.lo, values.interval.hi, limits(breach.limit, values))
    if breach.but_below is not None:
        out |= certain("at_least", values.interval.lo, values.interval.hi, limits(breach.but_below, values))
    return out


def _mean_beyond(breach: Breach, values: Values) -> BoolArray:
    """The rolling mean at every value whose patient has one value beyond the limit: no mean can be without."""
    assert breach.mean is not None
    plain = breach.model_copy(update={"mean": None})
    some = np.zeros(int(values.rank.max(initial=-1)) + 1, dtype=bool)
    some[values.rank[~not_beyond(plain, values)]] = True
    rows = np.flatnonzero(some[values.rank])
    means = rolling_mean(values, rows, breach.mean.days)
    limit = limits(breach.limit, values)[rows] if isinstance(breach.limit, UpperLimit) else breach.limit.per(means.si)
    found = np.zeros(len(values), dtype=bool)
    with np.errstate(invalid="ignore"):
        found[rows] = certain(breach.comparison, means.mean, means.mean, limit) & (means.values >= breach.mean.values)
    return found


def pace(signal: Signal, rule: Rule) -> Anchors:
    """How a signal's anchors are chosen: its own way, else its rule's."""
    return signal.anchors or rule.anchors


def chained(values: Values, anchors: Anchors) -> IntArray:
    return chain(values.rank, values.day, values.method, anchors.apart_days, anchors.gap_days)


def looked_at(values: Values, nights: Nights, lookback_days: int) -> Values:
    """The values a rule reads: none older than its look-back."""
    recent = nights.day[values.rank] - values.day <= lookback_days
    return values if recent.all() else values.take(np.flatnonzero(recent))


def could_raise(breach: Breach, values: Values, anchors: Anchors, patients: int) -> BoolArray:
    """Patients with enough breaching values to raise at all, (patients,): nobody else need be followed."""
    previous = None if breach.compares or breach.fall is not None else chained(values, anchors)
    found = values.rank[beyond(breach, values, previous)]
    return np.bincount(found, minlength=patients) >= breach.anchors


def follow(signal: Signal, rule: Rule, values: Values, patients: int) -> Course:
    """Fold one measure of a rule over its draws."""
    assert signal.raise_ is not None
    anchors, raises = pace(signal, rule), signal.raise_
    previous = chained(values, anchors)
    high = beyond(raises, values, previous)
    could = met(high, previous, raises.anchors, raises.window)
    clears = np.zeros(len(values), dtype=bool)
    for clear in signal.clear:
        clears |= met(beyond(clear, values, previous), previous, clear.anchors, clear.window)
    clears &= ~could
    raised = could
    if raises.window > 1:
        raised = met(high, previous, raises.anchors, raises.window, last_clear_before(values.rank, clears))
    folded = fold(values.rank, raised, clears)
    stands = None
    if signal.reads != "anchored" and values.known is not None and len(values):
        stands = raised | _known_late(folded, values)
    return Course(
        values.rank, values.at, values.day, values.place, folded, ends(values.rank, patients), anchors.gap_days, values,
        previous, high, stands, (signal,),
    )  # fmt: skip


def _known_late(folded: Fold, values: Values) -> BoolArray:
    """Whether some raise since the last clear became known after each value: it was never told while it was the newest."""
    assert values.known is not None
    order = np.unique(values.known, return_inverse=True)[1].astype(np.int64)
    begins = folded.cleared | np.append(True, values.rank[1:] != values.rank[:-1])
    base = np.cumsum(begins) * (len(values) + 1)  # a raise counts until the next clear, and for its own patient
    latest = np.maximum.accumulate(base + np.where(folded.raised, order + 1, 0)) - base - 1
    return np.asarray(folded.latched & (latest > order))


def nights_of(patients: pd.DataFrame) -> Nights:
    return Nights(
        patients["as_of"].to_numpy().astype(np.int64), patients["as_of_day"].to_numpy().astype(np.int64)
    )
