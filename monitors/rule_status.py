"""How people and time stand to a rule: reviewed or not, in its silent phase, stopped. Pure.

A signature is bound to the whole rule as written: a changed rule is unsigned again. A waiver and the silent phase are
bound to what decides (`Rule.limits`): a new limit is silent again at every unit. Stopping is bound to the rule's name,
whatever the rule says, until it is resumed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from monitors.rules.model import Rule

SILENT_CYCLES = 2  # laboratory cycles before a rule tells anybody (clinical-decisions.md E: "of two lab cycles, enforced")
CYCLE_DAYS = 35  # of a unit that says nothing else: monthly draws, and some slack
UNREVIEWED = "not clinically reviewed at this site"
SILENT, STOPPED = "silent_phase", "rule_stopped"  # why a telling is withheld

Quiet = Mapping[tuple[str, str], str]
"""{(unit, rule): SILENT or STOPPED}; a rule that is not in it tells at that unit."""


@dataclass(frozen=True)
class RuleEvent:
    """One decision of a person about a rule. kind: signed | waived | stopped | resumed; unit '' means every unit."""

    rule: str
    version: int
    content: str
    limits: str
    kind: str
    unit: str
    actor: str
    role: str
    reason: str
    recorded_at: datetime


@dataclass(frozen=True)
class RuleBook:
    """Everything decided about rules so far. events: oldest first. went_live: (unit, rule, limits) -> first live night.
    cycle_days: length of a laboratory cycle of each unit."""

    events: Sequence[RuleEvent] = ()
    went_live: Mapping[tuple[str, str, str], date] = field(default_factory=dict)
    cycle_days: Mapping[str, int] = field(default_factory=dict)

    def signed(self, rule: Rule) -> RuleEvent | None:
        """The newest signature of the rule as it is now written; None while nobody has signed that."""
        content = content_hash(rule)
        return _newest(event for event in self.events if (event.rule, event.kind, event.content) == (rule.id, "signed", content))

    def review(self, rule: Rule) -> str:
        """'signed by NAME (ROLE) on DATE', or that it is not reviewed."""
        signed = self.signed(rule)
        return f"signed by {signed.actor} ({signed.role}) on {signed.recorded_at.date()}" if signed else UNREVIEWED

    def stopped(self, rule: str, unit: str) -> RuleEvent | None:
        """The event that stopped a rule at a unit; None where it was never stopped, or resumed since."""
        newest = _newest(event for event in self.events
                         if event.rule == rule and event.kind in ("stopped", "resumed") and event.unit in ("", unit))  # fmt: skip
        return newest if newest is not None and newest.kind == "stopped" else None

    def waived(self, rule: Rule, unit: str) -> RuleEvent | None:
        """The waiver of the silent phase of a rule, with these limits, at a unit."""
        return _newest(event for event in self.events if event.unit in ("", unit)
                       and (event.rule, event.kind, event.limits) == (rule.id, "waived", rule.limits))  # fmt: skip

    def silent_until(self, rule: Rule, unit: str, night: date) -> date:
        """The first night a rule may tell at a unit. Where it never was live, counted as if it went live on `night`."""
        first = self.went_live.get((unit, rule.id, rule.limits), night)
        return first + timedelta(days=SILENT_CYCLES * self.cycle_days.get(unit, CYCLE_DAYS))

    def why_quiet(self, rule: Rule, unit: str, night: date) -> str:
        """STOPPED, SILENT, or '' for a rule that tells at that unit on that night."""
        if self.stopped(rule.id, unit):
            return STOPPED
        return SILENT if not self.waived(rule, unit) and night < self.silent_until(rule, unit, night) else ""

    def quiet(self, rules: Iterable[Rule], units: Iterable[str], night: date) -> dict[tuple[str, str], str]:
        """Every rule that tells nobody at a unit on a night, and why."""
        units = list(units)
        found = {(unit, rule.id): self.why_quiet(rule, unit, night) for rule in rules for unit in units}
        return {key: why for key, why in found.items() if why}


def content_hash(rule: Rule) -> str:
    """Hash of everything a rule says. What it leaves at its default does not enter, so that a wider language changes no
    hash; nor does what the file itself says of its review, which is nobody's signature."""
    said = rule.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    said["provenance"].pop("review", None)
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]


def _newest(events: Iterable[RuleEvent]) -> RuleEvent | None:
    found = list(events)
    return found[-1] if found else None
