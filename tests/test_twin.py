"""Judged twice: the engine equals the plain twin on made-up patients, however they are cut into shards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, fields
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from monitors import documents
from monitors.records import Finding, Flag, Outcome
from monitors.rules.judge import Judged, judge
from monitors.rules.load import parse_rules
from monitors.rules.model import Analytes, Drugs
from monitors.units import round6
from tests import twin
from tests.twin_values import Medication, Patient, Result

CONFIG = Path(__file__).resolve().parent.parent / "config"
HOUR, DAY = 3_600_000_000, 86_400_000_000  # microseconds
TODAY = 20_558  # 15 April 2026
NIGHT_ENDS = TODAY * DAY + 3 * HOUR
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

SPOKEN = ("R01", "R09", "R10", "R13")  # the rules of the catalogue the twin can judge
# Words of the rule language that no shipped rule speaks yet, so that the two agree on those as well.
MADE_UP = {
    "R90": """
        severity: WARNING
        steps:
          - {to: HIGH, repeated: {anchors: 2, of: 2}}
          - {to: CRITICAL, latest: {at_least: 6.5 mg/dL | 2.10 mmol/L}}
        requires: [phosphate]
        anchors: {apart_days: 7, gap_days: 40, lookback_days: 200}
        signals:
          - name: phosphate
            measure: phosphate
            raise: {at_least: 5.5 mg/dL | 1.78 mmol/L}
            clear: [{below: 5.0 mg/dL | 1.61 mmol/L}]
        """,
    "R91": """
        severity: HIGH
        requires: [calcium]
        signals:
          - name: low
            measure: calcium
            raise: {below: 8.4 mg/dL | 2.10 mmol/L}
            clear: [{at_least: 8.4 mg/dL | 2.10 mmol/L, anchors: 2}]
          - name: high
            measure: computed_adjusted_calcium
            raise: {above: 10.2 mg/dL | 2.54 mmol/L, anchors: 2, of: 3}
            clear: [{at_or_below: 9.8 mg/dL | 2.45 mmol/L}]
        """,
    "R92": """
        severity: WARNING
        steps: [{to: HIGH, repeated: {anchors: 3, of: 3}}]
        requires: [medications]
        exposure: {drug_class: vka, washout_days: 0}
        signals: [{name: product, rule: R09}, {name: pth, rule: R13}]
        """,
}  # fmt: skip
COMMON = """
id: {id}
version: 1
title: made up
group: made-up
owner: nobody
questions: [none]
provenance: {{authored_by: nobody, sources: [{{text: none, tag: design}}], why_it_matters: it does not}}
"""


def _rules() -> tuple[object, ...]:
    drugs = documents.parse((CONFIG / "medications.yaml").read_text(), "medications.yaml", Drugs)
    texts = {f"{rule}.yaml": (CONFIG / "rules" / f"{rule}.yaml").read_text() for rule in SPOKEN}
    for rule, body in MADE_UP.items():
        lines = [line.removeprefix("        ") for line in body.splitlines()]
        texts[f"{rule}.yaml"] = COMMON.format(id=rule) + "\n".join(lines)
    return parse_rules(texts, ANALYTES, drugs)


ANALYTES = documents.parse((CONFIG / "analytes.yaml").read_text(), "analytes.yaml", Analytes).analytes
RULES = _rules()

# --------------------------------------------------------------------------------------- made-up patients
NUMBERS = {  # at, just under and just over every limit, in both unit systems
    "phosphate": ((4.2, 4.9, 5.0, 5.1, 5.5, 5.6, 6.4, 6.5, 7.4), (1.35, 1.61, 1.62, 1.78, 1.79, 2.09, 2.1)),
    "calcium": ((8.0, 8.3, 8.4, 9.2, 9.8, 9.9, 10.0, 10.2, 10.3), (2.0, 2.1, 2.3, 2.45, 2.46, 2.54, 2.55)),
    "albumin": ((2.9, 3.5, 3.75, 4.0, 4.2), (29.0, 35.0, 40.0, 42.0)),
    "pth": ((300.0, 450.0, 455.0, 467.0, 585.0, 600.0, 601.0, 1001.0), (31.8, 49.5, 63.6, 63.7, 106.0, 107.0)),
}
GAPS = (0, 1, 7, 7, 7, 17, 18, 20, 21, 28, 28, 28, 28, 35, 40, 41, 75, 76)
COMPARATORS = (0,) * 14 + (Flag.BELOW, Flag.AT_MOST, Flag.ABOVE, Flag.AT_LEAST)
MARKS = (0,) * 20 + (Flag.PRE_DIALYSIS, Flag.POST_DIALYSIS, Flag.INPATIENT, Flag.PRELIMINARY)
ASSAYS = ((-1, float("nan")), (7, 65.0), (7, 50.0), (9, 65.0), (7, float("nan")))

values = st.tuples(
    st.booleans(), st.integers(0, 100), st.sampled_from(COMPARATORS), st.sampled_from(MARKS),
    st.sampled_from((0,) * 6 + (1, 2, 3, 4)),
)  # fmt: skip
draws = st.tuples(
    st.sampled_from(GAPS),
    st.sampled_from((0, 0, 0, 6, 13)),  # hours after the draw before, when on the same day
    st.sampled_from(("one accession",) * 6 + ("each its own", "accession of the last draw")),
    st.tuples(*(st.one_of(values, values, values, st.none()) for _ in NUMBERS)),
    st.booleans(),  # everything in SI
    st.sampled_from((None,) * 7 + tuple(NUMBERS)),  # this one twice
)
days_ago = st.one_of(st.just(None), st.integers(-5, 420))
periods = st.builds(
    lambda drug, start, stop, supply, listed: Medication(
        drug, *(-1 if day is None else TODAY - day for day in (start, stop)), supply,
        -1 if listed is None or listed < 0 else TODAY - listed,
    ),
    st.sampled_from(("vka",) * 5 + ("calcium_binder", "")), days_ago, st.one_of(st.none(), days_ago),
    st.sampled_from((-1, -1, 0, 28, 90)), st.one_of(st.none(), st.sampled_from((0, 3, 29, 30, 31, 60, 200))),
)  # fmt: skip
patients = st.tuples(
    st.one_of(*[st.lists(draws, min_size=6, max_size=15)] * 3, st.lists(draws, max_size=4)), st.lists(periods, max_size=4),
    st.sampled_from((0, 0, 3, 10, 28, 74, 75, 76)),  # days since the last draw
    st.sampled_from(("",) * 12 + ("outside_population:modality",)), st.sampled_from(("N1", "N2")),
    st.sampled_from((None, None, "high", "high", "low")),  # how it begins; it ends the other way
)  # fmt: skip


def _patient(number: int, made: tuple) -> Patient:  # type: ignore[type-arg]
    """A patient whose last draw lies `quiet` days back, in a unit whose night ends at 03:00Z."""
    rounds, medications, quiet, excluded, unit, begins = made
    results: list[Result] = []
    day = TODAY - quiet - sum(gap for gap, *_ in rounds[1:])
    draw = 0
    for index, (gap, hours, accession, content, si, twice) in enumerate(rounds):
        day += gap if index else 0
        at = min(day * DAY + (2 + hours) * HOUR, NIGHT_ENDS - 1)
        if accession != "accession of the last draw":
            draw = number * 1_000_000 + len(results) + 1
        pairs = [(name, one) for name, one in zip(NUMBERS, content, strict=True) if one]
        pairs += [(name, (own, pick + 1, *rest)) for name, (own, pick, *rest) in pairs if name == twice]
        for offset, (name, (own_si, pick, comparator, mark, assay)) in enumerate(pairs):
            system = si or (own_si and pick % 3 == 0)
            options = NUMBERS[name][system]
            if begins:
                high = (begins == "high") == (2 * index < len(rounds))
                options = options[len(options) // 2 :] if high else options[: len(options) // 2]
            reported = options[pick % len(options)]
            value = round6(reported / ANALYTES[name].to_si) if system else reported
            method, upper_limit = ASSAYS[assay] if name == "pth" or assay == 3 else ASSAYS[0]
            number_of_its_own = 500_000 + offset if accession == "each its own" else 0
            results.append(Result(
                ANALYTES[name].number, at, day, value, int(comparator | mark | (Flag.SI if system else 0)),
                draw + number_of_its_own, number * 10_000 + len(results) + 1, method, upper_limit,
            ))  # fmt: skip
    results.sort(key=lambda row: (row.analyte, row.at, row.id))
    return Patient(number, unit, NIGHT_ENDS, TODAY, excluded, tuple(results), tuple(medications))


def numbered(many: list[tuple]) -> list[Patient]:  # type: ignore[type-arg]
    return [_patient(number, made) for number, made in enumerate(many, start=1)]


# -------------------------------------------------------------------------------------------- the engine
KINDS = {
    "patient_id": "int64", "analyte": "int16", "at": "int64", "day": "int64", "value": "float64",
    "flags": "int32", "draw": "int64", "id": "int64", "method": "int64", "upper_limit": "float64",
}  # fmt: skip
PHASES = [Phase.explicit, Phase.generate, Phase.shrink]  # no database on disk, no explanations
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


def frames(people: Sequence[Patient]) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The same rows as the engine takes them."""
    series = pd.DataFrame(
        [(p.patient_id, *astuple(row)) for p in people for row in p.results],
        columns=["patient_id", *(f.name for f in fields(Result))],
    )
    who = pd.DataFrame({
        "patient_id": np.array([p.patient_id for p in people], np.int64),
        "unit": pd.Series([p.unit for p in people], dtype=object),
        "as_of": np.array([p.as_of for p in people], np.int64),
        "as_of_day": np.array([p.as_of_day for p in people], np.int64),
        "excluded": pd.Series([p.excluded for p in people], dtype=object),
    })
    drugs = [(p.patient_id, m.drug_class, "a drug", *astuple(m)[1:], n) for p in people
             for n, m in enumerate(p.medications, start=p.patient_id * 100)]  # fmt: skip
    columns = ["patient_id", "drug_class", "drug_text", "start_day", "stop_day", "supply_days", "listed_day"]
    medications = pd.DataFrame(drugs, columns=[*columns, "medication_id"])
    kinds = {name: object if name.startswith("drug") else "int64" for name in medications}
    return series[list(KINDS)].astype(KINDS), who, medications.astype(kinds)


