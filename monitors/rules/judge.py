"""Judge every rule for every patient of a shard, as docs/architecture.md "How a rule is judged" says.

Pure and vectorised: frames in, findings and counts out. What a finding says depends on its patient's rows only,
never on the shard they came in, the order of rows, or a clock.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from operator import attrgetter

import numpy as np
import pandas as pd

from monitors.measures import IntArray, Measures
from monitors.records import Finding, Outcome
from monitors.rules.courses import Course, nights_of
from monitors.rules.evidence import instant, latched_evidence, newest_evidence
from monitors.rules.facts import Card, Drugs
from monitors.rules.judged import Judged
from monitors.rules.load import DRAWS
from monitors.rules.model import Rule
from monitors.rules.sentences import (
    SUPERSEDED as SUPERSEDED_SENTENCE,
)
from monitors.rules.sentences import (
    clear_sentence,
    firing_sentences,
    holding_sentences,
    noted_sentence,
    unassessable_sentence,
)
from monitors.rules.severity import BY_RANK, severities
from monitors.rules.signals import course_of
from monitors.rules.sources import FACTS, Known, Sources, Taken
from monitors.rules.standing import (
    CLEARED,
    FIRING,
    HOLDING,
    NOT_ASSESSABLE,
    NOT_CLEARED,
    NOTED,
    OUTCOMES,
    SUPERSEDED,
    Standing,
    firing_reason,
    newest_of,
    standing_of,
)
from monitors.rules.substances import Analyte
from monitors.trends import Fold

NONE = -1


def judge(
    series: pd.DataFrame, patients: pd.DataFrame, medications: pd.DataFrame, rules: Sequence[Rule],
    analytes: Mapping[str, Analyte], calcium_basis: str = "measured", facts: pd.DataFrame | None = None,
    lacking: Collection[str] = (),
) -> Judged:  # fmt: skip
    """Judge `rules`, in an order in which each comes after those it mentions, for every row of `patients`.

    series, patients, medications, facts: frames of docs/architecture.md, rows in any order; facts None where the site has
    no feed of them. calcium_basis: which calcium the measure `ca_p` multiplies, 'measured' or 'adjusted'. lacking:
    inputs this site has no feed of ('alt', 'fact:session'); never guessed from what a shard happens to hold.
    """
    patients = patients.sort_values("patient_id", ignore_index=True)
    sources = _sources(series, patients, medications, rules, analytes, calcium_basis, facts, lacking)
    card = Card(sources, Drugs(medications, sources.taken.periods, sources.taken.lists, sources.nights))
    excluded = _excluded(patients["excluded"], sources)
    ids = patients["patient_id"].to_numpy().astype(np.int64)
    followed_by = {signal.rule for rule in rules for signal in rule.signals if signal.rule}
    findings: list[Finding] = []
    counts: list[tuple[str, str, str, str, int]] = []
    outcomes: dict[str, IntArray] = {}
    units, unit_names = pd.factorize(patients["unit"])
    for rule in rules:
        course = course_of(rule, sources, everyone=rule.id in followed_by)
        sources.courses[rule.id] = course
        standing = standing_of(rule, course, sources, excluded)
        findings.extend(_findings(rule, course, standing, card, ids))
        counts.extend(_counts(rule, standing, units, list(unit_names)))
        outcomes[rule.id] = standing.outcome
    columns = ["unit", "rule", "outcome", "reason", "patients"]
    return Judged(findings, pd.DataFrame(counts, columns=columns), ids, outcomes)


def _sources(
    series: pd.DataFrame, patients: pd.DataFrame, medications: pd.DataFrame, rules: Sequence[Rule],
    analytes: Mapping[str, Analyte], calcium_basis: str, facts: pd.DataFrame | None, lacking: Collection[str],
) -> Sources:  # fmt: skip
    quantities = {name: (analyte.number, analyte.quantity) for name, analyte in analytes.items()}
    ids = patients["patient_id"].to_numpy().astype(np.int64)
    if facts is not None:
        facts = facts[list(FACTS)]
    return Sources(
        Measures(series, patients, quantities, calcium_basis), nights_of(patients), Taken(medications, ids),
        Known(facts, ids, lacking), {rule.id: rule for rule in rules},
    )  # fmt: skip


def _excluded(excluded: pd.Series, sources: Sources) -> pd.Series:
    """Reasons a patient is outside the population, with pregnancy where a fact says so."""
    if sources.known.lacks("fact:pregnancy"):
        return excluded
    everyone = np.arange(len(sources))
    pregnant = sources.known.holds("pregnancy", everyone, sources.nights.day)
    return excluded.where((excluded != "") | ~pregnant, "outside_population:pregnancy")


def _findings(rule: Rule, course: Course, standing: Standing, card: Card, ids: IntArray) -> list[Finding]:
    """Findings of all patients but the plain clear ones, in the order of patients."""
    findings: list[Finding] = []
    for outcome in (FIRING, HOLDING):
        if len(patients := np.flatnonzero(standing.outcome == outcome)):
            findings.extend(_latched(rule, course, card, ids, patients, outcome))
    for reason in (CLEARED, SUPERSEDED):
        if len(patients := standing.having(reason)):
            findings.extend(_cleared(rule, course, card, ids, patients, reason))
    if course.noted is not None and len(patients := standing.having(NOTED)):
        findings.extend(_noted(rule, course, course.noted, card, ids, patients))
    if len(patients := np.flatnonzero(standing.outcome == NOT_ASSESSABLE)):
        findings.extend(_unassessable(rule, standing, card, ids, patients))
    return sorted(findings, key=attrgetter("patient_id"))


def _latched(
    rule: Rule, course: Course, card: Card, ids: IntArray, patients: IntArray, outcome: int
) -> Iterator[Finding]:
    rows = course.end[patients]
    reason = firing_reason(rule) if outcome == FIRING else NOT_CLEARED
    sentences = (firing_sentences if outcome == FIRING else holding_sentences)(rule, course, rows)
    evidence_of = latched_evidence(card.sources.rules, rule, course, rows, card.sources.measures)
    columns = zip(
        ids[patients].tolist(), sentences, severities(rule, course, course.fold.last_raise[rows], card.sources).tolist(),
        _since(course, course.fold, patients).tolist(), evidence_of, card.facts(rule, course, patients, rows), strict=True,
    )  # fmt: skip
    for patient, sentence, severity, since, evidence, facts in columns:
        yield Finding(
            patient, rule.id, OUTCOMES[outcome], reason, sentence, BY_RANK[severity], instant(since), None, evidence, facts
        )


def _noted(
    rule: Rule, course: Course, noted: Fold, card: Card, ids: IntArray, patients: IntArray
) -> Iterator[Finding]:
    """Signals that are not live and raise: recorded with their evidence, clear for everybody."""
    rows = course.end[patients]
    evidence_of = latched_evidence(card.sources.rules, rule, course, rows, card.sources.measures)
    ever = course.fold.last_raise[rows] >= 0
    cleared = np.full(len(patients), NONE)
    cleared[ever] = _cleared_at(course, patients[ever])
    columns = zip(
        ids[patients].tolist(), rows.tolist(), _since(course, noted, patients).tolist(), cleared.tolist(), evidence_of,
        card.facts(rule, course, patients, rows), strict=True,
    )  # fmt: skip
    for patient, row, since, at, evidence, facts in columns:
        yield Finding(
            patient, rule.id, Outcome.CLEAR, NOTED, noted_sentence(course, row), None, instant(since),
            None if at == NONE else instant(at), evidence, facts,
        )  # fmt: skip


def _cleared(rule: Rule, course: Course, card: Card, ids: IntArray, patients: IntArray, reason: str) -> Iterator[Finding]:
    measures = [signal.measure for signal in rule.signals if signal.measure]
    columns = zip(
        ids[patients].tolist(), _cleared_at(course, patients).tolist(),
        newest_evidence(card.sources.measures, measures, patients), card.facts(rule, course, patients, course.end[patients]),
        strict=True,
    )  # fmt: skip
    sentence = clear_sentence(course) if reason == CLEARED else SUPERSEDED_SENTENCE
    for patient, at, evidence, facts in columns:
        yield Finding(patient, rule.id, Outcome.CLEAR, reason, sentence, None, None, instant(at), evidence, facts)


def _unassessable(rule: Rule, standing: Standing, card: Card, ids: IntArray, patients: IntArray) -> Iterator[Finding]:
    for place in np.unique(standing.reason[patients]).tolist():
        reason, chosen = standing.reasons[place], patients[standing.reason[patients] == place]
        measures = [reason.partition(":")[2]] if reason.startswith("no_recent:") else []
        shown = [measure for measure in measures if measure != DRAWS]
        newest = np.full(len(ids), NONE, dtype=np.int64)
        for measure in measures:
            newest = newest_of(measure, card.sources)
        days = (newest[chosen].tolist(), card.drugs.list_day[chosen].tolist(), card.nights.day[chosen].tolist())
        texts = {day: unassessable_sentence(rule, reason, *day) for day in set(zip(*days, strict=True))}
        evidence_of = newest_evidence(card.sources.measures, shown, chosen)
        for patient, day, evidence in zip(ids[chosen].tolist(), zip(*days, strict=True), evidence_of, strict=True):
            yield Finding(patient, rule.id, Outcome.NOT_ASSESSABLE, reason, texts[day], evidence=evidence)


def _since(course: Course, fold: Fold, patients: IntArray) -> IntArray:
    """Instant of the first raise after the last clear, of latched patients."""
    marked = fold.raised if course.stands is None else course.stands
    raises = np.flatnonzero(marked)
    begins = np.searchsorted(course.rank, patients, "left")
    after = np.maximum(fold.last_clear[course.end[patients]] + 1, begins)
    return course.at[raises[np.searchsorted(raises, after)]]


def _cleared_at(course: Course, patients: IntArray) -> IntArray:
    """Instant of the first clear after the last raise, of patients who cleared."""
    clears = np.flatnonzero(course.fold.cleared)
    return course.at[clears[np.searchsorted(clears, course.fold.last_raise[course.end[patients]])]]


def _counts(rule: Rule, standing: Standing, units: np.ndarray, unit_names: list[str]
            ) -> list[tuple[str, str, str, str, int]]:  # fmt: skip
    """Patients by unit, outcome and reason, in a stable order: (unit, rule, outcome, reason, patients)."""
    width = len(standing.reasons)
    key = (units * len(OUTCOMES) + standing.outcome) * width + standing.reason
    found, patients = np.unique(key, return_counts=True)
    unit, rest = np.divmod(found, len(OUTCOMES) * width)
    outcome, reason = np.divmod(rest, width)
    columns = (unit.tolist(), outcome.tolist(), reason.tolist(), patients.tolist())
    return sorted(
        (unit_names[where], rule.id, str(OUTCOMES[said]), standing.reasons[why], number)
        for where, said, why, number in zip(*columns, strict=True)
    )
