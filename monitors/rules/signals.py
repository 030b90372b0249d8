"""The course of a rule: where it stands at each draw, for every patient at once.

Two ways. A rule with one signal folds over that signal's own draws. A rule with several signals, or with an
exposure, folds over *events*: every instant at which one of its signals was drawn, every day its
exposure may turn, and the as-of instant. The instant of a day without a draw is that day at
the unit's cut-off: as_of minus whole days.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from monitors.measures import DAYS, BoolArray, IntArray, Measures, Values
from monitors.rules.model import Anchors, Breach, Rule, Signal, UpperLimit
from monitors.trends import (
    ON,
    Fold,
    Periods,
    before_of,
    certain,
    chain,
    ends,
    fold,
    last_clear_before,
    last_so_far,
    met,
)
from monitors.units import FloatArray, round6

DAY_US = 86_400_000_000


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

    end: newest row of each patient, -1 none. gap_days: how old its newest draw may be for a rule that mentions it.
    Of a signal: values; previous, its chain of anchors; beyond, whether each value lies beyond the raise limit.
    Of a rule over events: signals; newest, at each event the row of each signal's newest draw (-1 none); raises,
    whether that raises the rule; drawn, the newest event so far that is a draw (-1 none); previous, the chain over
    those; followed, the patients it was folded for.
    """

    rank: IntArray
    at: IntArray
    day: IntArray
    fold: Fold
    end: IntArray
    gap_days: int
    values: Values | None = None
    previous: IntArray | None = None
    beyond: BoolArray | None = None
    signals: tuple[Course, ...] = ()
    newest: tuple[IntArray, ...] = ()
    raises: tuple[BoolArray, ...] = ()
    drawn: IntArray | None = None
    followed: BoolArray | None = None

    def of_patients(self, of: BoolArray) -> IntArray:
        """Rows of some patients; of: (patients,)."""
        return np.flatnonzero(of[self.rank])


def limits(breach: Breach, values: Values) -> FloatArray:
    """The limit each value is held against, in the unit it was reported in."""
    limit = breach.limit
    if not isinstance(limit, UpperLimit):
        return limit.per(values.si)
    multiple = round6(limit.times * values.upper_limit)
    return np.where(np.isnan(multiple), limit.otherwise.per(values.si), multiple)


def beyond(breach: Breach, values: Values) -> BoolArray:
    """Whether each value certainly lies beyond the breach's limit."""
    return certain(breach.comparison, values.interval.lo, values.interval.hi, limits(breach, values))


def pace(signal: Signal, rule: Rule) -> Anchors:
    """How a signal's anchors are chosen: its own way, else its rule's."""
    return signal.anchors or rule.anchors


def looked_at(values: Values, nights: Nights, lookback_days: int) -> Values:
    """The values a rule reads: none older than its look-back."""
    recent = nights.day[values.rank] - values.day <= lookback_days
    return values if recent.all() else values.take(np.flatnonzero(recent))


def follow(signal: Signal, rule: Rule, values: Values, patients: int) -> Course:
    """Fold one measure of a rule over its draws."""
    assert signal.raise_ is not None
    anchors = pace(signal, rule)
    previous = chain(values.rank, values.day, values.method, anchors.apart_days, anchors.gap_days)
    high = beyond(signal.raise_, values)
    could_raise = met(high, previous, signal.raise_.anchors, signal.raise_.window)
    clears = np.zeros(len(values), dtype=bool)
    for clear in signal.clear:
        clears |= met(beyond(clear, values), previous, clear.anchors, clear.window)
    clears &= ~could_raise
    raised = could_raise
    if signal.raise_.window > 1:
        after = last_clear_before(values.rank, clears)
        raised = met(high, previous, signal.raise_.anchors, signal.raise_.window, after)
    return Course(
        values.rank, values.at, values.day, fold(values.rank, raised, clears), ends(values.rank, patients),
        anchors.gap_days, values, previous, high,
    )  # fmt: skip


def course_of(
    rule: Rule, measures: Measures, nights: Nights, exposed: Periods | None, others: Mapping[str, Course]
) -> Course:
    """The course of a whole rule. others: courses of the rules judged before it, for `rule:` signals."""
    followed = np.ones(len(nights), dtype=bool)
    if rule.exposure and exposed is not None:
        followed = exposed.ever_on(len(nights), nights.day - rule.anchors.lookback_days, nights.day)
    signals = tuple(_signal_course(signal, rule, measures, nights, others, followed) for signal in rule.signals)
    if len(signals) == 1 and rule.exposure is None:
        return signals[0]
    return _over_events(rule, signals, nights, exposed, followed)


def _signal_course(
    signal: Signal, rule: Rule, measures: Measures, nights: Nights, others: Mapping[str, Course], followed: BoolArray
) -> Course:
    if signal.rule is not None:
        return others[signal.rule]
    assert signal.measure is not None
    values = measures.of(signal.measure)
    if not followed.all():
        values = values.take(np.flatnonzero(followed[values.rank]))
    return follow(signal, rule, looked_at(values, nights, pace(signal, rule).lookback_days), len(nights))


