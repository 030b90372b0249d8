"""Facts for the card that decide nothing: drugs and the date of their list, PTH multiples, signals met, what is unknown."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from monitors.measures import BoolArray, IntArray, Values
from monitors.records import utc_text
from monitors.rules.breaches import Breach, UpperLimit
from monitors.rules.conditions import Condition
from monitors.rules.courses import Course, Nights, pace
from monitors.rules.evidence import comparator, instant
from monitors.rules.model import Rule
from monitors.rules.moments import Moments
from monitors.rules.sources import Sources
from monitors.rules.states import FALSE, TRUE, UNKNOWN, state
from monitors.trends import day_key
from monitors.units import Limit

RECENTLY_DAYS = 30  # a drug stopped so lately still stands on the card
HIGH_CALCIUM = Limit.parse("10.2 mg/dL | 2.54 mmol/L")  # a fact on a PTH card (KDOQI 2003 6.2), not a limb
WORDS = {FALSE: False, UNKNOWN: None, TRUE: True}
_DAY_ZERO = date(1970, 1, 1).toordinal()

Facts = dict[str, Any]


@cache
def day_text(day: int) -> str:
    """A day number as ISO text."""
    return date.fromordinal(_DAY_ZERO + day).isoformat()


@dataclass
class Drugs:
    """The drugs each patient is or lately was on: {place of the patient: [{class, text, started, stopped, listed}]},
    dates as ISO text or None, in the order of medication ids. list_day: day of each patient's newest list as of the
    night, -1 none."""

    medications: pd.DataFrame
    periods: pd.DataFrame
    lists: IntArray
    nights: Nights
    of: dict[int, list[Facts]] = field(init=False, default_factory=dict)
    list_day: IntArray = field(init=False)

    def __post_init__(self) -> None:
        self.list_day = self._list_days()
        rank, start, end = (self.periods[name].to_numpy() for name in ("rank", "start", "end"))
        day = np.append(self.nights.day, 0)[rank]
        shown = (rank >= 0) & (start <= day) & (end > day - RECENTLY_DAYS) & (start < end)
        rows = np.flatnonzero(shown & (self.periods["drug_class"].to_numpy() != ""))
        order = ("medication_id", "drug_class")
        rows = rows[np.lexsort([self.medications[name].to_numpy()[rows] for name in reversed(order)])]
        names = ("drug_class", "drug_text", "start_day", "listed_day")
        columns = (rank, day, end, *(self.medications[name].to_numpy() for name in names))
        for patient, tonight, over, name, text, begun, listed in zip(*(c[rows].tolist() for c in columns), strict=True):
            self.of.setdefault(patient, []).append({
                "class": name, "text": text, "started": day_text(begun) if begun >= 0 else None,
                "stopped": day_text(over) if over <= tonight else None, "listed": day_text(listed) if listed >= 0 else None,
            })  # fmt: skip

    def _list_days(self) -> IntArray:
        everyone = np.arange(len(self.nights))
        place = np.searchsorted(self.lists, day_key(everyone, self.nights.day), "right") - 1
        first = day_key(everyone, np.zeros(len(everyone), dtype=np.int64))
        newest = np.append(self.lists, np.int64(-1))[place]
        return np.where((place >= 0) & (newest >= first), newest - first, -1)


@dataclass(frozen=True)
class Card:
    """Where the facts of one judgement come from."""

    sources: Sources
    drugs: Drugs

    @property
    def nights(self) -> Nights:
        return self.sources.nights

    def facts(self, rule: Rule, course: Course, patients: IntArray, rows: IntArray) -> list[Facts]:
        """For each patient (place) and the row of the rule's course to speak of (-1 none):

        drugs, list_date; unknown (optional measures without a recent value); pth (or the measure judged by its assay's
        limit) {times_upper_limit, upper_limit, unit}; on a PTH card calcium {value, unit, comparator, collected_at, limit,
        met}; for rules of several signals met and latched (names of signals), calcium ('measured' or 'adjusted':
        which gave the value) and adjusted_calcium {value, unit, comparator, collected_at}; said {name of a fact of
        the rule: True, False or None for unknown}; factors {met, unknown, known, of} where it counts; presumed;
        not_running (signals this site has no input for).
        """
        facts: list[Facts] = [{} for _ in patients]
        if rule.exposure is not None or any(
            name.startswith(("medications", "drug:")) for name in (*rule.requires, *rule.optional)
        ):
            listed = self.drugs.list_day[patients].tolist()
            for fact, patient, day in zip(facts, patients.tolist(), listed, strict=True):
                fact["drugs"] = self.drugs.of.get(patient, [])
                fact["list_date"] = day_text(day) if day >= 0 else None
        self._unknown(rule, patients, facts)
        self._said(rule, course, patients, facts)
        if course.values is not None:
            self._of_one_signal(rule, course, patients, facts)
        elif len(course.rank):
            self._of_signals(rule, course, patients, rows, facts)
        return facts

    def _said(self, rule: Rule, course: Course, patients: IntArray, facts: list[Facts]) -> None:
        """The rule's named conditions and counts as of the night; patients: ascending."""
        tonight = self.sources.tonight(patients)
        if rule.facts:
            answers = [self._answers(condition, tonight, rule) for condition in rule.facts.values()]
            for fact, said in zip(facts, zip(*answers, strict=True), strict=True):
                fact["said"] = dict(zip(rule.facts, said, strict=True))
        for signal in course.described:
            for condition in (one for stated in signal.conditions for one in stated.walk() if one.count):
                names = tuple(condition.count or {})
                answers = [self._answers(one, tonight, rule) for one in (condition.count or {}).values()]
                for fact, mine in zip(facts, zip(*answers, strict=True), strict=True):
                    unknown = [name for name, answer in zip(names, mine, strict=True) if answer is None]
                    fact.setdefault("factors", {})[signal.name] = {
                        "met": [name for name, answer in zip(names, mine, strict=True) if answer], "unknown": unknown,
                        "known": len(mine) - len(unknown), "of": len(mine),
                    }  # fmt: skip
        left_out = [signal.name for signal in rule.signals if signal not in course.described]
        if left_out:
            for fact in facts:
                fact["not_running"] = left_out

    def _answers(self, condition: Condition, tonight: Moments, rule: Rule) -> list[bool | None]:
        return [WORDS[answer] for answer in state(condition, tonight, rule, self.sources).tolist()]

    def _unknown(self, rule: Rule, patients: IntArray, facts: list[Facts]) -> None:
        measures = [name for name in rule.optional if name != "medications" and not name.startswith(("fact:", "drug:"))]
        days = [(self.nights.day - self.sources.measures.newest_day(measure))[patients] for measure in measures]
        lacks = [age > gap_of(rule, measure) for measure, age in zip(measures, days, strict=True)]
        for fact, names in zip(facts, _named(measures, lacks, len(patients)), strict=True):
            if names:
                fact["unknown"] = names

    def _of_one_signal(self, rule: Rule, course: Course, patients: IntArray, facts: list[Facts]) -> None:
        values = course.values
        if values is None or not _by_upper_limit(course.described[0].raise_):
            return
        rows = course.end[patients]
        _put(facts, values.measure, np.flatnonzero(rows >= 0), upper_limit_facts(values, rows[rows >= 0]))
        if "calcium" in rule.optional:
            owners, found, calcium = self._recent("calcium", rule, patients)
            items = _value_facts(calcium, found)
            above = (calcium.interval.lo > HIGH_CALCIUM.per(calcium.si))[found].tolist()
            for item, met, limit in zip(items, above, HIGH_CALCIUM.per(calcium.si)[found].tolist(), strict=True):
                item.update(limit=f"> {limit:g} {item['unit']}", met=met)
            _put(facts, "calcium", owners, items)

    def _of_signals(self, rule: Rule, course: Course, patients: IntArray, rows: IntArray, facts: list[Facts]) -> None:
        stands = np.flatnonzero(rows >= 0)
        met = signals_met(course, rows[stands])
        latched = signals_latched(course, rows[stands])
        for owner, names, held in zip(stands.tolist(), met, latched, strict=True):
            facts[owner].update(met=names, latched=held)
        if course.presumed is not None and course.presumed.any():
            for owner in stands[course.presumed[rows[stands]]].tolist():
                facts[owner]["presumed"] = True
        for described, signal, newest in zip(course.described, course.signals, course.newest, strict=True):
            places = np.where(rows >= 0, newest[rows], -1)
            owners = np.flatnonzero(places >= 0)
            if signal is None or signal.values is None or not len(owners):
                continue
            if signal.values.adjusted is not None and described.measure in ("ca_p_higher", "calcium_lower"):
                which = signal.values.adjusted[places[owners]].tolist()
                _put(facts, "calcium", owners, ["adjusted" if one else "measured" for one in which])
                known, found, values = self._recent("computed_adjusted_calcium", rule, patients)
                _put(facts, "adjusted_calcium", known, _value_facts(values, found))
            if _by_upper_limit(described.raise_):
                _put(facts, signal.values.measure, owners, upper_limit_facts(signal.values, places[owners]))

    def _recent(self, measure: str, rule: Rule, patients: IntArray) -> tuple[IntArray, IntArray, Values]:
        """(owners, rows, values): the newest value of each patient who has one that the rule would still use."""
        values = self.sources.measures.of(measure)
        rows = self.sources.measures.newest(measure)[patients]
        age = self.nights.day[patients] - np.append(values.day, 0)[rows]
        owners = np.flatnonzero((rows >= 0) & (age <= gap_of(rule, measure)))
        return owners, rows[owners], values


