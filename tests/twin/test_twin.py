"""Judged twice: the engine and the plain twin agree on every finding and what it rests on, on made-up patients."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from monitors.records import Flag
from monitors.rules.model import Rule
from tests.twin.__main__ import SHARD, apart, shard, shards
from tests.twin.engine import Compared, catalogue, compare, engine, in_words
from tests.twin.judge import Judge, judge
from tests.twin.limits import met
from tests.twin.made import SITES, TODAY, Maker
from tests.twin.rows import DAY, Fact, Medication, Patient, Result, Site, Verdict

RULES, ANALYTES = catalogue()
BY_ID = {rule.id: rule for rule in RULES}
MAKER = Maker(RULES, ANALYTES)
AS_OF = TODAY * DAY + DAY // 8
PHASES = [Phase.explicit, Phase.generate, Phase.shrink]  # no database on disk, no explanations
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


def agree(compared: Compared) -> None:
    told = [f"{(theirs or ours).rule}, patient {(theirs or ours).patient_id}: {apart(theirs, ours)}"  # type: ignore[union-attr]
            for theirs, ours in compared.differences]  # fmt: skip
    assert told == []
    assert compared.same_counts


@settings(max_examples=40, deadline=None, suppress_health_check=SLOW, phases=PHASES, derandomize=True)
@given(chance=st.lists(st.randoms(use_true_random=False), min_size=1, max_size=2), site=st.sampled_from(SITES))
def test_the_engine_and_the_twin_agree(chance: list[Random], site: Site) -> None:
    agree(compare([MAKER.patient(random, number) for number, random in enumerate(chance, start=1)], site))


@pytest.mark.parametrize("number", range(8))
def test_they_agree_on_a_thousand_seeded_patients(number: int) -> None:
    agree(shard(seed=20_260_415, number=number, patients=125))


def test_the_volume_run_covers_every_patient_once() -> None:
    sizes = [size for _, size in shards(2 * SHARD + 3)]
    assert sizes == [SHARD, SHARD, 3]


def test_made_up_patients_reach_every_rule_and_every_outcome() -> None:
    people = [MAKER.patient(Random(f"reach {n}"), n) for n in range(1, 401)]
    said = {(v.rule, v.outcome) for p in people for v in judge(p, RULES, ANALYTES, SITES[0])}
    assert {rule for rule, _ in said} == set(BY_ID)
    assert len({rule for rule, outcome in said if outcome == "firing"}) >= 20
    assert {outcome for _, outcome in said} == {"firing", "holding", "clear", "not_assessable"}


def test_a_difference_is_reported() -> None:
    """The comparison is not blind: with a limit moved for one of the two only, they differ."""
    patient = drawn("phosphate", (28, 5.6), (0, 5.6))
    moved = BY_ID["R01"].model_copy(update={"severity": BY_ID["R02"].severity})
    theirs = {f.rule: in_words(f, "N1") for f in engine([patient], Site(), RULES).findings}["R01"]
    ours = judge(patient, [moved], ANALYTES, Site())[0]
    assert theirs != ours
    assert apart(theirs, ours) == "firing persistent\n  severity: engine WARNING, twin HIGH"


# --------------------------------------------------------------------------------- properties of the rules
@settings(max_examples=20, deadline=None, suppress_health_check=SLOW, phases=PHASES, derandomize=True)
@given(random=st.randoms(use_true_random=False), site=st.sampled_from(SITES))
def test_raise_and_clear_are_never_both_true(random: Random, site: Site) -> None:
    """At no value of any limb do its raise limits and one of its clear limits hold together. A rolling mean, or a movement, is
    not the value itself: there raise wins, and only there."""
    case = Judge(MAKER.patient(random, 1), RULES, ANALYTES, site)
    for rule in RULES:
        for moment in case.story(rule.id).moments:
            assert not (moment.raised and moment.cleared)
        for signal in rule.signals:
            if signal.raise_ is None or not signal.raise_.compares or signal.raise_.mean is not None:
                continue
            pace, points = signal.anchors or rule.anchors, [draw.point for draw in case.limb(rule, signal)]
            for number in range(len(points)):
                both = met(signal.raise_, points, number, pace) and any(met(c, points, number, pace) for c in signal.clear)
                assert not both, (rule.id, signal.name, points[number])


QUIET = ({"shadow": True}, {"opens": False, "page_only": True}, {"opens": False, "list_only": True}, {"tell_at_baseline": True})


@pytest.mark.parametrize("changed", QUIET, ids=lambda changed: "+".join(changed))
def test_a_silenced_rule_changes_no_finding(changed: dict[str, bool]) -> None:
    """Judging never reads whom a rule tells: every rule silenced in turn leaves every other finding, and its own, as it was."""
    people = [MAKER.patient(Random(f"quiet {n}"), n) for n in range(1, 25)]
    before = engine(people, SITES[0], RULES).findings
    for silenced in RULES[::3]:
        rules = [rule.model_copy(update=changed) if rule.id == silenced.id else rule for rule in RULES]
        assert engine(people, SITES[0], rules).findings == before, silenced.id


def test_a_rule_that_nobody_mentions_can_go_and_no_other_finding_changes() -> None:
    people = [MAKER.patient(Random(f"gone {n}"), n) for n in range(1, 25)]
    before = engine(people, SITES[0], RULES).findings
    mentioned = {name for rule in RULES for name in rule.mentions}
    for gone in [rule for rule in RULES if rule.id not in mentioned][::4]:
        after = engine(people, SITES[0], [rule for rule in RULES if rule.id != gone.id]).findings
        assert after == [finding for finding in before if finding.rule != gone.id], gone.id


# ------------------------------------------------------------- what the two once disagreed on, drawn by hand
def drawn(analyte: str, *values: tuple[int, float], flags: int = 0, known: int | None = None) -> Patient:
    """A patient with one analyte: (days ago, value in the conventional unit)."""
    rows = tuple(
        Result(ANALYTES[analyte].number, (TODAY - ago) * DAY, TODAY - ago, value, flags, n, n, -1, float("nan"),
               TODAY - ago if known is None or n > 1 else known)
        for n, (ago, value) in enumerate(values, start=1)
    )  # fmt: skip
    return Patient(1, "N1", AS_OF, TODAY, "", rows)


def said(patient: Patient, rule: str, site: Site = SITES[0]) -> Verdict:
    """What both say of one rule."""
    agree(compare([patient], site))
    return judge(patient, [BY_ID[name] for name in needed(BY_ID[rule])], ANALYTES, site)[-1]


def needed(rule: Rule) -> list[str]:
    return [*(name for name in rule.mentions), rule.id]


def with_rows(patient: Patient, medications: tuple[Medication, ...] = (), facts: tuple[Fact, ...] = ()) -> Patient:
    return Patient(patient.patient_id, patient.unit, patient.as_of, patient.as_of_day, "", patient.results, medications, facts)


def test_a_calcimimetic_whose_supply_ran_out_lately_still_counts() -> None:
    """The tail of 28 days is an exposure, not an unknown: a calcium of 7.0 in it is CRITICAL."""
    supply = Medication("calcimimetic", TODAY - 60, -1, 36, -1)  # 36 + 14 days: over ten days ago
    found = said(with_rows(drawn("calcium", (0, 7.0)), (supply,)), "R06")
    assert (found.outcome, found.severity) == ("firing", "CRITICAL")


def test_days_in_hospital_count_once_though_two_stays_overlap() -> None:
    stays = tuple(Fact("admission", TODAY - day, TODAY - 40, float("nan"), n) for n, day in enumerate((50, 48)))
    patient = with_rows(drawn("calcium", (62, 9.0)), (), stays)  # 62 days less 10 in hospital: more than 50
    assert (said(patient, "R19").outcome, said(patient, "R19").reason) == ("firing", "overdue")


def test_a_due_day_is_put_off_by_a_stay() -> None:
    stay = Fact("admission", TODAY - 50, TODAY - 40, float("nan"), 1)
    found = said(with_rows(drawn("calcium", (80, 9.0)), (), (stay,)), "R19")
    assert found.since == AS_OF - 19 * DAY  # 80 days ago, 50 days and one, and ten in hospital


def test_an_overdue_test_cites_the_result_its_clock_runs_from() -> None:
    found = said(drawn("calcium", (60, 9.0), flags=int(Flag.INPATIENT)), "R19")
    assert {(one.measure, one.id) for one in found.evidence} == {("calcium", 1)}


@pytest.mark.hazard(17)
def test_an_extreme_found_late_fires_although_another_raise_came_after_it() -> None:
    found = said(drawn("calcium", (30, 14.0), (20, 13.5), (10, 12.5), known=TODAY), "R05")
    assert (found.outcome, found.severity) == ("firing", "CRITICAL")


def test_what_a_newer_value_cleared_first_stays_superseded() -> None:
    patient = drawn("calcium", (30, 14.0), (20, 11.0), (0, 11.0), known=TODAY - 10)
    assert said(patient, "R05").reason == "superseded"
