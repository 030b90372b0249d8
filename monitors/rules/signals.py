"""The course of a rule: where it stands at each draw or event, for every patient at once.

A rule with one plain signal folds over that signal's own draws; any other over *events* (events.py). Whoever has no
value, drug, fact or overdue result that could raise is clear by construction, and is not followed; but a rule that is a
signal of another is followed for everybody, because its draws are that rule's events.
"""

from __future__ import annotations

import numpy as np

from monitors.measures import BoolArray
from monitors.rules.breaches import Anchors
from monitors.rules.courses import Course, could_raise, follow, looked_at, pace
from monitors.rules.events import over_events
from monitors.rules.model import Presumed, Rule, Signal
from monitors.rules.overdue import could_be_due
from monitors.rules.sources import Sources
from monitors.rules.states import possible


def course_of(rule: Rule, sources: Sources, everyone: bool = False) -> Course:
    """The course of a whole rule. everyone: follow also those who could never raise."""
    exposed = exposed_within(rule, sources)
    signals = tuple(signal for signal in rule.signals if runs(signal, sources))
    followed = exposed
    if not everyone:
        candidates = np.zeros(len(sources), dtype=bool)
        for signal in signals:
            candidates |= _candidates(signal, rule, sources, exposed)
        followed = exposed & candidates
    if not rule.over_events and signals:
        return _follow(signals[0], rule, sources, followed)
    courses = tuple(_signal_course(signal, rule, sources, followed) for signal in signals)
    return over_events(rule, signals, courses, sources, followed)


def runs(signal: Signal, sources: Sources) -> bool:
    """Whether the site has what this signal needs."""
    return not any(sources.known.lacks(name) for name in signal.requires)


def exposed_within(rule: Rule, sources: Sources) -> BoolArray:
    """Patients exposed at some time within the look-back; everybody for a rule without an exposure."""
    if rule.exposure is None:
        return np.ones(len(sources), dtype=bool)
    first, ever = sources.nights.day - rule.anchors.lookback_days, np.zeros(len(sources), dtype=bool)
    for name, tail in rule.exposure.tails.items():
        back = first - (tail + 1 if tail else 0)  # the last day of a tail still counts
        ever |= sources.taken.ever_on([name], len(sources), back, sources.nights.day)
    return ever if rule.exposure.presumed is None else ever | _presumable(rule.exposure.presumed, sources)


def _presumable(presumed: Presumed, sources: Sources) -> BoolArray:
    return could_raise(presumed.is_, sources.measures.of(presumed.measure), Anchors(), len(sources))


def _candidates(signal: Signal, rule: Rule, sources: Sources, exposed: BoolArray) -> BoolArray:
    """Patients in whom a signal may have raised."""
    if signal.rule is not None:
        found = np.zeros(len(sources), dtype=bool)
        course = sources.courses[signal.rule]
        found[course.rank[course.fold.last_raise >= 0]] = True
        return found
    if signal.overdue is not None:
        return could_be_due(signal.overdue, sources, rule.anchors.lookback_days)
    if signal.state is not None:
        return possible(signal.state, sources, rule.anchors.lookback_days)
    assert signal.measure is not None
    assert signal.raise_ is not None
    values = sources.measures.reading(signal.reads).of(signal.measure)
    if not exposed.all():
        values = values.take(np.flatnonzero(exposed[values.rank]))
    found = could_raise(signal.raise_, values, pace(signal, rule), len(sources))
    return found if signal.while_ is None else found & possible(signal.while_, sources, rule.anchors.lookback_days)


def _signal_course(signal: Signal, rule: Rule, sources: Sources, followed: BoolArray) -> Course | None:
    if signal.rule is not None:
        return sources.courses[signal.rule]
    return _follow(signal, rule, sources, followed) if signal.measure is not None else None


def _follow(signal: Signal, rule: Rule, sources: Sources, followed: BoolArray) -> Course:
    assert signal.measure is not None
    values = sources.measures.reading(signal.reads).of(signal.measure)
    if not followed.all():
        values = values.take(np.flatnonzero(followed[values.rank]))
    return follow(signal, rule, looked_at(values, sources.nights, pace(signal, rule).lookback_days), len(sources))
