"""What one rule set would have done, night after night: episodes kept in memory, every telling taken for delivered. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from monitors.alerts import Destinations, RuleFacts, Standing, reconcile
from monitors.records import Change, ChangeKind, Episode, Finding, Limb, Severity, State, rank

Line = tuple[str, str, str]  # rule, unit, severity


@dataclass
class Rehearsal:
    """One rule set on trial. opened: limbs begun (present at start apart), messages: tellings, each counted for the worst rule
    of its change; both by (rule, unit, severity). alerted: (patient, rule) -> (first night, unit, severity) of limbs begun."""

    rules: Mapping[str, RuleFacts]
    destinations: Destinations
    opened: Counter[Line] = field(default_factory=Counter)
    present: Counter[Line] = field(default_factory=Counter)
    messages: Counter[Line] = field(default_factory=Counter)
    episodes: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # cause group, unit, severity
    alerted: dict[tuple[int, str], tuple[date, str, str]] = field(default_factory=dict)
    _standing: dict[int, list[Episode]] = field(default_factory=dict)

    def night(
        self, night: date, patients: Mapping[int, Standing], findings: Mapping[int, Mapping[str, Finding]],
        baseline: Container[tuple[str, str]] = (),
    ) -> None:  # fmt: skip
        """One live night of some patients. findings: patient -> rule -> finding."""
        for patient in sorted(findings.keys() | (self._standing.keys() & patients.keys())):
            standing = patients[patient]
            own = self._standing.get(patient, [])
            for change in reconcile(
                standing, findings.get(patient, {}), own, self.rules, night, baseline, self.destinations
            ):
                self._write(change, night)

    def evidence(self, patient: int) -> dict[str, set[int]]:
        """{rule: ids of the results its open limbs rest on} of one patient."""
        found: dict[str, set[int]] = {}
        for episode in self._standing.get(patient, ()):
            for rule, limb in episode.limbs.items():
                for item in limb.evidence:
                    found.setdefault(rule, set()).update({item["result_id"]} if item["result_id"] > 0 else item["derived_from"])
        return found

    def _write(self, change: Change, night: date) -> None:
        own = self._standing.setdefault(change.patient_id, [])
        before = next((episode for episode in own if episode.group == change.group), None)
        was: Mapping[str, Limb] = before.limbs if before else {}
        if change.kind is ChangeKind.OPENED:
            self.episodes[change.group, change.unit, change.severity.value] += not change.baseline
        for rule, limb in change.limbs.items():
            if limb.active and not (rule in was and was[rule].active):
                line = (rule, change.unit, limb.severity.value)
                if change.baseline and before is None:
                    self.present[line] += 1
                elif change.kind in (ChangeKind.OPENED, ChangeKind.WORSENED):
                    self.opened[line] += 1
                    self.alerted.setdefault((change.patient_id, rule), (night, change.unit, limb.severity.value))
        if change.tellings:
            worst = max(sorted(change.limbs), key=lambda rule: (change.limbs[rule].active, rank(change.limbs[rule].severity)))
            self.messages[worst, change.unit, change.limbs[worst].severity.value] += len(change.tellings)
        rest = [episode for episode in own if episode is not before]
        after = _after(before, change, night)
        self._standing[change.patient_id] = rest if after.state.ended else [*rest, after]
        if not self._standing[change.patient_id]:
            del self._standing[change.patient_id]


def _after(before: Episode | None, change: Change, night: date) -> Episode:
    """An episode after a change, every telling of it delivered."""
    episode = before or Episode(
        0, change.patient_id, change.group, change.unit, State.OPEN, change.severity, night, night, 0, {}, {}, change.baseline
    )
    told = {name: dict(limbs) for name, limbs in episode.told.items()}
    active = {rule: limb.severity for rule, limb in change.limbs.items() if limb.active}
    for telling in change.tellings:
        known = told.get(telling.destination, {})
        if telling.reason == "withdrawn":
            told[telling.destination] = {rule: min(at, known[rule], key=rank) for rule, at in active.items() if rule in known}
        else:
            worst = {rule: max(at, known.get(rule, Severity.WARNING), key=rank) for rule, at in active.items()}
            told[telling.destination] = {**known, **worst}
    return replace(
        episode, unit=change.unit, state=change.to_state, severity=change.severity, changed_night=night,
        version=episode.version + 1, limbs=change.limbs, told=told,
    )  # fmt: skip
