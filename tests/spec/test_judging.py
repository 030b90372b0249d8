"""What holds of judging whatever the patients are: one outcome each, any row order, any cut, never raise and clear."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitors.measures import Measures
from monitors.records import Outcome
from monitors.rules.courses import beyond, chained, nights_of, pace
from monitors.rules.judge import judge
from monitors.rules.signals import course_of
from monitors.rules.sources import Known, Sources, Taken
from monitors.rules.standing import standing_of
from monitors.trends import met
from spec.table import Frames, catalogue, finding_of, said

TONIGHT = 20_558
UNITS = {"phosphate": "mg/dL", "calcium": "mg/dL", "albumin": "g/dL", "pth": "pg/mL"}
RANGES = {"phosphate": (40, 75), "calcium": (80, 110), "albumin": (25, 45), "pth": (2000, 12_000)}


def unit_of(seed: int, patients: int = 12) -> Frames:
    """A made-up unit: monthly draws around every limit, some drawn weekly, some on warfarin, some without a list."""
    rng = np.random.default_rng(seed)
    frames = Frames()
    for patient in range(1, patients + 1):
        step = int(rng.choice([7, 28, 28]))
        for number, day in enumerate(range(TONIGHT - 300 + int(rng.integers(0, 60)), TONIGHT, step)):
            for measure, (low, high) in RANGES.items():
                if rng.random() < 0.8:
                    frames.result(patient, measure, f"{rng.integers(low, high) / 10:g}", UNITS[measure], day,
                                  draw=patient * 1000 + number, upper_limit=65.0 if measure == "pth" else None)  # fmt: skip
        frames.patient(patient, TONIGHT, unit=f"N{patient % 3}")
        if rng.random() < 0.7:
            frames.drug(patient, "warfarin", start=TONIGHT - int(rng.integers(1, 400)), listed=TONIGHT - int(rng.integers(0, 50)))
    return frames


def sources_of(frames: Frames, facts: pd.DataFrame | None = None, lacking: tuple[str, ...] = ()) -> Sources:
    """What judging prepares of the three frames."""
    analytes, _, rules = catalogue()
    quantities = {name: (analyte.number, analyte.quantity) for name, analyte in analytes.items()}
    patients = frames.patients_frame()
    ids = patients["patient_id"].to_numpy()
    return Sources(
        Measures(frames.series_frame(), patients, quantities), nights_of(patients), Taken(frames.medications_frame(), ids),
        Known(facts, ids, lacking), {rule.id: rule for rule in rules},
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_every_patient_and_rule_is_counted_exactly_once(seed):
    frames = unit_of(seed)
    judged = frames.judge()
    counts = judged.counts.groupby(["unit", "rule"])["patients"].sum()
    everyone = frames.patients_frame().groupby("unit").size()
    rules = [rule.id for rule in catalogue()[2]]
    assert counts.to_dict() == {(unit, rule): patients for unit, patients in everyone.items() for rule in rules}
    told = {(finding.patient_id, finding.rule) for finding in judged.findings}
    assert len(told) == len(judged.findings)


@pytest.mark.parametrize("seed", range(3))
def test_shuffled_rows_and_shards_change_nothing(seed):
    frames = unit_of(seed)
    analytes, _, rules = catalogue()
    tables = frames.series_frame(), frames.patients_frame(), frames.medications_frame()
    whole = judge(*tables, rules, analytes)
    shuffled = judge(*(table.sample(frac=1, random_state=seed) for table in tables), rules, analytes)
    parts = [
        finding
        for first, last in ((1, 1), (2, 7), (8, 12))
        for finding in judge(*(table[table["patient_id"].between(first, last)] for table in tables), rules, analytes).findings
    ]
    assert shuffled.findings == whole.findings
    assert shuffled.counts.equals(whole.counts)
    order = {rule.id: number for number, rule in enumerate(rules)}
    assert sorted(parts, key=lambda f: (order[f.rule], f.patient_id)) == whole.findings


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000))
def test_raise_and_clear_are_never_both_true_at_a_draw(seed):
    """By the limits alone, for every signal that compares values; movements are settled by raise winning (below)."""
    frames = unit_of(seed, patients=4)
    sources = sources_of(frames)
    for rule in catalogue()[2]:
        for signal in rule.signals:
            if signal.measure is None or not signal.raise_.compares:
                continue
            values = sources.measures.reading(signal.reads).of(signal.measure)
            previous = chained(values, pace(signal, rule))
            raises = met(beyond(signal.raise_, values), previous, signal.raise_.anchors, signal.raise_.window)
            clears = [
                met(beyond(clear, values, previous), previous, clear.anchors, clear.window)
                for clear in signal.clear if clear.mean == signal.raise_.mean
            ]  # fmt: skip
            assert not (raises & np.logical_or.reduce(clears)).any(), f"{rule.id} {signal.name}"


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000))
def test_no_rule_raises_and_clears_at_one_of_its_rows(seed):
    sources = sources_of(unit_of(seed, patients=4))
    for rule in catalogue()[2]:
        course = sources.courses[rule.id] = course_of(rule, sources, everyone=True)
        for part in (course, *course.signals):
            assert part is None or not (part.fold.raised & part.fold.cleared).any(), rule.id


@settings(max_examples=15, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000))
def test_following_only_those_who_could_raise_changes_nothing(seed):
    frames = unit_of(seed, patients=6)
    short, long = sources_of(frames), sources_of(frames)
    none = pd.Series([""] * len(short))
    for rule in catalogue()[2]:
        for sources, everyone in ((short, False), (long, True)):
            sources.courses[rule.id] = course_of(rule, sources, everyone)
        one, other = (standing_of(rule, s.courses[rule.id], s, none) for s in (short, long))
        assert [one.reasons[r] for r in one.reason] == [other.reasons[r] for r in other.reason], rule.id
        assert one.outcome.tolist() == other.outcome.tolist()


@pytest.mark.parametrize("shadowed", ["R01", "R04", "R13", "R09"])
def test_a_shadowed_rule_changes_no_other_rules_finding(shadowed):
    frames = unit_of(11, patients=16)
    analytes, _, rules = catalogue()
    tables = frames.series_frame(), frames.patients_frame(), frames.medications_frame()
    shadow = [rule.model_copy(update={"shadow": True}) if rule.id == shadowed else rule for rule in rules]
    assert judge(*tables, shadow, analytes).findings == judge(*tables, rules, analytes).findings


def test_an_empty_shard_is_judged_to_nothing():
    judged = Frames().judge()
    assert judged.findings == []
    assert judged.counts.empty


def test_a_patient_without_any_row_is_not_assessable_under_every_rule():
    frames = Frames()
    frames.patient(1, TONIGHT)
    judged = frames.judge()
    lacking = {"R22": "not_running", "R08": "exposure_unknown", "R11": "exposure_unknown",
               "R12": "exposure_unknown"}  # fmt: skip
    for rule in catalogue()[2]:
        assert said(judged, 1, rule.id).split(":")[0] == f"not assessable {lacking.get(rule.id, 'no_recent')}", rule.id


def monthly(*phosphates: str, unit: str = "mg/dL", calcium: str = "", drug: str = "") -> Frames:
    """One patient with a phosphate (and calcium) every 28 days, the last one today."""
    frames = Frames()
    for number, text in enumerate(phosphates):
        day = TONIGHT - 28 * (len(phosphates) - 1 - number)
        frames.result(1, "phosphate", text, unit, day, draw=number + 1)
        if calcium:
            frames.result(1, "calcium", calcium, unit, day, draw=number + 1)
    frames.patient(1, TONIGHT)
    if drug:
        frames.drug(1, drug, start=TONIGHT - 100, listed=TONIGHT - 10)
    return frames


def test_the_sentence_gives_limit_count_and_days_in_the_unit_reported():
    conventional = finding_of(monthly("5.6", "5.4", "5.7").judge(), 1, "R01")
    si = finding_of(monthly("1.80", "1.82", unit="mmol/L").judge(), 1, "R01")
    assert conventional.sentence == "phosphate above 5.5 mg/dL at 2 of 3 anchors, 56 days apart"
    assert si.sentence == "phosphate above 1.78 mmol/L at 2 of 2 anchors, 28 days apart"
    assert (conventional.reason, conventional.outcome) == ("persistent", Outcome.FIRING)


def test_evidence_is_the_anchors_as_reported_newest_first():
    finding = finding_of(monthly("1.80", ">1.90", unit="mmol/L").judge(), 1, "R01")
    assert [(e.role, e.value, e.unit, e.comparator, e.result_id) for e in finding.evidence] == [
        ("anchor 1", 1.9, "mmol/L", ">", 2), ("anchor 2", 1.8, "mmol/L", "", 1),
    ]  # fmt: skip


def test_since_is_the_first_raise_after_the_last_clear():
    frames = monthly("5.8", "5.8", "4.9", "4.9", "5.8", "5.8", "5.8")
    finding = finding_of(frames.judge(), 1, "R01")
    assert (finding.since - finding.evidence[0].collected_at).days == -28


def test_a_clear_after_a_raise_says_when_and_a_clear_without_one_is_only_counted():
    cleared = monthly("5.8", "5.8", "4.9", "4.9", "4.8").judge()
    finding = finding_of(cleared, 1, "R01")
    assert (finding.outcome, finding.reason, finding.severity) == (Outcome.CLEAR, "cleared", None)
    assert (finding.evidence[0].collected_at - finding.cleared_at).days == 28
    assert finding_of(monthly("4.9", "4.9").judge(), 1, "R01") is None


def test_a_drug_that_is_only_presumed_is_said_to_be_and_shows_what_by():
    frames = monthly("5.9", "5.9", calcium="9.7")
    for draw, ago in enumerate((30, 2), start=50):
        frames.result(1, "inr", "2.4", "{INR}", TONIGHT - ago, draw=draw)
    finding = finding_of(frames.judge(), 1, "R10")
    assert finding.outcome == "firing"
    assert finding.facts["presumed"] is True
    assert finding.sentence == (
        "presumed by INR to be on a vitamin K antagonist (none is recorded), with Ca×P above 55 mg2/dL2 (measured calcium) and "
        "phosphate (R01 open)"
    )
    assert [(e.value, e.role) for e in finding.evidence if e.analyte == "inr"] == [(2.4, "condition")]


def test_r10_names_what_it_met_the_calcium_it_took_and_the_drug_with_its_list():
    frames = monthly("5.9", "5.9", calcium="9.7", drug="Phenprocoumon 3 mg")
    finding = finding_of(frames.judge(), 1, "R10")
    assert finding.facts["met"] == ["product", "phosphate"]
    assert finding.facts["calcium"] == "measured"
    assert finding.facts["drugs"] == [
        {"class": "vka", "text": "Phenprocoumon 3 mg", "started": "2026-01-05", "stopped": None, "listed": "2026-04-05"}
    ]
    assert finding.facts["list_date"] == "2026-04-05"
    assert finding.facts["unknown"] == ["albumin", "pth"]
    assert finding.sentence == (
        "on a vitamin K antagonist with Ca×P above 55 mg2/dL2 (measured calcium) and phosphate (R01 open)"
    )
    products = [e for e in finding.evidence if e.analyte == "ca_p_higher"]
    assert [(e.value, e.unit, e.role) for e in products] == [(57.23, "mg2/dL2", "anchor 1"), (57.23, "mg2/dL2", "anchor 2")]
    assert {number for e in products for number in e.derived_from} == {e.result_id for e in finding.evidence if e.result_id > 0}


def test_r13_gives_the_multiple_the_upper_limit_and_calcium_as_a_fact():
    frames = Frames()
    for number, day in enumerate((TONIGHT - 90, TONIGHT)):
        frames.result(1, "pth", "650", "pg/mL", day, draw=number, upper_limit=65.0)
    frames.result(1, "calcium", "10.3", "mg/dL", TONIGHT, draw=2)
    frames.patient(1, TONIGHT)
    facts = finding_of(frames.judge(), 1, "R13").facts
    assert facts["pth"] == {"times_upper_limit": 10.0, "upper_limit": 65.0, "unit": "pg/mL"}
    assert (facts["calcium"]["value"], facts["calcium"]["limit"], facts["calcium"]["met"]) == (10.3, "> 10.2 mg/dL", True)


def test_a_changed_rule_set_keeps_the_outcome_it_had():
    analytes, _, rules = catalogue()
    frames = monthly("5.7", "5.7")
    tables = frames.series_frame(), frames.patients_frame(), frames.medications_frame()
    (r01,) = (rule for rule in rules if rule.id == "R01")
    text = r01.model_dump_json(by_alias=True).replace("5.5 mg/dL", "5.8 mg/dL")
    looser = type(r01).model_validate_json(text)
    before, after = judge(*tables, [r01], analytes), judge(*tables, [looser], analytes)
    (now_clear,) = after.against(before).findings
    (now_firing,) = before.against(after).findings
    assert (now_clear.outcome, now_clear.previous) == (Outcome.CLEAR, Outcome.FIRING)
    assert (now_firing.outcome, now_firing.previous) == (Outcome.FIRING, Outcome.CLEAR)


@pytest.mark.hazard(13)
@pytest.mark.parametrize("rule", catalogue()[2], ids=lambda rule: rule.id)
def test_no_text_of_a_rule_tells_anyone_to_change_a_drug(rule):
    """Hazard 13: the verb is review, the object a question."""
    text = " ".join([rule.title, *rule.questions, rule.provenance.why_it_matters])
    assert not re.search(r"\b(start|stop|hold|reduce|increase|switch|give)(ing|s)?\b", text, re.IGNORECASE)
    assert not re.search(r"\b(normal|safe|all clear)\b", text, re.IGNORECASE)
    assert all(question.endswith("?") for question in rule.questions)


def test_the_course_of_a_rule_does_not_follow_patients_who_were_never_exposed():
    rules = catalogue()[2]
    frames = monthly("5.9", "5.9", calcium="9.7")
    sources = sources_of(frames)
    named = {rule.id: rule for rule in rules}
    sources.courses["R01"] = course_of(named["R01"], sources)
    assert sources.courses["R01"].fold.raised.tolist() == [False, True]
    assert len(course_of(named["R10"], sources).rank) == 0
    assert said(frames.judge(), 1, "R10") == "not assessable exposure_unknown"


def test_a_sentence_names_drugs_as_a_person_would():
    finding = finding_of(monthly("4.9", "4.9", calcium="10.4", drug="calcitriol").judge(), 1, "R16")
    assert finding.sentence.startswith("on active vitamin D with calcium above 10.2 mg/dL")
    unknown = finding_of(monthly("4.9", "4.9", calcium="9.0").judge(), 1, "R16")
    assert unknown.sentence == "not known whether active vitamin D is taken: no reconciled drug list"
