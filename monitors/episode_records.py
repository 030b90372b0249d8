"""What is written of a change: its ledger body, its limbs, and what its messages are made of. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from monitors import records
from monitors.episode_pages import Names, Reconciling
from monitors.records import Change, ChangeKind, Episode, Finding, Limb, Outcome, Telling, rank, utc_text
from monitors.rule_status import UNREVIEWED
from monitors.rules.model import Rule


def message_kind(change: Change, telling: Telling) -> str:
    """alert | withdrawn | handed_over."""
    if telling.reason == "withdrawn":
        return "withdrawn"
    return "handed_over" if change.kind is ChangeKind.HANDED_OVER else "alert"


def limb_json(limb: Limb) -> dict[str, Any]:
    return {
        "outcome": limb.outcome.value, "severity": limb.severity.value, "reason": limb.reason,
        "evidence": list(limb.evidence), "listed": limb.listed and limb.listed.value,
    }  # fmt: skip


def limb_row(limb: Limb) -> dict[str, Any]:
    row = limb_json(limb)
    return {**row, "rule": limb.rule, "evidence": json.dumps(row["evidence"])}


def ledger_body(change: Change, names: Names, context: Reconciling) -> dict[str, Any]:
    """A change's ledger body: ids and reasons, no name of anybody and no value."""
    return {
        "episode": names.episode_id, "ref": names.ref, "seq": change.version + 1,
        "patient": change.patient_id, "group": change.group, "unit": change.unit, "night": context.night,
        "known": context.known,
        "judgement": context.judgement_id, "ruleset": context.ruleset, "reason": change.reason,
        "sentence": change.sentence, "from_state": change.from_state, "to_state": change.to_state,
        "severity": change.severity,
        "baseline": change.baseline,
        "limbs": {
            rule: {"outcome": limb.outcome, "severity": limb.severity, "reason": limb.reason,
                   "listed": limb.listed, "results": [item["result_id"] for item in limb.evidence]}
            for rule, limb in change.limbs.items()
        },
        "tellings": [{"destination": item.destination, "reason": item.reason} for item in change.tellings],
        "withheld": [{"destination": item.destination, "reason": item.reason} for item in change.withheld],
    }  # fmt: skip


def content(
    change: Change, names: Names, telling: Telling, context: Reconciling, before: Episode | None,
    newest: datetime | None, now: datetime, patterns: Sequence[str] = (),
) -> dict[str, Any]:  # fmt: skip
    """What a message is made of. Holds no name, number or value of a patient.

    before: the episode as it was; a withdrawal says how bad it had been, and leaves its readers knowing only
    those limbs that they knew already and that still stand. patterns: see `patterns`.
    """
    tonight = context.units[change.unit]
    standing = {rule: limb for rule, limb in change.limbs.items() if limb.outcome is not Outcome.CLEAR}
    telling_now = {rule: limb for rule, limb in standing.items() if (change.unit, rule) not in context.quiet}
    shown = sorted(telling_now or standing or change.limbs)
    worst = max(shown, key=lambda rule: rank(change.limbs[rule].severity))
    severity, limbs = change.severity, {rule: limb.severity for rule, limb in telling_now.items() if limb.active}
    if len(telling_now) < len(standing) and telling_now:  # a rule in its silent phase lends a message nothing, no severity either
        severity = change.limbs[worst].severity
    if telling.reason == "withdrawn" and before is not None:
        told = before.told.get(telling.destination, {})
        severity = before.severity
        limbs = {rule: min(at, told[rule], key=rank) for rule, at in limbs.items() if rule in told}
    late = telling.reason == "late"
    hours = context.config.site.acknowledge_hours.get(severity)
    rules = [context.rules[rule] for rule in shown if rule in context.rules]
    return {
        "ref": f"{names.ref}-{change.version + 1}", "unit": change.unit, "unit_name": tonight.unit.name,
        "to_unit": change.unit if change.kind is ChangeKind.HANDED_OVER else None,
        "severity": severity.value, "group": change.group, "change_kind": change.kind.value,
        "reason": change.reason, "reason_sentence": change.sentence, "late": late, "ruleset": context.ruleset,
        "owner": context.rules[worst].owner if worst in context.rules else None,
        "rules": [
            {"id": rule.id, "version": rule.version, "title": rule.title, "review": context.reviews.get(rule.id, UNREVIEWED)}
            for rule in rules
        ],
        "acknowledge_by":
            None if change.to_state.ended or hours is None else utc_text(now + timedelta(hours=hours)),
        "newest_result_at": utc_text(newest) if newest else None,
        "as_of": utc_text(records.as_of(context.night, tonight.unit)), "zone": tonight.unit.zone,
        "not_assessed": tonight.not_assessed.get(change.group, 0), "active": tonight.active,
        "limbs": {rule: at.value for rule, at in limbs.items()},
        "patterns": list(patterns),
    }  # fmt: skip


def patterns(findings: Mapping[str, Finding], rules: Mapping[str, Rule]) -> tuple[str, ...]:
    """Codes of what list-only rules see tonight: a heading for the cards of what else is open, telling nobody by itself."""
    seen = (rule for name, rule in sorted(rules.items()) if rule.list_only and not rule.shadow)
    firing = (findings[rule.id] for rule in seen if rule.id in findings and findings[rule.id].outcome is Outcome.FIRING)
    return tuple(name for finding in firing for name in finding.facts.get("met", ()))
