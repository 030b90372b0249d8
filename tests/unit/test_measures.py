"""Adjusted calcium, Ca×P and the pairing of draws, on values a reader can check with a pencil."""

import numpy as np
import pytest
from spec.table import Frames, catalogue

from monitors.measures import Interval, Measures, adjusted_calcium, bounds, product
from monitors.records import Flag
from monitors.rules.load import DERIVED

DAY = 20_500


def measures(frames: Frames, basis: str = "measured") -> Measures:
    frames.patient(1, DAY + 1)
    quantities = {name: (analyte.number, analyte.quantity) for name, analyte in catalogue()[0].items()}
    return Measures(frames.series_frame(), frames.patients_frame(), quantities, basis)


def drawn(*results: tuple, **choices) -> Frames:
    """Frames of one patient: (measure, text, unit, draw, clock) each."""
    frames = Frames()
    for measure, text, unit, draw, clock in results:
        frames.result(1, measure, text, unit, DAY, draw=draw, clock=clock, **choices)
    return frames


def exact(*numbers: float) -> Interval:
    value = np.array(numbers)
    return Interval(value, value, value)


@pytest.mark.parametrize(("text", "flag", "low", "high"), [
    ("", Flag(0), 5.5, 5.5),
    ("<", Flag.BELOW, -np.inf, np.nextafter(5.5, 0)),
    ("<=", Flag.AT_MOST, -np.inf, 5.5),
    (">", Flag.ABOVE, np.nextafter(5.5, 9), np.inf),
    (">=", Flag.AT_LEAST, 5.5, np.inf),
])  # fmt: skip
def test_a_sign_leaves_an_interval_whose_open_end_is_excluded(text, flag, low, high):
    interval = bounds(np.array([5.5]), np.array([int(flag)]))
    assert (interval.lo[0], interval.hi[0]) == (low, high), text


def test_adjusted_calcium_by_the_printed_formulas():
    conventional = adjusted_calcium(exact(9.7), exact(3.5), np.array([False]))
    si = adjusted_calcium(exact(2.42), exact(35.0), np.array([True]))
    assert conventional.value.tolist() == [10.1]
    assert si.value.tolist() == [2.52]


def test_ten_point_two_is_ten_point_two_however_it_is_reached():
    """Plain floats say that two of these six exceed 10.2; rounded by round6 none does."""
    pairs = [(9.4, 3.0), (9.48, 3.1), (9.56, 3.2), (9.8, 3.5), (9.96, 3.7), (10.2, 4.0)]
    calcium, albumin = (exact(*column) for column in zip(*pairs, strict=True))
    adjusted = adjusted_calcium(calcium, albumin, np.zeros(6, dtype=bool))
    assert (adjusted.value == 10.2).all()


def test_a_bounded_albumin_bounds_adjusted_calcium_the_other_way():
    adjusted = adjusted_calcium(exact(9.5), bounds(np.array([3.0]), np.array([int(Flag.BELOW)])), np.array([False]))
    assert adjusted.lo[0] > 10.3
    assert adjusted.hi[0] == np.inf


def test_a_bounded_factor_bounds_the_product():
    below = product(exact(10.0), bounds(np.array([5.5]), np.array([int(Flag.BELOW)])))
    above = product(exact(10.0), bounds(np.array([5.5]), np.array([int(Flag.ABOVE)])))
    assert below.lo[0] == -np.inf
    assert below.hi[0] < 55
    assert above.lo[0] > 55
    assert above.hi[0] == np.inf


def test_the_product_pairs_the_same_draw_and_names_its_parts():
    frames = drawn(("calcium", "9.0", "mg/dL", 1, 480), ("phosphate", "5.0", "mg/dL", 1, 480),
                   ("calcium", "10.0", "mg/dL", 2, 540), ("phosphate", "6.0", "mg/dL", 2, 540))  # fmt: skip
    pairs = measures(frames).of("ca_p")
    (calcium, of_calcium), (phosphate, of_phosphate) = pairs.parts
    assert pairs.interval.value.tolist() == [45.0, 60.0]
    assert pairs.id.tolist() == [-1, -3]
    assert calcium.id[of_calcium].tolist() == [1, 3]
    assert phosphate.id[of_phosphate].tolist() == [2, 4]


