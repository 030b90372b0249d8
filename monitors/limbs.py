"""What a night makes of each limb of an episode: one step a rule. Pure; `alerts` weighs them."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol

from monitors.records import Episode, Finding, Limb, Outcome, Severity, rank


class RuleFacts(Protocol):
    """What reconciling must know of a rule; `rules.model.Rule` has it."""

    @property
    def group(self) -> str: ...
    @property
    def opens(self) -> bool: ...
    @property
    def shadow(self) -> bool: ...
    @property
    def tell_at_baseline(self) -> bool: ...
    @property
    def lookback_days(self) -> int: ...
    @property
    def awaits(self) -> bool: ...
    @property
    def measures(self) -> Collection[str]: ...
    def beyond(self, measure: str, value: float, unit: str) -> float: ...


@dataclass(frozen=True)
class Standing:
    """Where a patient belongs tonight.

    status: from the census (active, admitted, transplanted, transferred, left, died). missed: the instant
    that ended the newest night before this one which nobody reconciled (an outage), None if none was missed:
    evidence older than that is told as late. corrected: rules some of whose evidence was superseded since the
    last night that was decided.
    """

    patient_id: int
    unit: str
    status: str = "active"
    missed: datetime | None = None
    corrected: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Step:
    """What tonight makes of one limb. before: None unless the limb was raised or stale until now."""

    rule: str
    before: Limb | None
    after: Limb
    by_rule: bool = False  # the rule set changed, not the patient
    corrected: bool = False  # the evidence was corrected away, or down
    late: bool = False  # the evidence was there on a night nobody reconciled

    @property
    def joined(self) -> bool:
        return self.before is None

    @property
    def cleared(self) -> bool:
        return self.after.outcome is Outcome.CLEAR

    @property
    def rise(self) -> int:
        """How many severities up (+) or down (-)."""
        if self.before is None or self.cleared:
            return 0
        return rank(self.after.severity) - rank(self.before.severity)

    @property
    def fires(self) -> bool:
        return self.after.outcome is Outcome.FIRING

    @property
    def returned(self) -> bool:
        """Whether it can be judged again, where it could not be."""
        return self.before is not None and not self.before.active and self.after.active

    @property
    def moved(self) -> bool:
        assessable = (self.before is None or self.before.active) == self.after.active
        return self.joined or self.cleared or self.rise != 0 or not assessable


def opens(facts: RuleFacts, finding: Finding) -> bool:
    """Whether this finding may begin an episode. Holding alone never does."""
    return facts.opens and not facts.shadow and finding.outcome is Outcome.FIRING


def steps(
    patient: Standing,
    group: str,
    findings: Mapping[str, Finding],
    episode: Episode | None,
    rules: Mapping[str, RuleFacts],
    baseline: Container[tuple[str, str]],
    night: date,
    stopped: Container[tuple[str, str]] = (),
) -> tuple[Step, ...]:
    """Every limb's step in one cause group, in order of rule. Raises ValueError: raised without severity."""
    limbs = episode.limbs if episode else {}
    named = {rule for rule in findings if rule in rules and rules[rule].group == group} | limbs.keys()
    found = []
    for rule in sorted(named):
        limb = limbs.get(rule)
        before = limb if limb is not None and limb.outcome is not Outcome.CLEAR else None
        if (patient.unit, rule) in stopped:
            step = _ended(rule, before, "rule_stopped")
        else:
            step = _step(rule, rules.get(rule), before, findings.get(rule), patient, night)
        if step is not None:
            found.append(_listed(step, rules.get(rule), (patient.unit, rule) in baseline))
    return tuple(found)


