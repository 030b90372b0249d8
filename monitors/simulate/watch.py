"""Nights over a made-up unit: the real engine judges, the real `reconcile` decides, in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import pandas as pd

from monitors.alerts import reconcile
from monitors.limbs import Standing
from monitors.memory import uncollected
from monitors.records import Change, ChangeKind, Episode, Finding, Outcome, Severity, rank
from monitors.rules.judge import judge
from monitors.rules.model import Rule
from monitors.rules.substances import Analyte
from monitors.simulate.draws import Feed, night_of

TEAM = "the unit"
EVENTS = ["week", "patient", "unit", "group", "rule", "limb", "severity", "what", "baseline", "newcomer"]


def to_the_unit(unit: str, severity: Severity, group: str) -> tuple[str, ...]:
    """HIGH and CRITICAL are told; WARNING stands on the list."""
    return (TEAM,) if severity in (Severity.HIGH, Severity.CRITICAL) else ()


@dataclass
class Watched:
    """What the nights led to. events: one row an episode opened (what: list_only or notified), an episode of the list that
    was told for the first time (notified), and a further message about one that had been told (message). people: patients
    and patients with an open episode, by week and unit."""

    events: list[tuple[object, ...]] = field(default_factory=list)
    people: list[tuple[int, str, int, int]] = field(default_factory=list)

    def frame(self) -> pd.DataFrame:
        return pd.DataFrame(self.events, columns=EVENTS)

    def census(self) -> pd.DataFrame:
        return pd.DataFrame(self.people, columns=["week", "unit", "patients", "open"])


def watch(
    feed: Feed, weeks: Sequence[int], rules: Sequence[Rule], analytes: Mapping[str, Analyte], lacking: Sequence[str],
    said: Callable[[str], None] = lambda line: None,
) -> Watched:  # fmt: skip
    """Every week's night in turn, the first one the baseline night."""
    seen, by_id = Watched(), {rule.id: rule for rule in rules}
    standing: dict[int, dict[str, Episode]] = {}
    first = weeks[0]
    for week in weeks:
        series, people, drugs, facts = feed.frames(week)
        with uncollected():
            judged = judge(series, people, drugs, rules, analytes, facts=facts, lacking=lacking)
        by_patient: dict[int, dict[str, Finding]] = {}
        for finding in judged.findings:
            by_patient.setdefault(finding.patient_id, {})[finding.rule] = finding
        unit_of = dict(zip(people["patient_id"].tolist(), people["unit"].tolist(), strict=True))
        baseline = {(unit, rule) for unit in set(unit_of.values()) for rule in by_id} if week == first else set()
        night = night_of(week)
        for patient in sorted(by_patient.keys() | standing.keys()):
            mine = standing.get(patient, {})
            where = Standing(patient, unit_of[patient]) if patient in unit_of else Standing(patient, "", "left")
            found = by_patient.get(patient, {})
            for change in reconcile(where, found, tuple(mine.values()), by_id, night, baseline, to_the_unit):
                was = mine.get(change.group)
                newcomer = bool(feed.unit.entry[patient - 1] > first) and week - int(feed.unit.entry[patient - 1]) <= 13
                seen.events += _events(change, was, found, week, newcomer)
                after = applied(change, was, night)
                if after.state.ended:
                    mine.pop(change.group, None)
                else:
                    mine[change.group] = after
            if mine:
                standing[patient] = mine
            else:
                standing.pop(patient, None)
        count: dict[str, list[int]] = {}
        for patient, unit in unit_of.items():
            one = count.setdefault(unit, [0, 0])
            one[0] += 1
            one[1] += patient in standing
        seen.people += [(week, unit, here, alerted) for unit, (here, alerted) in sorted(count.items())]
        said(f"{night} {len(series):,} results, {len(judged.findings):,} findings, {len(standing):,} patients with an alert")
    return seen


def applied(change: Change, was: Episode | None, night: date) -> Episode:
    """The episode after a change, as the database would hold it once everything queued was delivered."""
    told = {name: dict(limbs) for name, limbs in was.told.items()} if was else {}
    for telling in change.tellings:
        known = {} if telling.reason == "withdrawn" else told.get(telling.destination, {})
        for rule, limb in change.limbs.items():
            if limb.active and rank(limb.severity) > rank(known.get(rule)):
                known[rule] = limb.severity
        told[telling.destination] = known
    return Episode(
        0, change.patient_id, change.group, change.unit, change.to_state, change.severity, was.opened_night if was else night,
        night, change.version + 1, change.limbs, told, change.baseline,
    )  # fmt: skip


def _events(
    change: Change, was: Episode | None, found: Mapping[str, Finding], week: int, newcomer: bool
) -> list[tuple[object, ...]]:
    opened = change.kind is ChangeKind.OPENED
    if not opened and not change.tellings:
        return []
    before = any(was.told.values()) if was else False
    what = "message" if before else "notified" if change.tellings else "list_only"
    firing = [limb for limb in change.limbs.values() if limb.outcome is Outcome.FIRING]
    worst = max(firing or change.limbs.values(), key=lambda limb: rank(limb.severity))
    finding = found.get(worst.rule)
    limb = "+".join(finding.facts.get("met", [])) if finding else ""
    baseline = change.baseline if opened else False
    where = (week, change.patient_id, change.unit, change.group)
    return [(*where, worst.rule, limb, str(change.severity), what, baseline, newcomer)]
