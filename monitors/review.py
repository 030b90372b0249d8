"""What people decide about rules: sign, waive the silent phase, stop, resume. Each is a row and a ledger entry.

A decision counts from the next reconcile on, so a rule stopped in the evening tells nobody that night.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from monitors.config import Config
from monitors.database import Database, Role, sql
from monitors.errors import UserError
from monitors.history import ledger
from monitors.rule_status import SILENT, RuleBook, RuleEvent, content_hash
from monitors.rules.model import Rule

LEDGER = {"signed": "rule_signed", "waived": "rule_waived", "stopped": "rule_stopped", "resumed": "rule_resumed"}


def book(connection: Connection, config: Config) -> RuleBook:
    """Everything decided so far, and when each rule went live where."""
    events = [RuleEvent(**row) for row in connection.execute(sql("rules/events")).mappings()]
    live = connection.execute(sql("rules/went_live"))
    return RuleBook(
        events, {(row.unit, row.rule, row.limits): row.first_night for row in live},
        {unit.code: unit.lab_cycle_days for unit in config.site.units},
    )  # fmt: skip


def decide(
    db: Database, config: Config, kind: str, rules: Iterable[str], now: datetime,
    *, actor: str, reason: str, role: str = "", unit: str = "",
) -> list[RuleEvent]:  # fmt: skip
    """Record one decision about some rules, in one transaction. Returns the events that are new.

    kind: signed | waived | stopped | resumed. Deciding again what already holds adds nothing, so a set-up may be run
    twice. Raises UserError: an unknown rule or unit, a rule resumed that is not stopped, a signature without a role.
    """
    chosen = [one(config, rule) for rule in rules]
    if unit and unit not in {model.code for model in config.site.units}:
        raise UserError(f"Unit {unit!r} is not in site.yaml.")
    if kind == "signed" and not (actor.strip() and role.strip()):
        raise UserError("A signature names the reviewer and the reviewer's role.")
    with db.begin(Role.PIPELINE) as connection:
        connection.execute(sql("reconcile/lock"))
        known = book(connection, config)
        fresh = []
        for rule in chosen:
            if not _holds(known, kind, rule, unit):
                fresh.append(RuleEvent(
                    rule.id, rule.version, content_hash(rule), rule.limits, kind, unit, actor, role, reason, now
                ))  # fmt: skip
            elif kind == "resumed":
                raise UserError(f"{rule.id} is not stopped{f' at unit {unit}' if unit else ''}: there is nothing to resume.")
        for event in fresh:
            row = asdict(event)
            connection.execute(sql("rules/record_event"), {**row, "now": row.pop("recorded_at")})
        ledger.append(connection, [(LEDGER[kind], asdict(event)) for event in fresh])
    return fresh


def _holds(known: RuleBook, kind: str, rule: Rule, unit: str) -> bool:
    """Whether a decision would add nothing to what already holds."""
    if kind == "signed":
        return known.signed(rule) is not None
    if kind == "waived":
        return known.waived(rule, unit) is not None
    units = [unit] if unit else ["", *known.cycle_days]
    stopped = [known.stopped(rule.id, where) is not None for where in units]
    return all(stopped) if kind == "stopped" else not any(stopped)


def one(config: Config, rule: str) -> Rule:
    """A rule of today's rule set by its id, any case. Raises UserError."""
    found = next((one for one in config.rules if one.id == rule.strip().upper()), None)
    if found is None:
        raise UserError(f"There is no rule {rule!r}; here are {', '.join(sorted(one.id for one in config.rules))}.")
    return found


def standings(db: Database, config: Config, night: date) -> list[dict[str, Any]]:
    """Every rule of today: how it is run, whether it is reviewed, and at which units it tells nobody, and why."""
    with db.begin(Role.WEB) as connection:
        known = book(connection, config)
    found = []
    for rule in config.rules:
        signed = known.signed(rule)
        quiet = {}
        for unit in known.cycle_days:
            why = known.why_quiet(rule, unit, night)
            if why:
                stopped = known.stopped(rule.id, unit)
                since = known.silent_until(rule, unit, night) if why == SILENT else stopped and stopped.recorded_at.date()
                live = (unit, rule.id, rule.limits) in known.went_live
                quiet[unit] = {"why": why, "until" if why == SILENT else "since": since if live or why != SILENT else None,
                               "reason": stopped.reason if stopped and why != SILENT else None}  # fmt: skip
        found.append({
            "rule": rule.id, "version": rule.version, "title": rule.title, "group": rule.group, "severity": rule.severity.value,
            "runs": runs(rule), "review": known.review(rule), "signed_by": signed.actor if signed else None,
            "role": signed.role if signed else None, "content": content_hash(rule), "limits": rule.limits, "quiet": quiet,
        })  # fmt: skip
    return found


def runs(rule: Rule) -> str:
    """live | shadow | page only | list only | a condition of other rules."""
    if rule.shadow:
        return "shadow"
    if rule.page_only:
        return "page only"
    if rule.list_only:
        return "list only"
    return "live" if rule.opens else "condition of other rules"
