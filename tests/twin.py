"""The plain twin: judging once more, a row at a time, slow and obvious.

It reads the same rows as `rules.judge` and the same rules, and shares nothing with it but `units.round6`
and the types of a rule. Where the two differ, the clinical pages decide which is wrong. Lists, loops and
dataclasses only: this is the version a clinician could follow with a finger.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from monitors.records import Outcome, Severity
from monitors.rules.model import Analyte, Anchors, Breach, Rule, Signal, Step, UpperLimit
from monitors.units import round6
from tests.twin_values import Measures, Medication, Patient, Point

DAY = 86_400_000_000  # microseconds
SUPPLY_GRACE = 14  # days an exposure lasts beyond its recorded supply
LIST_FRESH = 30  # days a reconciled list can show that a drug is not taken


@dataclass(frozen=True)
class Verdict:
    """What the twin says of one patient and rule; ids: results it rests on. Instants in us UTC, -1 none."""

    patient_id: int
    unit: str
    rule: str
    outcome: Outcome
    reason: str
    severity: Severity | None = None
    since: int = -1
    cleared_at: int = -1
    ids: frozenset[int] = frozenset()


# ------------------------------------------------------------------------------------- anchors and the fold
@dataclass
class Draw:
    """One step of a fold: what was seen at this draw, and whether it raised or cleared."""

    point: Point
    raises: bool
    clears: bool
    anchors: list[Point]


def chain(days: Sequence[int], newest: int, anchored: Anchors, methods: Sequence[int]) -> list[int]:
    """Numbers of the anchors: the draw, the newest at least `apart_days` earlier, again; at most three."""
    anchors = [newest]
    for number in range(newest - 1, -1, -1):
        apart = days[anchors[-1]] - days[number]
        if apart < anchored.apart_days:
            continue
        if apart > anchored.gap_days or methods[number] != methods[anchors[-1]]:
            break
        anchors.append(number)
        if len(anchors) == 3:
            break
    return anchors


def limit_of(breach: Breach, point: Point, to_si: float) -> float:
    """The limit in the unit system of the value; times the assay's own upper limit where it states one."""
    limit = breach.limit
    if not isinstance(limit, UpperLimit):
        return limit.si if point.si else limit.conventional
    if math.isnan(point.upper_limit):
        return limit.otherwise.si if point.si else limit.otherwise.conventional
    return round6(limit.times * round6(point.upper_limit * (to_si if point.si else 1.0)))


@dataclass
class Course:
    """One signal followed over time, oldest draw first. mentioned: it belongs to another rule."""

    draws: list[Draw]
    rule: Rule
    raise_: Breach
    apart: Anchors
    mentioned: bool


def course_of(signal: Signal, rule: Rule, measures: Measures, mentioned: bool) -> Course:
    apart = signal.anchors or rule.anchors
    assert signal.measure is not None
    assert signal.raise_ is not None
    to_si = measures.to_si(signal.measure)
    points = measures.points(signal.measure)
    days, methods = [point.day for point in points], [point.method for point in points]
    draws: list[Draw] = []
    last_clear = -1

    def breached(breach: Breach, anchors: Sequence[int], after: int) -> bool:
        """Whether the newest anchor breaches, and enough of those looked at; earlier ones only `after`."""
        breaching = 0
        for number in anchors[: breach.window]:
            holds = points[number].value.holds(breach.comparison, limit_of(breach, points[number], to_si))
            if number == anchors[0] and not holds:
                return False
            if holds and (number == anchors[0] or number > after):
                breaching += 1
        return breaching >= breach.anchors

    for number, point in enumerate(points):
        anchors = chain(days, number, apart, methods)
        raises = breached(signal.raise_, anchors, last_clear)
        clears = not raises and any(breached(breach, anchors, -1) for breach in signal.clear)
        if clears:
            last_clear = number
        draws.append(Draw(point, raises, clears, [points[n] for n in anchors]))
    return Course(draws, rule, signal.raise_, apart, mentioned)


def latched(draws: Sequence[Draw]) -> list[Draw]:
    """Raises after the last clear, oldest first; empty when not latched."""
    raises: list[Draw] = []
    for draw in draws:
        if draw.clears:
            raises = []
        elif draw.raises:
            raises.append(draw)
    return raises


