"""One decision of the engine, step by step: the values it used and did not use, each test with its numbers, the outcome.

It asks the very functions that judge. Numbers stand in the unit reported; a test says `met`, `not met` or `unknown`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from monitors.measures import READINGS, Measures, Values
from monitors.records import Finding, Flag, utc_text
from monitors.rules.account import Test, Used, used
from monitors.rules.answers import answered
from monitors.rules.courses import follow, looked_at, nights_of, pace
from monitors.rules.judge import judge
from monitors.rules.model import Rule, Signal
from monitors.rules.movements import highest_before
from monitors.rules.signals import course_of
from monitors.rules.sources import FACTS, Known, Sources, Taken
from monitors.rules.substances import Analyte
from monitors.trends import window_start

FLAGGED = {Flag.POST_DIALYSIS: "post-dialysis", Flag.INPATIENT: "inpatient", Flag.PRELIMINARY: "preliminary"}


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
                tuple(_values(rule, sources)), tuple(answered(rule, sources)),
            ))  # fmt: skip
    return explained


# --------------------------------------------------------------------------------------------------- values
def _values(rule: Rule, sources: Sources) -> Iterator[Used]:
    """Every current value of every measure the rule looks at, newest first within a measure."""
    looked: dict[str, list[Signal]] = {}
    for signal in rule.signals:
        if signal.measure:
            looked.setdefault(signal.measure, []).append(signal)
    inside = [one.measure for condition in rule.conditions for one in condition.walk() if one.measure]
    overdue = [signal.overdue.measure for signal in rule.signals if signal.overdue]
    for name in (*inside, *overdue, *rule.requires):
        if name in sources.measures.quantities:
            looked.setdefault(name, [])
    for measure, signals in looked.items():
        yield from _of_measure(measure, signals, rule, sources)


def _of_measure(measure: str, signals: Sequence[Signal], rule: Rule, sources: Sources) -> Iterator[Used]:
    """Of signals that follow one measure, the first to use a value names its use."""
    everything = sources.measures.reading("every").of(measure)
    reads = signals[0].reads if signals else "anchored"
    values = sources.measures.reading(reads).of(measure)
    anchors = pace(signals[0], rule) if signals else rule.anchors
    kept = looked_at(values, sources.nights, anchors.lookback_days)
    roles: dict[int, tuple[str, bool]] = {}
    for signal in signals or (None,):
        for number, role in _roles(kept, signal, rule, len(sources)).items():
            if number not in roles or (role[1] and not roles[number][1]):
                roles[number] = role
    tonight = int(sources.nights.day[0])
    for row in range(len(everything) - 1, -1, -1):
        number, out = int(everything.id[row]), int(everything.flags[row]) & READINGS[reads]
        if out:
            marks = [text for flag, text in FLAGGED.items() if out & int(flag)]
            why, counts = f"left out: {', '.join(marks)}", False
        elif number in roles:
            why, counts = roles[number]
        elif tonight - int(everything.day[row]) > anchors.lookback_days:
            why, counts = f"too old: the rule looks back {anchors.lookback_days} days", False
        else:
            why, counts = "left out: made of a value that does not count", False
        yield used(everything, row, counts, why)


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
    window = max(signal.raise_.compared, *(clear.window for clear in signal.clear), 1)
    chain = [newest]
    while len(chain) < window and course.previous[chain[-1]] >= 0:
        chain.append(int(course.previous[chain[-1]]))
    raised = int(course.fold.last_raise[newest])
    averaged, fell_from = range(0), -1
    if signal.raise_.mean is not None:
        averaged = range(int(window_start(values, np.array([newest]), signal.raise_.mean.days - 1)[0]), newest + 1)
    if signal.raise_.fall is not None and values.exact[newest]:
        fell_from = int(highest_before(signal.raise_.fall, values, np.array([newest]))[0])
    roles = {}
    for row, number in enumerate(values.id):
        if row in chain:
            roles[int(number)] = (f"anchor {chain.index(row) + 1}" if window > 1 else "newest", True)
        elif row in averaged and values.exact[row]:
            roles[int(number)] = ("in the mean", True)
        elif row == fell_from:
            roles[int(number)] = ("the highest before", True)
        elif row == raised:
            roles[int(number)] = ("the last value that raised", True)
        elif len(chain) == window or row > chain[-1]:
            near = any(0 < values.day[later] - values.day[row] < anchors.apart_days for later in chain)
            older = "older than the anchors asked for" if window > 1 else "an older value"
            text = f"no anchor: less than {anchors.apart_days} days before one" if near and window > 1 else older
            roles[int(number)] = (text, False)
        elif values.method[row] != values.method[chain[-1]]:
            roles[int(number)] = ("of another assay: the chain of anchors ends", False)
        else:
            roles[int(number)] = (f"beyond a gap of more than {anchors.gap_days} days: the chain of anchors ends", False)
    return roles
