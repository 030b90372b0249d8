"""FHIR resources become rows, and what cannot be trusted is refused by itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fhir_builders import bundle, feed, ndjson, observation, patient, specimen

from monitors.errors import FeedError
from monitors.feeds import fhir, hl7v2
from monitors.feeds.parsed import Parsed
from tests.public_data import DATA, needs

CONTEXT = (patient(), specimen())
TWO = patient("008", "p2")


def read(*resources: dict[str, Any], **change: Any) -> Parsed:
    return fhir.parse(bundle(*resources), feed(**change))


def only(parsed: Parsed, kind: str = "labs") -> dict[str, Any]:
    """The one row of a file that has no other."""
    assert list(parsed.frames) == [kind]
    assert parsed.refused.empty
    [row] = parsed.frames[kind].to_dict("records")
    return {key: value for key, value in row.items() if value == value and value is not None}


def reasons(parsed: Parsed) -> list[str]:
    return list(parsed.refused["reason"])


def test_a_result_with_all_it_refers_to() -> None:
    sent = observation(
        note=[{"text": "one"}, {"text": "two"}], method={"text": "Assay A"}, interpretation=[{"coding": [{"code": "H"}]}],
        referenceRange=[{"low": {"value": 2.5, "unit": "mg/dL"}, "high": {"value": 4.50, "unit": "mg/dL"}}],
    )  # fmt: skip
    row = only(read(patient(), specimen(type={"coding": [{"code": "SER"}]}, condition=[{"text": "haemolysed"}]), sent))
    assert json.loads(row.pop("source:resource")) == sent
    assert row == {
        "row_no": 1, "line_no": row["line_no"], "patient": "007", "second_identifier": "N007", "date_of_birth": "1957-02-03",
        "family_name": "Example", "given_name": "Alex", "sex": "female", "code": "2777-1", "value": "5.5", "unit_text": "mg/dL",
        "status": "final", "collected_at": "2026-03-01T08:00:00Z", "issued_at": "2026-03-01T10:00:00Z", "accession": "S1",
        "specimen": "SER", "condition": "haemolysed", "comment": "one | two", "assay": "Assay A", "abnormal": "H",
        "reference_range": "2.5-4.5", "upper_limit": "2.5-4.5",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text", "unit"),
    [
        ('"valueQuantity": {"value": 5.50, "unit": "mg/dL"}', "5.50", "mg/dL"),
        ('"valueQuantity": {"value": 11.0, "comparator": ">", "unit": "mg/dL"}', ">11.0", "mg/dL"),
        ('"valueQuantity": {"value": 1e2, "unit": "mg/dL"}', "100", "mg/dL"),
        ('"valueQuantity": {"value": 7.90E0, "comparator": "<", "unit": "mg/dL"}', "<7.90", "mg/dL"),
        ('"valueQuantity": {"value": 1e999, "unit": "mg/dL"}', "1e999", "mg/dL"),
        ('"valueQuantity": {"value": 5, "unit": "x", "system": "http://unitsofmeasure.org", "code": "mg/dL"}', "5", "mg/dL"),
        ('"valueQuantity": {"value": "5.5", "unit": "mg/dL"}', "not a FHIR quantity: 5.5", "mg/dL"),
        ('"valueQuantity": {"value": 5.5, "comparator": "~", "unit": "mg/dL"}', "not a FHIR quantity: ~5.5", "mg/dL"),
        ('"valueQuantity": {"unit": "mg/dL"}', None, "mg/dL"),
        ('"valueString": "see comment"', "see comment", None),
        ('"valueInteger": 7', "7", None),
        ('"valueBoolean": true', "Boolean: True", None),
        ('"valueCodeableConcept": {"coding": [{"code": "260385009", "display": "Negative"}]}', "Negative", None),
        ('"valueRange": {"low": {"value": 3}, "high": {"value": 5, "unit": "mg/dL"}}', "3-5", "mg/dL"),
        ('"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}', "1:128", None),
        ('"dataAbsentReason": {"text": "unknown"}', None, None),
    ],
)  # fmt: skip
def test_every_value_keeps_its_text(value: str, text: str | None, unit: str | None) -> None:
    sent = json.dumps(observation(valueQuantity=None))[:-1] + f", {value}}}"
    row = only(fhir.parse(ndjson(*CONTEXT) + sent.encode(), feed()))
    assert (row.get("value"), row.get("unit_text")) == (text, unit)


@pytest.mark.parametrize(
    ("status", "ours"),
    [(status, status) for status in ("final", "preliminary", "amended", "corrected", "cancelled", "entered-in-error", "unknown")]
    + [("registered", "preliminary"), (None, "(none)")],
)
def test_every_status(status: str | None, ours: str) -> None:
    assert only(read(*CONTEXT, observation(status=status)))["status"] == ours


def test_a_panel_is_no_row_and_each_component_is_one() -> None:
    panel = observation(id="panel", valueQuantity=None, hasMember=[{"reference": "Observation/o1"}])
    parts = observation(valueQuantity=None, component=[
        {"code": {"coding": [{"code": "A"}]}, "valueQuantity": {"value": 1}},
        {"code": {"coding": [{"code": "B"}]}, "dataAbsentReason": {"text": "x"}},
    ])  # fmt: skip
    parsed = read(*CONTEXT, panel, parts)
    assert parsed.frames["labs"][["row_no", "code"]].values.tolist() == [[1, "A"], [2, "B"]]
    assert parsed.ignored == {"Observation (panel)": 1}


def test_the_coding_the_mapping_names_wins_over_the_first() -> None:
    codings = [{"system": "urn:local", "code": "P1"}, {"system": "http://loinc.org", "code": "2777-1"}]
    assert only(read(*CONTEXT, observation(code={"coding": codings})))["code"] == "2777-1"


@pytest.mark.parametrize(
    ("system", "code"),
    [("http://loinc.org", "2777-1"), ("", "2777-1"), ("urn:other", "urn:other|2777-1"), ([], "|2777-1"), (5, "|2777-1")],
)
def test_a_code_of_a_system_nobody_described_is_not_ours(system: Any, code: str) -> None:
    assert only(read(*CONTEXT, observation(code={"coding": [{"system": system, "code": "2777-1"}]})))["code"] == code


@pytest.mark.parametrize("status", ["cancelled", "entered-in-error"])
def test_a_withdrawn_report_withdraws_what_it_contains_and_only_one_row_is_made(status: str) -> None:
    inner = observation(subject=None, issued=None, effectiveDateTime=None, identifier=[{"system": "x", "value": "r1"}])
    report = {
        "resourceType": "DiagnosticReport", "status": status, "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2026-03-01T08:00:00Z", "issued": "2026-03-02T08:00:00Z", "contained": [inner],
        "result": [{"reference": "#o1"}],
    }  # fmt: skip
    row = only(read(*CONTEXT, report))
    assert (row["status"], row["issued_at"], row["patient"]) == (status, "2026-03-02T08:00:00Z", "007")
    alone = only(read(*CONTEXT, report, observation(id="other", identifier=inner["identifier"])))
    assert alone["status"] == status


def test_a_result_takes_its_time_from_the_report_or_the_specimen() -> None:
    taken = specimen(collection={"collectedDateTime": "2026-02-28"})
    assert only(read(patient(), taken, observation(effectiveDateTime=None)))["collected_at"] == "2026-02-28"


@pytest.mark.parametrize(
    ("resources", "reason"),
    [
        ([observation()], "unresolved_reference"),
        ([patient(), observation()], "unresolved_reference"),
        ([*CONTEXT, observation(subject=None)], "missing_patient"),
        ([*CONTEXT, observation(subject={"reference": "Group/1"})], "not_a_patient"),
        ([*CONTEXT, observation(subject={"reference": "http://elsewhere.example/Patient/p1"})], "unresolved_reference"),
        ([patient(identifier=[]), specimen(), observation()], "missing_patient"),
        ([patient(identifier=[*TWO["identifier"], *patient()["identifier"]]), specimen(), observation()], "uncertain_patient"),
        ([patient(), patient("008"), specimen(), observation()], "unresolved_reference"),
        ([patient(), patient("008", "p2"), specimen(subject={"reference": "Patient/p2"}), observation()], "two_patients"),
        ([patient(), specimen(status="entered-in-error"), observation()], "specimen_in_error"),
        ([*CONTEXT, observation(focus=[{"reference": "Device/1"}])], "other_subject"),
        ([*CONTEXT, observation(valueString="5.5")], "two_values"),
        ([*CONTEXT, observation(dataAbsentReason={"text": "x"})], "two_values"),
        ([*CONTEXT, observation(modifierExtension=[{"url": "urn:not", "valueBoolean": True}])], "unknown_modifier"),
        ([*CONTEXT, observation(component=[{"code": {}, "modifierExtension": [{"url": "urn:not"}]}])], "unknown_modifier"),
        ([*CONTEXT, observation(implicitRules="urn:rules")], "unknown_modifier"),
        ([*CONTEXT, {"resourceType": "Bundle", "entry": [{"resource": observation()}]}], "nested_bundle"),
    ],
)  # fmt: skip
def test_what_nobody_can_use_is_refused_by_itself(resources: list[dict[str, Any]], reason: str) -> None:
    parsed = read(*resources)
    assert reasons(parsed) == [reason]
    assert not parsed.frames
    said = " ".join(parsed.refused[["sentence", "remedy"]].iloc[0])
    assert not any(secret in said for secret in ("007", "Example", "Alex", "p1"))


def test_rows_keep_their_numbers_when_what_they_wait_for_arrives() -> None:
    parts = observation(component=[{"code": {"coding": [{"code": "A"}]}, "valueInteger": 1}])
    raw = ndjson(parts, observation(id="o2"))
    waiting = fhir.parse(raw, feed())
    assert list(waiting.refused["row_no"]) == [1, 2, 3]
    earlier = fhir.parse(ndjson(*CONTEXT), feed()).resources
    asked: list[str] = []

    def lookup(references: list[str]) -> dict[str, str]:
        asked.extend(references)
        return {reference: earlier[reference] for reference in references if reference in earlier}

    mended = fhir.parse(raw, feed(), lookup)
    reports = ["DiagnosticReport?result=Observation/o1", "DiagnosticReport?result=Observation/o2"]
    assert asked == [*reports, "Patient/p1", "Specimen/s1"]
    assert list(mended.frames["labs"]["row_no"]) == [1, 2, 3]
    assert mended.refused.empty


def test_references_by_urn_by_address_by_version_and_by_identifier() -> None:
    urls = ("urn:uuid:1", "http://a.example/fhir/Specimen/s1")
    at = "http://a.example/fhir/Specimen/s1/_history/2"
    by_urn = observation(subject={"reference": "urn:uuid:1"}, specimen={"reference": at})
    assert only(fhir.parse(bundle(*CONTEXT, by_urn, urls=urls), feed()))["accession"] == "S1"
    versioned = observation(subject={"reference": "Patient/p1/_history/3"})
    assert only(read(*CONTEXT, versioned))["patient"] == "007"
    logical = observation(subject={"identifier": {"system": "urn:example:hospital", "value": "042"}})
    assert only(read(*CONTEXT, logical))["patient"] == "042"
    conditional = observation(subject={"reference": "Patient?identifier=urn:example:hospital|043"})
    assert only(read(*CONTEXT, conditional))["patient"] == "043"
    own = observation(subject={"reference": "#p"}, contained=[patient("044", "p")])
    assert only(read(*CONTEXT, own))["patient"] == "044"


def test_one_id_on_two_servers_is_two_patients() -> None:
    places = ("a.example/Patient/p1", "b.example/Patient/p1", "a.example/Specimen/s1", "b.example/Observation/o1")
    urls = tuple(f"http://{place}" for place in places)
    sent = (patient("1"), patient("2"), specimen(), observation())
    assert fhir.parse(bundle(*sent, urls=urls), feed()).frames["labs"]["patient"].tolist() == ["2"]
    assert reasons(fhir.parse(bundle(*sent, urls=urls[:3]), feed())) == ["unresolved_reference"]


def test_one_bad_line_costs_only_itself() -> None:
    good = ndjson(*CONTEXT, observation())
    for bad, reason in (
        (b'{"resourceType": "Observation", "id": "o', "truncated"), (b'{"resourceType": "Observation",}', "broken_json"),
        (b'{"a": 1}', "not_fhir"), (b'{"resourceType": "Observation", "id": "\xff"}', "mis_encoded"),
        (b'{"resourceType": "Observation", "id": "a", "id": "b"}', "repeated_key"),
        (b'{"resourceType": "Observation", "value": NaN}', "broken_json"), (ndjson(observation())[:-1] * 2, "broken_json"),
        (b'{"resourceType": "Observation", "id": "\\ud800"}', "mis_encoded"), (b'{"a": ' * 5000, "too_deep"),
        (b'{"resourceType": "Observation", "a": ' + b"[" * 70 + b"]" * 70 + b"}", "too_deep"),
        (b'{"resourceType": "Observation", "a": ' + b"1" * 100 + b"}", "broken_json"),
    ):  # fmt: skip
        for raw in (good + bad + b"\n", bad + b"\n" + good):
            parsed = fhir.parse(raw, feed())
            assert reasons(parsed) == [reason]
            assert len(parsed.frames["labs"]) == 1


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b" \n", "empty_file"), (b"\xff\xfe{\x00}\x00", "mis_encoded"), (b"<Bundle/>", "not_fhir"), (b'{"a": 1}', "not_fhir"),
        (bundle(observation())[:-20], "truncated"), (bundle(observation()) + b"]", "broken_json"), (b"[" * 9999, "too_deep"),
        (b'{"resourceType": "Bundle", "entry": [], "entry": []}', "repeated_key"), (b'"Bundle"', "not_fhir"),
        (b'{"resourceType": "Bundle", "modifierExtension": []}', "unknown_modifier"), (b"{\x00}", "truncated"),
    ],
)  # fmt: skip
def test_a_file_nobody_can_trust_is_refused_as_a_whole(raw: bytes, reason: str) -> None:
    with pytest.raises(FeedError) as refused:
        fhir.parse(raw, feed())
    assert refused.value.reason == reason


def test_a_file_beyond_the_cap_is_not_read() -> None:
    with pytest.raises(FeedError, match="bytes"):
        fhir.parse(ndjson(observation()), feed(caps={"bytes": 10}))


def test_a_byte_order_mark_and_foreign_extensions_do_no_harm() -> None:
    sent = observation(extension=[{"url": "urn:x", "valueString": "y"}])
    raw = b"\xef\xbb\xbf" + bundle(*CONTEXT, sent, {"resourceType": "Claim"})
    assert fhir.parse(raw, feed()).ignored == {"Claim": 1, "extension": 1}


def test_a_deletion_at_the_source_is_not_lost() -> None:
    raw = b'{"resourceType": "Bundle", "entry": [{"request": {"method": "DELETE", "url": "Observation/o1"}}]}'
    assert reasons(fhir.parse(raw, feed())) == ["deleted_at_source"]


def test_medications() -> None:
    subject = {"reference": "Patient/p1"}
    request = {
        "resourceType": "MedicationRequest", "id": "m1", "status": "active", "intent": "order", "subject": subject,
        "authoredOn": "2026-01-05", "medicationReference": {"reference": "#d"}, "dosageInstruction": [{"text": "5 mg daily"}],
        "contained": [{"resourceType": "Medication", "id": "d", "code": {"text": "warfarin"}}],
        "dispenseRequest": {"expectedSupplyDuration": {"value": 4, "code": "wk", "system": "http://unitsofmeasure.org"}},
    }  # fmt: skip
    row = only(read(patient(), request), "medications")
    assert {key: row[key] for key in ("drug", "order", "status", "started_on", "days_supply", "dose")} == {
        "drug": "warfarin", "order": "MedicationRequest/m1", "status": "active", "started_on": "2026-01-05", "days_supply": "28",
        "dose": "5 mg daily",
    }  # fmt: skip
    statement = {
        "resourceType": "MedicationStatement", "id": "m2", "status": "completed", "subject": subject,
        "medicationCodeableConcept": {"text": "sevelamer"}, "effectivePeriod": {"start": "2025-01-01", "end": "2026-02-28"},
    }  # fmt: skip
    row = only(read(patient(), statement), "medications")
    assert (row["status"], row["ended_on"]) == ("stopped", "2026-03-01")
    changes = {"doNotPerform": {"doNotPerform": True}, "draft": {"status": "draft"}, "option": {"intent": "option"}}
    for word, change in changes.items():
        assert read(patient(), {**request, **change}).ignored == {f"MedicationRequest ({word})": 1}


def test_a_reconciled_list_dates_its_drugs_and_has_no_holes() -> None:
    subject = {"reference": "Patient/p1"}
    statement = {
        "resourceType": "MedicationStatement", "id": "m1", "status": "active", "subject": subject,
        "medicationCodeableConcept": {"text": "warfarin"},
    }  # fmt: skip
    kept = {
        "resourceType": "List", "status": "current", "mode": "snapshot", "date": "2026-03-01", "subject": subject,
        "code": {"coding": [{"code": "10160-0"}]}, "entry": [{"item": {"reference": "MedicationStatement/m1"}}],
    }  # fmt: skip
    rows = read(patient(), statement, kept).frames["medications"]
    assert rows["listed_on"].tolist() == ["2026-03-01"] * 3
    assert rows["drug"].fillna("").tolist() == ["warfarin", "", "warfarin"]
    assert reasons(read(patient(), kept)) == ["unresolved_reference"] * 2


def test_census_facts_and_links() -> None:
    subject = {"reference": "Patient/p1"}
    stay = {
        "resourceType": "Encounter", "status": "finished", "class": {"code": "IMP"}, "subject": subject,
        "period": {"start": "2026-02-01", "end": "2026-02-05"}, "location": [{"location": {"display": "Unit One"}}],
    }  # fmt: skip
    visit = {**stay, "class": {"code": "AMB"}}
    census = read(patient(deceasedDateTime="2026-03-01"), stay, visit).frames["census"]
    assert census[["status", "effective_on"]].values.tolist() == [
        ["died", "2026-03-01"], ["admitted", "2026-02-01"], ["active", "2026-02-05"],
    ]  # fmt: skip
    assert census["unit"].tolist()[1:] == ["N1", "N1"]
    code = {"coding": [{"system": "urn:s", "code": "73211009"}]}
    illness = {"resourceType": "Condition", "subject": subject, "code": code, "recordedDate": "2020-01-01"}
    row = only(read(patient(), illness), "facts")
    assert (row["fact"], row["code"], row["happened_on"], row["status"]) == ("diabetes", "urn:s|73211009", "2020-01-01", "final")
    weight = observation(code={"coding": [{"code": "29463-7"}]}, valueQuantity={"value": 71.5, "unit": "kg"})
    assert only(read(*CONTEXT, weight), "facts")["value"] == "71.5"
    changed = {"lastUpdated": "2026-03-01T00:00:00Z"}
    old = patient("006", "p0", link=[{"type": "replaced-by", "other": subject}], meta=changed)
    row = only(read(patient(), old), "links")
    assert (row["patient"], row["merged_patient"], row["effective_at"]) == ("007", "006", changed["lastUpdated"])


def test_a_bulk_export_is_read_in_an_order_that_lets_references_be_found() -> None:
    names = ["Observation.ndjson", "List.ndjson", "1.Patient.ndjson.gz", "Specimen-0001.ndjson", "Medication.ndjson"]
    names += ["Encounter.ndjson", "MedicationStatement.ndjson", "DiagnosticReport.ndjson"]
    assert [name.split(".")[0] for name in sorted(names, key=fhir.order)] == [
        "1", "Medication", "Specimen-0001", "Encounter", "DiagnosticReport", "MedicationStatement", "Observation", "List",
    ]  # fmt: skip


@needs("fhir-uscore")
def test_the_published_example_is_refused_with_a_reason_and_read_once_its_specimen_may_be_unknown() -> None:
    raw = (DATA / "fhir-uscore" / "Observation-serum-calcium.json").read_bytes()
    assert reasons(fhir.parse(raw, feed(fhir={}))) == ["unresolved_reference"]
    row = only(fhir.parse(raw, feed(fhir={"specimens": "optional"})))
    assert (row["patient"], row["code"], row["value"], row["unit_text"]) == ("example", "17861-6", "7.7", "mg/dL")


def test_one_result_by_hl7_and_by_fhir_has_one_identity() -> None:
    message = "\r".join([
        "MSH|^~\\&|LAB|HOSP|NW|HOSP|20260301100000+0000||ORU^R01^ORU_R01|M1|P|2.5.1",
        "PID|1||007^^^HOSP^MR||EXAMPLE^ALEX||19570203|F",
        "OBR|1|O1|S1|RFP^Renal panel^L|||20260301080000+0000|||||||||||||||20260301100000+0000|||F",
        "OBX|1|NM|2777-1^Phosphate^LN||5.5|mg/dL|2.5-4.5|H|||F|||20260301080000+0000", "",
    ])  # fmt: skip
    same = ("patient", "accession", "code", "value", "unit_text", "status", "specimen")
    described = feed(format="hl7v2", fhir={}, mapping={"codes": {"2777-1": "phosphate"}})
    [by_hl7] = hl7v2.parse(message.encode(), described).frames["labs"].fillna("").to_dict("records")
    [by_fhir] = read(*CONTEXT, observation()).frames["labs"].fillna("").to_dict("records")
    assert [by_fhir[name] for name in same] == ["007", "S1", "2777-1", "5.5", "mg/dL", "final", ""]
    assert [by_hl7[name] for name in same] == [by_fhir[name] for name in same]
