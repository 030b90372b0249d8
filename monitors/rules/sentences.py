"""The one sentence that says why: limits, counts and days, never a patient's value."""

from __future__ import annotations

import numpy as np

from monitors.measures import IntArray, Values
from monitors.rules.breaches import Breach, UpperLimit
from monitors.rules.courses import Course
from monitors.rules.evidence import chain_of
from monitors.rules.facts import day_text, signals_latched, signals_met
from monitors.rules.model import Exposure, Overdue, Rule, Signal
from monitors.trends import LIST_GOOD_DAYS

NAMES = {
    "pth": "PTH", "ca_p": "Ca×P", "ca_p_higher": "Ca×P", "vka": "vitamin K antagonist", "crp": "CRP", "inr": "INR",
    "calcium_higher": "calcium", "calcium_lower": "calcium", "computed_adjusted_calcium": "adjusted calcium", "alt": "ALT",
    "bio_intact_pth": "bio-intact PTH", "vitamin_d": "25-OH vitamin D", "iv_iron": "intravenous iron", "draws": "blood",
    "active_vitamin_d": "active vitamin D",
}  # fmt: skip
UNCOUNTED = ("active_vitamin_d", "iv_iron", "vitamin_d", "etelcalcetide", "denosumab", "sodium_thiosulfate")  # no article
COMPARISONS = {"above": "above", "at_least": "at or above", "below": "below", "at_or_below": "at or below"}


def name_of(code: str) -> str:
    """How a measure or drug class is written in a sentence."""
    return NAMES.get(code, code.replace("_", " "))


def firing_sentences(rule: Rule, course: Course, rows: IntArray) -> list[str]:
    """Why a rule is firing at each of some rows of its course."""
    if course.values is not None:
        return _one_signal(course, rows)
    clauses = [
        _signal_clauses(signal, of, newest[rows])
        for signal, of, newest in zip(course.described, course.signals, course.newest, strict=True)
    ]
    met = zip(*(raises[rows].tolist() for raises in course.raises), strict=True)
    return [
        exposed + " and ".join(text for text, raises in zip(texts, marks, strict=True) if raises)
        for exposed, texts, marks in zip(_with(rule, course, rows), zip(*clauses, strict=True), met, strict=True)
    ]


def _signal_clauses(described: Signal, signal: Course | None, places: IntArray) -> list[str]:
    if described.overdue is not None:
        return [overdue_text(described.overdue)] * len(places)
    if described.rule is not None:
        return [f"{described.name} ({described.rule} open)"] * len(places)
    if described.raise_ is None or signal is None or signal.values is None:
        return [described.name.replace("_", " ")] * len(places)
    if not len(signal.values):
        return [""] * len(places)
    raised = np.where(places >= 0, signal.fold.last_raise[np.maximum(places, 0)], -1)
    texts = _clauses(described.raise_, signal.values, np.maximum(raised, 0))
    return texts if described.while_ is None else [f"{text}, {described.name.replace('_', ' ')}" for text in texts]


def overdue_text(test: Overdue) -> str:
    """'no calcium result for more than 50 days'."""
    return f"no {name_of(test.measure)} result for more than {test.days} days"


def holding_sentences(rule: Rule, course: Course, rows: IntArray) -> list[str]:
    """Why a rule is still holding at each of some rows of its course."""
    if course.values is not None:
        raise_ = course.described[0].raise_
        assert raise_ is not None
        limits = limit_texts(raise_, course.values, rows)
        return [f"newest {name_of(course.values.measure)} not {limit}, not cleared yet" for limit in limits]
    held = zip(_with(rule, course, rows), signals_latched(course, rows), signals_met(course, rows), strict=True)
    return [f"{exposed}no new breach, not cleared yet: {', '.join(latched or met)}" for exposed, latched, met in held]


def noted_sentence(course: Course, row: int) -> str:
    """What a signal that is not live would have said."""
    marks = [signal.name for signal, raises in zip(course.described, course.raises, strict=True) if raises[row]]
    return f"noted only, nobody is told: {', '.join(marks)}".replace("_", " ")


def clear_sentence(course: Course) -> str:
    """Why a rule that raised earlier is clear now."""
    return f"{name_of(course.values.measure)} met its clear limits" if course.values is not None else "nothing latched any more"


SUPERSEDED = "a breach that became known late was already followed by values that clear it"


