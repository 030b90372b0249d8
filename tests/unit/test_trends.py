"""Anchors, the fold, rolling means and exposure, each on a handful of draws."""

import numpy as np
import pandas as pd
import pytest
from spec.table import MEDICATIONS, Frames, catalogue

from monitors.measures import Measures, ends
from monitors.trends import (
    OFF,
    ON,
    UNKNOWN,
    certain,
    chain,
    exposure,
    fold,
    last_clear_before,
    list_days,
    medication_periods,
    met,
    rolling_mean,
)

ONE = np.zeros(8, dtype=np.int64)


def array(*numbers: int) -> np.ndarray:
    return np.array(numbers, dtype=np.int64)


def test_the_chain_steps_back_to_the_newest_draw_far_enough_away():
    day = array(0, 7, 14, 21, 28, 35, 42, 49)  # weekly: three weeks back, not one
    assert chain(ONE, day, None, 18, 75).tolist() == [-1, -1, -1, 0, 1, 2, 3, 4]


@pytest.mark.parametrize(("days", "linked"), [((0, 17), -1), ((0, 18), 0), ((0, 75), 0), ((0, 76), -1)])
def test_the_chain_needs_eighteen_days_and_bears_seventy_five(days, linked):
    assert chain(ONE[:2], array(*days), None, 18, 75).tolist() == [-1, linked]


def test_the_chain_ends_at_another_assay_and_never_reaches_another_patient():
    assert chain(ONE[:3], array(0, 30, 60), array(5, 5, 6), 21, 215).tolist() == [-1, 0, -1]
    assert chain(array(0, 1), array(0, 30), None, 18, 75).tolist() == [-1, -1]


def test_two_of_three_needs_the_latest_and_one_of_the_two_before():
    previous = array(-1, 0, 1)
    high = {"first and last": (True, False, True), "first two": (True, True, False), "last only": (False, False, True)}
    found = {name: bool(met(np.array(marks), previous, 2, 3)[2]) for name, marks in high.items()}
    assert found == {"first and last": True, "first two": False, "last only": False}


def test_an_anchor_at_or_before_the_last_clear_supports_nothing():
    high, previous = np.array([True, False, True]), array(-1, 0, 1)
    assert met(high, previous, 2, 3, after=array(-1, -1, -1)).tolist() == [False, False, True]
    assert met(high, previous, 2, 3, after=array(-1, -1, 0)).tolist() == [False, False, False]


@pytest.mark.parametrize(("comparison", "expected"), [
    ("above", [False, False, True]), ("at_least", [False, True, True]),
    ("below", [True, False, False]), ("at_or_below", [True, True, False]),
])  # fmt: skip
def test_just_under_at_and_just_over_a_limit(comparison, expected):
    value = np.array([5.49, 5.5, 5.51])
    assert certain(comparison, value, value, np.full(3, 5.5)).tolist() == expected


def test_a_value_that_may_lie_on_either_side_is_neither():
    low, high, limit = np.array([-np.inf]), np.array([9.0]), np.array([5.5])
    assert not any(certain(name, low, high, limit)[0] for name in ("above", "at_least", "below", "at_or_below"))


def test_raise_wins_over_clear_and_latched_lasts_until_the_next_clear():
    marks = fold(array(0, 0, 0, 0, 1), np.array([1, 0, 0, 1, 0], bool), np.array([1, 0, 1, 1, 1], bool))
    assert marks.cleared.tolist() == [False, False, True, False, True]
    assert marks.latched.tolist() == [True, True, False, True, False]
    assert last_clear_before(array(0, 0, 0, 0, 1), marks.cleared).tolist() == [-1, -1, -1, 2, -1]


def test_the_end_of_a_patient_without_draws_is_none():
    assert ends(array(0, 0, 2), 4).tolist() == [1, -1, 2, -1]
    assert ends(array(), 2).tolist() == [-1, -1]


