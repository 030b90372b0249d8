"""Each specimen gate at its limit, just under and just over, in both unit systems, with a past and without one."""

# ruff: noqa: E501  (a row of a table is read as one line)

from __future__ import annotations

import datetime as dt

import feed_builders as build
import numpy as np
import pandas as pd
import pytest

from monitors import quality_gates
from monitors.records import Flag

ANALYTES = build.analytes().analytes
NOW = pd.Timestamp("2026-03-01T08:00Z")


def row(name: str, value: float, unit: str | None = None, patient: str = "1", accession: str | None = "S", **more: object) -> dict[str, object]:
    analyte = ANALYTES[name]
    unit = unit or analyte.conventional
    si = unit == analyte.si and analyte.si != analyte.conventional
    return {
        "patient": patient, "collected_at": NOW, "analyte_name": name, "number": value, "measured_in": unit,
        "value": value / analyte.units[unit].per_conventional, "accession": accession, "condition": None,
        "flags": int(Flag.SI) if si else 0, **more,
    }  # fmt: skip


def past(name: str, *values: float, unit: str | None = None, patient: str = "1", days: int = 28) -> list[dict[str, object]]:
    return [
        {
            "patient": patient, "analyte": ANALYTES[name].number, "collected_at": NOW - dt.timedelta(days=days * number),
            "value": value, "unit_text": unit or ANALYTES[name].conventional, "accession": f"old{number}",
        }
        for number, value in enumerate(values, 1)
    ]  # fmt: skip


def states(column: str, rows: list[dict[str, object]], history: list[dict[str, object]] | None = None) -> list[str]:
    frame = pd.DataFrame(rows)
    known = None if history is None else pd.DataFrame(history)
    return list(quality_gates.states(frame, known, ANALYTES)[column])


@pytest.mark.parametrize(
    ("value", "unit", "state"),
    [
        (14.9, "mg/dL", "right"), (15.0, "mg/dL", "contaminated"), (31.5, "mg/dL", "contaminated"),
        (4.83, "mmol/L", "right"), (4.84, "mmol/L", "contaminated"),
    ],
)  # fmt: skip
def test_d1_needs_no_past_from_15_mg_per_dl(value: float, unit: str, state: str) -> None:
    assert states("draw_state", [row("phosphate", value, unit)]) == [state]


@pytest.mark.parametrize(
    ("phosphate", "calcium", "potassium", "state"),
    [
        (12.5, 9.0, 5.0, "right"), (12.51, 9.0, 5.0, "contaminated"), (12.51, 10.08, 5.75, "contaminated"),
        (12.51, 10.09, 5.0, "right"), (12.51, 7.91, 5.0, "right"), (12.51, 9.0, 5.76, "right"),
    ],
)  # fmt: skip
def test_d1_far_above_the_patients_own_while_calcium_and_potassium_are_unchanged(
    phosphate: float, calcium: float, potassium: float, state: str
) -> None:
    history = past("phosphate", 4, 5, 6) + past("calcium", 9, 9, 9) + past("potassium", 5, 5, 5)
    rows = [row("phosphate", phosphate), row("calcium", calcium), row("potassium", potassium)]
    assert states("draw_state", rows, history) == [state, "right", "right"]


def test_d1_without_calcium_or_potassium_on_the_draw_says_nothing() -> None:
    history = past("phosphate", 5, 5, 5) + past("calcium", 9, 9, 9) + past("potassium", 5, 5, 5)
    assert states("draw_state", [row("phosphate", 14), row("calcium", 9)], history)[0] == "right"
    assert states("draw_state", [row("phosphate", 14), row("calcium", 9, accession="T"), row("potassium", 5)], history)[0] == "right"


@pytest.mark.parametrize(
    ("name", "condition", "state"),
    [
        ("potassium", "haemolysed", "spoilt"), ("phosphate", "delayed", "spoilt"), ("phosphate", "lipaemic", "spoilt"),
        ("calcium", "haemolysed", "right"), ("calcium", "contaminated", "spoilt"), ("inr", "clotted", "spoilt"),
        ("potassium", None, "right"),
    ],
)  # fmt: skip
def test_d2_spoils_what_the_condition_spoils(name: str, condition: str | None, state: str) -> None:
    assert states("condition_state", [row(name, 5, condition=condition)]) == [state]


def test_d2_lets_a_withdrawal_through_because_the_old_value_would_live_on() -> None:
    assert states("condition_state", [row("potassium", np.nan, condition="haemolysed")]) == ["right"]


