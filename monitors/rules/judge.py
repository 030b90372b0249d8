"""Judge every rule for every patient of a shard, as docs/architecture.md "How a rule is judged" says.

Pure and vectorised: frames in, findings and counts out. What a finding says depends on its patient's rows only,
never on the shard they came in, the order of rows, or a clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from monitors.measures import IntArray, Measures, patient_ranks
from monitors.records import Finding, Outcome
from monitors.rules.evidence import instant, latched_evidence, newest_evidence
from monitors.rules.facts import Card, Drugs
from monitors.rules.model import Analyte, Rule
from monitors.rules.sentences import clear_sentence, firing_sentences, holding_sentences, unassessable_sentence
from monitors.rules.severity import BY_RANK, severities
from monitors.rules.signals import Course, Nights, course_of, newest_days, nights_of
from monitors.trends import UNKNOWN, Periods, exposure, list_days, medication_periods

OUTCOMES = (Outcome.CLEAR, Outcome.FIRING, Outcome.HOLDING, Outcome.NOT_ASSESSABLE)
CLEAR, FIRING, HOLDING, NOT_ASSESSABLE = range(4)
NOT_RAISED, CLEARED, NOT_EXPOSED, NOT_CLEARED = "not_raised", "cleared", "not_exposed", "not_cleared"
NONE = -1


@dataclass(frozen=True)
class Judged:
    """What judging one shard says.

    findings: every finding but plain CLEAR ones that never raised within the look-back. counts: unit, rule,
    outcome, reason, patients; every patient x rule exactly once. patients: (n,) ids; outcomes: rule -> (n,)
    places in OUTCOMES.
    """

    findings: list[Finding]
    counts: pd.DataFrame
    patients: IntArray
    outcomes: dict[str, IntArray]

    def against(self, previous: Judged) -> Judged:
        """The same, each finding with its outcome under the previous rule set; a plain clear that was firing or
        holding under it becomes a finding too. Rules the previous set did not have stay without one."""
        severity = {(finding.patient_id, finding.rule): finding.severity for finding in previous.findings}
        findings = [
            replace(finding, previous=previous._outcome(finding),
                    previous_severity=severity.get((finding.patient_id, finding.rule)))
            for finding in self.findings
        ]  # fmt: skip
        known = {(finding.patient_id, finding.rule) for finding in self.findings}
        for rule, codes in previous.outcomes.items():
            for patient in previous.patients[(codes == FIRING) | (codes == HOLDING)].tolist():
                if rule in self.outcomes and (patient, rule) not in known:
                    plain = Finding(patient, rule, Outcome.CLEAR, NOT_RAISED, "not raised under the rule set in force")
                    findings.append(replace(plain, previous=previous._outcome(plain)))
        return replace(self, findings=findings)

    def _outcome(self, finding: Finding) -> Outcome | None:
        codes = self.outcomes.get(finding.rule)
        if codes is None:
            return None
        place = int(np.searchsorted(self.patients, finding.patient_id))
        return OUTCOMES[int(codes[place])]


@dataclass(frozen=True)
class Standing:
    """Where every patient stands under one rule, arrays (patients,). reason: places in `reasons`."""

    outcome: IntArray
    reason: IntArray
    reasons: list[str]


def judge(
    series: pd.DataFrame, patients: pd.DataFrame, medications: pd.DataFrame, rules: Sequence[Rule],
    analytes: Mapping[str, Analyte], calcium_basis: str = "measured",
) -> Judged:  # fmt: skip
    """Judge `rules`, in an order in which each comes after those it mentions, for every row of `patients`.

    series, patients, medications: frames of docs/architecture.md, rows in any order. calcium_basis: which calcium
    the measure `ca_p` multiplies, 'measured' or 'adjusted'.
    """
    patients = patients.sort_values("patient_id", ignore_index=True)
    quantities = {name: (analyte.number, analyte.quantity) for name, analyte in analytes.items()}
    measures = Measures(series, patients, quantities, calcium_basis)
    nights = nights_of(patients)
    rank = patient_ranks(medications["patient_id"].to_numpy(), patients["patient_id"].to_numpy())
    periods, lists = medication_periods(medications, rank), list_days(medications, rank)
    card = Card(measures, nights, Drugs(medications, periods, lists, nights))
    named = {rule.id: rule for rule in rules}
    ids = patients["patient_id"].to_numpy().astype(np.int64)
    courses: dict[str, Course] = {}
    findings: list[Finding] = []
    counts: list[pd.DataFrame] = []
    outcomes: dict[str, IntArray] = {}
    units, unit_names = pd.factorize(patients["unit"])
    for rule in rules:
        exposed = exposure(periods, lists, rule.exposure.drug_class) if rule.exposure else None
        course = course_of(rule, measures, nights, exposed, courses)
        courses[rule.id] = course
        standing = _standing(rule, course, measures, nights, exposed, patients["excluded"])
        findings.extend(_findings(rule, named, course, standing, card, ids))
        counts.append(_counts(rule, standing, units, list(unit_names)))
        outcomes[rule.id] = standing.outcome
    columns = ["unit", "rule", "outcome", "reason", "patients"]
    counted = pd.concat(counts, ignore_index=True) if counts else pd.DataFrame(columns=columns)
    return Judged(findings, counted, ids, outcomes)


def _standing(
    rule: Rule, course: Course, measures: Measures, nights: Nights, exposed: Periods | None, excluded: pd.Series
) -> Standing:
    """The outcome and its reason; not assessable for the first reason that applies."""
    raised, latched, ever = (_at_end(course, marks) for marks in (
        course.fold.raised, course.fold.latched, course.fold.last_raise >= 0))  # fmt: skip
    reasons = [NOT_RAISED, CLEARED, NOT_EXPOSED, NOT_CLEARED, _firing_reason(rule)]
    outcome = np.where(raised, FIRING, np.where(latched, HOLDING, CLEAR))
    reason = np.where(raised, 4, np.where(latched, 3, np.where(ever, 1, 0)))
    everyone = np.arange(len(nights))
    if exposed is not None and course.followed is not None:
        reason[~course.followed] = 2
    grounds: list[tuple[str, np.ndarray]] = []
    codes, names = pd.factorize(excluded)
    for number, name in enumerate(names):
        if name:
            grounds.append((str(name), codes == number))
    for measure in rule.requires:
        if measure != "medications":
            newest = newest_days(measures.of(measure), len(nights))
            reach = min(rule.anchors.gap_days, rule.anchors.lookback_days)
            missing = nights.day - newest > reach
            if exposed is not None:  # any one signal is enough: what another lacks must not hide what is seen
                missing &= ~raised
            grounds.append((f"no_recent:{measure}", missing))
    if exposed is not None:
        grounds.append(("exposure_unknown", exposed.state(everyone, nights.day) == UNKNOWN))
    for name, holds in reversed(grounds):  # the first that applies is written last, and stays
        outcome[holds], reason[holds] = NOT_ASSESSABLE, len(reasons)
        reasons.append(name)
    return Standing(outcome, reason, reasons)


def _firing_reason(rule: Rule) -> str:
    if rule.exposure is not None:
        return "exposed"
    window = max((signal.raise_.window for signal in rule.signals if signal.raise_), default=1)
    return "persistent" if window > 1 else "beyond_limit"


def _at_end(course: Course, marks: np.ndarray) -> np.ndarray:
    """A mark of each patient's newest row, False where the patient has no row."""
    return np.asarray((course.end >= 0) & np.append(marks, False)[course.end])


