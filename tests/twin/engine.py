"""The same rows as the engine takes them, and what it says in the twin's words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pandas as pd

from monitors import documents
from monitors.records import Finding
from monitors.rules.judge import Judged
from monitors.rules.judge import judge as engine_judge
from monitors.rules.load import parse_rules
from monitors.rules.model import Analyte, Analytes, Drugs, Rule
from tests.twin.judge import PLAIN, judge
from tests.twin.rows import Cited, Patient, Site, Verdict

CONFIG = Path(__file__).resolve().parents[2] / "config"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SERIES = {
    "patient_id": "int64", "analyte": "int16", "at": "int64", "day": "int64", "value": "float64", "flags": "int32",
    "draw": "int64", "id": "int64", "method": "int64", "upper_limit": "float64", "known_since": "int64",
}  # fmt: skip
PATIENTS = {"patient_id": "int64", "unit": object, "as_of": "int64", "as_of_day": "int64", "excluded": object}
MEDICATIONS = {
    "patient_id": "int64", "drug_class": object, "drug_text": object, "start_day": "int64", "stop_day": "int64",
    "supply_days": "int64", "listed_day": "int64", "medication_id": "int64",
}  # fmt: skip
FACTS = {"patient_id": "int64", "fact": object, "day": "int64", "end_day": "int64", "value": "float64", "fact_id": "int64"}

Counts = Counter[tuple[str, str, str, str]]  # (unit, rule, outcome, reason)


@cache
def catalogue() -> tuple[tuple[Rule, ...], dict[str, Analyte]]:
    """The rules as shipped, and what is measured. The rules are data: their meaning is written in this package anew."""
    analytes = documents.parse((CONFIG / "analytes.yaml").read_text("utf-8"), "analytes.yaml", Analytes).analytes
    drugs = documents.parse((CONFIG / "medications.yaml").read_text("utf-8"), "medications.yaml", Drugs)
    texts = {path.name: path.read_text("utf-8") for path in sorted((CONFIG / "rules").glob("*.yaml"))}
    return parse_rules(texts, analytes, drugs), analytes


def frame(rows: list[tuple], kinds: dict) -> pd.DataFrame:  # type: ignore[type-arg]
    return pd.DataFrame(rows, columns=list(kinds)).astype(kinds)


def engine(people: Sequence[Patient], site: Site, rules: Sequence[Rule]) -> Judged:
    series = frame([(p.patient_id, r.analyte, r.at, r.day, r.value, r.flags, r.draw, r.id, r.method, r.upper_limit, r.known)
                    for p in people for r in p.results], SERIES)  # fmt: skip
    if not site.known:
        series = series.drop(columns="known_since")
    who = frame([(p.patient_id, p.unit, p.as_of, p.as_of_day, p.excluded) for p in people], PATIENTS)
    drugs = frame([(p.patient_id, m.drug_class, "a drug", m.start_day, m.stop_day, m.supply_days, m.listed_day,
                    p.patient_id * 100 + n) for p in people for n, m in enumerate(p.medications)], MEDICATIONS)  # fmt: skip
    facts = frame([(p.patient_id, f.concept, f.day, f.end_day, f.value, f.id) for p in people for f in p.facts], FACTS)
    return engine_judge(
        series, who, drugs, rules, catalogue()[1], calcium_basis=site.basis, facts=facts if site.facts else None,
        lacking=site.lacking,
    )  # fmt: skip


def microseconds(instant: datetime | None) -> int:
    if instant is None:
        return -1
    span = instant - EPOCH
    return (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds


def in_words(finding: Finding, unit: str) -> Verdict:
    evidence = frozenset(
        Cited(e.analyte, e.value, e.unit, microseconds(e.collected_at), e.result_id, e.comparator, e.role, e.derived_from)
        for e in finding.evidence
    )
    return Verdict(
        finding.patient_id, unit, finding.rule, str(finding.outcome), finding.reason,
        finding.severity.value if finding.severity else None, microseconds(finding.since), microseconds(finding.cleared_at),
        evidence,
    )  # fmt: skip


@dataclass(frozen=True)
class Compared:
    """Both answers for some patients. differences: (engine's, twin's), None where one says nothing; counts: of the twin."""

    patients: int
    findings: int
    counts: Counts
    differences: list[tuple[Verdict | None, Verdict | None]]
    same_counts: bool


def compare(people: Sequence[Patient], site: Site, rules: Sequence[Rule] = (), only: Collection[str] = ()) -> Compared:
    """Judge some patients twice. only: rules whose answers are compared (default: all)."""
    rules = rules or catalogue()[0]
    judged = engine(people, site, rules)
    units = {patient.patient_id: patient.unit for patient in people}
    told = {(f.patient_id, f.rule): in_words(f, units[f.patient_id]) for f in judged.findings}
    counts: Counts = Counter()
    differences: list[tuple[Verdict | None, Verdict | None]] = []
    for patient in people:
        for verdict in judge(patient, rules, catalogue()[1], site):
            counts[verdict.unit, verdict.rule, verdict.outcome, verdict.reason] += 1
            theirs = told.pop((patient.patient_id, verdict.rule), None)
            ours = None if verdict.reason in PLAIN else verdict
            if theirs != ours and (not only or verdict.rule in only):
                differences.append((theirs, ours))
    differences += [(theirs, None) for theirs in told.values()]
    counted: Counts = Counter()
    for unit, rule, outcome, reason, number in judged.counts.itertuples(index=False):
        counted[unit, rule, str(outcome), reason] += number
    return Compared(len(people), len(judged.findings), counts, differences, counts == counted)
