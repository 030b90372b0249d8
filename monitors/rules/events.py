"""A rule over several signals, conditions or drugs, folded over events.

An event is an instant at which one of its signals (or a measure a condition looks at) was drawn, a day on which a
drug, a fact or a due date turns, and the as-of instant. The instant of a day without a draw is that day at the unit's
cut-off: as_of minus whole days.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitors.measures import DAYS, BoolArray, IntArray, ends
from monitors.rules.courses import Course, beyond, chained
from monitors.rules.model import Anchors, Rule, Signal
from monitors.rules.moments import Moments, Rows, distinct, instants, joined, newest_drawn, newest_of
from monitors.rules.overdue import due, due_days
from monitors.rules.sources import Sources
from monitors.rules.states import FALSE, TRUE, looked_at, state, turning_days
from monitors.trends import ON, Fold, chain, fold, last_clear_before, last_so_far, met, unkeyed


def over_events(
    rule: Rule, signals: tuple[Signal, ...], courses: tuple[Course | None, ...], sources: Sources, followed: BoolArray
) -> Course:
    """Fold the signals of a rule, for the patients followed; signals: those that run at this site."""
    nights, lookback = sources.nights, rule.anchors.lookback_days
    places = [_draws(signal, course, sources, followed) for signal, course in zip(signals, courses, strict=True)]
    others = [_without_draws(_turning(rule, signals, sources), sources, followed, lookback)]
    others += [_events_of(course, followed) for course in courses if course is not None and course.values is None]
    moments, drawn = distinct(np.concatenate([np.zeros(0, dtype=np.int64), *places]), joined(others), sources.measures.draws)
    # A signal or a mentioned rule may look back further: its older draws stand, but nothing of this rule happens at them.
    inside = nights.day[moments.rank] - moments.day <= lookback
    drawn &= inside

    on, presumed = exposed(rule, moments, sources)
    raises, latched, newest = [], [], []
    event = _Events(rule, moments, inside & on, drawn, sources)
    for signal, course in zip(signals, courses, strict=True):
        here = np.full(len(moments), -1, dtype=np.int64)
        if course is not None:
            here = newest_of(course, moments)
            up, held = event.followed(signal, course, here)
        else:
            up, held = event.stated(signal)
        if signal.while_ is not None:
            holds = state(signal.while_, moments, rule, sources)
            up, held = up & (holds == TRUE), held & (holds != FALSE)
        if signal.unless is not None:
            blocked = state(signal.unless, moments, rule, sources) == TRUE
            up, held = up & ~blocked, held & ~blocked
        if signal.while_ is not None or signal.unless is not None:  # what never raised under its condition holds nothing
            held = fold(moments.rank, up, ~held).latched
        raises.append(up)
        latched.append(held)
        newest.append(here)

    none = np.zeros(len(moments), dtype=bool)
    off = none
    if rule.exposure is not None:
        off = sources.taken.off_for(rule.exposure.classes, moments.rank, moments.day, rule.exposure.washout_days) & ~presumed

    def folded(live: bool) -> Fold:
        chosen = [number for number, signal in enumerate(signals) if (signal.mode == "live") == live]
        raised = np.logical_or.reduce([none, *(raises[number] for number in chosen)])
        held = np.logical_or.reduce([none, *(latched[number] for number in chosen)])
        return fold(moments.rank, raised, (off | ~held) & inside)

    some_noted = any(signal.mode != "live" for signal in signals)
    return Course(
        moments.rank, moments.at, moments.day, moments.draw, folded(True), ends(moments.rank, len(nights)),
        rule.anchors.gap_days, described=signals, previous=_chain_of_draws(moments, drawn, rule.anchors), signals=courses,
        newest=tuple(newest),
        raises=tuple(raises), latched=tuple(latched), drawn=last_so_far(moments.rank, drawn), followed=followed,
        presumed=presumed, noted=folded(False) if some_noted else None,
    )  # fmt: skip


@dataclass(frozen=True)
class _Events:
    """The events of one rule: where each of its signals raises and is latched."""

    rule: Rule
    moments: Moments
    active: BoolArray
    drawn: BoolArray
    sources: Sources

    def followed(self, signal: Signal, course: Course, newest: IntArray) -> tuple[BoolArray, BoolArray]:
        """A measure, or another rule: by its newest draw, if that is recent enough."""
        if not len(course.rank):
            return np.zeros(len(newest), dtype=bool), np.zeros(len(newest), dtype=bool)
        held = (newest >= 0) & course.fold.latched[newest]
        standing = course.fold.latched if signal.rule is not None else course.standing
        recent = self.moments.day - course.day[newest] <= course.gap_days
        return (newest >= 0) & standing[newest] & recent & self.active, held

    def stated(self, signal: Signal) -> tuple[BoolArray, BoolArray]:
        """A state, seen at as many anchors as it asks for, or an overdue test."""
        if signal.overdue is not None:
            overdue = due(signal.overdue, self.moments, self.sources).overdue
            return overdue & self.active, overdue
        assert signal.state is not None
        holds = state(signal.state, self.moments, self.rule, self.sources)
        seen = (holds == TRUE) & self.active
        if signal.repeated is not None:
            anchors = signal.anchors or self.rule.anchors
            previous = _chain_of_draws(self.moments, self.drawn, anchors)
            last = last_so_far(self.moments.rank, self.drawn)
            after = last_clear_before(self.moments.rank, holds == FALSE)
            again = met(seen, previous, signal.repeated.anchors, signal.repeated.of, after)
            seen &= (last >= 0) & again[last]
        return seen, holds != FALSE


def _draws(signal: Signal, course: Course | None, sources: Sources, followed: BoolArray) -> IntArray:
    """Places of the draws that a signal and its conditions look at, of the patients followed."""
    looked = dict.fromkeys(one for condition in signal.conditions for one in looked_at(condition, sources))
    if signal.overdue is not None:
        looked[signal.overdue.measure, "valid"] = None
    read = [sources.measures.reading(reads).of(measure) for measure, reads in looked]
    if course is not None and course.values is not None:
        read.append(course.values)
    none = np.zeros(0, dtype=np.int64)
    return np.concatenate([none, *(values.place[followed[values.rank]] for values in read)])


def _events_of(course: Course, followed: BoolArray) -> Rows:
    """The events of another rule count as draws of this one."""
    mine = np.flatnonzero(followed[course.rank])
    return Rows(course.rank[mine], course.at[mine], course.day[mine], np.ones(len(mine), dtype=bool))


def _turning(rule: Rule, signals: tuple[Signal, ...], sources: Sources) -> tuple[IntArray, IntArray]:
    """(rank, day) at which something may turn that is no draw."""
    pairs = [(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))]
    for signal in signals:
        pairs += [turning_days(condition, sources) for condition in signal.conditions]
        if signal.overdue is not None:
            pairs.append(due_days(signal.overdue, sources))
    if rule.exposure is not None:
        pairs.append(_exposure_days(rule, sources))
    return np.concatenate([rank for rank, _ in pairs]), np.concatenate([day for _, day in pairs])


def _exposure_days(rule: Rule, sources: Sources) -> tuple[IntArray, IntArray]:
    """A period starts or ends, a wash-out or a tail ends, or a list is reconciled (it can turn unknown into off)."""
    assert rule.exposure is not None
    tails = rule.exposure.tails
    pairs = [unkeyed(sources.taken.lists)]
    for name in rule.exposure.classes:
        periods = sources.taken.of(name)
        rank, over = unkeyed(periods.ends)
        pairs += [unkeyed(periods.starts), unkeyed(periods.stops), (rank, over), (rank, over + rule.exposure.washout_days)]
        if tails[name]:
            pairs.append((rank, over + tails[name] + 1))
    if rule.exposure.presumed is not None:  # what stands in for a list, and the drugs that keep it from doing so
        values = sources.measures.of(rule.exposure.presumed.measure)
        pairs.append((values.rank, values.day))
        for name in rule.exposure.presumed.unless:
            pairs += [unkeyed(sources.taken.of(name).starts), unkeyed(sources.taken.of(name).ends)]
    return np.concatenate([rank for rank, _ in pairs]), np.concatenate([day for _, day in pairs])


def _without_draws(turning: tuple[IntArray, IntArray], sources: Sources, followed: BoolArray, lookback: int) -> Rows:
    """The days inside the look-back on which something turns, and the night's end."""
    rank, day = turning
    nights, patients = sources.nights, np.flatnonzero(followed)
    inside = followed[rank] & (day <= nights.day[rank]) & (day >= nights.day[rank] - lookback)
    rank, day = np.concatenate([rank[inside], patients]), np.concatenate([day[inside], nights.day[patients]])
    return Rows(rank, instants(nights, rank, day), day, np.zeros(len(rank), dtype=bool))