def engine(people: Sequence[Patient], basis: str = "measured") -> Judged:
    return judge(*frames(people), RULES, ANALYTES, calcium_basis=basis)


def microseconds(instant: datetime | None) -> int:
    return -1 if instant is None else round((instant - EPOCH).total_seconds() * 1_000_000)


def verdict(finding: Finding, unit: str) -> twin.Verdict:
    """A finding in the twin's words. What a clear or unassessable one rests on is nobody's business."""
    ids: set[int] = set()
    if finding.severity is not None:
        for item in finding.evidence:
            ids |= {item.result_id, *item.derived_from}
    return twin.Verdict(
        finding.patient_id, unit, finding.rule, finding.outcome, finding.reason, finding.severity,
        microseconds(finding.since), microseconds(finding.cleared_at), frozenset(i for i in ids if i > 0),
    )  # fmt: skip


def counted(judged: Judged) -> Counter[tuple[str, str, str, str]]:
    counts: Counter[tuple[str, str, str, str]] = Counter()
    for unit, rule, outcome, reason, number in judged.counts.itertuples(index=False):
        counts[unit, rule, str(outcome), reason] += number
    return counts


def key(one: twin.Verdict) -> tuple[int, str]:
    return one.patient_id, one.rule


def agree(people: list[Patient], basis: str) -> None:
    verdicts, counts = twin.judge(people, RULES, ANALYTES, basis)
    judged = engine(people, basis)
    units = {p.patient_id: p.unit for p in people}
    told = sorted((verdict(f, units[f.patient_id]) for f in judged.findings), key=key)
    expected = sorted((v for v in verdicts if v.reason not in ("not_raised", "not_exposed")), key=key)
    assert told == expected
    assert counted(judged) == counts


