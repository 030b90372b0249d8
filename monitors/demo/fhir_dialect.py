"""The demo's fifth laboratory speaks FHIR R4: a Bulk Data export for history, a Bundle a night.

Rows are those of `generate.results`; a resource a result, a Specimen and a DiagnosticReport a draw. Nothing here is
shared with the parser: what both know is the standard.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd

from monitors.demo.dialects import Assayed, Laboratory
from monitors.demo.hl7_dialect import NAMES

Person = Mapping[Hashable, object]
Resource = dict[str, Any]
LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
TABLES = "http://terminology.hl7.org/CodeSystem"
HOME = "https://prairie.example/fhir"  # the base of the identifiers' systems; nothing is ever asked there
PRAIRIE = Laboratory(
    unit="N5", zone="America/Chicago", dates="%Y-%m-%dT%H:%M:%S%z", accession="P-",
    statuses={"final": "final", "preliminary": "preliminary", "corrected": "corrected", "cancelled": "cancelled",
              "wrong": "entered-in-error"},
    analytes={
        "phosphate": Assayed("2777-1", "mg/dL"), "calcium": Assayed("17861-6", "mg/dL"),
        "pth": Assayed("2731-8", "pg/mL", 1, 0, 5, 2500), "albumin": Assayed("1751-7", "g/dL"),
        "alkaline_phosphatase": Assayed("6768-6", "U/L", 1, 0), "potassium": Assayed("2823-3", "mmol/L"),
        "crp": Assayed("1988-5", "mg/L", 1, 0, 3), "inr": Assayed("6301-6", "{INR}"),
        "haemoglobin": Assayed("718-7", "g/dL"), "urine_phosphate": Assayed("2778-9", "mg/dL"),
    },
    pth_method="Intact PTH, assay E", pth_limit="68",
)  # fmt: skip


def patient(person: Person) -> Resource:
    born = person["born"]
    return _filled({
        "resourceType": "Patient", "id": _id(person["identifier"]),
        "identifier": [{"system": f"{HOME}/mrn", "value": person["identifier"]}],
        "name": [{"use": "official", "family": person["family"], "given": [person["given"]]}],
        "gender": {"F": "female", "M": "male"}[str(person["sex"])],
        "birthDate": born.isoformat() if isinstance(born, date) else "",
    })  # fmt: skip


def care(person: Person, since: date) -> Resource:
    """The EpisodeOfCare that says a patient is under this unit's care."""
    return {
        "resourceType": "EpisodeOfCare", "id": f"care-{_id(person['identifier'])}", "status": "active",
        "patient": _reference("Patient", person["identifier"]), "period": {"start": since.isoformat()},
    }  # fmt: skip


def requests(rows: Iterable[Sequence[str]]) -> list[Resource]:
    """A MedicationRequest for each row of `lists.on_list`: patient, order, drug, dose, start, stop, day of the list."""
    return [
        _filled({
            "resourceType": "MedicationRequest", "id": order, "intent": "order", "status": "stopped" if stop else "active",
            "identifier": [{"system": f"{HOME}/order", "value": order}],
            "medicationCodeableConcept": {"text": drug}, "subject": _reference("Patient", identifier), "authoredOn": start,
            "dosageInstruction": [{"text": dose}],
            "dispenseRequest": {"validityPeriod": {"start": start, "end": stop}},
        })
        for identifier, order, drug, dose, start, stop, _ in rows
    ]  # fmt: skip


def medication_lists(identifiers: Iterable[str], rows: Iterable[Sequence[str]], day: date) -> list[Resource]:
    """A List for each patient: on this day the medications were gone through, and these of the rows were current."""
    current: dict[str, list[str]] = {str(identifier): [] for identifier in identifiers}
    for identifier, order, _, _, _, stop, _ in rows:
        if not stop:
            current[identifier].append(order)
    return [
        _filled({
            "resourceType": "List", "id": f"medications-{_id(identifier)}", "status": "current", "mode": "snapshot",
            "code": {"coding": [{"system": LOINC, "code": "10160-0", "display": "History of medication use"}]},
            "subject": _reference("Patient", identifier), "date": day.isoformat(),
            "entry": [{"item": {"reference": f"MedicationRequest/{order}"}} for order in orders],
        })
        for identifier, orders in current.items()
    ]  # fmt: skip


