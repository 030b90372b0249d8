"""The engine's own account of one decision: it agrees with the decision, and says what was not used and why."""

from __future__ import annotations

import json

import pytest

from monitors.records import Flag
from monitors.rules.explain import Explanation, explain
from spec.table import Frames, catalogue
from spec.test_judging import TONIGHT, monthly, unit_of


def explained(frames: Frames, patient: int = 1, *rules: str) -> list[Explanation]:
    analytes, _, known = catalogue()
    series, patients, medications = frames.series_frame(), frames.patients_frame(), frames.medications_frame()
    mine = [frame[frame["patient_id"] == patient].reset_index(drop=True) for frame in (series, patients, medications)]
    return explain(*mine, known, analytes, facts=frames.facts_frame(), only=rules)


def answers_of(one: Explanation, kind: str) -> list[str]:
    return [test.answer for test in one.tests if test.kind == kind]


@pytest.mark.parametrize("seed", range(2))
def test_the_account_comes_to_the_outcome_that_was_judged(seed: int) -> None:
    frames = unit_of(seed, patients=6)
    judged = frames.judge()
    findings = {(finding.patient_id, finding.rule): finding for finding in judged.findings}
    for patient in range(1, 7):
        for one in explained(frames, patient):
            finding = findings.get((patient, one.rule))
            assert one.outcome == (finding.outcome if finding else "clear")
            assert one.finding == finding
            json.dumps(one.to_json())
            assert all("dict" not in test.numbers for test in one.tests)


def test_firing_names_each_anchor_with_its_number() -> None:
    (one,) = explained(monthly("5.6", "5.4", "5.7"), 1, "R01")
    assert one.outcome == "firing"
    (raises,) = [test for test in one.tests if test.kind == "raise"]
    assert raises.answer == "met"
    assert raises.asks == "phosphate above 5.5 mg/dL at 2 of 3 anchors, the latest among them"
    assert raises.numbers.startswith("5.7 mg/dL on 2026-04-15: yes; 5.4 mg/dL on 2026-03-18: no; 5.6 mg/dL on 2026-02-18: yes")
    assert [(used.value, used.why) for used in one.values if used.measure == "phosphate"] == [
        (5.7, "anchor 1"), (5.4, "anchor 2"), (5.6, "anchor 3"),
    ]  # fmt: skip


def test_holding_clear_and_nothing_happened_are_told_apart() -> None:
    (holding,) = explained(monthly("5.6", "5.7", "5.4"), 1, "R01")
    (cleared,) = explained(monthly("5.6", "5.7", "4.9", "4.8"), 1, "R01")
    (never,) = explained(monthly("4.6", "4.7", "4.9"), 1, "R01")
    assert [one.outcome for one in (holding, cleared, never)] == ["holding", "clear", "clear"]
    assert [answers_of(one, "latched") for one in (holding, cleared, never)] == [["met"], ["not met"], ["not met"]]
    assert [test.numbers for one in (never,) for test in one.tests if test.kind == "latched"] == ["last cleared 2026-04-15"]
    assert "met" in answers_of(cleared, "clear")


def test_what_was_left_out_says_why() -> None:
    frames = monthly("5.6", "5.6", "5.7")
    frames.result(1, "phosphate", "2.1", "mg/dL", TONIGHT, draw=90, clock=12 * 60, marks=Flag.POST_DIALYSIS)
    frames.result(1, "phosphate", "5.9", "mg/dL", TONIGHT - 4, draw=91)
    frames.result(1, "phosphate", "6.0", "mg/dL", TONIGHT - 180, draw=92)
    frames.result(1, "phosphate", "6.1", "mg/dL", TONIGHT - 600, draw=93)
    (one,) = explained(frames, 1, "R01")
    said = {used.value: (used.used, used.why) for used in one.values if used.measure == "phosphate"}
    assert said[2.1] == (False, "left out: post-dialysis")
    assert said[5.9] == (False, "no anchor: less than 18 days before one")
    assert not said[6.0][0]
    assert said[6.1] == (False, "too old: the rule looks back 400 days")


def test_not_assessable_names_the_input_that_lacks() -> None:
    frames = Frames()
    frames.result(1, "phosphate", "6.9", "mg/dL", TONIGHT - 120, draw=1)
    frames.patient(1, TONIGHT)
    (one,) = explained(frames, 1, "R01")
    assert (one.outcome, one.reason) == ("not_assessable", "no_recent:phosphate")
    assert [(test.answer, test.numbers) for test in one.tests if test.kind == "input"] == [
        ("not met", "newest of 2025-12-16, 120 days old"),
    ]  # fmt: skip


