"""The one sentence that says why: limits, counts and days, never a patient's value."""

from __future__ import annotations

import numpy as np

from monitors.measures import IntArray, Values
from monitors.rules.evidence import chain_of
from monitors.rules.facts import day_text, signals_latched, signals_met
from monitors.rules.model import Breach, Rule, UpperLimit
from monitors.rules.signals import Course
from monitors.trends import LIST_GOOD_DAYS

NAMES = {
    "pth": "PTH", "ca_p": "Ca×P", "ca_p_higher": "Ca×P", "vka": "vitamin K antagonist", "crp": "CRP", "inr": "INR",
}  # fmt: skip
COMPARISONS = {"above": "above", "at_least": "at or above", "below": "below", "at_or_below": "at or below"}


def name_of(code: str) -> str:
    """How a measure or drug class is written in a sentence."""
    return NAMES.get(code, code.replace("_", " "))


def firing_sentences(rule: Rule, course: Course, rows: IntArray) -> list[str]:
    """Why a rule is firing at each of some rows of its course."""
    if course.values is not None:
        return _one_signal(rule, course, rows)
    clauses = []
    for number, described in enumerate(rule.signals):
        signal, places = course.signals[number], course.newest[number][rows]
        if described.rule is not None or described.raise_ is None or signal.values is None:
            clauses.append([f"{described.name} ({described.rule} open)"] * len(rows))
        elif len(signal.values):
            clauses.append(_clauses(described.raise_, signal.values, np.maximum(places, 0)))
        else:
            clauses.append([""] * len(rows))
    met = zip(*(raises[rows].tolist() for raises in course.raises), strict=True)
    return [
        _with(rule) + " and ".join(text for text, raises in zip(texts, marks, strict=True) if raises)
        for texts, marks in zip(zip(*clauses, strict=True), met, strict=True)
    ]


def holding_sentences(rule: Rule, course: Course, rows: IntArray) -> list[str]:
    """Why a rule is still holding at each of some rows of its course."""
    if course.values is not None:
        raise_ = rule.signals[0].raise_
        assert raise_ is not None
        limits = limit_texts(raise_, course.values, rows)
        return [f"newest {name_of(course.values.measure)} not {limit}, not cleared yet" for limit in limits]
    held = zip(signals_latched(rule, course, rows), signals_met(rule, course, rows), strict=True)
    return [f"{_with(rule)}no new breach, not cleared yet: {', '.join(latched or met)}" for latched, met in held]


def clear_sentence(course: Course) -> str:
    """Why a rule that raised earlier is clear now."""
    return f"{name_of(course.values.measure)} met its clear limits" if course.values is not None else "nothing latched any more"


def unassessable_sentence(rule: Rule, reason: str, newest_day: int, listed_day: int, today: int) -> str:
    """Why a rule could not be assessed. newest_day: of the missing measure; listed_day: of the newest drug list; -1 none."""
    kind, _, detail = reason.partition(":")
    if kind == "no_recent":
        if newest_day < 0:
            return f"no {name_of(detail)} result"
        return f"no {name_of(detail)} result within {rule.anchors.gap_days} days, newest of {day_text(newest_day)}"
    if reason == "exposure_unknown" and rule.exposure is not None:
        unknown = f"not known whether a {name_of(rule.exposure.drug_class)} is taken"
        if listed_day < 0:
            return f"{unknown}: no reconciled drug list"
        age = today - listed_day
        return f"{unknown}: newest drug list of {day_text(listed_day)} is {age} days old, good for {LIST_GOOD_DAYS}"
    return reason.replace(":", ": ").replace("_", " ")


def _with(rule: Rule) -> str:
    return f"on a {name_of(rule.exposure.drug_class)} with " if rule.exposure else ""


def _clauses(breach: Breach, values: Values, rows: IntArray) -> list[str]:
    texts = [f"{name_of(values.measure)} {limit}" for limit in limit_texts(breach, values, rows)]
    if values.adjusted is None:
        return texts
    which = ("measured", "adjusted")
    return [f"{text} ({which[one]} calcium)" for text, one in zip(texts, values.adjusted[rows].tolist(), strict=True)]


def _one_signal(rule: Rule, course: Course, rows: IntArray) -> list[str]:
    """'phosphate above 5.5 mg/dL at 2 of 3 anchors, 28 days apart'."""
    raise_, values = rule.signals[0].raise_, course.values
    assert raise_ is not None
    assert values is not None
    assert course.beyond is not None
    texts = _clauses(raise_, values, rows)
    if raise_.window == 1:
        return texts
    cleared = course.fold.last_clear[rows]
    anchors = chain_of(course, rows, raise_.window)
    high = [(row >= 0) & course.beyond[row] & (row > cleared) for row in anchors]
    seen = np.sum([row >= 0 for row in anchors], axis=0).tolist()
    count = np.sum(high, axis=0).tolist()
    oldest = np.min([np.where(mark, values.day[row], values.day[rows]) for row, mark in zip(anchors, high, strict=True)], axis=0)
    apart = (values.day[rows] - oldest).tolist()
    return [
        f"{text} at {breaches} of {of} anchors, {days} days apart"
        for text, breaches, of, days in zip(texts, count, seen, apart, strict=True)
    ]


def limit_texts(breach: Breach, values: Values, rows: IntArray) -> list[str]:
    """'above 5.5 mg/dL', or 'above 9 times the assay's upper limit of 65 pg/mL', in the unit of each row."""
    words, limit = COMPARISONS[breach.comparison], breach.limit
    numbers = limit.otherwise if isinstance(limit, UpperLimit) else limit
    plain = [f"{words} {numbers.conventional:g} {values.units[0]}", f"{words} {numbers.si:g} {values.units[1]}"]
    systems = values.si[rows].tolist()
    if not isinstance(limit, UpperLimit):
        return [plain[si] for si in systems]
    times = f"{words} {limit.times:g} times the assay's upper limit of "
    return [
        f"{times}{upper:g} {values.units[si]}" if upper == upper else plain[si]
        for si, upper in zip(systems, values.upper_limit[rows].tolist(), strict=True)
    ]
