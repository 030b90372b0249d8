"""How severe a latched rule is: its own severity, raised by any step whose condition holds at the latest raise."""

from __future__ import annotations

import numpy as np

from monitors.measures import BoolArray, IntArray, Values
from monitors.records import Severity
from monitors.rules.model import Mean, Repeated, Rule, Step
from monitors.rules.signals import Course, beyond
from monitors.trends import before_of, rolling_mean

BY_RANK = (None, Severity.WARNING, Severity.HIGH, Severity.CRITICAL)


def severities(rule: Rule, course: Course, raises: IntArray) -> IntArray:
    """Rank (1 WARNING .. 3 CRITICAL) of the severity at each of some raising rows of the rule's course."""
    severity = np.full(len(raises), rule.severity.rank, dtype=np.int64)
    for step in rule.steps:
        severity = np.maximum(severity, np.where(_holds(step, rule, course, raises), step.to.rank, 0))
    return severity


def _holds(step: Step, rule: Rule, course: Course, raises: IntArray) -> BoolArray:
    if step.repeated is not None:
        return _repeated(step.repeated, course, raises)
    values, rows = _followed(rule, course, raises)
    found = rows >= 0
    holds = np.zeros(len(raises), dtype=bool)
    if step.latest is not None:
        holds[found] = beyond(step.latest, values)[rows[found]]
    elif step.mean is not None:
        holds[found] = _mean_reached(step.mean, values, rows[found])
    return holds


def _followed(rule: Rule, course: Course, raises: IntArray) -> tuple[Values, IntArray]:
    """Values of the rule's first signal that follows a measure, and its newest row at each raise."""
    if course.values is not None:
        return course.values, raises
    number = next(place for place, signal in enumerate(rule.signals) if signal.measure is not None)
    values = course.signals[number].values
    assert values is not None
    return values, course.newest[number][raises]


def _mean_reached(step: Mean, values: Values, rows: IntArray) -> BoolArray:
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
