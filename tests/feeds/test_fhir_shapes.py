"""A quick row is the row that reading the Observation gives: same fields, same order, same refusals, same resources kept."""

from __future__ import annotations

import gc
import json
from typing import Any

import pandas as pd
import pytest
from fhir_builders import NUMBERS, bundle, feed, ndjson, observation, patient, specimen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitors.config import Feed
from monitors.feeds import fhir
from monitors.feeds.fhir_shapes import Shapes
from monitors.feeds.parsed import Parsed

WARD = {"resourceType": "Encounter", "id": "e1", "status": "in-progress", "class": {"code": "IMP"},
        "subject": {"reference": "Patient/p1"}, "serviceProvider": {"display": "Unit One"}}  # fmt: skip
CONTEXT = (patient(), patient("008", "p2"), specimen(), specimen("S2", "s2", subject={"reference": "Patient/p2"}), WARD)
TEXTS = st.sampled_from(["", " ", "x", " x ", "7", "\u00a0", "é", "a%sb", "slot:000001", "back\\slash", 'quo"te', "\x7f", "'"])
TIMES = st.sampled_from(["2026-03-01T08:00:00Z", "2026-03-01", " 2026-03-02T08:00:00+01:00", "", " ", "tomorrow"])
NUMBERS_SENT = st.sampled_from(["5.5", "5.50", "-1", "0", "1e2", "12345678901234567890123", "0.1000", '"5.5"', "true", "null"])
REFERENCES = st.sampled_from(["Patient/p1", "Patient/p2", "Patient/p1/_history/2", "Patient/nobody", " Patient/p1 ", "#p1", "",
                              "Specimen/s1", "https://fhir.example/r4/Patient/p1"])  # fmt: skip
CODES = st.sampled_from(["2777-1", "17861-6", "29463-7", "PTH-X", "unmapped"])


