"""Keys of laboratory results: the same words give the same keys, anything that counts gives others, and they never change."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import pytest

from monitors import store_keys
from monitors.records import Flag

ROW: dict[str, object] = {
    "patient": "P1", "accession": "A1", "analyte": 3, "specimen_kind": None, "flags": 0, "status": "final", "value": 5.5,
    "value_text": "5.50", "collected_at": "2026-04-01T06:00Z", "issued_at": "2026-04-01T10:00Z", "issued_state": "read",
    "assay": None, "upper_limit": None, "condition": None,
}  # fmt: skip

GOLDEN = [  # result, content, draw
    ("208b52ec920a2c44210dd0a4b4fdd775", "5c5c857bed94f94b32ed4d30edc99116", -7722247600880760571),
    ("2a53c3021e2809b035fda354b1bf86d5", "5c5c857bed94f94b32ed4d30edc99116", 8770465101868855874),
]


def keys(*changes: Mapping[str, object], laboratory: str = "LAB", authority: str = "HOSPITAL") -> list[tuple[str, str, int]]:
    frame = pd.DataFrame([{**ROW, **change} for change in changes]).astype({"upper_limit": "float64", "value": "float64"})
    for name in ("collected_at", "issued_at"):
        frame[name] = pd.to_datetime(frame[name], utc=True).astype("datetime64[us, UTC]")
    for name in ("patient", "accession", "specimen_kind", "value_text", "assay"):
        frame[name] = frame[name].astype("str")
    lab = store_keys.of_labs(frame, laboratory, authority)
    texts = [store_keys.as_text(of).tolist() for of in (lab.result, lab.content)]
    return list(zip(*texts, lab.draw.tolist(), strict=True))


def test_stored_keys_never_change() -> None:
    assert keys({}, {"accession": None}) == GOLDEN


@pytest.mark.parametrize("change", [
    {"comment": "x"}, {"value_text": "5.5"}, {"flags": int(Flag.ZONE_ASSUMED | Flag.INPATIENT)}, {"patient": "P2"},
    {"specimen_kind": ""},
])  # fmt: skip
def test_what_does_not_count_changes_no_key(change: dict[str, object]) -> None:
    first, second = keys({}, change)
    assert first == second


@pytest.mark.parametrize("change", [
    {"value": 5.6}, {"value": None}, {"flags": int(Flag.SI)}, {"flags": int(Flag.BELOW)}, {"status": "corrected"},
    {"collected_at": "2026-04-01T06:01Z"}, {"issued_at": "2026-04-01T10:01Z"}, {"issued_state": "missing"},
    {"assay": "Roche"}, {"upper_limit": 65.0}, {"condition": "haemolysed"},
])  # fmt: skip
def test_what_a_version_says_is_its_content(change: dict[str, object]) -> None:
    first, second = keys({}, change)
    assert first[0] == second[0]
    assert first[1] != second[1]


@pytest.mark.parametrize("change", [
    {"analyte": 4}, {"accession": "A2"}, {"specimen_kind": "urine"}, {"flags": int(Flag.POST_DIALYSIS)}, {"accession": None},
])  # fmt: skip
def test_another_tube_or_analyte_is_another_result(change: dict[str, object]) -> None:
    first, second = keys({}, change)
    assert first[0] != second[0]
    assert (first[2] == second[2]) == (change.keys() <= {"analyte", "specimen_kind"})


def test_without_an_accession_patient_and_time_take_its_place() -> None:
    bare = {"accession": None}
    same, again, other, later = keys(bare, bare, bare | {"patient": "P2"}, bare | {"collected_at": "2026-04-01T06:01Z"})
    assert same == again
    assert len({same[0], other[0], later[0]}) == 3
    assert keys(bare, authority="OTHER")[0][0] != same[0] == keys(bare)[0][0]


def test_text_without_a_number_is_content_and_words_are_parted() -> None:
    one, two = keys({"value": None, "value_text": "reactive"}, {"value": None, "value_text": "negative"})
    assert one[1] != two[1]
    one, two = keys({"assay": "a", "condition": "b"}, {"assay": "ab"})
    assert one[1] != two[1]
    assert keys({"value": 0.0})[0] == keys({"value": -0.0})[0]