def test_a_rule_over_drugs_shows_the_drug_its_list_and_each_signal() -> None:
    (one,) = explained(monthly("6.1", "6.4", calcium="9.8", drug="warfarin"), 1, "R10")
    assert one.outcome == "firing"
    (exposed,) = [test for test in one.tests if test.kind == "exposure"]
    assert (exposed.answer, exposed.numbers) == ("met", "newest drug list of 2026-04-05")
    assert {test.about for test in one.tests if test.kind == "raise"} == {"product", "calcium", "pth"}
    assert [test.answer for test in one.tests if test.kind == "rule"] == ["met"]
    measures = {used.measure for used in one.values}
    assert {"ca_p_higher", "phosphate"} <= measures


def test_one_patient_at_a_time() -> None:
    frames = unit_of(1, patients=2)
    with pytest.raises(ValueError, match="one patient"):
        explain(frames.series_frame(), frames.patients_frame(), frames.medications_frame(), *catalogue()[2:], catalogue()[0])


def drawn(analyte: str, unit: str, values: dict[int, str]) -> Frames:
    """One patient; values: {days ago: value}, as reported."""
    frames = Frames()
    for draw, (ago, value) in enumerate(values.items(), start=1):
        frames.result(1, analyte, value, unit, TONIGHT - ago, draw=draw)
    frames.patient(1, TONIGHT)
    return frames


def cited(one: Explanation, analyte: str) -> dict[float, str]:
    assert one.finding is not None
    return {item.value: item.role for item in one.finding.evidence if item.analyte == analyte}


def test_a_mean_cites_every_value_it_is_made_of_and_says_what_it_is() -> None:
    (one,) = explained(drawn("calcium", "mg/dL", {97: "10.9", 85: "10.1", 57: "10.0", 29: "10.1", 1: "10.9"}), 1, "R04")
    assert one.finding is not None
    assert one.finding.sentence == "calcium mean of 92 days above 10.2 mg/dL"
    assert cited(one, "calcium") == {10.9: "latest", 10.1: "in the mean", 10.0: "in the mean"}
    assert len(one.finding.evidence) == 4, "not the one of 96 days before"
    (raises,) = [test for test in one.tests if (test.about, test.kind) == ("mean", "raise")]
    assert (raises.answer, raises.numbers) == ("met", "10.275 mg/dL, the mean of 4 values")
    assert [(v.value, v.used, v.why) for v in one.values if v.measure == "calcium"][2:] == [
        (10.0, True, "anchor 3"), (10.1, True, "in the mean"), (10.9, False, "older than the anchors asked for"),
    ]  # fmt: skip


def test_a_fall_cites_what_it_fell_from() -> None:
    (one,) = explained(drawn("albumin", "g/dL", {85: "4.1", 57: "4.3", 29: "4.0", 1: "3.8"}), 1, "R21")
    assert cited(one, "albumin") == {3.8: "latest", 4.3: "highest before"}
    assert "3.8 g/dL on 2026-04-14, highest before: 4.3 g/dL on 2026-02-17" in [test.numbers for test in one.tests]


def test_a_change_cites_the_anchors_it_is_measured_against_and_no_bounded_one() -> None:
    history = {360: "300", 270: "310", 180: ">900", 90: "300", 1: "700"}
    (one,) = explained(drawn("pth", "pg/mL", history), 1, "R15")
    assert cited(one, "pth") == {700.0: "anchor 1", 300.0: "anchor 2", 310.0: "anchor 4"}


def test_what_makes_it_more_severe_is_a_test_of_its_own() -> None:
    (one,) = explained(drawn("phosphate", "mg/dL", {85: "6.6", 57: "6.5", 29: "6.4", 1: "6.6"}), 1, "R01")
    assert [(test.about, test.answer, test.numbers) for test in one.tests if test.kind == "step"] == [
        ("HIGH", "met", "6.525 mg/dL, the mean of 4 values")]  # fmt: skip
    (few,) = explained(drawn("phosphate", "mg/dL", {57: "6.5", 29: "6.4", 1: "6.6"}), 1, "R01")
    assert [test.answer for test in few.tests if test.kind == "step"] == ["not met"]
