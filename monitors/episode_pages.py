"""What reconciling reads: the judgement it follows, and its patients, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from monitors import records
from monitors.config import Config
from monitors.database import sql
from monitors.limbs import Standing
from monitors.muting import Mutes
from monitors.records import Episode, Evidence, Finding, Limb, Outcome, Said, Severity, State, rank
from monitors.rule_status import Quiet
from monitors.rules.model import Rule

MOST_PATIENTS = 200  # of a page


@dataclass(frozen=True)
class UnitTonight:
    """A unit as of the night. active: its patients; missed: see `alerts.Standing`; not_assessed: by group."""

    unit: records.Unit
    judged_through: date | None
    active: int
    missed: datetime | None
    not_assessed: Mapping[str, int]


@dataclass(frozen=True)
class Reconciling:
    """What every change of one judgement is decided and written by.

    rules: those the judgement was frozen with, which need not be those of `config` any more. quiet: where which of them tells
    nobody, and why; reviews: rule -> its review status; mutes: what else keeps messages from their readers. All as of now, when
    the changes are made.
    """

    judgement_id: int
    night: date
    known: int
    ruleset: str
    config: Config
    rules: Mapping[str, Rule]
    baseline: frozenset[tuple[str, str]] = frozenset()
    quiet: Quiet = field(default_factory=dict)
    reviews: Mapping[str, str] = field(default_factory=dict)
    mutes: Mutes = field(default_factory=Mutes)
    units: Mapping[str, UnitTonight] = field(default_factory=dict)


@dataclass(frozen=True)
class Names:
    """What a change needs besides itself to be named: the episode's ref, and the start of its outbox keys."""

    episode_id: int
    ref: str
    opened: str


@dataclass
class Page:
    """Some patients, in order, with all that is read of them. patients: (standing, newest result)."""

    patients: list[tuple[Standing, datetime | None]] = field(default_factory=list)
    findings: dict[int, dict[str, Finding]] = field(default_factory=dict)
    episodes: dict[int, list[Episode]] = field(default_factory=dict)
    names: dict[int, Names] = field(default_factory=dict)
    last: int | None = None


def refreshed(connection: Connection, context: Reconciling) -> Reconciling:
    """The same with the frontiers read anew: a later night may have moved one since. All else of the units is read once a
    judgement: what it rests on cannot change meanwhile, and counting the patients of every unit for every page would make
    reconciling grow with the square of them."""
    if context.units:
        moved = {row.unit: row.judged_through for row in connection.execute(sql("read/frontiers"))}
        if moved.keys() == context.units.keys():
            units = {code: replace(unit, judged_through=moved[code]) for code, unit in context.units.items()}
            return replace(context, units=units)
    key = {"judgement_id": context.judgement_id, "night": context.night}
    living = [rule for rule in context.rules.values() if rule.opens and not rule.shadow]
    by_group: dict[str, dict[str, int]] = {}
    if not context.units:
        given = {"judgement_id": context.judgement_id,
                 "rules": [rule.id for rule in living],
                 "groups": [rule.group for rule in living]}  # fmt: skip
        for row in connection.execute(sql("reconcile/not_assessed"), given):
            by_group.setdefault(row.unit, {})[row.cause_group] = row.patients
    units = {}
    for row in connection.execute(sql("reconcile/units"), key):
        unit = records.Unit(row.unit, row.name, row.zone, row.cutoff)
        yesterday = context.night - timedelta(days=1)
        missed = row.last_night is not None and row.last_night < yesterday
        known = context.units.get(row.unit)
        units[row.unit] = UnitTonight(
            unit, row.judged_through, row.patients, records.as_of(yesterday, unit) if missed else None,
            known.not_assessed if known else by_group.get(row.unit, {}),
        )  # fmt: skip
    return replace(context, units=units)


