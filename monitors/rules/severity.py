"""How severe a latched rule is: the worst live signal that raised last, raised by any step whose condition holds there."""

from __future__ import annotations

import numpy as np

from monitors.measures import BoolArray, IntArray, Values
from monitors.records import Severity
from monitors.rules.courses import Course, beyond
from monitors.rules.model import Repeated, Rule, Step, StepMean
from monitors.rules.moments import Moments
from monitors.rules.sources import Sources
from monitors.rules.states import TRUE, state
from monitors.trends import before_of, rolling_mean

BY_RANK = (None, Severity.WARNING, Severity.HIGH, Severity.CRITICAL)
HOUR_US = 3_600_000_000


def severities(rule: Rule, course: Course, raises: IntArray, sources: Sources) -> IntArray:
    """Rank (1 WARNING .. 3 CRITICAL) of the severity at each of some raising rows of the rule's course."""
    severity = _base(rule, course, raises)
    for step in rule.steps:
        severity = np.maximum(severity, np.where(holds(step, rule, course, raises, sources), step.to.rank, 0))
    return severity


def _base(rule: Rule, course: Course, raises: IntArray) -> IntArray:
    own = [(signal.severity or rule.severity).rank for signal in course.described]
    if course.values is not None:
        return np.full(len(raises), own[0], dtype=np.int64)
    severity = np.zeros(len(raises), dtype=np.int64)
    for signal, raised, rank in zip(course.described, course.raises, own, strict=True):
        if signal.mode == "live":
            severity = np.maximum(severity, np.where(raised[raises], rank, 0))
    return severity


def holds(step: Step, rule: Rule, course: Course, raises: IntArray, sources: Sources) -> BoolArray:
    """Whether a step's condition holds at each of some raising rows of the rule's course."""
    if step.repeated is not None:
        return _repeated(step.repeated, course, raises)
    if step.while_ is not None:
        order = np.lexsort((course.at[raises], course.rank[raises]))
        rows = raises[order]
        holds = np.zeros(len(raises), dtype=bool)
        moments = Moments(course.rank[rows], course.at[rows], course.day[rows], course.draw[rows])
        holds[order] = state(step.while_, moments, rule, sources) == TRUE
        return holds
    if step.younger_hours is not None:
        return np.asarray(_age(course, raises, sources) < step.younger_hours * HOUR_US)
    values, rows = followed(course, raises)
    found = rows >= 0
    holds = np.zeros(len(raises), dtype=bool)
    if step.latest is not None:
        holds[found] = beyond(step.latest, values)[rows[found]]
    elif step.mean is not None:
        holds[found] = _mean_reached(step.mean, values, rows[found])
    return holds


def _age(course: Course, raises: IntArray, sources: Sources) -> IntArray:
    """µs from the youngest sample that raises to the night's end; of a rule without samples, none is young."""
    age = np.full(len(raises), np.iinfo(np.int64).max)
    now = sources.nights.as_of[course.rank[raises]]
    if course.values is not None:
        return now - course.at[raises]
    for signal, raised, newest in zip(course.signals, course.raises, course.newest, strict=True):
        if signal is None or not len(signal.at):
            continue
        rows = newest[raises]
        own = signal.fold.last_raise[rows]
        counts = raised[raises] & (rows >= 0) & (own >= 0)
        age = np.where(counts, np.minimum(age, now - signal.at[own]), age)
    return age


def followed(course: Course, raises: IntArray) -> tuple[Values, IntArray]:
    """Values of the rule's first signal that follows a measure, and its newest row at each raise."""
    if course.values is not None:
        return course.values, raises
    number = next(place for place, signal in enumerate(course.described) if signal.measure is not None)
    signal = course.signals[number]
    assert signal is not None
    assert signal.values is not None
    return signal.values, course.newest[number][raises]


def _mean_reached(step: StepMean, values: Values, rows: IntArray) -> BoolArray:
    means = rolling_mean(values, rows, step.days)
    with np.errstate(invalid="ignore"):
        return np.asarray((means.values >= step.values) & (means.mean >= step.at_least.per(means.si)))


def _repeated(step: Repeated, course: Course, raises: IntArray) -> BoolArray:
    """Whether the rule's own raise was seen at enough anchors since the last clear.

    Over events, anchors are draws; the first is the newest draw and counts as the event's own raise. A further one
    counts only if a signal raises there by a value that is not still its newest at the anchor after it: a value
    seen again later is not a second breach.
    """
    assert course.previous is not None
    over_events = course.drawn is not None
    anchor = course.drawn[raises] if course.drawn is not None else raises
    cleared = course.fold.last_clear[raises]
    count = np.ones(len(raises), dtype=np.int64)
    for _ in range(step.of - 1):
        later, anchor = anchor, before_of(course.previous, anchor)
        counts = (anchor > cleared) & (anchor >= 0)
        count += counts & (_raised_anew(course, anchor, later) if over_events else course.fold.raised[anchor])
    return count >= step.anchors


def _raised_anew(course: Course, anchor: IntArray, later: IntArray) -> BoolArray:
    anew = np.zeros(len(anchor), dtype=bool)
    for raises, newest in zip(course.raises, course.newest, strict=True):
        anew |= raises[anchor] & (newest[anchor] != newest[later])
    return anew
