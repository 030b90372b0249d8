"""Findings + open episodes -> changes: where the life of an alert is decided. Pure.

`reconcile` looks at one patient on one live night. It answers with at most one change per cause group, each
with a named reason, the destinations to tell, and the tellings withheld with the reason for that. What is
written and sent is somebody else's work (`episodes`, `delivery`). docs/states.md draws the states.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType

from monitors.change_words import sentence
from monitors.digest import digest
from monitors.limbs import RuleFacts, Standing, Step, opens, steps
from monitors.muting import Known, Muted, Mutes, known_of
from monitors.records import Change, ChangeKind, Episode, Finding, Severity, State, Telling, Withheld, rank
from monitors.reopening import BY_PEOPLE, Endings, Reopening, reopening

__all__ = ["LEFT_FOR_GOOD", "Destinations", "RuleFacts", "Standing", "digest", "reconcile"]

Destinations = Callable[[str, Severity, str], tuple[str, ...]]
"""(unit, severity, cause group) -> names of the destinations that get such an alert; empty: list only."""

LEFT_FOR_GOOD = {"died": "died", "transplanted": "transplanted", "transferred": "left", "left": "left", "merged": "merged"}
BY_RULES = ("rule_changed", "rule_stopped")  # what people did to the rules, not what happened to the patient
_AS_USUAL = Endings()
_NOTHING_MUTES = Mutes()


def reconcile(
    patient: Standing,
    findings: Mapping[str, Finding],
    episodes: Sequence[Episode],
    rules: Mapping[str, RuleFacts],
    night: date,
    baseline: Container[tuple[str, str]],
    destinations: Destinations,
    quiet: Mapping[tuple[str, str], str] = MappingProxyType({}),
    endings: Endings = _AS_USUAL,
    mutes: Mutes = _NOTHING_MUTES,
) -> list[Change]:
    """The changes tonight's findings make to one patient's episodes, in order of cause group.

    findings: {rule: finding} of a judged patient; a rule without one is plainly clear. episodes: the open
    ones. baseline: the (unit, rule) pairs whose first live night this is. quiet: the (unit, rule) pairs that tell nobody,
    `silent_phase` (recorded as any other, told once that is over) or `rule_stopped` (ended). endings: how long what a
    person said of an episode holds. mutes: what keeps a message from a reader who knows why. Only live nights come
    here; an episode already changed on a later night is left alone, so time never runs backwards. Raises
    ValueError for a raised finding without severity.
    """
    standing = {episode.group: episode for episode in episodes if not episode.state.ended}
    known = ((rules[rule], finding) for rule, finding in findings.items() if rule in rules)
    stopped = {key for key, why in quiet.items() if why == "rule_stopped"}
    opening = {
        facts.group for facts, finding in known if opens(facts, finding) and (patient.unit, finding.rule) not in stopped
    }
    changes = []
    known_tonight: dict[str, Known] = {}
    for group in mutes.in_order(standing.keys() | opening):
        episode, change = standing.get(group), None
        if episode is not None and episode.changed_night > night:
            pass
        elif (episode is not None or group in opening) and patient.status not in LEFT_FOR_GOOD:
            made = steps(patient, group, findings, episode, rules, baseline, night, stopped)
            again = reopening(patient, episode, made, rules, night, endings, quiet) if episode else None
            change = _Case(
                patient, group, episode, made, baseline, destinations, quiet, again, mutes, known_tonight, night
            ).decide()
        elif episode is not None:
            change = _closed(patient, episode)
        if seen := known_of(episode, change):
            known_tonight[group] = seen
        if change is not None:
            changes.append(change)
    return sorted(changes, key=lambda change: change.group)


@dataclass(frozen=True)
class _Case:
    """One patient's cause group tonight: the episode as it was (None: there is none yet), its steps, and why what a person said
    of it is over (None: it is not)."""

    patient: Standing
    group: str
    episode: Episode | None
    steps: tuple[Step, ...]
    baseline: Container[tuple[str, str]]
    destinations: Destinations
    quiet: Mapping[tuple[str, str], str]
    again: Reopening | None
    mutes: Mutes
    known: Mapping[str, Known]
    night: date

    def decide(self) -> Change | None:
        if self.episode is None:
            return self._told(ChangeKind.OPENED, self._opening_reason())
        if not self._standing():
            return self._ended()
        if self.episode.unit != self.patient.unit:
            return self._handed_over()
        return self._went_on()

    def _opening_reason(self) -> str:
        if all(step.by_rule for step in self.steps):
            return "rule_changed"
        return "present_at_start" if self._present_at_start() else "raised"

    def _present_at_start(self) -> bool:
        return all((self.patient.unit, step.rule) in self.baseline for step in self.steps)

    def _standing(self) -> list[Step]:
        return [step for step in self.steps if not step.cleared]

    def _severity(self) -> Severity:
        standing = self._standing()
        if not standing and self.episode is not None:
            return self.episode.severity
        return max((step.after.severity for step in standing), key=rank)

    def _silent(self, unit: str) -> bool:
        """Whether nothing of it tells anybody at a unit yet."""
        return all((unit, step.rule) in self.quiet for step in self._standing())

    def _stale(self) -> bool:
        return not any(step.after.active for step in self._standing())

    def _was_stale(self) -> bool:
        """Read from the limbs, not from the state: a human state is kept while the values run out."""
        before = [step.before for step in self.steps if step.before is not None]
        return bool(before) and not any(limb.active for limb in before)

    def _ended(self) -> Change:
        assert self.episode is not None
        reasons = {step.after.reason for step in self.steps}
        if "evidence_corrected" not in reasons:
            named = ("cleared_by_values", "late_results", "aged_out", "rule_stopped", "rule_changed")
            reason = next((name for name in named if name in reasons), "cleared_by_values")
            quiet = reason if reason in BY_RULES else "quiet_resolution"
            return self._change(ChangeKind.RESOLVED, reason, State.RESOLVED, withheld={("*", quiet)})
        told = {name: "withdrawn" for name, limbs in self.episode.told.items() if limbs}
        withheld = set() if told else {("*", "never_told")}
        return self._change(ChangeKind.RETRACTED, "evidence_corrected", State.RETRACTED, told, withheld)

    def _handed_over(self) -> Change:
        """Both units hear of it; what the old unit was told, had listed, or said of it counts nothing for the new one."""
        assert self.episode is not None
        severity = self._severity()
        fresh = tuple(replace(step, after=replace(step.after, listed=None)) for step in self.steps)
        case = replace(self, steps=fresh)
        both = {
            name: "handed_over"
            for unit in (self.patient.unit, self.episode.unit)
            for name in self.destinations(unit, severity, self.group)
            if not self._silent(unit)
        }
        withheld = set() if both else {("*", "silent_phase" if self._silent(self.patient.unit) else "list_only")}
        return case._change(ChangeKind.HANDED_OVER, "unit_changed", self._open(), both, withheld)

    def _went_on(self) -> Change | None:
        standing = self._standing()
        rise = [step for step in standing if step.rise > 0]
        joined = [step for step in standing if step.joined]
        fall = [step for step in standing if step.rise < 0]
        cleared = [step for step in self.steps if step.cleared]
        moved = [step for step in self.steps if step.moved]
        corrected = any(step.corrected for step in self.steps)
        again = self.again
        if again and not (again.worse and any(not step.by_rule for step in (*rise, *joined))):
            kind, reason = ChangeKind.REOPENED, again.reason
        elif rise or joined:
            kind, reason = ChangeKind.WORSENED, "severity_up" if rise else "new_limb"
        elif self._stale() and not self._was_stale():
            worst = max(standing, key=lambda step: rank(step.after.severity))
            kind, reason = ChangeKind.STALE, worst.after.reason
        elif self._was_stale() and not self._stale():
            kind, reason = ChangeKind.REFRESHED, "assessable_again"
        elif fall or cleared:
            kind, reason = ChangeKind.EASED, "severity_down" if fall else "limb_cleared"
        elif any(step.returned for step in standing):  # lists and pages go by the limbs: one that fires again must stand there
            kind, reason = ChangeKind.REFRESHED, "assessable_again"
        else:
            return self._told(ChangeKind.TOLD_LATE, "not_told_before")
        if kind is ChangeKind.REOPENED:
            return self._told(kind, reason)
        if moved and all(step.by_rule for step in moved):
            stopped = all(step.after.reason == "rule_stopped" for step in moved)
            reason = "rule_stopped" if stopped else "rule_changed"
        elif corrected and kind is ChangeKind.EASED:
            reason = "evidence_corrected"
        return self._told(kind, reason)

    def _told(self, kind: ChangeKind, reason: str) -> Change | None:
        """The change with its tellings; None where nothing changed and nobody is owed a message."""
        needed, withheld = self._needed(kind, reason)
        state = self._state()
        if needed and state in BY_PEOPLE:
            withheld |= {(name, state.value) for name in needed}
            needed = {}
        if kind is ChangeKind.TOLD_LATE and not needed:
            return None
        if self.episode is not None and (
            reason == "evidence_corrected" or kind in (ChangeKind.REOPENED, ChangeKind.REFRESHED)
        ):
            gone = {step.rule for step in self.steps if step.corrected}
            told = [name for name, limbs in self.episode.told.items() if gone & limbs.keys()]
            needed = {**needed, **dict.fromkeys(told, "withdrawn")}
        if not needed and not withheld:
            withheld = {("*", "stale" if self._stale() else "not_firing")}
        if not needed and kind is ChangeKind.EASED:
            withheld = {("*", reason if reason in BY_RULES else "quiet_resolution")}
        return self._change(kind, reason, state, needed, withheld)

    def _needed(self, kind: ChangeKind, reason: str) -> tuple[dict[str, str], set[tuple[str, str]]]:
        """{destination: reason} of everybody owed a message, and (destination, reason) of those who are not.

        Owed: a firing limb is worse than the destination was told, and than what counts as listed. Where what a person said is
        over, whoever was told is told again.
        """
        fresh: set[str] = set()
        late: set[str] = set()
        anew: set[str] = set()
        withheld: set[tuple[str, str]] = set()
        told = self.episode.told if self.episode else {}
        for step in self._standing():
            if not step.fires:
                continue
            limb, moved = step.after, step.joined or step.rise > 0
            names = self.destinations(self.patient.unit, limb.severity, self.group)
            if not names:
                withheld.add(("*", "list_only"))
            for name in names:
                known = rank(limb.severity) <= rank(told.get(name, {}).get(step.rule))
                if known and not self.again:
                    withheld.add((name, "already_told"))
                elif rank(limb.severity) <= rank(limb.listed):
                    withheld.add((name, self._listing(step)))
                elif (why := self.quiet.get((self.patient.unit, step.rule))) or (why := self._muted(step, name)):
                    withheld.add((name, why))
                elif self.again and known:
                    (late if self.again.late else anew).add(name)
                elif moved and not step.late and kind is not ChangeKind.TOLD_LATE:
                    fresh.add(name)
                else:
                    late.add(name)
        return {**dict.fromkeys(anew, reason), **dict.fromkeys(late, "late"), **dict.fromkeys(fresh, reason)}, withheld

    def _muted(self, step: Step, destination: str) -> str:
        """Why a message is kept from a destination; '' where nothing keeps it: of a CRITICAL episode, nothing is. An inhibition
        keeps back nothing that is told because what a person said is over; a silence does, and tells that when it ends."""
        if self._severity() is Severity.CRITICAL:
            return ""
        silenced = self.mutes.silenced(self.patient.unit, step.rule, self.group, destination)
        if silenced or self.again:
            return silenced
        days = (self.night - self.episode.opened_night).days if self.episode else 0
        return self.mutes.inhibits(Muted(self.patient.unit, self.group, step.after.severity, destination, days), self.known)

    def _listing(self, step: Step) -> str:
        if step.by_rule:
            return "rule_changed"
        return "baseline" if (self.patient.unit, step.rule) in self.baseline else "listed"

    def _state(self) -> State:
        """What becomes of the state: what a person said holds until it is over."""
        if self.episode is None:
            return State.OPEN
        return self.episode.state if self.episode.state in BY_PEOPLE and not self.again else self._open()

    def _open(self) -> State:
        return State.STALE if self._stale() else State.OPEN

    def _change(
        self,
        kind: ChangeKind,
        reason: str,
        state: State,
        tellings: Mapping[str, str] | None = None,
        withheld: Iterable[tuple[str, str]] = (),
    ) -> Change:
        tellings = tellings or {}
        episode, severity = self.episode, self._severity()
        limbs = {**(episode.limbs if episode else {}), **{step.rule: step.after for step in self.steps}}
        everyone = kind in (ChangeKind.TOLD_LATE, ChangeKind.REOPENED)
        rules = ", ".join(step.rule for step in self.steps if step.moved or (everyone and step.fires))
        was = episode.severity if episode else severity
        return Change(
            patient_id=self.patient.patient_id, group=self.group, unit=self.patient.unit,
            kind=kind, reason=reason, sentence=sentence(kind, reason, rules, was, severity),
            to_state=state, severity=severity, limbs=dict(sorted(limbs.items())),
            episode_id=episode.episode_id if episode else None,
            from_state=episode.state if episode else None, version=episode.version if episode else 0,
            baseline=episode.baseline if episode else self._present_at_start(),
            tellings=tuple(Telling(name, why) for name, why in sorted(tellings.items())),
            withheld=tuple(
                Withheld(name, why) for name, why in sorted(set(withheld))
                if name not in tellings and not (name == "*" and tellings)
            ),
        )  # fmt: skip


def _closed(patient: Standing, episode: Episode) -> Change:
    """Death, transplant and departure end an episode without a message: nobody is paged about the dead. So does a merge
    of the patient's number into another: that patient is judged with all results, and told about by an episode of its own."""
    reason = LEFT_FOR_GOOD[patient.status]
    return Change(
        patient_id=patient.patient_id, group=episode.group, unit=episode.unit,
        kind=ChangeKind.CLOSED, reason=reason,
        sentence=sentence(ChangeKind.CLOSED, reason, "", episode.severity, episode.severity),
        to_state=State.CLOSED, severity=episode.severity, limbs=dict(episode.limbs),
        episode_id=episode.episode_id,
        from_state=episode.state, version=episode.version, baseline=episode.baseline,
        withheld=(Withheld("*", "merged" if reason == "merged" else "closed_by_census"),),
    )  # fmt: skip