def _findings(
    rule: Rule, rules: Mapping[str, Rule], course: Course, standing: Standing, card: Card, ids: IntArray
) -> list[Finding]:
    """Findings of all patients but the plain clear ones, in the order of patients."""
    by_outcome = (
        (FIRING, standing.outcome == FIRING), (HOLDING, standing.outcome == HOLDING),
        (CLEAR, standing.reason == standing.reasons.index(CLEARED)), (NOT_ASSESSABLE, standing.outcome == NOT_ASSESSABLE),
    )  # fmt: skip
    findings: list[Finding] = []
    for outcome, holds in by_outcome:
        patients = np.flatnonzero(holds)
        if not len(patients):
            continue
        if outcome == NOT_ASSESSABLE:
            findings.extend(_unassessable(rule, standing, card, ids, patients))
        elif outcome == CLEAR:
            findings.extend(_cleared(rule, course, card, ids, patients))
        else:
            findings.extend(_latched(rule, rules, course, card, ids, patients, outcome))
    return sorted(findings, key=lambda finding: finding.patient_id)


def _latched(
    rule: Rule, rules: Mapping[str, Rule], course: Course, card: Card, ids: IntArray, patients: IntArray, outcome: int
) -> Iterator[Finding]:
    rows = course.end[patients]
    reason = _firing_reason(rule) if outcome == FIRING else NOT_CLEARED
    sentences = (firing_sentences if outcome == FIRING else holding_sentences)(rule, course, rows)
    columns = zip(
        ids[patients].tolist(), sentences, severities(rule, course, course.fold.last_raise[rows]).tolist(),
        _since(course, patients).tolist(), latched_evidence(rules, rule, course, rows),
        card.facts(rule, course, patients, rows), strict=True,
    )  # fmt: skip
    for patient, sentence, severity, since, evidence, facts in columns:
        yield Finding(
            patient, rule.id, OUTCOMES[outcome], reason, sentence, BY_RANK[severity], instant(since), None, evidence, facts
        )


