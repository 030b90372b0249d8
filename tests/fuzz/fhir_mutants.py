"""FHIR resources of three patients, and what goes wrong with such on their way.

Every number, order and value names its patient, by texts no one damage turns into another's. Not made: damage no reader
could tell from a good resource (a value copied from another whole resource; a subject changed together with its specimen).
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pandas as pd

from monitors.feed_model import Feed
from monitors.feeds import fhir, fhir_frames, fhir_pieces
from tests.fuzz.harness import Reading

Resource = dict[str, Any]
PEOPLE = {"ada": ("AA111111", "4.444"), "ben": ("BB222222", "6.666"), "cyd": ("CC333333", "8.888")}
OWNERS = {
    text: name
    for name, (number, value) in PEOPLE.items()
    for text in (number, f"OLD-{number}", f"9{number}", value, f">1{value}", f"1{value}", f"S-{number}", f"RX-{number}")
}
NAMES = ("patient", "merged_patient", "second_identifier", "accession", "order", "value")
SYSTEM, SECOND = "urn:hospital", "urn:national"
WILD: tuple[Any, ...] = (
    None, True, 0, -1, 1e308, "", " ", "NaN", "NA", "٦", "\0", [], {}, [[]], [None], [{}], {"reference": 5}, {"reference": "#"},
    {"reference": "Patient/"}, {"coding": "x"}, {"coding": [1]}, [{"coding": [{"code": 1}]}], "Patient/p-nobody", "2026-02-30",
    "x" * 3000,
)  # fmt: skip


def _patient(who: str, **more: Any) -> Resource:
    number = PEOPLE[who][0]
    identifiers = [{"system": SYSTEM, "value": number}, {"system": SECOND, "value": f"9{number}"}]
    return {
        "resourceType": "Patient", "id": f"p-{who}", "identifier": identifiers, "birthDate": "1960-01-01",
        "name": [{"family": "Doe", "given": [who.title()]}], "gender": "female", **more,
    }  # fmt: skip


def _person(who: str) -> list[Resource]:
    number, value = PEOPLE[who]
    subject = {"reference": f"Patient/p-{who}"}
    loinc = "http://loinc.org"
    shared = {
        "resourceType": "Observation", "status": "final", "subject": subject, "specimen": {"reference": f"Specimen/s-{who}"},
        "effectiveDateTime": "2026-02-27T07:30:00Z", "issued": "2026-02-27T11:00:00Z", "note": [{"text": "tube received late"}],
    }  # fmt: skip
    phosphate, pth, calcium = ({"coding": [{"system": loinc, "code": code}]} for code in ("2777-1", "2731-8", "17861-6"))
    unit = {"unit": "mg/dL", "system": "http://unitsofmeasure.org", "code": "mg/dL"}
    return [
        _patient(who),
        {"resourceType": "Specimen", "id": f"s-{who}", "accessionIdentifier": {"value": f"S-{number}"}, "subject": subject,
         "type": {"coding": [{"code": "BLD"}]}},
        {**shared, "id": f"o1-{who}", "code": phosphate,
         "valueQuantity": {"value": float(value), **unit}},
        {**shared, "id": f"o2-{who}", "status": "corrected", "code": pth,
         "component": [{"code": calcium, "valueQuantity": {"value": float(f"1{value}"), **unit}}]},
        {"resourceType": "MedicationRequest", "id": f"m-{who}", "status": "active", "intent": "order", "subject": subject,
         "identifier": [{"value": f"RX-{number}"}], "authoredOn": "2026-01-05", "medicationReference": {"reference": "#d"},
         "contained": [{"resourceType": "Medication", "id": "d", "code": {"text": "warfarin"}}],
         "dosageInstruction": [{"text": "5 mg"}]},
        {"resourceType": "Encounter", "id": f"e-{who}", "status": "finished", "class": {"code": "IMP"}, "subject": subject,
         "period": {"start": "2026-02-01", "end": "2026-02-05"}},
        {"resourceType": "Condition", "id": f"c-{who}", "subject": subject, "code": {"coding": [{"code": "73211009"}]},
         "recordedDate": "2020-01-01"},
    ]  # fmt: skip


def _report(who: str) -> Resource:
    result = {**_person(who)[2], "id": "r"}
    del result["subject"]
    return {"resourceType": "DiagnosticReport", "id": f"d-{who}", "status": "final", "subject": {"reference": f"Patient/p-{who}"},
            "contained": [result], "result": [{"reference": "#r"}]}  # fmt: skip


def _old(who: str) -> Resource:
    link = [{"type": "replaced-by", "other": {"reference": f"Patient/p-{who}"}}]
    number = [{"system": SYSTEM, "value": f"OLD-{PEOPLE[who][0]}"}]
    return {"resourceType": "Patient", "id": f"q-{who}", "identifier": number, "link": link,
            "meta": {"lastUpdated": "2026-02-27T00:00:00Z"}}  # fmt: skip


def _ndjson(resources: Iterable[Resource]) -> bytes:
    return b"".join(json.dumps(resource).encode() + b"\n" for resource in resources)


def _bundle(resources: Iterable[Resource], kind: str = "collection") -> bytes:
    base = "http://a.example/fhir"
    entries = [{"fullUrl": f"{base}/{r.get('resourceType')}/{r.get('id')}", "resource": r} for r in resources]
    # an entry a line, by hand: json.dumps(indent=...) is slow, and ten lines a resource are no better to damage than one
    lines = ",\n ".join(map(json.dumps, entries))
    return f'{{"resourceType": "Bundle", "type": "{kind}",\n "entry": [{lines}]}}'.encode()


def seeds() -> list[bytes]:
    """Exports of one, two and three patients, Bundles, an array, reports with contained results, links."""
    ada, ben, cyd = (_person(who) for who in PEOPLE)
    return [
        _ndjson([*ada, *ben]), _ndjson([*ada, *ben, *cyd]), _bundle([*ada, *ben]), _bundle(cyd, "searchset"),
        json.dumps(ada).encode(), _bundle([ada[0], ada[1], _report("ada"), ben[0], ben[1], _report("ben")]),
        _ndjson([*ben, _old("ben"), *cyd, _old("cyd")]),
    ]  # fmt: skip


def feed() -> Feed:
    return Feed.model_validate({
        "format": "fhir", "location": "inbox", "laboratory": "lab-a", "authority": "hospital-a", "unit": "N1",
        "zone": "Europe/London", "fhir": {"patient_system": SYSTEM, "second_system": SECOND},
        "mapping": {"codes": {"2777-1": "phosphate", "17861-6": "calcium"}, "facts": {"73211009": "diabetes"}},
    })  # fmt: skip


def read(raw: bytes, feed: Feed) -> Reading:
    found = fhir.read(raw, feed)
    pieces = fhir_pieces.pieces(raw, feed.caps.bytes)
    pieces = [piece for piece in pieces if piece.resource.get("resourceType") not in fhir.CONTEXT]
    rows = found.rows()
    told = sum(map(len, rows.values())) + len(found.refused) + sum(found.ignored.values())
    lost = [f"{len(pieces)} resources, {told} accounted for"] if told < len(pieces) else []
    return Reading(rows, [entry[2] for entry in found.refused], lost)


def names(kind: str, row: Any) -> Iterable[str | None]:
    return (row[2].get(name) for name in NAMES)


def frame(kind: str, rows: Sequence[Any], feed: Feed) -> pd.DataFrame:
    return fhir_frames.frame(kind, rows, feed)


def mutate(raw: bytes, rng: random.Random) -> bytes:
    """One damage to what patients share, or up to three to the bytes or to the structure."""
    kind = rng.random()
    if kind < 0.15:
        return _structured(raw, rng, rng.choice((_swap_subject, _swap_specimen, _same_id)))
    if kind < 0.6:
        for _ in range(rng.randint(1, 3)):
            raw = _structured(raw, rng, rng.choice((_wild, _wild, _remove, _modify, _drop, _twice, _deep)))
        return raw
    return rng.choice((_flip, _cut, _insert, _truncate, _repeat_key, _join_lines, _recode))(raw, rng)


def _structured(raw: bytes, rng: random.Random, change: Callable[[list[Resource], random.Random], None]) -> bytes:
    """Change resources, and write them as they were: lines, an array or a Bundle."""
    try:
        if raw.startswith(b"["):
            resources, write = json.loads(raw), lambda changed: json.dumps(changed).encode()
        elif b"\n " in raw:
            resources, write = [entry["resource"] for entry in json.loads(raw)["entry"]], _bundle
        else:
            resources, write = [json.loads(line) for line in raw.splitlines()], _ndjson
    except (ValueError, KeyError, TypeError):
        return raw
    if not resources or not all(isinstance(resource, dict) for resource in resources):
        return raw
    change(resources, rng)
    return bytes(write(resources))


def _place(resources: list[Resource], rng: random.Random) -> tuple[Any, Any]:
    """A random member of a random resource: its container and its key."""
    at: Any = rng.choice(resources)
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        if not keys:
            return {"x": 1}, "x"
        key = rng.choice(keys)
        if not isinstance(at[key], (dict, list)) or rng.random() < 0.3:
            return at, key
        at = at[key]


def _wild(resources: list[Resource], rng: random.Random) -> None:
    at, key = _place(resources, rng)
    at[key] = copy.deepcopy(rng.choice(WILD))


def _remove(resources: list[Resource], rng: random.Random) -> None:
    at, key = _place(resources, rng)
    del at[key]


def _modify(resources: list[Resource], rng: random.Random) -> None:
    at, _ = _place(resources, rng)
    if isinstance(at, dict):
        names = ("modifierExtension", "implicitRules", "extension", "valueString", "dataAbsentReason")
        at[rng.choice(names)] = [{"url": "urn:x"}]


def _drop(resources: list[Resource], rng: random.Random) -> None:
    del resources[rng.randrange(len(resources))]


def _twice(resources: list[Resource], rng: random.Random) -> None:
    resources.insert(rng.randrange(len(resources)), copy.deepcopy(rng.choice(resources)))


def _deep(resources: list[Resource], rng: random.Random) -> None:
    at, key = _place(resources, rng)
    for _ in range(rng.choice((3, 70, 200))):
        at[key] = [at[key]]


def _swap_subject(resources: list[Resource], rng: random.Random) -> None:
    found = [resource for resource in resources if resource.get("resourceType") == "Observation"]
    if found:
        rng.choice(found)["subject"] = {"reference": f"Patient/p-{rng.choice(list(PEOPLE))}"}


def _swap_specimen(resources: list[Resource], rng: random.Random) -> None:
    found = [resource for resource in resources if resource.get("resourceType") == "Observation"]
    if found:
        rng.choice(found)["specimen"] = {"reference": f"Specimen/s-{rng.choice(list(PEOPLE))}"}


def _same_id(resources: list[Resource], rng: random.Random) -> None:
    found = [resource for resource in resources if resource.get("resourceType") in ("Patient", "Specimen")]
    kind = rng.choice(found)["resourceType"]
    same = [resource for resource in found if resource["resourceType"] == kind]
    rng.choice(same)["id"] = rng.choice(same)["id"]


def _flip(raw: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(raw))
    return raw[:at] + bytes([rng.randrange(256)]) + raw[at + 1 :]


def _cut(raw: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(raw))
    return raw[:at] + raw[at + rng.randint(1, 60) :]


def _insert(raw: bytes, rng: random.Random) -> bytes:
    at, start = rng.randrange(len(raw)), rng.randrange(len(raw))
    copied = raw[start : start + rng.randint(1, 40)]
    return raw[:at] + rng.choice((copied, b"\0", b"\\u0000", b"\xff", b'"', b"}", b"]", b",")) + raw[at:]


def _truncate(raw: bytes, rng: random.Random) -> bytes:
    return raw[: rng.randrange(len(raw))]


def _repeat_key(raw: bytes, rng: random.Random) -> bytes:
    key = rng.choice((b'"subject": {"reference": "Patient/p-ben"}, ', b'"id": "x", ', b'"status": "final", '))
    places = [at for at in range(len(raw)) if raw[at : at + 1] == b"{"]
    at = rng.choice(places) + 1
    return raw[:at] + key + raw[at:]


def _join_lines(raw: bytes, rng: random.Random) -> bytes:
    places = [at for at in range(len(raw)) if raw[at : at + 1] == b"\n"]
    if not places:
        return raw + raw
    at = rng.choice(places)
    return raw[:at] + rng.choice((b"", b" ", b",", b"\r", b"\r\n", b"\n\n")) + raw[at + 1 :]


def _recode(raw: bytes, rng: random.Random) -> bytes:
    text = raw.decode("utf-8", "replace")
    latin = text.replace("Doe", "Dö").encode("latin-1", "replace")
    return rng.choice((text.encode("utf-16"), b"\xef\xbb\xbf" + raw, latin, raw + raw))