@pytest.mark.hazard(16)
def test_without_a_shared_draw_the_day_pairs_only_if_it_had_one_collection():
    once = drawn(("calcium", "9.0", "mg/dL", 1, 480), ("phosphate", "5.0", "mg/dL", 2, 480))
    twice = drawn(("calcium", "9.0", "mg/dL", 1, 480), ("phosphate", "5.0", "mg/dL", 2, 540))
    assert measures(once).of("ca_p").interval.value.tolist() == [45.0]
    assert len(measures(twice).of("ca_p")) == 0


def test_a_third_collection_of_another_analyte_also_parts_them():
    frames = drawn(("calcium", "9.0", "mg/dL", 1, 480), ("phosphate", "5.0", "mg/dL", 2, 480), ("pth", "300", "pg/mL", 3, 700))
    assert len(measures(frames).of("ca_p")) == 0


def test_two_patients_who_share_an_accession_are_never_paired():
    frames = Frames()
    frames.result(1, "calcium", "9.0", "mg/dL", DAY, draw=7)
    frames.result(2, "phosphate", "6.0", "mg/dL", DAY, draw=7)
    frames.patient(2, DAY + 1)
    assert len(measures(frames).of("ca_p")) == 0


@pytest.mark.parametrize(("units", "si", "value"), [
    (("mmol/L", "mmol/L", "g/L"), True, 4.34),  # (2.12 + 0.02 × (40 - 37.5)) × 2
    (("mmol/L", "mmol/L", "g/dL"), False, None),
])  # fmt: skip
def test_a_product_is_in_si_only_where_every_part_was(units, si, value):
    albumin = "37.5" if units[2] == "g/L" else "3.75"
    texts = (("calcium", "2.12"), ("phosphate", "2.00"), ("albumin", albumin))
    frames = drawn(*((name, text, unit, 1, 480) for (name, text), unit in zip(texts, units, strict=True)))
    higher = measures(frames).of("ca_p_higher")
    assert higher.si.tolist() == [si]
    assert value is None or higher.interval.value.tolist() == [value]


@pytest.mark.parametrize(("albumin", "higher", "adjusted"), [("3.5", 52.0, True), ("4.5", 50.0, False), ("4.0", 50.0, False)])
def test_the_higher_product_says_which_calcium_it_took(albumin, higher, adjusted):
    calcium, phosphate = ("calcium", "10.0", "mg/dL", 1, 480), ("phosphate", "5.0", "mg/dL", 1, 480)
    found = measures(drawn(calcium, phosphate, ("albumin", albumin, "g/dL", 1, 480))).of("ca_p_higher")
    assert found.adjusted.tolist() == [adjusted]
    assert found.interval.value.tolist() == [higher]


def test_the_site_may_multiply_adjusted_calcium_and_then_needs_albumin():
    results = [("calcium", "10.0", "mg/dL", 1, 480), ("phosphate", "5.0", "mg/dL", 1, 480)]
    assert len(measures(drawn(*results), "adjusted").of("ca_p")) == 0
    with_albumin = drawn(*results, ("albumin", "3.5", "g/dL", 1, 480))
    assert measures(with_albumin, "adjusted").of("ca_p").interval.value.tolist() == [52.0]


@pytest.mark.hazard(9)
@pytest.mark.parametrize("mark", [Flag.POST_DIALYSIS, Flag.INPATIENT, Flag.PRELIMINARY])
def test_values_that_are_kept_out_are_in_no_measure(mark):
    frames = drawn(("calcium", "9.0", "mg/dL", 1, 480), ("phosphate", "5.0", "mg/dL", 1, 480), marks=mark)
    assert len(measures(frames).of("phosphate")) == 0
    assert len(measures(frames).of("ca_p")) == 0


def test_derived_units_are_those_the_limits_are_checked_in():
    results = [("calcium", "9.0", "mg/dL", 1, 480), ("phosphate", "5.0", "mg/dL", 1, 480), ("albumin", "4", "g/dL", 1, 480)]
    frames = drawn(*results)
    made = measures(frames)
    assert {name: made.of(name).units for name in DERIVED} == DERIVED
