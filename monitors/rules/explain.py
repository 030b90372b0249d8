"""One decision of the engine, step by step: the values it used and did not use, each test with its numbers, the outcome.

It asks the very functions that judge. Numbers stand in the unit reported; a test says `met`, `not met` or `unknown`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from monitors.measures import DAYS, READINGS, IntArray, Measures, Values
from monitors.records import Finding, Flag, utc_text
from monitors.rules.breaches import Breach
from monitors.rules.conditions import Condition
from monitors.rules.courses import beyond, follow, looked_at, nights_of, pace
from monitors.rules.evidence import comparator, instant
from monitors.rules.facts import day_text
from monitors.rules.judge import judge
from monitors.rules.model import Rule, Signal
from monitors.rules.moments import Moments
from monitors.rules.overdue import due
from monitors.rules.sentences import limit_texts, name_of, overdue_text
from monitors.rules.signals import course_of, runs
from monitors.rules.sources import FACTS, Known, Sources, Taken
from monitors.rules.standing import newest_of
from monitors.rules.states import TRUE, UNKNOWN, state
from monitors.rules.substances import Analyte
from monitors.trends import OFF, ON, met

ANSWERS = {True: "met", False: "not met", None: "unknown"}
FLAGGED = {Flag.POST_DIALYSIS: "post-dialysis", Flag.INPATIENT: "inpatient", Flag.PRELIMINARY: "preliminary"}


@dataclass(frozen=True)
class Used:
    """One current result (or derived value) of the patient: what was made of it, or why nothing was."""

    measure: str
    value: float
    unit: str
    comparator: str
    collected_at: str
    result_id: int
    used: bool
    why: str


@dataclass(frozen=True)
class Test:
    """One test at the night's end. about: the signal or input; asks: in words; numbers: what it was answered by."""

    __test__ = False
    about: str
    kind: str  # raise | clear | while | unless | state | overdue | exposure | input | rule
    asks: str
    answer: str
    numbers: str = ""


@dataclass(frozen=True)
class Explanation:
    """What one rule says of one patient, and everything it said so by. finding: None for a plain clear."""

    rule: str
    outcome: str
    reason: str
    finding: Finding | None
    values: tuple[Used, ...]
    tests: tuple[Test, ...]

    def to_json(self) -> dict[str, Any]:
        found = self.finding
        return {
            "rule": self.rule, "outcome": self.outcome, "reason": self.reason, "sentence": found.sentence if found else None,
            "severity": found.severity.value if found and found.severity else None,
            "since": utc_text(found.since) if found and found.since else None,
            "cleared_at": utc_text(found.cleared_at) if found and found.cleared_at else None,
            "facts": found.facts if found else {}, "values": [asdict(one) for one in self.values],
            "tests": [asdict(one) for one in self.tests],
        }  # fmt: skip


def explain(
    series: pd.DataFrame, patients: pd.DataFrame, medications: pd.DataFrame, rules: Sequence[Rule],
    analytes: Mapping[str, Analyte], calcium_basis: str = "measured", facts: pd.DataFrame | None = None,
    lacking: Collection[str] = (), only: Collection[str] = (),
) -> list[Explanation]:  # fmt: skip
    """Explain each rule (or `only` some) for the one patient whose frames these are; other arguments as of `judge`."""
    judged = judge(series, patients, medications, rules, analytes, calcium_basis, facts, lacking)
    ids = patients["patient_id"].to_numpy().astype(np.int64)
    if len(ids) != 1:
        raise ValueError(f"one patient is explained at a time, not {len(ids)}")
    sources = Sources(
        Measures(series, patients, {name: (one.number, one.quantity) for name, one in analytes.items()}, calcium_basis),
        nights_of(patients), Taken(medications, ids), Known(facts if facts is None else facts[list(FACTS)], ids, lacking),
        {rule.id: rule for rule in rules},
    )  # fmt: skip
    said = {row.rule: row for row in judged.counts.itertuples()}
    findings = {finding.rule: finding for finding in judged.findings}
    explained = []
    for rule in rules:
        sources.courses[rule.id] = course_of(rule, sources, everyone=True)
        if not only or rule.id in only:
            row = said[rule.id]
            explained.append(Explanation(
                rule.id, str(row.outcome), str(row.reason), findings.get(rule.id),
                tuple(_values(rule, sources)), tuple(_tests(rule, sources)),
            ))  # fmt: skip
    return explained