def exposed(rule: Rule, moments: Moments, sources: Sources) -> tuple[BoolArray, BoolArray]:
    """Whether the rule's exposure lasts at each moment, and whether it is only presumed from a laboratory value."""
    if rule.exposure is None:
        return np.ones(len(moments), dtype=bool), np.zeros(len(moments), dtype=bool)
    taken = sources.taken
    on = taken.state(rule.exposure.classes, moments.rank, moments.day, rule.exposure.tails) == ON
    presumed = np.zeros(len(moments), dtype=bool)
    if rule.exposure.presumed is not None:
        wanted = rule.exposure.presumed
        values = sources.measures.of(wanted.measure)
        row = newest_drawn(values, moments)
        previous = chained(values, rule.anchors)
        high = met(beyond(wanted.is_, values, previous), previous, wanted.is_.anchors, wanted.is_.window)
        recent = moments.day - np.append(values.day, -DAYS)[row] <= rule.anchors.gap_days
        none = taken.state(wanted.unless, moments.rank, moments.day, {}) != ON
        presumed = (row >= 0) & np.append(high, False)[row] & recent & none & ~on
    return on | presumed, presumed


def _chain_of_draws(moments: Moments, drawn: BoolArray, anchors: Anchors) -> IntArray:
    """The chain of anchors over those events that are draws, as event rows."""
    draws = np.flatnonzero(drawn)
    previous = np.full(len(moments), -1, dtype=np.int64)
    linked = chain(moments.rank[draws], moments.day[draws], None, anchors.apart_days, anchors.gap_days)
    previous[draws] = np.where(linked >= 0, draws[np.maximum(linked, 0)], -1) if len(draws) else linked
    return previous