def _step(
    rule: str, facts: RuleFacts | None, before: Limb | None, finding: Finding | None, patient: Standing, night: date
) -> Step | None:
    """One limb's step, or None where there is no limb and none begins: only a firing finding begins one."""
    if facts is None or not facts.opens or facts.shadow:
        return _ended(rule, before, "rule_changed")
    by_rule, gone, missed = _by_rule(before, finding), rule in patient.corrected, patient.missed
    if finding is not None and (
        finding.outcome is Outcome.FIRING or (finding.outcome is Outcome.HOLDING and before is not None)
    ):
        if finding.severity is None:
            raise ValueError(f"the {finding.outcome} finding of {rule} has no severity: judge must give one")
        after = Limb(
            rule, finding.outcome, finding.severity, finding.reason,
            tuple(evidence.to_json() for evidence in finding.evidence), before.listed if before else None,
        )  # fmt: skip
        lower = before is not None and rank(after.severity) < rank(before.severity)
        corrected = lower and before is not None and (gone or _replaced(before, after))
        known_since = finding.since if before is None else _newest(after)
        late = missed is not None and known_since is not None and known_since < missed
        return Step(rule, before, after, by_rule, corrected, late)
    if before is None:
        return None
    if finding is not None and finding.outcome is Outcome.NOT_ASSESSABLE and not gone:
        return Step(rule, before, replace(before, outcome=finding.outcome, reason=finding.reason), by_rule)
    if by_rule:
        reason = "rule_changed"
    elif _cleared_by_values(before, finding):
        reason = "cleared_by_values"
    elif not gone and _aged_out(before, facts, night):
        reason = "aged_out"
    else:  # what was missing had been drawn in time and came late: true when it was told, corrected by nobody
        reason = "late_results" if not gone and facts.awaits else "evidence_corrected"
    after = replace(before, outcome=Outcome.CLEAR, reason=reason, listed=None)
    return Step(rule, before, after, by_rule, corrected=reason == "evidence_corrected")


def _ended(rule: str, before: Limb | None, reason: str) -> Step | None:
    """A limb ended by what people did to its rule; None where there was none."""
    if before is None:
        return None
    return Step(rule, before, replace(before, outcome=Outcome.CLEAR, reason=reason, listed=None), by_rule=True)


def _by_rule(before: Limb | None, finding: Finding | None) -> bool:
    """Whether the previous rule set would have left this limb as the episode knows it; the new does not."""
    if finding is None or finding.previous is None:
        return False
    if finding.previous == finding.outcome:  # the same outcome, at a severity the previous rule set would not have given
        return before is not None and finding.previous_severity is before.severity is not finding.severity
    raised = (Outcome.FIRING, Outcome.HOLDING)
    if before is None:
        return finding.previous is not Outcome.FIRING
    if before.active:
        return finding.previous in raised and finding.outcome not in raised
    return finding.previous is before.outcome


def _listed(step: Step, facts: RuleFacts | None, first_night: bool) -> Step:
    """What a rule change, or the first night of a rule, brought up is listed instead of told."""
    if step.cleared or facts is None or not (step.joined or step.rise > 0 or step.by_rule):
        return step
    told_anyway = facts.tell_at_baseline or step.after.severity is Severity.CRITICAL
    if not (step.by_rule or (first_night and not told_anyway)):
        return step
    return replace(step, after=replace(step.after, listed=step.after.severity))


def _newest(limb: Limb) -> datetime | None:
    """When the newest result a limb rests on was collected."""
    return max((datetime.fromisoformat(item["collected_at"]) for item in limb.evidence), default=None)


def _cleared_by_values(limb: Limb, finding: Finding | None) -> bool:
    """True where a newer value cleared the limb; False where what it rested on is simply gone."""
    if finding is None or finding.cleared_at is None:
        return False
    newest = _newest(limb)
    return newest is None or finding.cleared_at > newest


def _aged_out(limb: Limb, facts: RuleFacts, night: date) -> bool:
    """Whether the rule no longer looks back as far as what the limb rests on: nothing was corrected, it is just old."""
    oldest = min((datetime.fromisoformat(item["collected_at"]) for item in limb.evidence), default=None)
    return oldest is not None and (night - oldest.date()).days > facts.lookback_days


def _replaced(before: Limb, after: Limb) -> bool:
    """Whether a result the limb rested on now has another version (same analyte and instant, other id)."""
    was = {(item["analyte"], item["collected_at"]): item["result_id"] for item in before.evidence}
    return any(
        was.get((item["analyte"], item["collected_at"]), item["result_id"]) != item["result_id"]
        for item in after.evidence
    )