# --------------------------------------------------------------------------------------------------- values
def _values(rule: Rule, sources: Sources) -> Iterator[Used]:
    """Every current value of every measure the rule looks at, newest first within a measure."""
    looked: dict[str, Signal | None] = {signal.measure: signal for signal in rule.signals if signal.measure}
    inside = [one.measure for condition in rule.conditions for one in condition.walk() if one.measure]
    overdue = [signal.overdue.measure for signal in rule.signals if signal.overdue]
    for name in (*inside, *overdue, *rule.requires):
        if name in sources.measures.quantities:
            looked.setdefault(name, None)
    for measure, signal in looked.items():
        yield from _of_measure(measure, signal, rule, sources)


def _of_measure(measure: str, signal: Signal | None, rule: Rule, sources: Sources) -> Iterator[Used]:
    everything = sources.measures.reading("every").of(measure)
    reads = signal.reads if signal else "anchored"
    values = sources.measures.reading(reads).of(measure)
    anchors = pace(signal, rule) if signal else rule.anchors
    kept = looked_at(values, sources.nights, anchors.lookback_days)
    roles = _roles(kept, signal, rule, len(sources))
    tonight = int(sources.nights.day[0])
    for row in range(len(everything) - 1, -1, -1):
        number, out = int(everything.id[row]), int(everything.flags[row]) & READINGS[reads]
        if out:
            marks = [text for flag, text in FLAGGED.items() if out & int(flag)]
            why, used = f"left out: {', '.join(marks)}", False
        elif number in roles:
            why, used = roles[number]
        elif tonight - int(everything.day[row]) > anchors.lookback_days:
            why, used = f"too old: the rule looks back {anchors.lookback_days} days", False
        else:
            why, used = "left out: made of a value that does not count", False
        yield _used(everything, row, used, why)


def _used(values: Values, row: int, used: bool, why: str) -> Used:
    value, lo, hi = (float(end[row]) for end in values.interval)
    sign = comparator(value, lo, hi)
    return Used(
        values.measure, value, values.units[int(values.si[row])], "?" if sign is None else sign,
        utc_text(instant(int(values.at[row]))), int(values.id[row]), used, why,
    )  # fmt: skip


def _roles(values: Values, signal: Signal | None, rule: Rule, patients: int) -> dict[int, tuple[str, bool]]:
    """{result id: (what it was used for or why not, whether it was used)} of the values that count."""
    if not len(values):
        return {}
    newest = len(values) - 1
    if signal is None or signal.raise_ is None:
        return {int(number): ("newest" if row == newest else "an older value", row == newest)
                for row, number in enumerate(values.id)}  # fmt: skip
    course, anchors = follow(signal, rule, values, patients), pace(signal, rule)
    assert course.previous is not None
    window = max(signal.raise_.window, *(clear.window for clear in signal.clear), 1)
    chain = [newest]
    while len(chain) < window and course.previous[chain[-1]] >= 0:
        chain.append(int(course.previous[chain[-1]]))
    raised = int(course.fold.last_raise[newest])
    roles = {}
    for row, number in enumerate(values.id):
        if row in chain:
            roles[int(number)] = (f"anchor {chain.index(row) + 1}" if window > 1 else "newest", True)
        elif row == raised:
            roles[int(number)] = ("the last value that raised", True)
        elif len(chain) == window or row > chain[-1]:
            near = any(0 < values.day[later] - values.day[row] < anchors.apart_days for later in chain)
            text = f"no anchor: less than {anchors.apart_days} days before one" if near else "older than the anchors asked for"
            roles[int(number)] = (text, False)
        elif values.method[row] != values.method[chain[-1]]:
            roles[int(number)] = ("of another assay: the chain of anchors ends", False)
        else:
            roles[int(number)] = (f"beyond a gap of more than {anchors.gap_days} days: the chain of anchors ends", False)
    return roles


# ---------------------------------------------------------------------------------------------------- tests
def _tests(rule: Rule, sources: Sources) -> Iterator[Test]:
    nights = sources.nights
    tonight = Moments(np.zeros(1, dtype=np.int64), nights.as_of, nights.day)
    for name in rule.requires:
        yield _input(name, rule, sources)
    if rule.exposure is not None:
        yield _exposed(rule.exposure.classes, sources, "exposure")
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


