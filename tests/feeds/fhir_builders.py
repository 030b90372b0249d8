"""Synthetic FHIR resources, and a feed that reads them."""

from __future__ import annotations

import json
from typing import Any

from monitors.config import Feed

NUMBERS = "urn:example:hospital"
SECOND = "urn:example:national"


def feed(**change: Any) -> Feed:
    body: dict[str, Any] = {
        "format": "fhir", "location": "inbox", "laboratory": "lab-a", "authority": "hospital-a", "unit": "N1",
        "zone": "Europe/London", "fhir": {"patient_system": NUMBERS, "second_system": SECOND},
        "mapping": {
            "codes": {"2777-1": "phosphate", "17861-6": "calcium", "PTH-X": "pth"},
            "facts": {"73211009": "diabetes", "29463-7": "weight"},
            "places": {"Unit One": "N1"}, "specimens": {"UR": "urine"},
        },
    }  # fmt: skip
    return Feed.model_validate({**body, **change})


def patient(number: str = "007", identity: str = "p1", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient", "id": identity, "birthDate": "1957-02-03", "gender": "female",
        "identifier": [{"system": NUMBERS, "value": number}, {"system": SECOND, "value": f"N{number}"}],
        "name": [{"family": "Example", "given": ["Alex"]}], **more,
    }  # fmt: skip


def specimen(accession: str = "S1", identity: str = "s1", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Specimen", "id": identity, "accessionIdentifier": {"value": accession}, **more}


def observation(**more: Any) -> dict[str, Any]:
    """A phosphate of patient p1 on specimen s1; an element given as None is left out."""
    body = {
        "resourceType": "Observation", "id": "o1", "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "2777-1"}]},
        "subject": {"reference": "Patient/p1"}, "specimen": {"reference": "Specimen/s1"},
        "effectiveDateTime": "2026-03-01T08:00:00Z", "issued": "2026-03-01T10:00:00Z",
        "valueQuantity": {"value": 5.5, "unit": "mg/dL", "system": "http://unitsofmeasure.org", "code": "mg/dL"}, **more,
    }  # fmt: skip
    return {key: value for key, value in body.items() if value is not None}


def bundle(*resources: dict[str, Any], kind: str = "collection", urls: tuple[str, ...] = ()) -> bytes:
    entries: list[dict[str, Any]] = [{"resource": resource} for resource in resources]
    for entry, url in zip(entries, urls, strict=False):
        entry["fullUrl"] = url
    return json.dumps({"resourceType": "Bundle", "type": kind, "entry": entries}, indent=1).encode()


def ndjson(*resources: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(resource).encode() + b"\n" for resource in resources)