def results(rows: pd.DataFrame, contained: int = 0) -> list[Resource]:
    """A Specimen, an Observation a result, and a DiagnosticReport for each draw, in that order, draws as they come.

    contained: so many draws, the first ones, have their Observations inside their report.
    """
    resources: list[Resource] = []
    for place, (accession, own) in enumerate(rows.groupby("accession", sort=False)):
        first, inside = own.iloc[0], place < contained
        subject, specimen = _reference("Patient", first["identifier"]), _id(accession)
        measured = [_observation(row, subject, specimen) for row in own.to_dict("records")]
        resources.append(_filled({
            "resourceType": "Specimen", "id": specimen, "subject": subject,
            "accessionIdentifier": {"system": f"{HOME}/accession", "value": str(accession)},
            "type": _coded("v2-0487", first.get("specimen") or "SER"),
            "collection": {"collectedDateTime": _instant(first["collected"])},
            "condition": [_coded("v2-0493", first["condition"])] if first.get("condition") else [],
        }))  # fmt: skip
        resources += [] if inside else measured
        resources.append(_filled({
            "resourceType": "DiagnosticReport", "id": f"report-{specimen}-{_id(first['issued'])}", "status": "final",
            "contained": measured if inside else [],
            "code": {"text": "Mineral and bone profile"}, "subject": subject, "effectiveDateTime": _instant(first["collected"]),
            "issued": _instant(first["issued"]), "specimen": [{"reference": f"Specimen/{specimen}"}],
            "result": [{"reference": f"{'#' if inside else 'Observation/'}{one['id']}"} for one in measured],
        }))  # fmt: skip
    return resources


def _observation(row: Mapping[Hashable, Any], subject: Resource, specimen: str) -> Resource:
    limit = row["upper_limit"]
    return _filled({
        "resourceType": "Observation", "id": f"{specimen}-{row['code']}", "status": row["status"],
        "category": [_coded("observation-category", "laboratory")],
        "code": {"coding": [{"system": LOINC, "code": row["code"], "display": NAMES[row["analyte"]]}]},
        "subject": subject, "effectiveDateTime": _instant(row["collected"]), "issued": _instant(row["issued"]),
        **_value(row["value_text"], row["unit_text"]),
        "method": {"text": row["assay"]} if row["assay"] else {},
        "referenceRange": [{"high": {"value": float(limit), "unit": row["unit_text"]}}] if limit else [],
        "note": [{"text": row["note"]}] if row["note"] else [],
        "specimen": {"reference": f"Specimen/{specimen}"},
    })  # fmt: skip


def _value(text: str, unit: str) -> Resource:
    """A Quantity, with a comparator where the method could not count; words as a string; nothing with its reason."""
    if not text:
        return {"dataAbsentReason": _coded("data-absent-reason", "not-performed")}
    comparator = text[0] if text[0] in "<>" else ""
    number = text.removeprefix(comparator)
    if not number.replace(".", "", 1).isdigit():
        return {"valueString": text}
    quantity = {"comparator": comparator, "unit": unit, "system": UCUM if unit else "", "code": unit}
    return {"valueQuantity": _filled({"value": json.loads(number), **quantity})}


def ndjson(resources: Iterable[Resource]) -> dict[str, bytes]:
    """As Bulk Data exports them: file name -> resources of one type, one a line; types in the order they come in."""
    by_type: dict[str, list[str]] = {}
    for one in resources:
        by_type.setdefault(one["resourceType"], []).append(_json(one))
    return {
        f"{number}.{kind}.ndjson": ("\n".join(lines) + "\n").encode()
        for number, (kind, lines) in enumerate(by_type.items(), start=1)
    }


def bundle(resources: Iterable[Resource], name: str) -> bytes:
    """As one collection Bundle."""
    entries = [{"fullUrl": f"{HOME}/{one['resourceType']}/{one['id']}", "resource": one} for one in resources]
    return _json({"resourceType": "Bundle", "id": name, "type": "collection", "entry": entries}).encode()


def _json(resource: Resource) -> str:
    return json.dumps(resource, ensure_ascii=False, separators=(",", ":"))


def _coded(table: str, code: str) -> Resource:
    return {"coding": [{"system": f"{TABLES}/{table}", "code": code}]}


def _reference(kind: str, identifier: object) -> Resource:
    return {"reference": f"{kind}/{_id(identifier)}"}


def _id(text: object) -> str:
    return "".join(sign if sign.isalnum() or sign in "-." else "-" for sign in str(text))[:64]


def _instant(moment: str) -> str:
    """A local time with its offset, which FHIR writes with a colon."""
    return f"{moment[:-2]}:{moment[-2:]}" if moment else ""


def _filled(resource: Resource) -> Resource:
    """Without what is empty: FHIR has no empty element."""
    kept = {key: _filled(value) if isinstance(value, dict) else value for key, value in resource.items()}
    return {key: value for key, value in kept.items() if value not in ("", [], {}, None)}