@st.composite
def observations(draw: st.DrawFn) -> str:
    """The JSON text of one Observation, of one of not very many shapes."""
    unit = draw(st.sampled_from(["mg/dL", "mmol/L"]))
    body = observation(
        id=draw(st.sampled_from(["o1", "o2", "", " o3 ", "o%d"])), status=draw(st.sampled_from(["final", "final", "corrected"])),
        code={"coding": [{"system": "http://loinc.org", "code": draw(CODES)}]},
        subject={"reference": draw(REFERENCES)}, effectiveDateTime=draw(TIMES), issued=draw(TIMES),
        valueQuantity={"value": "NUMBER", "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
    )  # fmt: skip
    some: dict[str, Any] = {
        "specimen": {"reference": draw(st.sampled_from(["Specimen/s1", "Specimen/s2", "Specimen/none"]))},
        "encounter": {"reference": "Encounter/e1", "display": draw(TEXTS)},
        "meta": {"versionId": draw(TEXTS), "lastUpdated": draw(TIMES), "source": draw(TEXTS)},
        "identifier": [{"system": "urn:lab", "value": draw(TEXTS)}, {"use": "old", "system": "urn:lab", "value": "old"}],
        "text": {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{draw(TEXTS)}</div>'},
        "referenceRange": [{"low": {"value": draw(st.sampled_from([2.5, 3]))}, "high": {"value": 4.5, "unit": unit}}],
        "performer": [{"display": draw(TEXTS), "reference": "Organization/1"}],
        "note": [{"text": draw(TEXTS)}], "interpretation": [{"coding": [{"code": "H", "display": draw(TEXTS)}]}],
        "component": [], "focus": [{"reference": "Patient/p2"}], "dataAbsentReason": {"text": draw(TEXTS)},
        "extension": [{"url": "urn:x", "valueReference": {"reference": draw(TEXTS)}}],
        "modifierExtension": [{"url": "urn:x", "valueString": draw(TEXTS)}],
    }  # fmt: skip
    body.pop("specimen")
    for name in draw(st.lists(st.sampled_from(list(some)), max_size=2, unique=True)):
        body[name] = some[name]
    if draw(st.integers(0, 5)) == 0:
        body.pop(draw(st.sampled_from(["id", "effectiveDateTime", "issued", "subject", "code", "status"])), None)
    if draw(st.integers(0, 9)) == 0:
        body["valueQuantity"]["comparator"] = draw(st.sampled_from(["<", ">=", "~"]))
    return json.dumps(body, ensure_ascii=draw(st.booleans())).replace('"NUMBER"', draw(NUMBERS_SENT))


REPORTS = st.sampled_from([
    {"resourceType": "DiagnosticReport", "id": "r1", "status": status, "subject": {"reference": "Patient/p1"},
     "identifier": [{"type": {"coding": [{"code": "FILL"}]}, "value": "F1"}], "result": [{"reference": "Observation/o1"}]}
    for status in ("final", "cancelled")
] + [
    {"resourceType": "DiagnosticReport", "id": "r2", "status": "entered-in-error", "subject": {"reference": "Patient/p1"},
     "contained": [observation(id="o2"), observation(id="o1", identifier=[{"system": "urn:lab", "value": "x"}])]}
])  # fmt: skip
FEEDS = [
    feed(), feed(fhir={"patient_system": NUMBERS, "accession_system": "urn:lab", "specimens": "optional"}),
    feed(fhir={"patient_system": "", "base": "https://fhir.example/r4"},
         mapping={"codes": {"2777-1": "phosphate"}, "missing": ["", "x"], "constants": {"timing": "pre", "accession": "C"}}),
]  # fmt: skip


def same(raw: bytes, a_feed: Feed, earlier: dict[str, str]) -> Parsed:
    def lookup(keys: list[str]) -> dict[str, str]:
        return {key: earlier[key] for key in keys if key in earlier}

    quick, read = (fhir.parse(raw, a_feed, lookup, quickly=quickly) for quickly in (True, False))
    assert quick.frames.keys() == read.frames.keys()
    for kind in read.frames:
        pd.testing.assert_frame_equal(quick.frames[kind], read.frames[kind])
    pd.testing.assert_frame_equal(quick.refused, read.refused)
    assert (quick.ignored, quick.resources) == (read.ignored, read.resources)
    one_by_one = fhir.read(raw, a_feed, lookup).rows()
    assert {kind: [(number, piece.text, *fields(row)) for number, piece, row in rows] for kind, rows in one_by_one.items()} == {
        kind: [(number, piece.text, *fields(row)) for number, piece, row in rows]
        for kind, rows in fhir.read(raw, a_feed, lookup, quickly=False).rows().items()
    }
    return quick


def fields(row: dict[str, str | None]) -> list[tuple[str, str]]:
    return sorted((name, text) for name, text in row.items() if text is not None)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(observations(), min_size=3, max_size=12), st.lists(REPORTS, max_size=1), st.sampled_from(FEEDS),
       st.sampled_from(["lines", "bundle", "array"]), st.booleans())  # fmt: skip
def test_a_quick_row_is_the_row_that_reading_gives(
    sent: list[str], reports: list[dict[str, Any]], a_feed: Feed, layout: str, known: bool
) -> None:
    again = [text for text in sent for _ in range(2)]  # the second of a shape is the first quick one
    context = [json.dumps(resource) for resource in (*CONTEXT, *reports)]
    earlier = dict(fhir.parse("\n".join(context).encode(), a_feed).resources) if known else {}
    texts = [*([] if known else context), *again, *sent]
    if layout == "lines":
        raw = "\n".join(texts)
    elif layout == "array":
        raw = f"[{', '.join(texts)}]"
    else:
        entries = [f'{{"fullUrl": "https://fhir.example/r4/X/{n}", "resource": {text}}}' for n, text in enumerate(texts)]
        raw = f'{{"resourceType": "Bundle", "type": "collection", "entry": [{", ".join(entries)}]}}'
    same(raw.encode(), a_feed, earlier)


def many(**change: Any) -> list[dict[str, Any]]:
    return [
        observation(**{"id": f"o{n}", "subject": {"reference": f"Patient/p{1 + n % 2}", "display": f"n {n}"}, "specimen": None,
                       "effectiveDateTime": f"2026-03-{1 + n:02}", **change})
        for n in range(9)
    ]  # fmt: skip


@pytest.mark.parametrize("write", [ndjson, bundle])
def test_from_the_second_of_its_shape_on_an_observation_is_not_read(write: Any) -> None:
    raw = write(*CONTEXT, *many())
    found = fhir.read(raw, feed())
    assert found.quick.numbers == [3, 4, 5, 6, 7, 8, 9, 10]  # row 1 is the encounter's
    assert same(raw, feed(), {}).frames["labs"]["patient"].tolist() == ["007", "008"] * 4 + ["007"]


@pytest.mark.parametrize("known", ["p1", "p2"])
def test_who_is_known_by_number_alone_gets_no_date_of_birth_of_another(known: str) -> None:
    """The quick rows of one shape are of both patients; whichever comes first, the other's fields are not taken."""
    by_number = feed(fhir={"patient_system": ""})
    labs = same(ndjson(patient("008" if known == "p2" else "007", known), *many()), by_number, {}).frames["labs"]
    born = labs.groupby("patient")[["date_of_birth", "family_name", "given_name", "sex"]].nunique()
    assert born.sum(axis="columns").to_dict() == {"p1": 4 * (known == "p1"), "p2": 4 * (known == "p2")}


def test_what_is_said_of_results_elsewhere_holds_for_quick_rows_too() -> None:
    late = {"status": "corrected", "issued": None, "meta": {"lastUpdated": "2026-03-05T08:00:00Z"}}
    assert same(ndjson(*CONTEXT, *many(**late)), feed(), {}).frames["labs"]["issued_at"].unique().tolist() == [
        "2026-03-05T08:00:00Z"]  # fmt: skip
    report = {"resourceType": "DiagnosticReport", "id": "r", "status": "cancelled", "subject": {"reference": "Patient/p1"},
              "contained": [observation(id="o4")]}  # fmt: skip
    statuses = same(ndjson(*CONTEXT, *many(), report), feed(), {}).frames["labs"]["status"].tolist()
    assert statuses == ["cancelled" if n == 4 else "final" for n in range(9)]


@pytest.mark.parametrize(
    "change",
    [{"modifierExtension": [{"url": "urn:x"}]}, {"focus": [{"reference": "Patient/p2"}]}, {"component": []},
     {"contained": [{"resourceType": "Patient", "id": "c"}]}, {"valueString": "x"}, {"hasMember": []}, {"unheard": 1},
     {"note": [{"text": 'a "quoted" word'}]}, {"valueQuantity": {"unit": "mg/dL"}}],
)  # fmt: skip
def test_what_may_change_a_meaning_has_no_shape(change: dict[str, Any]) -> None:
    assert not fhir.read(ndjson(*CONTEXT, *many(**change)), feed()).quick.numbers


def test_a_quick_row_leaves_nothing_to_the_collector_of_garbage() -> None:
    raw = ndjson(*CONTEXT, *many())
    fhir.parse(raw, feed())
    gc.collect()
    gc.disable()
    try:
        fhir.parse(raw, feed())
        assert gc.collect() < 50
    finally:
        gc.enable()


def test_texts_that_end_apart_have_different_shapes() -> None:
    shapes = Shapes(feed())
    whole = json.dumps(observation(specimen=None))
    for text in (whole, whole, whole[:-1], whole + "}", whole.replace("final", "fin\\u0061l"), whole.replace("5.5", "05.5")):
        shapes.of(text)
    assert shapes.of(whole) is not None
    for text in (whole[:-1], whole + "}", whole.replace("final", "fin\\u0061l"), whole.replace("5.5", "05.5"),
                 whole.replace("5.5", "5.5e3"), whole.replace('"o1"', '"o\0"'), whole.replace('"o1"', '"\0"')):  # fmt: skip
        assert shapes.of(text) is None, text
