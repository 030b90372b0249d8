"""What an Observation says, as text: its value, its reference interval, the state of its specimen."""

from __future__ import annotations

from typing import Any

from monitors.feeds.fhir_elements import code_of, notes, objects, of, quantity, span, text, words_of
from monitors.feeds.fhir_json import Number
from monitors.feeds.fhir_people import CannotUse
from monitors.feeds.fhir_references import WITHDRAWS


def fact_status(status: str | None) -> str | None:
    """A result's status as a fact's."""
    if status in (*WITHDRAWS, "wrong", "deleted"):
        return "entered-in-error"
    return "final" if status in ("corrected", "amended") else status


def condition(specimen: dict[str, Any] | None) -> str | None:
    """Specimen.condition, an unsatisfactory status and the notes, joined by ` | `."""
    if specimen is None:
        return None
    said: list[str | None] = []
    for concept in objects(specimen.get("condition")):
        code, words = code_of(concept), words_of(concept)
        said.append(code if code == words else " ".join(word for word in (code, words) if word))
    said += ["unsatisfactory" if specimen.get("status") == "unsatisfactory" else None, notes(specimen.get("note"))]
    return " | ".join(word for word in said if word) or None


def value(part: dict[str, Any]) -> tuple[str | None, str | None]:
    """(value as text, unit) of the one value[x]. Raises CannotUse when there are two."""
    names = [name for name in part if name.startswith("value")]
    if not names:
        return None, None
    if len(names) > 1 or "dataAbsentReason" in part:
        raise CannotUse(
            "two_values", "It gives more than one value, or a value and a reason why there is none.",
            "Ask the sender which one is meant.",
        )  # fmt: skip
    name, found = names[0], part[names[0]]
    if name == "valueQuantity":
        return quantity(found)
    if name == "valueString":
        return text(found), None
    if name == "valueInteger":
        return (str(found), None) if type(found) is Number else (f"not an integer: {found}"[:200], None)
    if name == "valueCodeableConcept":
        return words_of(found), None
    if name == "valueRange":
        return span(found)
    if name == "valueRatio":
        over, unit = quantity(of(found, "numerator"))
        return f"{over or ''}:{quantity(of(found, 'denominator'))[0] or ''}", unit
    if name == "valuePeriod":
        return f"from {of(found, 'start')} to {of(found, 'end')}", None
    return f"{name[5:]}: {found}"[:200], None


def interval(found: Any, unit: str | None) -> tuple[str | None, str | None]:
    """(reference interval as text, its upper limit) of the normal range that counts for everybody."""
    for item in objects(found):
        if code_of(item.get("type")) not in (None, "normal") or item.get("appliesTo"):
            continue
        written, range_unit = span({"low": item.get("low"), "high": item.get("high")})
        if written is None:
            return text(item.get("text")), text(item.get("text"))
        if range_unit is not None and range_unit != unit:  # an interval in another unit limits nothing here
            return f"{written} {range_unit}", None
        return written, None if written.startswith(">") else written
    return None, None