# ------------------------------------------------------------------------------------------------ exposure
class Exposure:
    """Whether a patient is on a drug class, by day: 'on', 'off' or 'unknown'."""

    def __init__(self, drug_class: str, medications: Iterable[Medication]) -> None:
        everything = list(medications)
        self.lists = sorted({m.listed_day for m in everything if m.listed_day >= 0})
        self.rows = [m for m in everything if m.drug_class == drug_class]

    def start(self, row: Medication) -> int:
        return row.start_day if row.start_day >= 0 else row.listed_day

    def end(self, row: Medication) -> float:
        """First day the row is no longer on."""
        if row.stop_day >= 0:
            return row.stop_day
        if row.supply_days >= 0:
            return self.start(row) + row.supply_days + SUPPLY_GRACE
        return next((day for day in self.lists if day > max(row.listed_day, row.start_day)), math.inf)

    def on(self, day: int) -> bool:
        return any(self.start(row) <= day < self.end(row) for row in self.rows)

    def state(self, day: int) -> str:
        if self.on(day):
            return "on"
        begun = [row for row in self.rows if self.start(row) <= day and self.end(row) <= day]
        last = max((max(self.start(row), self.end(row)) for row in begun), default=None)
        if any(max(self.start(row), row.stop_day) == last for row in begun if row.stop_day >= 0):
            return "off"
        newest_list = max((listed for listed in self.lists if listed <= day), default=None)
        return "off" if newest_list is not None and day - newest_list <= LIST_FRESH else "unknown"

    def off_for(self, day: int, washout_days: int) -> bool:
        return self.state(day) == "off" and not any(self.on(d) for d in range(day - washout_days, day))

    def turning_days(self, washout_days: int) -> set[int]:
        """Days on which the state may change, or a washout ends."""
        days = {day for listed in self.lists for day in (listed, listed + LIST_FRESH + 1)}
        for row in self.rows:
            days.add(self.start(row))
            if not math.isinf(self.end(row)):
                days |= {int(self.end(row)), int(self.end(row)) + washout_days}
        return days


# ------------------------------------------------------------------------------------------------- judging
@dataclass
class Moment:
    """One step of the fold of a rule with several signals: a draw (`drawn`), a day the exposure may change,
    or the as-of instant. newest: per signal the number of its newest draw, -1 none; raising: the signals
    that raise now."""

    at: int
    day: int
    drawn: bool
    newest: list[int]
    raising: set[int]
    clears: bool