def _of_signal(signal: Signal, about: str, rule: Rule, sources: Sources) -> Iterator[Test]:
    assert signal.measure is not None
    assert signal.raise_ is not None
    values = sources.measures.reading(signal.reads).of(signal.measure)
    values = looked_at(values, sources.nights, pace(signal, rule).lookback_days)
    if not len(values):
        yield Test(about, "raise", _asked(signal.raise_), "unknown", f"no {name_of(signal.measure)} value to look at")
        return
    course = follow(signal, rule, values, len(sources))
    assert course.previous is not None
    last = len(values) - 1
    for kind, breach in (("raise", signal.raise_), *(("clear", clear) for clear in signal.clear)):
        high = beyond(breach, values, course.previous)
        answer = met(high, course.previous, breach.anchors, breach.window)[last]
        if kind == "raise":
            answer = course.fold.raised[last]
        rows = [last]
        while len(rows) < breach.window and course.previous[rows[-1]] >= 0:
            rows.append(int(course.previous[rows[-1]]))
        numbers = "; ".join(f"{_number(values, row)} on {day_text(int(values.day[row]))}: {'yes' if high[row] else 'no'}"
                            for row in rows)  # fmt: skip
        asks = f"{name_of(signal.measure)} {limit_texts(breach, values, np.array([last]))[0]}{_often(breach)}"
        yield Test(about, kind, asks, ANSWERS[bool(answer)], numbers)
    fold = course.fold
    ever = [f"last {word} {day_text(int(values.day[rows[last]]))}" for word, rows in
            (("raised", fold.last_raise), ("cleared", fold.last_clear)) if rows[last] >= 0]  # fmt: skip
    answer = bool(fold.latched[last])
    yield Test(about, "latched", "raised, and not cleared since", ANSWERS[answer], "; ".join(ever) or "it never raised")


def _number(values: Values, row: int) -> str:
    one = _used(values, row, True, "")
    return f"{one.comparator}{one.value:g} {one.unit}"


def _asked(breach: Breach) -> str:
    return f"{breach.comparison.replace('_', ' ')} {breach.limit}" if breach.compares else "a movement of values"


def _often(breach: Breach) -> str:
    return f" at {breach.anchors} of {breach.window} anchors, the latest among them" if breach.window > 1 else ""


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
        numbers = f"newest {_number(values, len(values) - 1)} on {day_text(int(values.day[-1]))}" if len(values) else "no value"
    yield Test(about, kind, "  " * depth + words(condition), _answer(condition, rule, sources, tonight), numbers)
    for child in condition.children:
        yield from _condition(child, kind, about, rule, sources, tonight, depth + 1)


def words(condition: Condition) -> str:
    """A condition in words, without what is inside it."""
    within = f" within {condition.within_days} days" if condition.within_days is not None else ""
    if condition.on is not None:
        begun = f", begun within {condition.started_within_days} days" if condition.started_within_days else ""
        return f"takes {' or '.join(name_of(name) for name in condition.on)}{begun}"
    if condition.measure is not None and condition.is_ is not None:
        return f"{name_of(condition.measure)} {_asked(condition.is_)}{_often(condition.is_)}{within}"
    if condition.rule is not None:
        return f"{condition.rule} is firing or holding"
    if condition.fact is not None:
        limits = [f"{word} {limit:g}" for word, limit in (("above", condition.above), ("below", condition.below)) if limit is not None]
        times = f" {condition.times} times" if condition.times else ""
        return " ".join([name_of(condition.fact), *limits]) + times + within
    if condition.count is not None:
        return f"at least {condition.at_least} of {len(condition.count)} ({', '.join(condition.count)})"
    return {"all": "all of", "any": "any of"}.get(condition.kind, "not")


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
    return Test(name, "input", f"a {name_of(name)} value within {gap} days", ANSWERS[age <= gap], numbers)


def _exposed(classes: Sequence[str], sources: Sources, kind: str) -> Test:
    nobody, day = np.zeros(1, dtype=np.int64), sources.nights.day
    found = int(sources.taken.state(classes, nobody, day, {})[0])
    listed = _list_day(sources)
    numbers = f"newest drug list of {day_text(listed)}" if listed >= 0 else "no drug list"
    asks = f"takes {' or '.join(name_of(name) for name in classes)}"
    return Test(asks.removeprefix("takes "), kind, asks, ANSWERS[True if found == ON else False if found == OFF else None], numbers)


def _list_day(sources: Sources) -> int:
    days: IntArray = sources.taken.lists % DAYS
    before = days[days <= sources.nights.day[0]]
    return int(before.max()) if len(before) else -1
