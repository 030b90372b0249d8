"""What FHIR files say together: reports and results in either order, old exports that come late, the server's own address."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fhir_builders import bundle, feed, ndjson, observation, patient, specimen

from monitors.feeds import fhir
from monitors.feeds.parsed import Parsed

SUBJECT = {"reference": "Patient/p1"}
NUMBER = [{"type": {"coding": [{"code": "FILL"}]}, "value": "A1"}]
BARE = observation(specimen=None)  # its accession stands in the report alone
LATER, EARLIER = {"lastUpdated": "2026-03-01T01:30:00+02:00"}, {"lastUpdated": "2026-03-01T00:00:00Z"}  # 23:30Z the day before


def report(status: str = "final", **more: Any) -> dict[str, Any]:
    return {"resourceType": "DiagnosticReport", "id": "r1", "status": status, "subject": SUBJECT, "identifier": NUMBER,
            "result": [{"reference": "Observation/o1"}], **more}  # fmt: skip


class Files:
    """Files of one feed, one after the other, as the store keeps what they refer to."""

    def __init__(self, **change: Any) -> None:
        self._feed, self._kept = feed(**change), dict[str, str]()

    def read(self, *resources: dict[str, Any], raw: bytes = b"") -> Parsed:
        kept = self._kept
        parsed = fhir.parse(raw or ndjson(*resources), self._feed, lambda keys: {key: kept[key] for key in keys if key in kept})
        self._kept |= parsed.resources
        return parsed


def rows(parsed: Parsed, kind: str = "labs") -> list[dict[str, Any]]:
    found = parsed.frames[kind] if kind in parsed.frames else parsed.refused.iloc[:0]
    return [{name: value for name, value in row.items() if value == value} for row in found.to_dict("records")]


def told(parsed: Parsed) -> list[tuple[Any, ...]]:
    return [(row["patient"], row.get("accession"), row["status"], row.get("value")) for row in rows(parsed)]


# ------------------------------------------------------------------------------------------------- reports
@pytest.mark.parametrize("status", ["cancelled", "entered-in-error"])
def test_a_report_withdraws_the_results_it_refers_to(status: str) -> None:
    assert told(Files().read(patient(), BARE, report(status))) == [("007", "A1", status, "5.5")]
    address = "urn:uuid:0cfd1a3c-0000-4000-8000-000000000001"
    sent = bundle(patient(), BARE, report(status, result=[{"reference": address}]), urls=("", address))
    assert told(Files().read(raw=sent)) == [("007", "A1", status, "5.5")]


def test_a_report_that_stands_beside_a_withdrawn_one_keeps_its_results() -> None:
    again = report("entered-in-error", id="r0")
    for pair in ((report(), again), (again, report())):
        assert told(Files().read(patient(), BARE, *pair))[0][2] == "final"
    files = Files()
    files.read(patient(), BARE, report())
    assert list(files.read(again).refused["reason"]) == ["withdrawn_report"]
    assert told(files.read(BARE)) == [("007", "A1", "final", "5.5")]


def test_a_report_of_an_earlier_file_meets_its_results() -> None:
    files = Files()
    files.read(patient())
    assert files.read(report()).frames == {}
    assert told(files.read(BARE)) == [("007", "A1", "final", "5.5")]
    files.read(report("entered-in-error", meta=LATER))
    assert told(files.read(BARE)) == [("007", "A1", "entered-in-error", "5.5")]


def test_a_report_withdraws_results_of_earlier_files_one_row_each_whatever_is_known() -> None:
    files = Files()
    parts = observation(id="o2", valueQuantity=None, component=[{"code": {"coding": [{"code": "2777-1"}]}}] * 2)
    files.read(patient(), specimen(), report(), BARE, parts)
    gone = report("entered-in-error", result=[{"reference": f"Observation/{name}"} for name in ("o1", "unknown", "o2", "o3")])
    sent = (gone, observation(id="o3"))
    parsed = files.read(*sent)
    assert [(row["row_no"], row["code"], row.get("accession"), row["status"], row.get("value")) for row in rows(parsed)] == [
        (1, "2777-1", "A1", "entered-in-error", None), (4, "2777-1", "S1", "entered-in-error", "5.5"),
    ]  # fmt: skip
    assert parsed.refused[["row_no", "reason"]].values.tolist() == [[2, "unresolved_reference"], [3, "withdrawn_report"]]
    alone = Files().read(patient(), specimen(), *sent)
    assert [row["row_no"] for row in rows(alone)] == [4]
    assert alone.refused[["row_no", "reason"]].values.tolist() == [[number, "unresolved_reference"] for number in (1, 2, 3)]


def test_only_results_with_a_mapped_code_are_kept() -> None:
    assert Files().read(observation(id="x", code={"text": "not asked for"})).resources == {}


# ------------------------------------------------------------------------------------------- older and newer
def test_an_old_patient_that_comes_late_is_not_believed() -> None:
    files = Files()
    files.read(patient("007", meta=EARLIER), specimen())
    assert told(files.read(patient("999", meta=LATER), observation()))[0][0] == "007"
    addressed = bundle(patient("999", meta=LATER), observation(), urls=("http://a.example/Patient/p1", "http://a.example/Observation/o1"))
    assert told(files.read(raw=addressed))[0][0] == "007"
    assert told(files.read(patient("008", meta={"lastUpdated": "2026-03-02T00:00:00Z"}), observation()))[0][0] == "008"


def test_of_two_versions_in_a_file_the_later_instant_counts_whatever_its_zone() -> None:
    for pair in ((EARLIER, LATER), (LATER, EARLIER)):
        versions = [patient("007" if meta is EARLIER else "999", meta=meta) for meta in pair]
        assert told(Files().read(*versions, specimen(), observation()))[0][0] == "007"


# -------------------------------------------------------------------------------------------------- references
def test_an_absolute_reference_means_ours_only_below_the_address_of_our_server() -> None:
    base = "https://fhir.a.example/r4"
    sent = observation(subject={"reference": f"{base}/Patient/p1"}, specimen={"reference": f"{base}/Specimen/s1"})
    for address, found in ((base, ["007"]), (f"{base}/", ["007"]), ("", []), ("https://x.example", [])):
        described = {"patient_system": "urn:example:hospital", "base": address}
        parsed = Files(fhir=described).read(patient(), specimen(), sent)
        assert [row["patient"] for row in rows(parsed)] == found
        assert list(parsed.refused["reason"]) == ["unresolved_reference"] * (not found)


def test_a_result_finds_its_unit_over_its_encounter_and_the_encounter_s_place_in_earlier_files() -> None:
    files = Files()
    files.read(patient(), specimen(), {"resourceType": "Location", "id": "l1", "name": "Unit One"})
    files.read({"resourceType": "Encounter", "id": "e1", "status": "in-progress", "class": {"code": "AMB"}, "subject": SUBJECT,
                "location": [{"location": {"reference": "Location/l1"}}]})  # fmt: skip
    [row] = rows(files.read(observation(encounter={"reference": "Encounter/e1"})))
    assert (row["unit"], row["location"]) == ("N1", "AMB")


# ---------------------------------------------------------------------------------------- kinds of rows, one by one
def test_an_administration_is_one_dose() -> None:
    given = {"resourceType": "MedicationAdministration", "id": "m1", "status": "completed", "subject": SUBJECT,
             "medicationCodeableConcept": {"text": "etelcalcetide"}, "effectiveDateTime": "2026-02-27T07:30:00Z",
             "dosage": {"dose": {"value": 5, "unit": "mg"}}}  # fmt: skip
    [row] = rows(Files().read(patient(), given), "medications")
    names = ("patient", "drug", "status", "started_on", "ended_on", "days_supply", "order")
    assert [row.get(name) for name in names] == [
        "007", "etelcalcetide", "active", "2026-02-27T07:30:00Z", None, "1", "MedicationAdministration/m1",
    ]  # fmt: skip
    for status, ours in (("not-done", "cancelled"), ("entered-in-error", "cancelled"), ("on-hold", "active")):
        [row] = rows(Files().read(patient(), {**given, "status": status}), "medications")
        assert row["status"] == ours


@pytest.mark.parametrize(
    ("status", "ours", "on"),
    [("active", "active", "2026-01-01"), ("onhold", "active", "2026-01-01"), ("finished", "transferred", "2026-02-01"),
     ("entered-in-error", None, None), ("planned", None, None)],
)  # fmt: skip
def test_an_episode_of_care(status: str, ours: str | None, on: str | None) -> None:
    care = {"resourceType": "EpisodeOfCare", "status": status, "patient": SUBJECT,
            "managingOrganization": {"display": "Unit One"}, "careManager": {"display": "Dr Example"},
            "period": {"start": "2026-01-01", "end": "2026-02-01"}}  # fmt: skip
    parsed = Files().read(patient(), care)
    expected = [("007", "N1", "Dr Example", ours, on)] if ours else []
    names = ("patient", "unit", "clinician", "status", "effective_on")
    assert [tuple(row[name] for name in names) for row in rows(parsed, "census")] == expected
    assert parsed.ignored == ({} if ours else {f"EpisodeOfCare ({status})": 1})


@pytest.mark.parametrize(("status", "ours"), [("completed", "final"), ("not-done", "entered-in-error"), ("preparation", None)])
def test_a_procedure(status: str, ours: str | None) -> None:
    done = {"resourceType": "Procedure", "status": status, "subject": SUBJECT, "performedPeriod": {"start": "2026-02-01"},
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": "73211009"}]}}  # fmt: skip
    parsed = Files().read(patient(), done)
    names = ("fact", "code", "happened_on", "status")
    expected = [("diabetes", "http://snomed.info/sct|73211009", "2026-02-01", ours)] if ours else []
    assert [tuple(row[name] for name in names) for row in rows(parsed, "facts")] == expected


def test_an_encounter_entered_in_error_admitted_nobody() -> None:
    stay = {"resourceType": "Encounter", "status": "entered-in-error", "class": {"code": "IMP"}, "subject": SUBJECT,
            "period": {"start": "2026-02-01", "end": "2026-02-05"}}  # fmt: skip
    [row] = rows(Files().read(patient(), stay), "census")
    assert (row["status"], row["effective_on"]) == ("active", "2026-02-01")


def test_an_observation_mapped_as_a_fact_names_the_system_of_its_code() -> None:
    code = {"coding": [{"system": "urn:local", "code": "W"}, {"system": "http://loinc.org", "code": "29463-7"}]}
    [row] = rows(Files().read(patient(), specimen(), observation(code=code)), "facts")
    assert (row["fact"], row["code"]) == ("weight", "http://loinc.org|29463-7")


# --------------------------------------------------------------------------------------------- what refused parts say
def said(parsed: Parsed) -> list[list[list[str]]]:
    return [json.loads(results) for results in parsed.refused["results"]]


def test_a_refused_result_still_says_its_number() -> None:
    parts = [{"code": {"coding": [{"code": "17861-6"}]}, "valueQuantity": {"value": 2.0, "unit": "mmol/L"}}]
    parsed = Files().read(patient(), observation(component=parts))
    at = "2026-03-01T08:00:00Z"
    assert said(parsed) == [[["2777-1", "5.5", "mg/dL", at, ""]], [["17861-6", "2.0", "mmol/L", at, ""]]]
    changed = Files().read(patient(), specimen(), observation(modifierExtension=[{"url": "urn:x"}]))
    assert said(changed) == [[["2777-1", "5.5", "mg/dL", at, ""]]]


def test_a_broken_line_still_says_its_number_unless_it_ends_in_it() -> None:
    line = json.dumps(observation(valueQuantity={"value": 7.9, "unit": "mg/dL"}))
    after, inside = line.index("7.9") + 4, line.index("7.9") + 2
    for cut, expected in ((after, [["2777-1", "7.9", "", "", ""]]), (inside, [])):
        parsed = fhir.parse(ndjson(patient(), specimen()) + line[:cut].encode(), feed())
        assert said(parsed) == [expected]
