"""A number that is kept back is still told when it would be critical in a unit it may have been meant in."""

# ruff: noqa: E501  (a row of a table is read as one line)

from __future__ import annotations

import feed_builders as build
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.criticals import critical_in_any_unit

ANALYTES = build.analytes().analytes
WITH_LIMITS = sorted(name for name, analyte in ANALYTES.items() if analyte.critical)


def critical(name: str, number: float, unit: str | None = None, comparator: str = "", state: str = "") -> str:
    one = [np.array([part], dtype=object) for part in (comparator, state or ("known" if unit else "missing"), unit)]
    return str(critical_in_any_unit(np.array([number]), *one, ANALYTES[name])[0])


@pytest.mark.parametrize(
    ("name", "number", "unit", "side"),
    [
        ("calcium", 7.2, "mg/dL", ""), ("calcium", 7.19, "mg/dL", "low"), ("calcium", 1.8, "mmol/L", ""), ("calcium", 1.79, "mmol/L", "low"),
        ("calcium", 13.0, "mg/dL", "high"), ("calcium", 12.99, "mg/dL", ""), ("calcium", 3.24, "mmol/L", "high"), ("calcium", 3.23, "mmol/L", ""),
        ("calcium", 3.5, "meq/L", "low"), ("calcium", 4.6, "meq/L", ""),
        ("adjusted_calcium", 7.1, "mg/dL", "low"), ("ionised_calcium", 0.81, "mmol/L", "low"), ("ionised_calcium", 0.82, "mmol/L", ""),
        ("ionised_calcium", 1.55, "mmol/L", "high"), ("potassium", 6.5, "mmol/L", "high"), ("potassium", 6.49, "mmol/L", ""),
        ("potassium", 2.8, "mmol/L", "low"), ("potassium", 2.81, "meq/L", ""), ("potassium", 6.5, "meq/L", "high"),
        ("phosphate", 0.99, "mg/dL", "low"), ("phosphate", 1.0, "mg/dL", ""), ("phosphate", 0.31, "mmol/L", "low"), ("phosphate", 0.32, "mmol/L", ""),
        ("phosphate", 31.5, "mg/dL", ""), ("pth", 9000, "pg/mL", ""),
        # without a unit
        ("calcium", 1.7, None, "low"), ("calcium", 2.3, None, ""), ("calcium", 9.2, None, ""), ("calcium", 6.5, None, "low"),
        ("potassium", 7.1, None, "high"), ("phosphate", 0.9, None, "low"), ("phosphate", 1.8, None, ""),
        # beyond belief in the unit declared: 2.3 'mg/dL' is an ordinary calcium in mmol/L; 15 is a potassium in none
        ("calcium", 2.3, "mg/dL", ""), ("calcium", 1.7, "mg/dL", "low"), ("potassium", 15, "mmol/L", "high"), ("calcium", 0.5, "mg/dL", "low"),
    ],
)  # fmt: skip
def test_the_limits_in_every_unit(name: str, number: float, unit: str | None, side: str) -> None:
    assert critical(name, number, unit) == side


@pytest.mark.parametrize(
    ("comparator", "number", "side"),
    [("<", 7.2, "low"), ("<=", 7.2, ""), ("<", 7.3, ""), (">", 13, "high"), (">=", 13, "high"), (">", 12.9, ""), (">", 7.0, ""), ("<", 14, "")],
)
def test_a_censored_number_counts_only_where_it_is_certain(comparator: str, number: float, side: str) -> None:
    assert critical("calcium", number, "mg/dL", comparator) == side


@pytest.mark.parametrize(("state", "side"), [("known", ""), ("contradicts", "low"), ("flipped", "low"), ("withdrawn", "")])
def test_a_unit_in_doubt_is_read_both_ways(state: str, side: str) -> None:
    assert critical("phosphate", 0.9, "mmol/L", state=state) == side


def test_no_number_is_not_critical() -> None:
    assert critical("calcium", float("nan")) == ""


@pytest.mark.hazard(2)
@given(st.sampled_from(WITH_LIMITS), st.floats(0.01, 60), st.sampled_from(["missing", "unknown", "conflict"]))
def test_whatever_is_critical_in_a_believable_unit_system_is_told_without_the_unit(name: str, number: float, state: str) -> None:
    analyte = ANALYTES[name]
    for unit in (analyte.conventional, analyte.si):
        lowest, highest = analyte.units[unit].plausible
        if lowest <= number <= highest and critical(name, number, unit):
            assert critical(name, number, state=state) != ""


@given(st.sampled_from(WITH_LIMITS), st.floats(0.01, 60), st.floats(0.01, 60))
def test_worse_is_never_less_critical(name: str, one: float, other: float) -> None:
    unit = ANALYTES[name].conventional
    low, high = sorted((one, other))
    lowest, highest = ANALYTES[name].units[unit].plausible
    if lowest <= low and high <= highest:
        assert critical(name, low, unit) == "low" or critical(name, high, unit) != "low"
        assert critical(name, high, unit) == "high" or critical(name, low, unit) != "high"