def gap_of(rule: Rule, measure: str) -> int:
    """How old a value of a measure may be for a rule, in days: its signal's own gap, else the rule's."""
    for signal in rule.signals:
        if signal.measure == measure:
            return pace(signal, rule).gap_days
    return rule.anchors.gap_days


def signals_met(course: Course, rows: IntArray) -> list[list[str]]:
    """Names of the signals that raise a rule over events, at each of some of its rows."""
    return _named([signal.name for signal in course.described], [raises[rows] for raises in course.raises], len(rows))


def signals_latched(course: Course, rows: IntArray) -> list[list[str]]:
    """Names of the signals that are latched, at each of some rows of a rule over events."""
    return _named([signal.name for signal in course.described], [latched[rows] for latched in course.latched], len(rows))


def _named(names: list[str], marks: list[BoolArray], rows: int) -> list[list[str]]:
    """Which names are marked at each of some rows. There are few different answers: each is put together once."""
    code = np.zeros(rows, dtype=np.int64)
    for number, mark in enumerate(marks):
        code |= mark.astype(np.int64) << number
    codes = code.tolist()
    answers = {one: [name for number, name in enumerate(names) if one >> number & 1] for one in set(codes)}
    return [answers[one].copy() for one in codes]


def upper_limit_facts(values: Values, rows: IntArray) -> list[Facts]:
    """[{times_upper_limit, upper_limit, unit}]: the multiple to one decimal; None where the assay states no limit."""
    columns = (values.interval.value, values.upper_limit, values.si)
    return [
        {"times_upper_limit": round(value / limit, 1) if limit == limit else None,
         "upper_limit": limit if limit == limit else None, "unit": values.units[si]}
        for value, limit, si in zip(*(column[rows].tolist() for column in columns), strict=True)
    ]  # fmt: skip


def _value_facts(values: Values, rows: IntArray) -> list[Facts]:
    columns = (*values.interval, values.si, values.at)
    return [
        {"value": value, "unit": values.units[si], "comparator": comparator(value, lo, hi), "collected_at": utc_text(instant(at))}
        for value, lo, hi, si, at in zip(*(column[rows].tolist() for column in columns), strict=True)
    ]


def _put(facts: list[Facts], name: str, owners: IntArray, items: list[Any]) -> None:
    for owner, item in zip(owners.tolist(), items, strict=True):
        facts[owner][name] = item


def _by_upper_limit(breach: Breach | None) -> bool:
    return breach is not None and breach.compares and isinstance(breach.limit, UpperLimit)