def test_the_rolling_mean_takes_exact_values_of_its_days_and_none_after():
    frames = Frames()
    for day, text in ((0, "9.9"), (17, "6.0"), (100, "7.0"), (150, ">20"), (200, "6.5"), (210, "1.0")):
        frames.result(1, "phosphate", text, "mg/dL", day, draw=day + 1)
    frames.patient(1, 211)
    analyte = catalogue()[0]["phosphate"]
    values = Measures(frames.series_frame(), frames.patients_frame(), {"phosphate": (1, analyte.quantity)}).of("phosphate")
    means = rolling_mean(values, array(4), 183)  # day 18 to day 200
    assert (means.mean.tolist(), means.values.tolist(), means.si.tolist()) == ([6.75], [2], [False])


def test_a_mean_of_values_all_in_si_is_in_si():
    frames = Frames()
    for day, text in ((0, "2.00"), (30, "2.20")):
        frames.result(1, "phosphate", text, "mmol/L", day, draw=day + 1)
    frames.patient(1, 31)
    analyte = catalogue()[0]["phosphate"]
    values = Measures(frames.series_frame(), frames.patients_frame(), {"phosphate": (1, analyte.quantity)}).of("phosphate")
    means = rolling_mean(values, array(1), 183)
    assert (means.mean.tolist(), means.si.tolist()) == ([2.1], [True])


# ------------------------------------------------------------------------------------------------ exposure
NAMES = {ON: "on", OFF: "off", UNKNOWN: "unknown"}


def states(rows: list[dict[str, int]], *days: int) -> list[str]:
    """The state of patient 1 on some days; patient 0 and 2 are on throughout, and must not show."""
    columns = dict.fromkeys(MEDICATIONS, -1) | {"drug_class": "vka", "drug_text": "warfarin", "patient_id": 1}
    others = [columns | {"patient_id": who, "start_day": 1} for who in (0, 2)]
    medications = pd.DataFrame([columns | row for row in rows] + others, columns=MEDICATIONS)
    rank = medications["patient_id"].to_numpy()
    lists = list_days(medications, rank)
    periods = exposure(medication_periods(medications, rank), lists, "vka")
    return [NAMES[int(state)] for state in periods.state(np.ones(len(days), dtype=np.int64), array(*days))]


def test_on_from_start_to_a_recorded_stop_which_is_excluded():
    assert states([{"start_day": 100, "stop_day": 200}], 99, 100, 199, 200, 900) == ["unknown", "on", "on", "off", "off"]


@pytest.mark.hazard(5)
def test_a_supply_lasts_fourteen_days_longer_and_then_nothing_is_known():
    assert states([{"start_day": 100, "supply_days": 28}], 141, 142) == ["on", "unknown"]


@pytest.mark.hazard(5)
def test_a_newer_list_that_omits_the_drug_ends_it_and_is_good_for_thirty_days():
    rows = [{"start_day": 100, "listed_day": 110}, {"drug_class": "", "listed_day": 150}]
    assert states(rows, 149, 150, 180, 181) == ["on", "off", "off", "unknown"]


def test_a_list_names_what_it_names_and_says_off_for_the_rest():
    assert states([{"drug_class": "calcium_binder", "start_day": 90, "listed_day": 100}], 99, 100, 130, 131) == [
        "unknown", "off", "off", "unknown",
    ]  # fmt: skip


def test_without_a_start_the_list_dates_it_and_without_a_list_it_was_always_so():
    assert states([{"listed_day": 100}], 99, 100) == ["unknown", "on"]
    assert states([{}], 1, 9_999) == ["on", "on"]


@pytest.mark.hazard(5)
def test_a_lapse_after_a_stop_is_not_a_known_stop():
    rows = [{"start_day": 100, "stop_day": 120}, {"start_day": 130, "supply_days": 10}]
    assert states(rows, 125, 140, 154) == ["off", "on", "unknown"]


def test_a_stop_that_lies_before_the_start_is_never_on():
    assert states([{"start_day": 100, "stop_day": 90}], 95, 100) == ["unknown", "off"]


def test_two_overlapping_periods_are_one():
    rows = [{"start_day": 100, "stop_day": 150}, {"start_day": 140, "stop_day": 200}]
    assert states(rows, 150, 199, 200) == ["on", "on", "off"]
