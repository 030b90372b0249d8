"""One result of one laboratory, by HL7 v2 and by FHIR: stored once and known once, whichever comes first."""

from __future__ import annotations

from pathlib import Path

import feed_builders as build
import pytest

from monitors.database import Database

HL7 = "\r".join([
    "MSH|^~\\&|LIS|LAB|NW|HOSP|20260301090000||ORU^R01^ORU_R01|1|P|2.5.1", "PID|1||007^^^H^MR||EXAMPLE^ANN",
    "OBR|1||S1^LAB|CHEM^Chemistry^L|||20260301080000+0000|||||||||||||||20260301100000+0000|||F",
    "OBX|1|NM|PHOS^Phosphate^L||1.80|mmol/L|0.8-1.5|H|||F|||20260301080000+0000", "SPM|1|S1||SER^Serum^HL70487", "",
])  # fmt: skip
FHIR = """{"resourceType": "Bundle", "type": "collection", "entry": [
 {"fullUrl": "urn:uuid:p", "resource": {"resourceType": "Patient", "id": "007"}},
 {"fullUrl": "urn:uuid:s", "resource": {"resourceType": "Specimen", "id": "s1", "accessionIdentifier": {"value": "S1"},
  "type": {"coding": [{"code": "119364003", "display": "Serum"}]}, "subject": {"reference": "Patient/007"}}},
 {"fullUrl": "urn:uuid:o", "resource": {"resourceType": "Observation", "id": "o1", "status": "final",
  "code": {"coding": [{"code": "PHOS"}]}, "subject": {"reference": "Patient/007"}, "specimen": {"reference": "Specimen/s1"},
  "effectiveDateTime": "2026-03-01T08:00:00Z", "issued": "2026-03-01T10:00:00Z",
  "valueQuantity": {"value": 1.8, "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L"},
  "referenceRange": [{"low": {"value": 0.8, "unit": "mmol/L"}, "high": {"value": 1.5, "unit": "mmol/L"}}]}}]}
"""
SPECIMENS = {"SER": "blood", "119364003": "blood", "Serum": "blood"}


@pytest.mark.parametrize("first", ["hl7v2", "fhir"])
def test_the_same_result_by_two_formats_is_stored_once(database: Database, tmp_path: Path, first: str) -> None:
    build.begin(database)
    change = {"kinds": ["labs"], "mapping": {"specimens": SPECIMENS}}
    raws = {"hl7v2": HL7, "fhir": FHIR}
    counts = []
    for name in sorted(raws, key=lambda name: name != first):
        file_id = build.take(database, raws[name].encode(), build.feed({"format": name, **change}), f"1.{name}", str(tmp_path))
        assert file_id is not None
        counts.append(build.account(database, file_id))
    assert [(found["stored"], found["known"], found["quarantined"]) for found in counts] == [(1, 0, {}), (0, 1, {})]
    assert build.current(database) == [("007", 1, 5.574481)]