@settings(max_examples=200, deadline=None, suppress_health_check=SLOW, phases=PHASES, derandomize=True)
@given(people=st.lists(patients, min_size=1, max_size=5).map(numbered))
def test_the_engine_and_the_twin_agree(people: list[Patient]) -> None:
    agree(people, "measured")


@settings(max_examples=40, deadline=None, suppress_health_check=SLOW, phases=PHASES, derandomize=True)
@given(people=st.lists(patients, min_size=1, max_size=5).map(numbered))
def test_they_agree_where_the_site_multiplies_adjusted_calcium(people: list[Patient]) -> None:
    agree(people, "adjusted")


def drawn(analyte: str, *values: tuple[int, float, int]) -> Patient:
    """A patient with one analyte: (days ago, value in the conventional unit, flags)."""
    rows = tuple(
        Result(ANALYTES[analyte].number, (TODAY - ago) * DAY, TODAY - ago, value, flags, n, n, -1, float("nan"))
        for n, (ago, value, flags) in enumerate(values, start=1)
    )
    return Patient(1, "N1", NIGHT_ENDS, TODAY, "", rows, ())


@pytest.mark.parametrize(
    ("rule", "patient", "outcome"),
    [
        ("R01", drawn("phosphate", (47, 5.0, 0), (40, 5.6, 0), (20, 4.9, 0), (0, 5.6, 0)), Outcome.FIRING),
        # the breach 22 days ago is an anchor of the newest one, but from before the clear 9 days ago
        ("R01", drawn("phosphate", (40, 5.6, 0), (27, 4.9, 0), (22, 5.6, 0), (9, 4.9, 0), (3, 5.6, 0)), Outcome.CLEAR),
        ("R91", drawn("calcium", (0, 8.4, int(Flag.BELOW))), Outcome.FIRING),  # "<8.4" is below 8.4 for certain
        ("R91", drawn("calcium", (0, 8.4, int(Flag.AT_MOST))), Outcome.CLEAR),
        ("R91", drawn("calcium", (0, 8.3, int(Flag.AT_MOST))), Outcome.FIRING),
        ("R90", drawn("phosphate", (0, 5.5, int(Flag.AT_LEAST))), Outcome.FIRING),
        ("R90", drawn("phosphate", (0, 5.5, int(Flag.BELOW))), Outcome.CLEAR),
        ("R13", drawn("pth", (30, 600.0, int(Flag.ABOVE)), (0, 600.0, int(Flag.ABOVE))), Outcome.FIRING),
        ("R13", drawn("pth", (30, 600.0, int(Flag.AT_LEAST)), (0, 601.0, 0)), Outcome.CLEAR),
    ],
)
def test_they_agree_on_rare_cases_drawn_by_hand(rule: str, patient: Patient, outcome: Outcome) -> None:
    agree([patient], "measured")
    verdicts, _ = twin.judge([patient], RULES, ANALYTES)
    assert {v.rule: v.outcome for v in verdicts}[rule] is outcome


@settings(max_examples=15, deadline=None, suppress_health_check=SLOW, phases=PHASES, derandomize=True)
@given(people=st.lists(patients, min_size=2, max_size=6).map(lambda some: numbered((some * 9)[:18])))
def test_no_result_depends_on_how_patients_are_cut_into_shards(people: list[Patient]) -> None:
    answers = []
    for shards in (1, 3, 16):
        cuts = [len(people) * i // shards for i in range(shards + 1)]
        parts = [engine(people[first:last]) for first, last in pairwise(cuts)]
        findings = sorted((f for part in parts for f in part.findings), key=lambda f: (f.patient_id, f.rule))
        answers.append((findings, sum((counted(part) for part in parts), Counter())))
    assert answers[0] == answers[1] == answers[2]
