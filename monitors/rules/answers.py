"""Each test of a rule for one patient, with its numbers and its answer, asked of the functions that judge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from monitors.measures import DAYS, BoolArray, IntArray, Values
from monitors.rules.account import ANSWERS, Test, asked, number, often, step_words, words
from monitors.rules.breaches import Breach
from monitors.rules.conditions import Condition
from monitors.rules.courses import Course, beyond, follow, looked_at, pace
from monitors.rules.facts import day_text
from monitors.rules.model import Presumed, Rule, Signal, Step
from monitors.rules.moments import Moments
from monitors.rules.movements import highest_before
from monitors.rules.overdue import due
from monitors.rules.sentences import limit_texts, name_of, overdue_text
from monitors.rules.severity import followed, holds
from monitors.rules.signals import runs
from monitors.rules.sources import Sources
from monitors.rules.standing import newest_of
from monitors.rules.states import TRUE, UNKNOWN, state
from monitors.trends import OFF, ON, met, rolling_mean


def answered(rule: Rule, sources: Sources) -> Iterator[Test]:
    """Every test of a rule for the one patient of `sources`, at the night's end: inputs, exposure, then signal by signal."""
    nights = sources.nights
    tonight = sources.tonight(np.zeros(1, dtype=np.int64))
    for name in rule.requires:
        yield _input(name, rule, sources)
    if rule.exposure is not None:
        yield _exposed(rule.exposure.classes, sources, "exposure")
        if rule.exposure.presumed is not None:
            yield _presumed(rule.exposure.presumed, rule, sources)
    for signal in rule.signals:
        about = signal.name if signal.mode == "live" else f"{signal.name} ({signal.mode.replace('_', ' ')})"
        if not runs(signal, sources):
            lacks = [name for name in signal.requires if sources.known.lacks(name)]
            yield Test(about, "input", f"a feed of {', '.join(lacks)}", "unknown", "not running here")
            continue
        if signal.measure is not None:
            yield from _of_signal(signal, about, rule, sources)
        elif signal.rule is not None:
            yield _of_rule(signal.rule, about, sources, tonight, rule)
        elif signal.overdue is not None:
            found = due(signal.overdue, tonight, sources)
            since = int(found.since[0])
            numbers = f"{int(nights.day[0]) - since} days since {day_text(since)}" if since > -DAYS else "never began"
            yield Test(about, "overdue", overdue_text(signal.overdue), ANSWERS[bool(found.overdue[0])], numbers)
        for kind, condition in (("state", signal.state), ("while", signal.while_), ("unless", signal.unless)):
            if condition is not None:
                yield from _condition(condition, kind, about, rule, sources, tonight)
    course = sources.courses[rule.id]
    if len(course.fold.last_raise) and course.fold.last_raise[-1] >= 0:
        for step in rule.steps:
            yield _step(step, rule, course, sources)


def _of_signal(signal: Signal, about: str, rule: Rule, sources: Sources) -> Iterator[Test]:
    assert signal.measure is not None
    assert signal.raise_ is not None
    values = sources.measures.reading(signal.reads).of(signal.measure)
    values = looked_at(values, sources.nights, pace(signal, rule).lookback_days)
    if not len(values):
        yield Test(about, "raise", asked(signal.raise_), "unknown", f"no {name_of(signal.measure)} value to look at")
        return
    course = follow(signal, rule, values, len(sources))
    assert course.previous is not None
    last = len(values) - 1
    for kind, breach in (("raise", signal.raise_), *(("clear", clear) for clear in signal.clear)):
        high = beyond(breach, values, course.previous)
        answer = met(high, course.previous, breach.anchors, breach.window)[last]
        if kind == "raise":
            answer = course.fold.raised[last]
        asks = f"{name_of(signal.measure)} {limit_texts(breach, values, np.array([last]))[0]}{often(breach)}"
        yield Test(about, kind, asks, ANSWERS[bool(answer)], _numbers(breach, values, course.previous, high))
    fold = course.fold
    ever = [f"last {word} {day_text(int(values.day[rows[last]]))}" for word, rows in
            (("raised", fold.last_raise), ("cleared", fold.last_clear)) if rows[last] >= 0]  # fmt: skip
    answer = bool(fold.latched[last])
    yield Test(about, "latched", "raised, and not cleared since", ANSWERS[answer], "; ".join(ever) or "it never raised")


def _numbers(breach: Breach, values: Values, previous: IntArray, high: BoolArray) -> str:
    """What the newest value was answered by: a mean, the values it was compared with, or each anchor with its own answer."""
    last = len(values) - 1
    if breach.mean is not None:
        return mean_text(values, last, breach.mean.days)
    rows = [last]
    if breach.fall is not None:
        rows.append(int(highest_before(breach.fall, values, np.array([last]))[0]) if values.exact[last] else last)
    while len(rows) < breach.compared and previous[rows[-1]] >= 0:
        rows.append(int(previous[rows[-1]]))
    said = [f"{number(values, row)} on {day_text(int(values.day[row]))}" for row in dict.fromkeys(rows)]
    if not breach.compares:
        return f"{said[0]}, {'highest before' if breach.fall else 'anchors before'}: {'; '.join(said[1:]) or 'none'}"
    return "; ".join(f"{text}: {'yes' if high[row] else 'no'}" for text, row in zip(said, rows, strict=True))