def _over_events(
    rule: Rule, signals: tuple[Course, ...], nights: Nights, exposed: Periods | None, followed: BoolArray
) -> Course:
    rows = [signal.of_patients(followed) for signal in signals]
    exposure_days = _exposure_days(rule, nights, exposed, followed)
    patients = np.flatnonzero(followed)
    rank = np.concatenate([*(s.rank[r] for s, r in zip(signals, rows, strict=True)), exposure_days[0], patients])
    day = np.concatenate([*(s.day[r] for s, r in zip(signals, rows, strict=True)), exposure_days[1], nights.day[patients]])
    instant = nights.as_of[exposure_days[0]] - (nights.day[exposure_days[0]] - exposure_days[1]) * DAY_US
    at = np.concatenate([*(s.at[r] for s, r in zip(signals, rows, strict=True)), instant, nights.as_of[patients]])
    rank, at, day, place = _distinct(rank, at, day)

    # A signal or a mentioned rule may look back further: its older draws stand, but nothing of this rule happens at them.
    inside = nights.day[rank] - day <= rule.anchors.lookback_days
    on = inside
    if exposed is not None and rule.exposure is not None:
        on = inside & (exposed.state(rank, day) == ON)
    latched, drawn = np.zeros(len(rank), dtype=bool), np.zeros(len(rank), dtype=bool)
    raises: list[BoolArray] = []
    newest, offset = [], 0
    for signal, row, described in zip(signals, rows, rule.signals, strict=True):
        here = np.full(len(rank), -1, dtype=np.int64)
        np.maximum.at(here, place[offset : offset + len(row)], row)
        offset += len(row)
        drawn |= (here >= 0) & inside
        event = last_so_far(rank, here >= 0)
        found = before_of(here, event)
        newest.append(found)
        if not len(signal.rank):
            raises.append(np.zeros(len(rank), dtype=bool))
            continue
        standing = signal.fold.latched if described.rule else signal.fold.raised
        recent = day - signal.day[found] <= signal.gap_days
        raises.append((found >= 0) & standing[found] & recent & on)
        latched |= (found >= 0) & signal.fold.latched[found]

    raised = np.logical_or.reduce(raises)
    cleared = ~latched & inside
    if exposed is not None and rule.exposure is not None:
        cleared |= inside & exposed.off_for(rank, day, rule.exposure.washout_days)
    previous = _chain_of_draws(rank, day, drawn, rule)
    return Course(
        rank, at, day, fold(rank, raised, cleared), ends(rank, len(nights)), rule.anchors.gap_days, previous=previous,
        signals=signals, newest=tuple(newest), raises=tuple(raises), drawn=last_so_far(rank, drawn), followed=followed,
    )  # fmt: skip


def _exposure_days(
    rule: Rule, nights: Nights, exposed: Periods | None, followed: BoolArray
) -> tuple[IntArray, IntArray]:
    """(rank, day) within the look-back at which exposure may turn: a period starts or ends, a wash-out ends, or a
    list is reconciled (it can turn unknown into off)."""
    none = np.zeros(0, dtype=np.int64)
    if exposed is None or rule.exposure is None:
        return none, none
    keys = np.concatenate([exposed.starts, exposed.lists, exposed.stops, exposed.ends])
    rank = (keys + DAYS // 2) // DAYS
    day = keys - rank * DAYS
    day[len(keys) - len(exposed.ends) :] += rule.exposure.washout_days
    inside = followed[rank] & (day <= nights.day[rank]) & (day >= nights.day[rank] - rule.anchors.lookback_days)
    return rank[inside], day[inside]


def _distinct(rank: IntArray, at: IntArray, day: IntArray) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Distinct (rank, at, day), sorted, and the place of each given one among them."""
    order = np.lexsort((day, at, rank))
    sorted_ = rank[order], at[order], day[order]
    new = np.ones(len(order), dtype=bool)
    if len(order):
        new[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in sorted_])
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.cumsum(new) - 1
    return sorted_[0][new], sorted_[1][new], sorted_[2][new], place


def _chain_of_draws(rank: IntArray, day: IntArray, drawn: BoolArray, rule: Rule) -> IntArray:
    """The chain of anchors over those events that are draws, as event rows."""
    draws = np.flatnonzero(drawn)
    previous = np.full(len(rank), -1, dtype=np.int64)
    linked = chain(rank[draws], day[draws], None, rule.anchors.apart_days, rule.anchors.gap_days)
    previous[draws] = np.where(linked >= 0, draws[np.maximum(linked, 0)], -1) if len(draws) else linked
    return previous


def newest_days(values: Values, patients: int) -> IntArray:
    """Day of each patient's newest value, (patients,); far in the past where there is none."""
    end = ends(values.rank, patients)
    days = np.append(values.day, np.int64(-DAYS))
    return np.where(end >= 0, days[end], -DAYS)


def nights_of(patients: pd.DataFrame) -> Nights:
    return Nights(
        patients["as_of"].to_numpy().astype(np.int64), patients["as_of_day"].to_numpy().astype(np.int64)
    )
