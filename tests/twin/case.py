"""One patient: what is on record, and how things stand at an instant (true, false, or not known)."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Mapping, Sequence

from monitors.rules.breaches import Anchors, Breach
from monitors.rules.conditions import Condition
from monitors.rules.model import Overdue, Rule
from monitors.rules.substances import Analyte
from tests.twin.drugs import OFF, ON, UNKNOWN, Drug
from tests.twin.limits import beyond, met, surely_not
from tests.twin.rows import Fact, Patient, Site
from tests.twin.values import Measures, Point

Answer = bool | None  # None: not known


class Case(ABC):
    """What is known of one patient."""

    def __init__(self, patient: Patient, rules: Sequence[Rule], analytes: Mapping[str, Analyte], site: Site) -> None:
        self.patient, self.site, self.analytes = patient, site, analytes
        self.rules = {rule.id: rule for rule in rules}
        self.measures = Measures(patient, analytes, site.basis)
        self.drugs: dict[str, Drug] = {}
        self.concepts: dict[str, list[Fact]] = {}
        for fact in sorted(patient.facts, key=lambda fact: (fact.day, fact.id)):
            self.concepts.setdefault(fact.concept, []).append(fact)
        self.instants: dict[tuple[str, str], list[int]] = {}
        self.said: dict[tuple[int, int, int], Answer] = {}
        self.first_seen = min((row.day for row in patient.results), default=None)
        self.last_seen = max((row.day for row in patient.results), default=None)

    def drug(self, name: str) -> Drug:
        if name not in self.drugs:
            self.drugs[name] = Drug(name, self.patient.medications)
        return self.drugs[name]

    def facts(self, concept: str) -> list[Fact]:
        return self.concepts.get(concept, []) if self.site.facts else []

    def newest(self, measure: str, at: int, reads: str = "anchored") -> tuple[list[Point], int]:
        """(points, number of the newest at or before an instant; -1 none)."""
        points = self.measures.points(measure, reads)
        if (measure, reads) not in self.instants:
            self.instants[measure, reads] = [point.at for point in points]
        return points, bisect_right(self.instants[measure, reads], at) - 1

    # ------------------------------------------------------------------------------------------------ drugs
    def exposure(self, classes: Sequence[str], day: int, tails: Mapping[str, int]) -> str:
        """On with any of the classes, or so many days after its end; off with every one of them; else unknown."""
        states = []
        for name in classes:
            drug = self.drug(name)
            state = drug.state(day)
            if state != ON and tails.get(name) and drug.ended_within(day, tails[name]):
                state = ON
            states.append(state)
        return ON if ON in states else UNKNOWN if UNKNOWN in states else OFF

    # ------------------------------------------------------------------------------------------- conditions
    def holds(self, condition: Condition, rule: Rule, at: int, day: int) -> Answer:
        key = (id(condition), at, day)
        if key not in self.said:
            self.said[key] = self.worked_out(condition, rule, at, day)
        return self.said[key]

    def worked_out(self, condition: Condition, rule: Rule, at: int, day: int) -> Answer:
        if condition.on is not None:
            return self.taken(condition, day)
        if condition.measure is not None:
            return self.measured(condition, rule, at, day)
        if condition.rule is not None:
            return self.open(condition.rule, at, day)
        if condition.fact is not None:
            return self.fact(condition, day)
        answers = [self.holds(part, rule, at, day) for part in condition.children]
        if condition.all is not None:
            return False if False in answers else None if None in answers else True
        if condition.any is not None:
            return True if True in answers else None if None in answers else False
        if condition.not_ is not None:
            return None if answers[0] is None else not answers[0]
        assert condition.at_least is not None  # k of n: unknown only while the unknown ones could still make it up
        met, unknown = answers.count(True), answers.count(None)
        return True if met >= condition.at_least else None if met + unknown >= condition.at_least else False

    def taken(self, condition: Condition, day: int) -> Answer:
        assert condition.on is not None
        state = self.exposure(condition.on, day, dict.fromkeys(condition.on, condition.tail_days))
        if condition.started_within_days is not None:
            if any(self.drug(name).begun_within(day, condition.started_within_days) for name in condition.on):
                return True
            return None if state == UNKNOWN else False
        return {ON: True, OFF: False, UNKNOWN: None}[state]

    def measured(self, condition: Condition, rule: Rule, at: int, day: int) -> Answer:
        """The newest value, if recent; not known where a limit runs through its interval."""
        assert condition.measure is not None
        assert condition.is_ is not None
        assert condition.within_days is not None
        points, number = self.newest(condition.measure, at)
        if number < 0 or day - points[number].day > condition.within_days:
            return None
        key = (id(condition), -1, number)
        if key not in self.said:
            pace = Anchors(
                apart_days=rule.anchors.apart_days, gap_days=max(rule.anchors.gap_days, condition.within_days),
                lookback_days=rule.anchors.lookback_days,
            )
            self.said[key] = self.breached(condition.is_, points, number, pace)
        return self.said[key]

    @staticmethod
    def breached(breach: Breach, points: list[Point], number: int, pace: Anchors) -> Answer:
        if met(breach, points, number, pace):
            return True
        plain = breach.compares and breach.mean is None
        if plain and not beyond(breach, points, number, pace) and not surely_not(breach, points[number]):
            return None
        return False

    @abstractmethod
    def open(self, name: str, at: int, day: int) -> Answer:
        """Whether another rule is firing or holding; not known where that rule could not be assessed."""

    def fact(self, condition: Condition, day: int) -> Answer:
        assert condition.fact is not None
        if self.site.lacks(f"fact:{condition.fact}"):
            return None
        begun = [fact for fact in self.facts(condition.fact) if fact.day <= day]
        if condition.above is not None or condition.below is not None:
            newest = begun[-1] if begun else None
            if newest is None or math.isnan(newest.value):
                return None
            if condition.within_days is not None and day - newest.day > condition.within_days:
                return None
            above = condition.above is None or newest.value > condition.above
            return above and (condition.below is None or newest.value < condition.below)
        if condition.within_days is not None:
            recent = [fact for fact in begun if day - fact.day <= condition.within_days]
            return len(recent) >= (condition.times or 1)
        return any(fact.end_day < 0 or day < fact.end_day for fact in begun)

    # ---------------------------------------------------------------------------------------------- overdue
    def running_since(self, test: Overdue, at: int, day: int) -> int | None:
        """The day a clock runs from: the newest valid result; the drug's beginning, if later; else the first sight of the
        patient. None where it does not run."""
        points, number = self.newest(test.measure, at, "valid")
        newest = points[number].day if number >= 0 else None
        if test.after is not None:
            found = [self.drug(name).begun(day, test.after.from_days, test.after.to_days) for name in test.after.on]
            begun = max((one for one in found if one is not None), default=None)
            if begun is None:
                return None
            due_from = begun + test.after.from_days
            return due_from if newest is None else max(newest, due_from)
        return newest if newest is not None or test.needs_previous else self.first_seen

    def paused(self, test: Overdue, since: int, day: int) -> int:
        """Days from one day to another on which the clock stood still: each such day once."""
        stays = [fact for concept in test.pause for fact in self.facts(concept) if not self.site.lacks(f"fact:{concept}")]
        if not stays:
            return 0
        covered, until = 0, since
        for stay in sorted(stays, key=lambda stay: stay.day):
            first, last = max(stay.day, until), min(day if stay.end_day < 0 else stay.end_day, day)
            if last > first:
                covered, until = covered + last - first, last
        return covered

    def overdue(self, test: Overdue, at: int, day: int) -> bool:
        since = self.running_since(test, at, day)
        return since is not None and day - since - self.paused(test, since, day) > test.days

    def due_day(self, test: Overdue, since: int) -> int:
        """First day a clock that runs from `since`, and is not reset, is over."""
        day = since + test.days + 1
        while (later := since + test.days + 1 + self.paused(test, since, day)) > day and later < self.patient.as_of_day + 2:
            day = later
        return day