@pytest.mark.parametrize(
    ("ratio", "state"), [(3.097 * 0.86, "flipped"), (3.097 * 0.84, "right"), (3.097 * 1.14, "flipped"), (3.097 * 1.16, "right")]
)
def test_d3_holds_the_ratio_of_two_units_when_the_declared_unit_changed(ratio: float, state: str) -> None:
    history = past("phosphate", 5, 5, 5, unit="mmol/L")
    assert states("flip_state", [row("phosphate", 5 * ratio)], history) == [state]


def test_d3_never_holds_one_patients_true_extreme() -> None:
    history = past("phosphate", 5, 5, 5) + past("calcium", 9, 9, 9)
    assert states("flip_state", [row("phosphate", 1.6), row("calcium", 4.5)], history) == ["right", "right"]


@pytest.mark.parametrize(("patients", "state"), [(2, "right"), (3, "flipped")])
def test_d3_holds_three_patients_of_a_file_that_flip_alike(patients: int, state: str) -> None:
    numbers = [str(number) for number in range(patients)]
    history = [line for patient in numbers for line in past("albumin", 3.5, 3.6, 3.7, patient=patient)]
    rows = [row("albumin", 0.36, patient=patient, accession=f"S{patient}") for patient in numbers]
    other_way = row("albumin", 36, patient="x", accession="Sx")
    got = states("flip_state", [*rows, other_way], history + past("albumin", 3.6, 3.6, 3.6, patient="x"))
    assert got == [state] * patients + ["right"]


def test_d3_leaves_crp_alone() -> None:
    assert states("flip_state", [row("crp", 10)], past("crp", 1, 1, 1, unit="mg/L")) == ["right"]


@pytest.mark.parametrize(
    ("potassium", "state"), [(3.25, "diluted"), (3.24, "diluted"), (3.26, "right")]
)
@pytest.mark.parametrize("waste", ["urea", "creatinine"])
def test_d4_needs_all_three_far_below(potassium: float, waste: str, state: str) -> None:
    history = past("potassium", 5, 5, 5) + past("phosphate", 6, 6, 6) + past(waste, 10, 10, 10)
    rows = [row("potassium", potassium), row("phosphate", 3.0), row(waste, 4.0), row("albumin", 3.5)]
    assert states("dilution_state", rows, history) == [state] * 4
    assert states("dilution_state", rows[:2], history) == ["right"] * 2  # neither urea nor creatinine


def test_d4_leaves_a_draw_alone_that_says_it_was_after_dialysis() -> None:
    history = past("potassium", 5, 5, 5) + past("phosphate", 6, 6, 6) + past("urea", 100, 100, 100)
    rows = [row(n, v, flags=int(Flag.POST_DIALYSIS)) for n, v in (("potassium", 3.0), ("phosphate", 2.0), ("urea", 30))]
    assert states("dilution_state", rows, history) == ["right"] * 3


@pytest.mark.hazard(7)
@pytest.mark.parametrize(("calcium", "state"), [(9 * 1.127, "other_patient"), (9 * 1.125, "right"), (9 / 1.127, "other_patient")])
def test_d9_needs_three_analytes_beyond_their_reference_change(calcium: float, state: str) -> None:
    history = past("calcium", 9, 9, 9) + past("albumin", 4, 4, 4) + past("creatinine", 8, 8, 8)
    rows = [row("calcium", calcium), row("albumin", 2.9), row("creatinine", 4), row("potassium", 5)]
    assert states("blood_state", rows, history) == [state] * 4


@pytest.mark.parametrize(
    "history",
    [
        past("phosphate", 5, 5, unit="mmol/L"),  # two values
        past("phosphate", 5, 5, 5, unit="mmol/L", days=201),  # the third 603 days ago
        past("phosphate", 5, 5, 5, unit="mmol/L", days=-1),  # later than the draw
        past("phosphate", 5, 5, 5, unit="mmol/L", patient="2"),
        [],
    ],
)
def test_a_past_too_short_too_old_or_not_the_patients_gates_nothing(history: list[dict[str, object]]) -> None:
    assert states("flip_state", [row("phosphate", 15.5)], history) == ["right"]


def test_the_draw_itself_stored_before_is_no_past() -> None:
    stored = [{**line, "accession": "S"} for line in past("phosphate", 5, 5, 5, unit="mmol/L")]
    assert states("flip_state", [row("phosphate", 15.5)], stored) == ["right"]
