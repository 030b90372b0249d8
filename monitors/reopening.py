"""When what a person said of an episode is over: a snooze, a dismissal, an acknowledgement. Pure.

All three end at once on worse evidence: a limb that did not stand when the person looked, a severity above the one that
stood then, or a value further beyond the limit that raised it. Besides, a snooze ends after its last day, a dismissal after
so many days and never holds for CRITICAL, and an acknowledgement after so many days if the episode still fires.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from monitors.limbs import RuleFacts, Standing, Step
from monitors.records import Episode, Limb, Outcome, Said, Severity, State, rank

BY_PEOPLE = (State.ACKNOWLEDGED, State.SNOOZED, State.DISMISSED)
WORSE_BY = {  # design, to be confirmed: about 1.4 mg/dL of phosphate, 0.8 of calcium; PTH by its reference change value
    "phosphate": 0.25, "calcium": 0.08, "calcium_lower": 0.08, "calcium_higher": 0.08, "ionised_calcium": 0.08, "pth": 0.72,
    "other": 0.25,
}  # fmt: skip


@dataclass(frozen=True)
class Endings:
    """A site's limits. acknowledged_days: by severity as it was then; dismissed_days: of any dismissal. worse_by: {measure:
    how much further beyond the limit that raised it, as a share of that limit}, 'other' for a measure not named."""

    acknowledged_days: Mapping[Severity, int] = field(
        default_factory=lambda: {Severity.CRITICAL: 2, Severity.HIGH: 30, Severity.WARNING: 60}
    )
    dismissed_days: int = 90
    worse_by: Mapping[str, float] = field(default_factory=lambda: WORSE_BY)


@dataclass(frozen=True)
class Reopening:
    """reason: why it is over. worse: by a severity or a limb, not by time or by a value alone. late: the night on which it
    should have been opened again fell into an outage."""

    reason: str
    worse: bool = False
    late: bool = False


def said_of(episode: Episode) -> Said:
    """What a person said. Where no action tells, what is known of the episode stands for it, and a snooze ends at once."""
    return episode.said or Said(episode.state, episode.changed_night, None, episode.limbs)


def reopening(
    patient: Standing,
    episode: Episode,
    steps: Sequence[Step],
    rules: Mapping[str, RuleFacts],
    night: date,
    endings: Endings,
    quiet: Container[tuple[str, str]] = (),
) -> Reopening | None:
    """Why what was said of an episode is over tonight; None while it holds, and for an episode of which nothing was said.

    quiet: the (unit, rule) pairs that tell nobody yet; their limbs end nothing until they do.
    """
    if episode.state not in BY_PEOPLE:
        return None
    said = said_of(episode)
    firing = [step for step in steps if step.fires and (patient.unit, step.rule) not in quiet]
    if said.state is State.DISMISSED and any(step.after.severity is Severity.CRITICAL for step in firing):
        return Reopening("critical_not_dismissed", worse=True)
    for reason, worse in (("severity_up", _higher), ("new_limb", _new), ("value_worse", _further)):
        if any(worse(step, said, rules.get(step.rule), endings) for step in firing):
            return Reopening(reason, worse=reason != "value_worse")
    ends = _ends(said, endings)
    if night < ends or (said.state is State.ACKNOWLEDGED and not firing):
        return None
    late = patient.missed is not None and ends <= patient.missed.date()
    return Reopening({State.SNOOZED: "snooze_ended", State.DISMISSED: "dismissal_ended"}.get(said.state, "unattended"), late=late)


def _ends(said: Said, endings: Endings) -> date:
    """The first night on which it no longer holds, by time alone."""
    if said.state is State.SNOOZED:
        return (said.until or said.night) + timedelta(days=1)
    if said.state is State.DISMISSED:
        return said.night + timedelta(days=endings.dismissed_days)
    worst = max((limb.severity for limb in said.limbs.values() if limb.active), key=rank, default=Severity.WARNING)
    return said.night + timedelta(days=endings.acknowledged_days[worst])


def _stood(step: Step, said: Said) -> Limb | None:
    limb = said.limbs.get(step.rule)
    return limb if limb is not None and limb.outcome is not Outcome.CLEAR else None


def _higher(step: Step, said: Said, _: RuleFacts | None, __: Endings) -> bool:
    """More severe than when the person looked, and than what stands on the list for another reason than the patient."""
    stood = _stood(step, said)
    return stood is not None and rank(step.after.severity) > max(rank(stood.severity), rank(step.after.listed))


def _new(step: Step, said: Said, _: RuleFacts | None, __: Endings) -> bool:
    return _stood(step, said) is None and rank(step.after.severity) > rank(step.after.listed)


def _further(step: Step, said: Said, facts: RuleFacts | None, endings: Endings) -> bool:
    stood = _stood(step, said)
    if stood is None or facts is None:
        return False
    return any(
        _beyond(facts, now) - _beyond(facts, then) >= endings.worse_by.get(measure, endings.worse_by["other"])
        for measure in facts.measures
        if (now := _newest(step.after, measure)) and (then := _newest(stood, measure))
    )


def _beyond(facts: RuleFacts, item: Mapping[str, Any]) -> float:
    return facts.beyond(item["analyte"], item["value"], item["unit"])


def _newest(limb: Limb, measure: str) -> Mapping[str, Any] | None:
    """The newest value of a measure a limb rests on."""
    values = (item for item in limb.evidence if item["analyte"] == measure)
    return max(values, key=lambda item: str(item["collected_at"]), default=None)
