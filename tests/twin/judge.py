"""What is said of one patient and one rule: outcome, reason, severity, since when, and the results it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from monitors.records import Severity
from monitors.rules.model import Repeated, Rule, Signal, Step
from monitors.rules.substances import Analyte
from tests.twin.drugs import UNKNOWN
from tests.twin.limits import Draw, averaged, beyond, chain, compared, highest, mean_of
from tests.twin.rows import Cited, Patient, Site, Verdict
from tests.twin.story import Story, Told
from tests.twin.values import Point

HOUR = 3_600_000_000
PLAIN = ("not_raised", "not_exposed")


class Judge(Told):
    """One patient, all rules."""

    def verdict(self, rule: Rule) -> Verdict:
        story = self.story(rule.id)
        newest = story.moments[-1] if story.moments else None
        firing = newest is not None and newest.raised
        reason = self.not_assessable(rule, story, firing)
        if reason:
            return self.say(rule, "not_assessable", reason, evidence=self.newest_of_missing(reason))
        fold = story.fold
        since = fold.since[-1] if fold.since else None
        if since is not None:
            outcome, why = ("firing", firing_reason(rule)) if firing else ("holding", "not_cleared")
            severity = self.severity(story, fold.last if fold.last is not None else since)
            return self.say(rule, outcome, why, severity, story.moments[since].at, evidence=self.resting_on(story))
        cleared = story.moments[fold.clear].at if fold.clear is not None else -1
        if newest is not None and newest.noted:
            noted = story.noted.since[-1]
            assert noted is not None
            evidence = self.resting_on(story)
            return self.say(rule, "clear", "noted", None, story.moments[noted].at, cleared, evidence)
        if fold.clear is not None:
            read = [limb for one, limb in zip(story.limbs, story.draws, strict=True) if self.known_late(one)]
            why = "superseded" if any(superseded(limb) for limb in read) else "cleared"
            return self.say(rule, "clear", why, None, -1, cleared, self.newest_values(rule))
        return self.say(rule, "clear", "not_exposed" if self.never_exposed(story) else "not_raised")

    def say(
        self, rule: Rule, outcome: str, reason: str, severity: str | None = None, since: int = -1, cleared: int = -1,
        evidence: Iterable[Cited] = (),
    ) -> Verdict:  # fmt: skip
        who = self.patient
        return Verdict(who.patient_id, who.unit, rule.id, outcome, reason, severity, since, cleared, frozenset(evidence))

    # --------------------------------------------------------------------------------------- not assessable
    def not_assessable(self, rule: Rule, story: Story, firing: bool) -> str:
        """The first reason that applies. A limb that fires is enough: what another lacks hides nothing."""
        today, site = self.patient.as_of_day, self.site
        if self.patient.excluded:
            return self.patient.excluded
        if not site.lacks("fact:pregnancy") and any(f.day <= today and (f.end_day < 0 or today < f.end_day)
                                                    for f in self.facts("pregnancy")):  # fmt: skip
            return "outside_population:pregnancy"
        for name in rule.requires:
            if site.lacks(name):
                return f"not_running:{name}"
        for name in rule.requires:
            if name == "medications" or ":" in name or (firing and rule.over_events):
                continue
            if name == "draws":
                newest, reach = self.last_seen, rule.anchors.lookback_days
            else:
                points = self.measures.points(name)
                newest, reach = (points[-1].day if points else None), min(rule.anchors.gap_days, rule.anchors.lookback_days)
            if newest is None or today - newest > reach:
                return f"no_recent:{name}"
        presumed = rule.exposure is not None and story.moments[-1].presumed
        if rule.exposure is not None and not presumed and self.exposed_to(rule, today) == UNKNOWN:
            return "exposure_unknown"
        for name in rule.requires:
            kind, _, drug = name.partition(":")
            if kind == "drug" and not firing and self.drug(drug).state(today) == UNKNOWN:
                return "exposure_unknown"
        return ""

    def never_exposed(self, story: Story) -> bool:
        """Not on the drug at any day of the look-back, and too few laboratory values that could stand in for a list."""
        rule = story.rule
        if rule.exposure is None:
            return False
        first = self.patient.as_of_day - rule.anchors.lookback_days
        for name in rule.exposure.classes:
            tail, periods = self.tails(rule)[name], self.drug(name).periods
            if any(start <= self.patient.as_of_day and end + tail + bool(tail) > first for start, end in periods):
                return False
        if rule.exposure.presumed is None:
            return True
        wanted, points = rule.exposure.presumed.is_, self.measures.points(rule.exposure.presumed.measure)
        return sum(beyond(wanted, points, n, rule.anchors) for n in range(len(points))) < wanted.anchors

    # --------------------------------------------------------------------------------------------- severity
    def severity(self, story: Story, number: int) -> str:
        """Of the live limbs that raised last, the worst; raised further by any step that holds there."""
        rule, moment = story.rule, story.moments[number]
        raising = [one for one, up in zip(story.limbs, moment.up, strict=True) if up and one.mode == "live"]
        worst = max(((one.severity or rule.severity) for one in raising), key=lambda s: s.rank, default=rule.severity)
        for step in rule.steps:
            if step.to.rank > worst.rank and self.step_holds(story, step, number):
                worst = step.to
        return Severity(worst).value

    def step_holds(self, story: Story, step: Step, number: int) -> bool:
        rule, moment = story.rule, story.moments[number]
        if step.repeated is not None:
            return repeated(story, step.repeated, number)
        if step.while_ is not None:
            return self.holds(step.while_, rule, moment.at, moment.day) is True
        if step.younger_hours is not None:
            ages = [self.patient.as_of - limb[limb[newest].last or 0].point.at
                    for limb, newest, up in zip(story.draws, moment.newest, moment.up, strict=True) if up and limb]  # fmt: skip
            return bool(ages) and min(ages) < step.younger_hours * HOUR
        place = next(place for place, signal in enumerate(story.limbs) if signal.measure is not None)
        limb, newest = story.draws[place], moment.newest[place]
        if newest < 0:
            return False
        points = [draw.point for draw in limb]
        if step.latest is not None:
            return beyond(step.latest, points, newest, rule.anchors)
        assert step.mean is not None
        mean = mean_of(step.mean, points, newest)
        return mean is not None and mean[0] >= (step.mean.at_least.si if mean[1] else step.mean.at_least.conventional)

    # --------------------------------------------------------------------------------------------- evidence
    def resting_on(self, story: Story) -> list[Cited]:
        """Of each latched limb: its newest value and the anchors of its last raise; then the values its conditions look at.
        Each result once, in the role it comes in first."""
        least = max((step.repeated.of for step in story.rule.steps if step.repeated), default=1)
        cited: dict[tuple[str, int], Cited] = {}
        newest = story.moments[-1]
        for place, signal in enumerate(story.limbs):
            if not newest.held[place]:
                continue
            number = newest.newest[place]
            if signal.rule is not None and number >= 0:
                other = self.story(signal.rule)
                for one in self.of_limb(other.rule, other.limbs[0], other.draws[0], number, 1):
                    cited.setdefault((one.measure, one.id), one)
            elif signal.measure is not None and number >= 0:
                for one in self.of_limb(story.rule, signal, story.draws[place], number, least):
                    cited.setdefault((one.measure, one.id), one)
            for one in self.looked_at_now(signal):
                cited.setdefault((one.measure, one.id), one)
        if newest.presumed:
            assert story.rule.exposure is not None
            assert story.rule.exposure.presumed is not None
            for one in self.cite(self.measures.points(story.rule.exposure.presumed.measure)[-1], "condition"):
                cited.setdefault((one.measure, one.id), one)
        return list(cited.values())

    def of_limb(self, rule: Rule, signal: Signal, draws: list[Draw], number: int, least: int) -> Iterable[Cited]:
        assert signal.raise_ is not None
        raises, last = signal.raise_, draws[number].last
        assert last is not None
        if number != last:
            yield from self.cite(draws[number].point, "latest")
        points = [draw.point for draw in draws]
        pace = signal.anchors or rule.anchors
        wanted = raises.rises.count + 1 if raises.rises else raises.change.of + 1 if raises.change else raises.window
        window = max(wanted, least)
        for place, anchor in enumerate(chain(points, last, pace)[:window], start=1):
            if place == 1 or raises.change is None or anchor in compared(raises.change, points, last, pace):
                yield from self.cite(points[anchor], f"anchor {place}" if window > 1 else "latest")
        if raises.mean is not None:
            for point in averaged(raises.mean, points, last):
                yield from self.cite(point, "in the mean")
        if raises.fall is not None:
            yield from self.cite(highest(raises.fall, points, last), "highest before")

    def looked_at_now(self, signal: Signal) -> Iterable[Cited]:
        """The newest value of each measure a condition or a clock of the limb looks at."""
        looked = [(one.measure, "anchored") for condition in signal.conditions for one in condition.walk() if one.measure]
        if signal.overdue is not None:
            looked.append((signal.overdue.measure, "valid"))
        for measure, reads in looked:
            points = self.measures.points(measure, reads)
            if points:
                yield from self.cite(points[-1], "condition")

    def cite(self, point: Point, role: str) -> Iterable[Cited]:
        sign = point.value.sign
        if sign is not None:
            unit = self.measures.units(point.measure)[point.si]
            made_of = tuple(part.id for part in point.parts)
            yield Cited(point.measure, point.value.written, unit, point.at, point.id, sign, role, made_of)
        for part in point.parts:
            yield from self.cite(part, role)

    def newest_values(self, rule: Rule) -> list[Cited]:
        """Of each measure the rule follows: its newest value, whatever its age."""
        cited: dict[tuple[str, int], Cited] = {}
        for signal in rule.signals:
            points = self.measures.points(signal.measure) if signal.measure else []
            for one in self.cite(points[-1], "latest") if points else ():
                cited.setdefault((one.measure, one.id), one)
        return list(cited.values())

    def newest_of_missing(self, reason: str) -> list[Cited]:
        kind, _, measure = reason.partition(":")
        points = self.measures.points(measure) if kind == "no_recent" and measure != "draws" else []
        return list(self.cite(points[-1], "latest")) if points else []


def superseded(draws: Sequence[Draw]) -> bool:
    """Whether the last breach of a limb became known only after a newer value that clears it."""
    last = max((n for n, draw in enumerate(draws) if draw.raised), default=None)
    if last is None:
        return False
    return any(draw.cleared and draw.point.known < draws[last].point.known for draw in draws[last + 1 :])


def repeated(story: Story, wanted: Repeated, number: int) -> bool:
    """Whether the rule's own raise was seen at enough anchors, on different values each time. The first anchor is the newest
    draw; an earlier one counts when the rule raised there after the last clear, on a value that was not still the newest one
    at the anchor after it."""
    moments = story.moments
    draws = [n for n in range(number + 1) if moments[n].drawn]
    if not draws:
        return wanted.anchors <= 1
    before = max((n for n in range(number) if moments[n].cleared), default=-1)
    anchors = chain([moments[n] for n in draws], len(draws) - 1, story.rule.anchors)  # type: ignore[list-item]
    count = 1
    for later, earlier in pairwise([draws[n] for n in anchors[: wanted.of]]):
        pairs = zip(moments[earlier].newest, moments[later].newest, moments[earlier].up, strict=True)
        if earlier > before and any(up and there != after for there, after, up in pairs):
            count += 1
    return count >= wanted.anchors


def firing_reason(rule: Rule) -> str:
    """Named after what its live limbs are."""
    live = [signal for signal in rule.signals if signal.mode == "live"]
    if rule.exposure is not None:
        return "exposed"
    if all(signal.overdue is not None for signal in live):
        return "overdue"
    if all(signal.state is not None for signal in live):
        return "conditions_met"
    windows = [signal.raise_.window for signal in live if signal.raise_ is not None]
    return "persistent" if max(windows, default=1) > 1 else "beyond_limit"


def judge(patient: Patient, rules: Sequence[Rule], analytes: Mapping[str, Analyte], site: Site) -> list[Verdict]:
    case = Judge(patient, rules, analytes, site)
    return [case.verdict(rule) for rule in rules]