def unassessable_sentence(rule: Rule, reason: str, newest_day: int, listed_day: int, today: int) -> str:
    """Why a rule could not be assessed. newest_day: of the missing measure; listed_day: of the newest drug list; -1 none."""
    kind, _, detail = reason.partition(":")
    if kind == "no_recent":
        if newest_day < 0:
            return f"no {name_of(detail)} result"
        return f"no {name_of(detail)} result within {rule.anchors.gap_days} days, newest of {day_text(newest_day)}"
    if kind == "not_running":
        return f"not running here: this site has no feed of {name_of(detail.removeprefix('fact:'))}"
    if reason == "exposure_unknown":
        unknown = f"not known whether {_drugs(rule)} is taken"
        if listed_day < 0:
            return f"{unknown}: no reconciled drug list"
        age = today - listed_day
        return f"{unknown}: newest drug list of {day_text(listed_day)} is {age} days old, good for {LIST_GOOD_DAYS}"
    return reason.replace(":", ": ").replace("_", " ")


def _with(rule: Rule, course: Course, rows: IntArray) -> list[str]:
    """'on a vitamin K antagonist with ' at each row; where no drug is recorded, what it is presumed by."""
    if rule.exposure is None:
        return [""] * len(rows)
    classes, presumed = _classes(rule.exposure), rule.exposure.presumed
    if presumed is None or course.presumed is None:
        return [f"on {classes} with "] * len(rows)
    by = f"presumed by {name_of(presumed.measure)} to be on {classes} (none is recorded), with "
    return [by if only else f"on {classes} with " for only in course.presumed[rows].tolist()]


def _classes(exposure: Exposure) -> str:
    """'a calcimimetic or etelcalcetide', 'active vitamin D'."""
    return " or ".join(map(_one, exposure.classes))


def _one(drug_class: str) -> str:
    return name_of(drug_class) if drug_class in UNCOUNTED else f"a {name_of(drug_class)}"


def _drugs(rule: Rule) -> str:
    if rule.exposure is not None:
        return _classes(rule.exposure)
    return " or ".join(_one(name.removeprefix("drug:")) for name in rule.requires if name.startswith("drug:"))


def _clauses(breach: Breach, values: Values, rows: IntArray) -> list[str]:
    texts = [f"{name_of(values.measure)} {limit}" for limit in limit_texts(breach, values, rows)]
    if values.adjusted is None or not len(values):
        return texts
    which = ("measured", "adjusted")
    return [f"{text} ({which[one]} calcium)" for text, one in zip(texts, values.adjusted[rows].tolist(), strict=True)]


def _one_signal(course: Course, rows: IntArray) -> list[str]:
    """'phosphate above 5.5 mg/dL at 2 of 3 anchors, 28 days apart'."""
    raise_, values = course.described[0].raise_, course.values
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
    systems = values.si[rows].tolist()
    if not breach.compares:
        texts = [movement_text(breach, values.units, system) for system in (False, True)]
        return [texts[si] for si in systems]
    words, limit = COMPARISONS[breach.comparison], breach.limit
    numbers = limit.otherwise if isinstance(limit, UpperLimit) else limit
    if breach.mean is not None:
        words = f"mean of {breach.mean.days} days {words}"
    plain = [f"{words} {numbers.conventional:g} {values.units[0]}", f"{words} {numbers.si:g} {values.units[1]}"]
    if not isinstance(limit, UpperLimit):
        return [plain[si] for si in systems]
    times = f"{words} {limit.times:g} times the assay's upper limit of "
    return [
        f"{times}{upper:g} {values.units[si]}" if upper == upper else plain[si]
        for si, upper in zip(systems, values.upper_limit[rows].tolist(), strict=True)
    ]


def movement_text(breach: Breach, units: tuple[str, str], si: bool) -> str:
    """'changed by +72 % or -42 % or more against the median of the anchors before'."""
    if breach.change is not None:
        signed = (("+", breach.change.rise_percent), ("-", breach.change.fall_percent), ("±", breach.change.steady_percent))
        percents = " or ".join(f"{sign}{percent:g} %" for sign, percent in signed if percent is not None)
        at_least = "within" if breach.change.steady_percent is not None else "changed by at least"
        return f"{at_least} {percents} against the median of the anchors before"
    if breach.rises is not None:
        rises = breach.rises
        return f"risen {rises.count} times in a row by {rises.total_percent:g} % or more over {rises.days} days or more"
    assert breach.fall is not None
    by = breach.fall.by.si if si else breach.fall.by.conventional
    return f"fallen by {by:g} {units[si]} or more within {breach.fall.days} days"
