"""What a person does about an episode: who may, from which state, and what becomes of it. Pure.

Four facts are kept apart: a message was *accepted* by a channel (`told`), somebody *saw* it (any action of a person
about the episode), somebody *opened* the evidence, somebody *acknowledged* it. Acknowledging, snoozing and dismissing are
judgements on the evidence: they need it opened by that person, as it stands now (hazard 11).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from monitors.errors import UserError
from monitors.records import ChangeKind, Severity, State

OUTCOMES = {
    "plan_recorded": "a plan is recorded",
    "repeat_requested": "a repeat is requested",
    "already_known": "it was known already",
    "rule_is_wrong": "the rule is wrong here",
    "reviewed": "it was reviewed after it had ended",
}
ON_EVIDENCE = ("acknowledge", "snooze", "dismiss")
KIND = {
    "take": ChangeKind.TAKEN, "release": ChangeKind.RELEASED, "acknowledge": ChangeKind.ACKNOWLEDGED,
    "unacknowledge": ChangeKind.UNACKNOWLEDGED, "snooze": ChangeKind.SNOOZED, "dismiss": ChangeKind.DISMISSED,
    "outcome": ChangeKind.OUTCOME,
}  # fmt: skip
SNOOZE_DAYS = {Severity.WARNING: 60, Severity.HIGH: 30, Severity.CRITICAL: 2}  # the longest; a site may set its own
MOST_REASON = 500


class Refused(UserError):
    """An action that does not count. code: why, by name; the text says it in a sentence for whoever pressed."""

    def __init__(self, code: str, sentence: str) -> None:
        self.code = code
        super().__init__(sentence)


@dataclass(frozen=True)
class Subject:
    """The episode as the action finds it. active: {rule: severity} of the limbs raised or held now; firing: those raised;
    opened: whether this person opened the evidence as it stands; said: outcomes this person recorded already."""

    ref: str
    state: State
    severity: Severity
    unit: str
    active: Mapping[str, Severity] = field(default_factory=dict)
    taken_by: str | None = None  # key of a person
    taken_by_name: str = ""
    opened: bool = False
    said: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Deed:
    """What somebody wants to do. actor: the person's key; role: in which they may, None in none; in_unit: whether they work
    in the episode's unit; today: the unit's own date."""

    action: str
    actor: str
    role: str | None
    in_unit: bool
    today: date
    reason: str = ""
    until: date | None = None
    outcome: str = ""


@dataclass(frozen=True)
class Decided:
    kind: ChangeKind
    reason: str
    sentence: str
    to_state: State


def decide(subject: Subject, deed: Deed, snooze_days: Mapping[Severity, int] = SNOOZE_DAYS) -> Decided:
    """What an action makes of an episode. Raises Refused, with a code and a sentence."""
    if deed.action not in KIND:
        raise Refused("unknown_action", f"There is no action {deed.action!r}; there are {', '.join(KIND)}.")
    if not deed.in_unit:
        raise Refused("not_your_unit", f"{subject.ref} belongs to unit {subject.unit}, where you do not work.")
    if deed.role is None:
        raise Refused("role_may_not", f"Your role does not let you {deed.action} {subject.ref}; ask whoever the message names.")
    if subject.state.ended and deed.action != "outcome":
        raise Refused("episode_ended", f"{subject.ref} has ended ({subject.state}); there is nothing left to {deed.action}.")
    if len(deed.reason) > MOST_REASON:
        raise Refused("reason_too_long", f"The reason has {len(deed.reason)} characters; at most {MOST_REASON} are kept.")
    decided = _DEEDS[deed.action](subject, deed, snooze_days)
    if deed.action in ON_EVIDENCE and not subject.opened:
        raise Refused("evidence_not_opened", f"Open the evidence of {subject.ref} first, as it stands now; then {deed.action}.")
    return decided


def _take(subject: Subject, deed: Deed, _: Mapping[Severity, int]) -> Decided:
    if subject.taken_by == deed.actor:
        raise Refused("already_yours", f"You have taken {subject.ref} already.")
    if subject.taken_by is not None and not deed.reason.strip():
        raise Refused("taken_by_another", f"{subject.taken_by_name} has taken {subject.ref}; to take it over, give a reason.")
    reason = "taken_over" if subject.taken_by is not None else "taken"
    return Decided(ChangeKind.TAKEN, reason, f"Taken by a {deed.role}.", subject.state)


def _release(subject: Subject, deed: Deed, _: Mapping[Severity, int]) -> Decided:
    if subject.taken_by is None:
        raise Refused("not_taken", f"Nobody has taken {subject.ref}.")
    if subject.taken_by != deed.actor:
        raise Refused("taken_by_another", f"{subject.taken_by_name} has taken {subject.ref}; only they give it back.")
    return Decided(ChangeKind.RELEASED, "released", f"Given back by a {deed.role}.", subject.state)


def _acknowledge(subject: Subject, deed: Deed, _: Mapping[Severity, int]) -> Decided:
    _already(subject, State.ACKNOWLEDGED, "acknowledged")
    if subject.state in (State.SNOOZED, State.DISMISSED):
        raise Refused("not_open", f"{subject.ref} is {subject.state}; take that back first.")
    return Decided(ChangeKind.ACKNOWLEDGED, "acknowledged", f"Acknowledged by a {deed.role}.", State.ACKNOWLEDGED)


def _unacknowledge(subject: Subject, deed: Deed, _: Mapping[Severity, int]) -> Decided:
    if subject.state not in (State.ACKNOWLEDGED, State.SNOOZED, State.DISMISSED):
        raise Refused("not_acknowledged", f"{subject.ref} is neither acknowledged, snoozed nor dismissed: it is {subject.state}.")
    to = State.OPEN if subject.active else State.STALE
    return Decided(ChangeKind.UNACKNOWLEDGED, f"no_longer_{subject.state}", f"A {deed.role} took back: {subject.state}.", to)


def _snooze(subject: Subject, deed: Deed, most: Mapping[Severity, int]) -> Decided:
    _reason(subject, deed)
    if subject.state is State.DISMISSED:
        raise Refused("not_open", f"{subject.ref} is dismissed; take that back first.")
    if deed.until is None:
        raise Refused("until_needed", f"Until which day is {subject.ref} to be snoozed?")
    days = (deed.until - deed.today).days
    if days < 1:
        raise Refused("until_past", f"{deed.until} is not after today ({deed.today}).")
    if days > most[subject.severity]:
        raise Refused("until_too_long", f"A {subject.severity} may be snoozed for {most[subject.severity]} days at most.")
    sentence = f"Snoozed by a {deed.role} until {deed.until}: plan in place."
    return Decided(ChangeKind.SNOOZED, "plan_in_place", sentence, State.SNOOZED)


def _dismiss(subject: Subject, deed: Deed, _: Mapping[Severity, int]) -> Decided:
    if subject.severity is Severity.CRITICAL or Severity.CRITICAL in subject.active.values():
        raise Refused("critical_not_dismissed", f"{subject.ref} is CRITICAL and cannot be dismissed; acknowledge or snooze it.")
    _already(subject, State.DISMISSED, "dismissed")
    _reason(subject, deed)
    return Decided(ChangeKind.DISMISSED, "dismissed", f"Dismissed by a {deed.role}.", State.DISMISSED)


def _outcome(subject: Subject, deed: Deed, _: Mapping[Severity, int]) -> Decided:
    if deed.outcome not in OUTCOMES:
        raise Refused("outcome_unknown", f"Which outcome? One of {', '.join(OUTCOMES)}.")
    if deed.outcome == "reviewed" and not subject.state.ended:
        raise Refused("not_ended", f"{subject.ref} goes on; that it was reviewed is for what has ended.")
    if deed.outcome in subject.said:
        raise Refused("already_recorded", f"You have recorded that outcome of {subject.ref} already.")
    if deed.outcome == "rule_is_wrong":
        _reason(subject, deed)
    return Decided(ChangeKind.OUTCOME, deed.outcome, f"A {deed.role} recorded: {OUTCOMES[deed.outcome]}.", subject.state)


def _already(subject: Subject, state: State, word: str) -> None:
    if subject.state is state:
        raise Refused(f"already_{word}", f"{subject.ref} is {word} already.")


def _reason(subject: Subject, deed: Deed) -> None:
    if not deed.reason.strip():
        raise Refused("reason_needed", f"Why? To {deed.action} {subject.ref} takes a reason.")


_DEEDS = {
    "take": _take, "release": _release, "acknowledge": _acknowledge, "unacknowledge": _unacknowledge, "snooze": _snooze,
    "dismiss": _dismiss, "outcome": _outcome,
}  # fmt: skip
