"""Conditions at moments: FALSE, UNKNOWN or TRUE. `all` is the least of its parts, `any` the greatest, `not` the mirror."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from monitors.measures import DAYS, BoolArray, IntArray, Values
from monitors.rules.conditions import Condition
from monitors.rules.courses import beyond, chained, not_beyond
from monitors.rules.model import Rule
from monitors.rules.moments import Moments, newest_drawn, newest_of
from monitors.rules.sources import Sources
from monitors.trends import OFF, ON, met, unkeyed

FALSE, UNKNOWN, TRUE = 0, 1, 2


def state(condition: Condition, moments: Moments, rule: Rule, sources: Sources) -> IntArray:
    """How a condition of a rule stands at each moment; worked out once where a rule says it twice."""
    name = f"{rule.id} {condition.model_dump_json(exclude_unset=True)}"
    if name not in moments.made:
        moments.made[name] = _state(condition, moments, rule, sources)
    return moments.made[name]


def _state(condition: Condition, moments: Moments, rule: Rule, sources: Sources) -> IntArray:
    if condition.on is not None:
        return _on(condition, moments, sources)
    if condition.measure is not None:
        return _measured(condition, moments, rule, sources)
    if condition.rule is not None:
        return _open(condition.rule, moments, sources)
    if condition.fact is not None:
        return _fact(condition, moments, sources)
    parts = [state(part, moments, rule, sources) for part in condition.children]
    if condition.all is not None:
        return np.asarray(np.minimum.reduce(parts))
    if condition.any is not None:
        return np.asarray(np.maximum.reduce(parts))
    if condition.not_ is not None:
        return np.asarray(TRUE - parts[0])
    true, possible = (np.sum([part >= least for part in parts], axis=0) for least in (TRUE, UNKNOWN))
    return np.where(true >= condition.at_least, TRUE, np.where(possible >= condition.at_least, UNKNOWN, FALSE))


def newest_value(measure: str, moments: Moments, sources: Sources) -> tuple[Values, IntArray]:
    """A measure, and the row of its newest value at each moment."""
    values = sources.measures.of(measure)
    if measure not in moments.made:
        moments.made[measure] = newest_drawn(values, moments)
    return values, moments.made[measure]


def _on(condition: Condition, moments: Moments, sources: Sources) -> IntArray:
    assert condition.on is not None
    tails = dict.fromkeys(condition.on, condition.tail_days)
    exposed = sources.taken.state(condition.on, moments.rank, moments.day, tails)
    found = np.where(exposed == ON, TRUE, np.where(exposed == OFF, FALSE, UNKNOWN))
    if condition.started_within_days is not None:
        begun = np.zeros(len(moments), dtype=bool)
        for name in condition.on:
            begun |= sources.taken.of(name).begun_within(moments.rank, moments.day, condition.started_within_days)
        found = np.where(begun, TRUE, np.where(found == TRUE, FALSE, found))  # begun and stopped again still counts
    return found


def _measured(condition: Condition, moments: Moments, rule: Rule, sources: Sources) -> IntArray:
    assert condition.measure is not None
    assert condition.is_ is not None
    assert condition.within_days is not None
    values, row = newest_value(condition.measure, moments, sources)
    if not len(values):
        return np.full(len(moments), UNKNOWN)
    mine = np.zeros(len(sources), dtype=bool)
    mine[moments.rank] = True
    values_of = np.flatnonzero(mine[values.rank])
    here = np.searchsorted(values_of, row)  # rows of the patients looked at, so that nobody else is computed
    values = values.take(values_of)
    pace = rule.anchors.model_copy(update={"gap_days": max(rule.anchors.gap_days, condition.within_days)})
    previous = chained(values, pace)
    found = met(beyond(condition.is_, values, previous), previous, condition.is_.anchors, condition.is_.window)
    uncertain = np.zeros(len(values), dtype=bool)
    if condition.is_.compares and condition.is_.mean is None:
        uncertain = ~beyond(condition.is_, values) & ~not_beyond(condition.is_, values)
    said = np.append(np.where(found, TRUE, np.where(uncertain, UNKNOWN, FALSE)), UNKNOWN)
    place = np.where(row >= 0, here, -1)
    recent = (row >= 0) & (moments.day - np.append(values.day, -DAYS)[place] <= condition.within_days)
    return np.where(recent, said[place], UNKNOWN)


def _open(name: str, moments: Moments, sources: Sources) -> IntArray:
    """Unknown where a measure the rule requires has no recent value, as for the rule itself."""
    course, rule = sources.courses[name], sources.rules[name]
    row = newest_of(course, moments)
    latched = np.append(course.fold.latched, False)[row] & (row >= 0)
    latched &= moments.day - np.append(course.day, -DAYS)[row] <= course.gap_days
    unknown = np.zeros(len(moments), dtype=bool)
    for measure in rule.requires:
        if measure in sources.measures.quantities:
            values, newest = newest_value(measure, moments, sources)
            unknown |= moments.day - np.append(values.day, -DAYS)[newest] > rule.anchors.gap_days
    return np.where(latched, TRUE, np.where(unknown, UNKNOWN, FALSE))


def _fact(condition: Condition, moments: Moments, sources: Sources) -> IntArray:
    assert condition.fact is not None
    known, concept = sources.known, condition.fact
    if known.lacks(f"fact:{concept}"):
        return np.full(len(moments), UNKNOWN)
    if condition.above is not None or condition.below is not None:
        told, row = known.of(concept), known.newest(concept, moments.rank, moments.day)
        value = np.append(told.value, np.nan)[row]
        given = (row >= 0) & np.isfinite(value)
        if condition.within_days is not None:
            given &= moments.day - np.append(told.day, -DAYS)[row] <= condition.within_days
        found = np.ones(len(moments), dtype=bool)
        with np.errstate(invalid="ignore"):
            if condition.above is not None:
                found &= value > condition.above
            if condition.below is not None:
                found &= value < condition.below
        return np.where(given, np.where(found, TRUE, FALSE), UNKNOWN)
    if condition.within_days is not None:
        times = known.times(concept, moments.rank, moments.day, condition.within_days)
        return np.where(times >= (condition.times or 1), TRUE, FALSE)
    return np.where(known.holds(concept, moments.rank, moments.day), TRUE, FALSE)


def possible(condition: Condition, sources: Sources, lookback_days: int) -> BoolArray:
    """Patients (patients,) for whom a condition may have been true within the look-back: an upper bound."""
    everyone = np.ones(len(sources), dtype=bool)
    if condition.on is not None:
        earlier = max(condition.tail_days, condition.started_within_days or 0) + 1  # it may count so long after it ended
        first = sources.nights.day - lookback_days - earlier
        return sources.taken.ever_on(condition.on, len(sources), first, sources.nights.day)
    if condition.measure is not None and condition.is_ is not None and condition.is_.compares and condition.is_.mean is None:
        values = sources.measures.of(condition.measure)
        found = np.zeros(len(sources), dtype=bool)
        found[values.rank[beyond(condition.is_, values)]] = True
        return found
    if condition.rule is not None:
        found = np.zeros(len(sources), dtype=bool)
        course = sources.courses[condition.rule]
        found[course.rank[course.fold.raised]] = True
        return found
    if condition.fact is not None:
        found = np.zeros(len(sources), dtype=bool)
        if not sources.known.lacks(f"fact:{condition.fact}"):
            found[sources.known.of(condition.fact).rank] = True
        return found
    if condition.not_ is not None:
        return everyone
    parts = [possible(part, sources, lookback_days) for part in condition.children]
    if condition.all is not None:
        return np.asarray(np.logical_and.reduce(parts))
    if condition.any is not None:
        return np.asarray(np.logical_or.reduce(parts))
    return np.sum(parts, axis=0) >= condition.at_least if parts else everyone


def turning_days(condition: Condition, sources: Sources) -> tuple[IntArray, IntArray]:
    """(rank, day) on which a condition may turn other than by a draw: a period or a fact begins, ends, or grows old."""
    ranks: list[IntArray] = [np.zeros(0, dtype=np.int64)]
    days: list[IntArray] = [np.zeros(0, dtype=np.int64)]
    for one in condition.walk():
        if one.on is not None:  # a list can turn unknown into off
            listed, when = unkeyed(sources.taken.lists)
            ranks.append(listed)
            days.append(when)
        for name in one.on or ():
            periods = sources.taken.of(name)
            later = (0, one.started_within_days or 0), (0, one.tail_days), (0, 0)
            for keys, offsets in zip((periods.starts, periods.ends, periods.stops), later, strict=True):
                rank, day = unkeyed(keys)
                for offset in set(offsets):
                    ranks.append(rank)
                    days.append(day + offset + (1 if offset else 0))
        if one.rule is not None and (course := sources.courses[one.rule]).drawn is not None:
            events = np.flatnonzero(course.drawn != np.arange(len(course.rank)))  # those that are no draws
            ranks.append(course.rank[events])
            days.append(course.day[events])
        if one.fact is not None:
            told = sources.known.of(one.fact)
            ended = told.end < DAYS
            ranks += [told.rank, told.rank[ended]]
            days += [told.day, told.end[ended]]
            if one.within_days is not None:
                ranks.append(told.rank)
                days.append(told.day + one.within_days + 1)
    return np.concatenate(ranks), np.concatenate(days)


def looked_at(condition: Condition, sources: Sources) -> Iterator[tuple[str, str]]:
    """(measure, reading) of everything a condition looks at. Of a rule it mentions, what that rule's signals look at, whether
    or not the rule was followed for a patient."""
    for one in condition.walk():
        if one.measure is not None:
            yield one.measure, "anchored"
        for signal in sources.rules[one.rule].signals if one.rule is not None else ():
            if signal.measure is not None:
                yield signal.measure, signal.reads
            for inside in signal.conditions:
                yield from looked_at(inside, sources)


__all__ = ["FALSE", "TRUE", "UNKNOWN", "looked_at", "possible", "state", "turning_days"]