def read(connection: Connection, context: Reconciling, after: int) -> Page:
    """The next patients after `after`; those of a unit judged through a later night are passed over."""
    key = {"judgement_id": context.judgement_id, "known": context.known, "after": after, "most": MOST_PATIENTS}
    found = connection.execute(sql("reconcile/patients"), key).all()
    page = Page(last=found[-1].patient_id if found else None)
    ids = [row.patient_id for row in found]
    if not ids:
        return page
    given = {"judgement_id": context.judgement_id, "patients": ids}
    for row in connection.execute(sql("reconcile/findings"), given):
        page.findings.setdefault(row.patient_id, {})[row.rule] = _finding(row)
    rows = connection.execute(sql("reconcile/episodes"), {"patients": ids}).all()
    told = _told(connection, [row.episode_id for row in rows])
    for row in rows:
        page.episodes.setdefault(row.patient_id, []).append(_episode(row, told.get(row.episode_id, {})))
        page.names[row.episode_id] = Names(row.episode_id, row.ref, opened(row.opened_night, row.earlier))
    corrected: dict[int, set[str]] = {}
    for row in connection.execute(sql("reconcile/corrected"), {**given, "known": context.known}):
        corrected.setdefault(row.patient_id, set()).add(row.rule)
    for row in found:
        if row.unit is None and not row.merged:
            _not_judged(page, row.patient_id)
        unit = row.unit or page.episodes[row.patient_id][0].unit
        tonight = context.units[unit]
        if tonight.judged_through is None or tonight.judged_through <= context.night:
            rules = frozenset(corrected.get(row.patient_id, ()))
            standing = Standing(row.patient_id, unit, "merged" if row.merged else row.status or "active", tonight.missed, rules)
            page.patients.append((standing, row.newest_result))
    return page


def _not_judged(page: Page, patient_id: int) -> None:
    """An open episode of somebody tonight's judgement does not hold is stale: it is never taken for clear."""
    sentence = "The patient was not among those judged tonight."
    page.findings[patient_id] = {
        rule: Finding(patient_id, rule, Outcome.NOT_ASSESSABLE, "not_judged", sentence)
        for episode in page.episodes[patient_id] for rule in episode.limbs
    }  # fmt: skip


def _finding(row: Row[Any]) -> Finding:
    evidence = tuple(
        Evidence(
            item["analyte"], item["value"], item["unit"], datetime.fromisoformat(item["collected_at"]),
            item["result_id"], item["comparator"], item["role"], tuple(item["derived_from"]),
        )
        for item in row.evidence
    )  # fmt: skip
    return Finding(
        row.patient_id, row.rule, Outcome(row.outcome), row.reason, row.sentence,
        Severity(row.severity) if row.severity else None, row.since, row.cleared_at, evidence, row.facts,
        Outcome(row.previous) if row.previous else None,
        Severity(row.previous_severity) if row.previous_severity else None,
    )  # fmt: skip


def _episode(row: Row[Any], told: dict[str, dict[str, Severity]]) -> Episode:
    said = _said(row.state, row.said) if row.said else None
    return Episode(
        row.episode_id, row.patient_id, row.cause_group, row.unit, State(row.state), Severity(row.severity),
        row.opened_night, row.changed_night, row.version, {item["rule"]: _limb(item["rule"], item) for item in row.limbs or ()},
        told, row.baseline, said,
    )  # fmt: skip


def _said(state: str, said: Mapping[str, Any]) -> Said:
    """What a person said, with the values that person could see: those of the last night, not of the last change."""
    limbs = {rule: _limb(rule, item) for rule, item in said["limbs"].items()}
    seen = {rule: replace(limbs[rule], evidence=tuple(items)) for rule, items in (said["values"] or {}).items() if rule in limbs}
    until = date.fromisoformat(said["until"]) if said["until"] else None
    return Said(State(state), date.fromisoformat(said["night"]), until, {**limbs, **seen})


def _limb(rule: str, item: Mapping[str, Any]) -> Limb:
    listed = Severity(item["listed"]) if item["listed"] else None
    return Limb(
        rule, Outcome(item["outcome"]), Severity(item["severity"]), item["reason"], tuple(item["evidence"]), listed
    )


def _told(connection: Connection, episode_ids: list[int]) -> dict[int, dict[str, dict[str, Severity]]]:
    """{episode: {destination: {rule: worst severity told, or on its way}}}."""
    told: dict[int, dict[str, dict[str, Severity]]] = {}
    for row in connection.execute(sql("reconcile/told"), {"episodes": episode_ids}):
        limbs = told.setdefault(row.episode_id, {}).setdefault(row.destination, {})
        if row.kind == "withdrawn":
            limbs.clear()
        for rule, severity in row.limbs.items():
            limbs[rule] = max(Severity(severity), limbs.get(rule, Severity.WARNING), key=rank)
    return told


def opened(night: date, earlier: int) -> str:
    """The opening night, for outbox keys; a second episode of one night must not meet the first's keys."""
    return f"{night}.{earlier + 1}" if earlier else f"{night}"
