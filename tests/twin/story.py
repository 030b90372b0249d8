"""One rule over time: every instant at which something may change, in order, and what the rule says there."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from monitors.rules.conditions import Condition
from monitors.rules.model import Rule, Signal
from monitors.rules.substances import Analyte
from tests.twin.case import Answer, Case
from tests.twin.drugs import ON
from tests.twin.limits import Draw, chain, follow, met
from tests.twin.rows import DAY, Patient, Site


@dataclass
class Moment:
    """One instant. drawn: blood was drawn. newest: per limb the number of its newest draw, -1 none; up: the limb raises
    here; held: it is latched. raised, cleared: of the live limbs together; noted, noted_cleared: of the others."""

    at: int
    day: int
    drawn: bool
    method: int = -1
    newest: list[int] = field(default_factory=list)
    up: list[bool] = field(default_factory=list)
    held: list[bool] = field(default_factory=list)
    on: bool = True
    presumed: bool = False
    inside: bool = True
    raised: bool = False
    cleared: bool = False
    noted: bool = False
    noted_cleared: bool = False


@dataclass
class Fold:
    """Where a rule stands after each moment: since, last: numbers of the first raise after the last clear and of the last
    raise; clear: number of the first clear after the last raise."""

    since: list[int | None] = field(default_factory=list)
    last: int | None = None
    last_clear: int = -1
    clear: int | None = None

    def step(self, number: int, raised: bool, cleared: bool) -> None:
        since = self.since[-1] if self.since else None
        if raised:
            since = number if since is None else since
            self.last, self.clear = number, None
        elif cleared:
            since, self.last_clear = None, number
            if self.clear is None and self.last is not None:
                self.clear = number
        self.since.append(since)


@dataclass
class Story:
    """A rule of one patient. limbs: those that run at this site; draws: per limb its draws ([] for one without values)."""

    rule: Rule
    limbs: list[Signal]
    draws: list[list[Draw]]
    moments: list[Moment]
    fold: Fold
    noted: Fold
    instants: list[int]

    @property
    def by_draws(self) -> bool:
        """One plain limb: it is followed at its own draws alone."""
        return not self.rule.over_events


class Told(Case):
    """One patient with the rules told over time."""

    def __init__(self, patient: Patient, rules: Sequence[Rule], analytes: Mapping[str, Analyte], site: Site) -> None:
        super().__init__(patient, rules, analytes, site)
        self.stories: dict[str, Story] = {}
        self.limbs: dict[tuple[str, str], list[Draw]] = {}

    def story(self, name: str) -> Story:
        if name not in self.stories:
            self.stories[name] = self.told(self.rules[name])
        return self.stories[name]

    def limb(self, rule: Rule, signal: Signal) -> list[Draw]:
        """A limb that follows a measure, over the values within its look-back."""
        if signal.measure is None:
            return []
        key = (rule.id, signal.name)
        if key not in self.limbs:
            assert signal.raise_ is not None
            pace = signal.anchors or rule.anchors
            oldest = self.patient.as_of_day - pace.lookback_days
            points = [point for point in self.measures.points(signal.measure, signal.reads) if point.day >= oldest]
            self.limbs[key] = follow(signal.raise_, signal.clear, points, pace, self.known_late(signal))
        return self.limbs[key]

    def known_late(self, signal: Signal) -> bool:
        """Whether a limb looks at when each value became known."""
        return signal.reads != "anchored" and self.site.known

    def told(self, rule: Rule) -> Story:
        limbs = [signal for signal in rule.signals if not any(self.site.lacks(name) for name in signal.requires)]
        draws = [self.limb(rule, signal) for signal in limbs]
        if not rule.over_events:
            moments = [Moment(d.point.at, d.point.day, True, newest=[n], up=[d.stands], held=[d.latched], raised=d.stands,
                              cleared=d.cleared) for n, d in enumerate(draws[0])]  # fmt: skip
        else:
            moments = self.moments(rule, limbs, draws)
        fold, noted = Fold(), Fold()
        for number, moment in enumerate(moments):
            fold.step(number, moment.raised, moment.cleared)
            noted.step(number, moment.noted, moment.noted_cleared)
        return Story(rule, limbs, draws, moments, fold, noted, [moment.at for moment in moments])

    # --------------------------------------------------------------------------------------------- instants
    def moments(self, rule: Rule, limbs: list[Signal], draws: list[list[Draw]]) -> list[Moment]:
        patient = self.patient
        drawn = {(draw.point.at, draw.point.day) for limb in draws for draw in limb}
        turning: set[int] = set()
        for signal in limbs:
            if signal.rule is not None:
                drawn |= self.drawn_for(signal.rule)
            if signal.overdue is not None:
                drawn |= {(point.at, point.day) for point in self.measures.points(signal.overdue.measure, "valid")}
                turning |= self.due_days(signal)
            for condition in signal.conditions:
                for one in condition.walk():
                    drawn |= self.looked_at(one)
                    turning |= self.turning_days(one)
        if rule.exposure is not None:
            for name in rule.exposure.classes:
                drug = self.drug(name)
                tail = self.tails(rule)[name]
                turning |= drug.turning_days() | set(drug.lists)
                turning |= {end + rule.exposure.washout_days for end in drug.ends()} | {end + tail + 1 for end in drug.ends()}
            if rule.exposure.presumed is not None:
                turning |= {point.day for point in self.measures.points(rule.exposure.presumed.measure)}
                for name in rule.exposure.presumed.unless:
                    turning |= self.drug(name).turning_days()
        oldest = patient.as_of_day - rule.anchors.lookback_days
        days = {day for day in turning if oldest <= day <= patient.as_of_day} | {patient.as_of_day}
        instants = drawn | {(patient.as_of - (patient.as_of_day - day) * DAY, day) for day in days}
        moments = [Moment(at, day, (at, day) in drawn and day >= oldest, inside=day >= oldest) for at, day in sorted(instants)]
        self.fill(rule, limbs, draws, moments)
        return moments

    def looked_at(self, condition: Condition) -> set[tuple[int, int]]:
        if condition.measure is not None:
            return {(point.at, point.day) for point in self.measures.points(condition.measure)}
        return self.drawn_for(condition.rule) if condition.rule is not None else set()

    def drawn_for(self, name: str) -> set[tuple[int, int]]:
        """The draws of another rule."""
        return {(moment.at, moment.day) for moment in self.story(name).moments if moment.drawn}

    def turning_days(self, condition: Condition) -> set[int]:
        days: set[int] = set()
        for name in condition.on or ():
            drug = self.drug(name)
            days |= drug.turning_days() | set(drug.lists)
            if condition.tail_days:
                days |= {end + condition.tail_days + 1 for end in drug.ends()}
            if condition.started_within_days:
                days |= {start + condition.started_within_days + 1 for start in drug.starts()}
        if condition.fact is not None:
            for fact in self.facts(condition.fact):
                days |= {fact.day, fact.end_day} - {-1}
                if condition.within_days is not None:
                    days.add(fact.day + condition.within_days + 1)
        if condition.rule is not None:
            days |= {moment.day for moment in self.story(condition.rule).moments if not moment.drawn}
        return days

    def due_days(self, signal: Signal) -> set[int]:
        test = signal.overdue
        assert test is not None
        drawn = [point.day for point in self.measures.points(test.measure, "valid")]
        days: set[int] = set()
        if test.after is not None:
            for name in test.after.on:
                for start in self.drug(name).starts():
                    days |= {self.due_day(test, start + test.after.from_days), start + test.after.to_days + 1}
        elif not test.needs_previous and self.first_seen is not None:
            drawn = [self.first_seen, *drawn]
        for day, following in pairwise([*drawn, self.patient.as_of_day]):
            due = self.due_day(test, day)
            if due <= following:  # no result came in time
                days.add(due)
        return days

    # ------------------------------------------------------------------------------------ what is said there
    def fill(self, rule: Rule, limbs: list[Signal], draws: list[list[Draw]], moments: list[Moment]) -> None:
        for moment in moments:
            self.exposed(rule, moment)
        instants = [[draw.point.at for draw in limb] for limb in draws]
        said = [self.states(rule, signal, moments) if signal.state is not None else [] for signal in limbs]
        latched = [False] * len(limbs)
        for number, moment in enumerate(moments):
            for place, signal in enumerate(limbs):
                active = moment.inside and moment.on
                newest = -1
                if signal.measure is not None:
                    newest = bisect_right(instants[place], moment.at) - 1
                    up, held = self.by_value(rule, signal, draws[place], newest, moment.day)
                elif signal.rule is not None:
                    newest = bisect_right(self.story(signal.rule).instants, moment.at) - 1
                    up, held = self.by_rule(signal.rule, newest, moment.day)
                elif signal.overdue is not None:
                    up = held = self.overdue(signal.overdue, moment.at, moment.day)
                else:
                    up, held = said[place][number]
                up = up and active
                if signal.while_ is not None or signal.unless is not None:
                    narrowed = True if signal.while_ is None else self.holds(signal.while_, rule, moment.at, moment.day)
                    blocked = signal.unless is not None and self.holds(signal.unless, rule, moment.at, moment.day) is True
                    up = up and narrowed is True and not blocked
                    held = up or (held and latched[place] and narrowed is not False and not blocked)
                latched[place] = held
                moment.newest.append(newest)
                moment.up.append(up)
                moment.held.append(held)
            self.sum_up(rule, limbs, moment)

    def sum_up(self, rule: Rule, limbs: list[Signal], moment: Moment) -> None:
        """Raise wins; over when the drug has been gone long enough, or when no limb is latched."""
        gone = False
        if rule.exposure is not None and not moment.presumed:
            washout = rule.exposure.washout_days
            gone = all(self.drug(name).off_for(moment.day, washout) for name in rule.exposure.classes)
        some = others = False
        for signal, up, held in zip(limbs, moment.up, moment.held, strict=True):
            if signal.mode == "live":
                moment.raised, some = moment.raised or up, some or held
            else:
                moment.noted, others = moment.noted or up, others or held
        moment.cleared = moment.inside and not moment.raised and (gone or not some)
        moment.noted_cleared = moment.inside and not moment.noted and (gone or not others)

    def by_value(self, rule: Rule, signal: Signal, draws: list[Draw], newest: int, day: int) -> tuple[bool, bool]:
        """The newest value, if it is recent enough."""
        if newest < 0:
            return False, False
        gap = (signal.anchors or rule.anchors).gap_days
        draw = draws[newest]
        return draw.stands and day - draw.point.day <= gap, draw.latched

    def by_rule(self, name: str, newest: int, day: int) -> tuple[bool, bool]:
        if newest < 0:
            return False, False
        story = self.story(name)
        latched = story.fold.since[newest] is not None
        return latched and day - story.moments[newest].day <= story.rule.anchors.gap_days, latched

    def states(self, rule: Rule, signal: Signal, moments: list[Moment]) -> list[tuple[bool, bool]]:
        """(raises, held) of a limb that is a state, at each moment; where asked, seen at so many anchors of draws."""
        assert signal.state is not None
        answers: list[Answer] = [self.holds(signal.state, rule, moment.at, moment.day) for moment in moments]
        seen = [answer is True and m.inside and m.on for answer, m in zip(answers, moments, strict=True)]
        if signal.repeated is None:
            return [(up, answer is not False) for up, answer in zip(seen, answers, strict=True)]
        drawn = [number for number, moment in enumerate(moments) if moment.drawn]
        again: dict[int, bool] = {}
        for place, number in enumerate(drawn):
            ended = max((n for n in range(number) if answers[n] is False), default=-1)
            anchors = chain([moments[n] for n in drawn], place, signal.anchors or rule.anchors)  # type: ignore[list-item]
            others = [drawn[n] for n in anchors[1 : signal.repeated.of]]
            count = seen[number] + sum(seen[n] and n > ended for n in others)
            again[number] = seen[number] and count >= signal.repeated.anchors
        found = []
        for number, answer in enumerate(answers):
            place = bisect_right(drawn, number) - 1
            found.append((seen[number] and place >= 0 and again[drawn[place]], answer is not False))
        return found

    def exposed(self, rule: Rule, moment: Moment) -> None:
        """Whether the rule's drug is taken, or presumed from a laboratory value where no drug is recorded."""
        if rule.exposure is None:
            return
        exposure = rule.exposure
        moment.on = self.exposed_to(rule, moment.day) == ON
        if exposure.presumed is None or moment.on:
            return
        wanted = exposure.presumed
        points, number = self.newest(wanted.measure, moment.at)
        if number < 0 or moment.day - points[number].day > rule.anchors.gap_days:
            return
        recorded = any(self.drug(name).on(moment.day) for name in wanted.unless)
        moment.presumed = not recorded and met(wanted.is_, points, number, rule.anchors)
        moment.on = moment.presumed

    @staticmethod
    def tails(rule: Rule) -> dict[str, int]:
        """Days each class still counts after its end: its own, else the rule's."""
        assert rule.exposure is not None
        return {name: rule.exposure.longer.get(name, rule.exposure.tail_days) for name in rule.exposure.classes}

    def exposed_to(self, rule: Rule, day: int) -> str:
        assert rule.exposure is not None
        return self.exposure(rule.exposure.classes, day, self.tails(rule))

    def open(self, name: str, at: int, day: int) -> Answer:
        story = self.story(name)
        newest = bisect_right(story.instants, at) - 1
        latched = newest >= 0 and story.fold.since[newest] is not None
        if latched and day - story.moments[newest].day <= story.rule.anchors.gap_days:
            return True
        for measure in story.rule.requires:
            if measure not in ("medications", "draws") and ":" not in measure:
                points, number = self.newest(measure, at)
                if number < 0 or day - points[number].day > story.rule.anchors.gap_days:
                    return None
        return False