def _cleared(rule: Rule, course: Course, card: Card, ids: IntArray, patients: IntArray) -> Iterator[Finding]:
    measures = [signal.measure for signal in rule.signals if signal.measure]
    columns = zip(
        ids[patients].tolist(), _cleared_at(course, patients).tolist(), newest_evidence(card.measures, measures, patients),
        card.facts(rule, course, patients, course.end[patients]), strict=True,
    )  # fmt: skip
    sentence = clear_sentence(course)
    for patient, at, evidence, facts in columns:
        yield Finding(patient, rule.id, Outcome.CLEAR, CLEARED, sentence, None, None, instant(at), evidence, facts)


def _unassessable(rule: Rule, standing: Standing, card: Card, ids: IntArray, patients: IntArray) -> Iterator[Finding]:
    for place in np.unique(standing.reason[patients]).tolist():
        reason, chosen = standing.reasons[place], patients[standing.reason[patients] == place]
        measures = [reason.partition(":")[2]] if reason.startswith("no_recent:") else []
        newest = np.full(len(ids), NONE, dtype=np.int64)
        for measure in measures:
            newest = newest_days(card.measures.of(measure), len(ids))
        days = (newest[chosen], card.drugs.list_day[chosen], card.nights.day[chosen])
        columns = zip(
            ids[chosen].tolist(), *(day.tolist() for day in days), newest_evidence(card.measures, measures, chosen), strict=True
        )
        for patient, newest_day, listed, today, evidence in columns:
            sentence = unassessable_sentence(rule, reason, newest_day, listed, today)
            yield Finding(patient, rule.id, Outcome.NOT_ASSESSABLE, reason, sentence, evidence=evidence)


def _since(course: Course, patients: IntArray) -> IntArray:
    """Instant of the first raise after the last clear, of latched patients."""
    raises = np.flatnonzero(course.fold.raised)
    begins = np.searchsorted(course.rank, patients, "left")
    after = np.maximum(course.fold.last_clear[course.end[patients]] + 1, begins)
    return course.at[raises[np.searchsorted(raises, after)]]


def _cleared_at(course: Course, patients: IntArray) -> IntArray:
    """Instant of the first clear after the last raise, of patients who cleared."""
    clears = np.flatnonzero(course.fold.cleared)
    return course.at[clears[np.searchsorted(clears, course.fold.last_raise[course.end[patients]])]]


def _counts(rule: Rule, standing: Standing, units: np.ndarray, unit_names: list[str]) -> pd.DataFrame:
    """Patients by unit, outcome and reason, in a stable order."""
    width = len(standing.reasons)
    key = (units * len(OUTCOMES) + standing.outcome) * width + standing.reason
    found, patients = np.unique(key, return_counts=True)
    unit, rest = np.divmod(found, len(OUTCOMES) * width)
    outcome, reason = np.divmod(rest, width)
    frame = pd.DataFrame({
        "unit": [unit_names[place] for place in unit], "rule": rule.id,
        "outcome": [str(OUTCOMES[place]) for place in outcome],
        "reason": [standing.reasons[place] for place in reason], "patients": patients,
    })  # fmt: skip
    return frame.sort_values(["unit", "outcome", "reason"], ignore_index=True)


__all__ = ["OUTCOMES", "Judged", "judge"]