def mean_text(values: Values, row: int, days: int) -> str:
    """`2.555 mmol/L, the mean of 4 values`."""
    mean = rolling_mean(values, np.array([row]), days)
    count = int(mean.values[0])
    if not count:
        return "no exact value to average"
    return f"{mean.mean[0]:g} {values.units[int(mean.si[0])]}, the mean of {count} value{'s' if count > 1 else ''}"


def _step(step: Step, rule: Rule, course: Course, sources: Sources) -> Test:
    """What makes it more severe, asked at the draw that raised it last."""
    raised = np.array([course.fold.last_raise[-1]])
    numbers = ""
    if step.mean is not None:
        values, rows = followed(course, raised)
        numbers = mean_text(values, int(rows[0]), step.mean.days) if rows[0] >= 0 else "no value"
    answer = bool(holds(step, rule, course, raised, sources)[0])
    return Test(step.to.value, "step", step_words(step), ANSWERS[answer], numbers)


def _of_rule(name: str, about: str, sources: Sources, tonight: Moments, rule: Rule) -> Test:
    answer = _answer(Condition(rule=name), rule, sources, tonight)
    return Test(about, "rule", f"{name} is firing or holding", answer)


def _answer(condition: Condition, rule: Rule, sources: Sources, tonight: Moments) -> str:
    found = int(state(condition, tonight, rule, sources)[0])
    return ANSWERS[None if found == UNKNOWN else found == TRUE]


def _condition(
    condition: Condition, kind: str, about: str, rule: Rule, sources: Sources, tonight: Moments, depth: int = 0
) -> Iterator[Test]:
    """A condition and what is inside it, each with its own answer; deeper ones are indented."""
    numbers = ""
    if condition.measure is not None:
        values = sources.measures.of(condition.measure)
        numbers = f"newest {number(values, len(values) - 1)} on {day_text(int(values.day[-1]))}" if len(values) else "no value"
    yield Test(about, kind, "  " * depth + words(condition), _answer(condition, rule, sources, tonight), numbers)
    for child in condition.children:
        yield from _condition(child, kind, about, rule, sources, tonight, depth + 1)


def _input(name: str, rule: Rule, sources: Sources) -> Test:
    if sources.known.lacks(name):
        return Test(name, "input", f"a feed of {name}", "unknown", "not running here")
    if name.startswith("drug:"):
        return _exposed((name.partition(":")[2],), sources, "input")
    if name == "medications":
        listed = _list_day(sources)
        return Test(name, "input", "a reconciled drug list", ANSWERS[listed >= 0], day_text(listed) if listed >= 0 else "none")
    if ":" in name:
        return Test(name, "input", f"a feed of {name}", "met")
    newest = int(newest_of(name, sources)[0])
    age, gap = int(sources.nights.day[0]) - newest, rule.anchors.gap_days
    numbers = f"newest of {day_text(newest)}, {age} days old" if newest > -DAYS else "none that counts"
    article = "an" if name_of(name)[0] in "aeio" else "a"
    return Test(name, "input", f"{article} {name_of(name)} value within {gap} days", ANSWERS[age <= gap], numbers)


def _exposed(classes: Sequence[str], sources: Sources, kind: str) -> Test:
    nobody, day = np.zeros(1, dtype=np.int64), sources.nights.day
    found = int(sources.taken.state(classes, nobody, day, {})[0])
    listed = _list_day(sources)
    numbers = f"newest drug list of {day_text(listed)}" if listed >= 0 else "no drug list"
    asks = f"takes {' or '.join(name_of(name) for name in classes)}"
    answer = ANSWERS[True if found == ON else False if found == OFF else None]
    return Test(asks.removeprefix("takes "), kind, asks, answer, numbers)


def _presumed(wanted: Presumed, rule: Rule, sources: Sources) -> Test:
    values, course = sources.measures.of(wanted.measure), sources.courses[rule.id]
    none = f"no {' or '.join(name_of(name) for name in wanted.unless)} recorded"
    asks = f"{none}, and {name_of(wanted.measure)} {asked(wanted.is_)}{often(wanted.is_)}"
    answer = course.presumed is not None and bool(course.presumed[-1:].any())
    numbers = f"newest {number(values, len(values) - 1)} on {day_text(int(values.day[-1]))}" if len(values) else "no value"
    return Test(f"by {name_of(wanted.measure)}", "presumed", asks, ANSWERS[answer], numbers)


def _list_day(sources: Sources) -> int:
    days: IntArray = sources.taken.lists % DAYS
    before = days[days <= sources.nights.day[0]]
    return int(before.max()) if len(before) else -1