class Case:
    """One patient, all rules."""

    def __init__(
        self, patient: Patient, rules: Sequence[Rule], analytes: Mapping[str, Analyte], calcium_basis: str
    ) -> None:
        self.patient, self.analytes, self.calcium_basis = patient, analytes, calcium_basis
        self.rules = {rule.id: rule for rule in rules}

    def measures(self, rule: Rule) -> Measures:
        return Measures(self.patient, self.analytes, rule.anchors.lookback_days, self.calcium_basis)

    def courses(self, rule: Rule, mentioned: bool = False) -> list[Course]:
        """The rule's signals, with those of the rules it mentions."""
        found: list[Course] = []
        for signal in rule.signals:
            if signal.rule is not None:
                found.extend(self.courses(self.rules[signal.rule], mentioned=True))
            else:
                lookback = (signal.anchors or rule.anchors).lookback_days
                measures = Measures(self.patient, self.analytes, lookback, self.calcium_basis)
                found.append(course_of(signal, rule, measures, mentioned))
        return found

    def judge(self, rule: Rule) -> Verdict:
        reason = self.not_assessable(rule)
        courses = self.courses(rule)
        if reason.startswith("no_recent") and rule.exposure:  # one signal is enough: a missing other hides nothing
            verdict = self.by_moments(rule, courses)
            if verdict.outcome is Outcome.FIRING:
                return verdict
        if reason:
            return self.verdict(rule, Outcome.NOT_ASSESSABLE, reason)
        if rule.exposure or len(courses) > 1:
            return self.by_moments(rule, courses)
        return self.by_draws(rule, courses[0])

    def not_assessable(self, rule: Rule) -> str:
        if self.patient.excluded:
            return self.patient.excluded
        for measure in rule.requires:
            if measure == "medications":
                continue
            points = self.measures(rule).points(measure)
            if not points or self.patient.as_of_day - points[-1].day > rule.anchors.gap_days:
                return f"no_recent:{measure}"
        if rule.exposure and self.exposure(rule).state(self.patient.as_of_day) == "unknown":
            return "exposure_unknown"
        return ""

    def exposure(self, rule: Rule) -> Exposure:
        assert rule.exposure is not None
        return Exposure(rule.exposure.drug_class, self.patient.medications)

    # ------------------------------------------------------------------------------ one signal, no exposure
    def by_draws(self, rule: Rule, course: Course) -> Verdict:
        raises = latched(course.draws)
        if not raises:
            last = max((n for n, draw in enumerate(course.draws) if draw.raises), default=None)
            if last is None:
                return self.verdict(rule, Outcome.CLEAR, "not_raised")
            cleared = next(draw.point.at for draw in course.draws[last + 1 :] if draw.clears)
            return self.verdict(rule, Outcome.CLEAR, "cleared", cleared=cleared)
        worst = rule.severity
        for step in rule.steps:
            if step.to.rank > worst.rank and self.step_holds(rule, step, course, raises[-1]):
                worst = step.to
        since, ids = raises[0].point.at, resting_on(course)
        if not course.draws[-1].raises:
            return self.verdict(rule, Outcome.HOLDING, "not_cleared", worst, since, ids=ids)
        reason = "persistent" if course.raise_.window > 1 else "beyond_limit"
        return self.verdict(rule, Outcome.FIRING, reason, worst, since, ids=ids)

    def step_holds(self, rule: Rule, step: Step, course: Course, draw: Draw) -> bool:
        """Whether a step's condition holds at a raising draw."""
        number = next(n for n, other in enumerate(course.draws) if other is draw)
        points = [other.point for other in course.draws[: number + 1]]
        if step.repeated is not None:
            clear = max((n for n in range(number) if course.draws[n].clears), default=-1)
            anchors = chain([p.day for p in points], number, course.apart, [p.method for p in points])
            raising = [course.draws[n].raises and n > clear for n in anchors[: step.repeated.of]]
            return sum(raising) >= step.repeated.anchors
        measure = next(signal.measure for signal in rule.signals if signal.measure)
        to_si = Measures(self.patient, self.analytes, 0, self.calcium_basis).to_si(measure)
        if step.latest is not None:
            return draw.point.value.holds(step.latest.comparison, limit_of(step.latest, draw.point, to_si))
        assert step.mean is not None
        recent = [point for point in points if draw.point.day - step.mean.days < point.day]
        exact = [point for point in recent if point.value.low == point.value.high]
        if len(exact) < step.mean.values:
            return False
        si = all(point.si for point in exact)
        mean = round6(math.fsum(p.value.low if si else p.conventional for p in exact) / len(exact))
        return mean >= (step.mean.at_least.si if si else step.mean.at_least.conventional)

    # ---------------------------------------------------------------------- several signals, or an exposure
    def by_moments(self, rule: Rule, courses: Sequence[Course]) -> Verdict:
        moments = self.moments(rule, courses)
        since, cleared, last_raise, last_clear = -1, -1, None, -1
        for number, moment in enumerate(moments):
            if moment.raising:
                since = moment.at if since < 0 else since
                cleared, last_raise = -1, number
            elif moment.clears:
                cleared = moment.at if cleared < 0 else cleared
                since, last_clear = -1, number
        if last_raise is None:
            return self.verdict(rule, Outcome.CLEAR, "not_exposed" if self.unexposed(rule) else "not_raised")
        if since < 0:
            return self.verdict(rule, Outcome.CLEAR, "cleared", cleared=cleared)
        firing = bool(moments[-1].raising)
        worst = rule.severity
        for step in rule.steps:
            seen = moments[: last_raise + 1]
            if step.to.rank > worst.rank and self.persistent(rule, step, seen, last_clear):
                worst = step.to
        ids = {i for course in courses if latched(course.draws) for i in resting_on(course)}
        if not firing:
            return self.verdict(rule, Outcome.HOLDING, "not_cleared", worst, since, ids=ids)
        reason = "persistent" if max(course.raise_.window for course in courses) > 1 else "beyond_limit"
        return self.verdict(rule, Outcome.FIRING, "exposed" if rule.exposure else reason, worst, since, ids=ids)

    def unexposed(self, rule: Rule) -> bool:
        """Off the drug now, and never on it within the look-back."""
        if rule.exposure is None:
            return False
        exposure, today = self.exposure(rule), self.patient.as_of_day
        back = range(today - rule.anchors.lookback_days, today + 1)
        return exposure.state(today) == "off" and not any(exposure.on(day) for day in back)

    def moments(self, rule: Rule, courses: Sequence[Course]) -> list[Moment]:
        """Draws, days on which the exposure may change, and the as-of instant, in order.

        The instant of a day is the as-of instant moved back by whole days.
        """
        patient = self.patient
        exposure = self.exposure(rule) if rule.exposure else None
        washout = rule.exposure.washout_days if rule.exposure else 0
        turning = exposure.turning_days(washout) if exposure else set()
        events = {(draw.point.at, draw.point.day) for course in courses for draw in course.draws}
        drawn = {at for at, _ in events}
        events |= {(patient.as_of - (patient.as_of_day - day) * DAY, day) for day in turning}
        events |= {(patient.as_of, patient.as_of_day)}
        oldest = patient.as_of_day - rule.anchors.lookback_days
        moments: list[Moment] = []
        for at, day in sorted(events):
            if at > patient.as_of or day < oldest:
                continue
            newest = [sum(draw.point.at <= at for draw in course.draws) - 1 for course in courses]
            standing = {n for n, course in enumerate(courses) if latched(course.draws[: newest[n] + 1])}
            raising = set()
            for n, course in enumerate(courses):
                if newest[n] < 0 or day - course.draws[newest[n]].point.day > course.apart.gap_days:
                    continue
                if course.draws[newest[n]].raises or (course.mentioned and n in standing):
                    raising.add(n)
            if exposure and exposure.state(day) != "on":
                raising = set()
            gone = exposure is not None and exposure.off_for(day, washout)
            clears = not raising and (gone or not standing)
            moments.append(Moment(at, day, at in drawn, newest, raising, clears))
        return moments

    def persistent(self, rule: Rule, step: Step, moments: Sequence[Moment], last_clear: int) -> bool:
        """Whether the rule's own raise was seen at enough anchors, on different values each time.

        The last moment raises. The first anchor is its newest draw; an earlier one counts when the rule
        raised there after the last clear, on a value that was not still the newest at the anchor after it.
        """
        assert step.repeated is not None
        draws = [n for n, moment in enumerate(moments) if moment.drawn]
        anchors = chain([moments[n].day for n in draws], len(draws) - 1, rule.anchors, [0] * len(draws))
        count = 1
        for later, earlier in pairwise(anchors[: step.repeated.of]):
            there, after = moments[draws[earlier]], moments[draws[later]]
            if draws[earlier] > last_clear and any(there.newest[n] != after.newest[n] for n in there.raising):
                count += 1
        return count >= step.repeated.anchors

    def verdict(
        self, rule: Rule, outcome: Outcome, reason: str, severity: Severity | None = None, since: int = -1,
        cleared: int = -1, ids: Iterable[int] = (),
    ) -> Verdict:  # fmt: skip
        who = self.patient
        return Verdict(
            who.patient_id, who.unit, rule.id, outcome, reason, severity, since, cleared, frozenset(ids)
        )


def resting_on(course: Course) -> set[int]:
    """Ids behind a latched signal: the anchors looked at when it raised last, and its newest value."""
    steps = [step.repeated.of for step in course.rule.steps if step.repeated]
    looked_at = latched(course.draws)[-1].anchors[: max([course.raise_.window, *steps])]
    return {i for point in [*looked_at, course.draws[-1].point] for i in point.ids}


def judge(
    patients: Iterable[Patient], rules: Sequence[Rule], analytes: Mapping[str, Analyte],
    calcium_basis: str = "measured",
) -> tuple[list[Verdict], Counter[tuple[str, str, str, str]]]:  # fmt: skip
    """Every verdict, and the counts by (unit, rule, outcome, reason)."""
    verdicts = []
    for patient in patients:
        case = Case(patient, rules, analytes, calcium_basis)
        verdicts.extend(case.judge(rule) for rule in rules)
    return verdicts, Counter((v.unit, v.rule, str(v.outcome), v.reason) for v in verdicts)
