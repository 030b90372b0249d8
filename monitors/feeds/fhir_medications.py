"""MedicationRequest, MedicationStatement, MedicationAdministration and List -> rows of medications."""

from __future__ import annotations

from collections import Counter
from typing import Any

from monitors.config import Feed
from monitors.feeds.fhir_elements import day_after, days, identifiers, objects, of, quantity, started, text, words_of
from monitors.feeds.fhir_people import CannotUse, People, Row
from monitors.feeds.fhir_piece import Piece
from monitors.feeds.fhir_references import References

# status in our words. On hold may go on: only a recorded stop ends an exposure. A completed request whose supply is
# known ends with the supply.
STATUS = {
    "MedicationRequest": {"on-hold": "active", "completed": "stopped", "entered-in-error": "cancelled"},
    "MedicationStatement": {"on-hold": "active", "completed": "stopped", "entered-in-error": "cancelled", "not-taken": "stopped"},
    "MedicationAdministration": {
        "in-progress": "active", "on-hold": "active", "completed": "active", "not-done": "cancelled",
        "entered-in-error": "cancelled",
    },
}  # fmt: skip
NOT_ORDERED = ("proposal", "option")  # MedicationRequest.intent: nobody ordered it
NOT_YET = ("draft", "intended")
LISTS = frozenset({"10160-0", "29549-3", "medications", "56445-0", "11383-7"})  # LOINC lists of medication; FHIR's own code


def listed(pieces: list[Piece]) -> dict[str, str]:
    """'MedicationStatement/1' -> date of the reconciled list of this file that names it."""
    found: dict[str, str] = {}
    for piece in pieces:
        if piece.kind == "List" and is_list(piece.resource):
            for target in _entries(piece.resource):
                found[target] = text(piece.resource.get("date")) or ""
    return found


def is_list(resource: dict[str, Any]) -> bool:
    """A current list of medication that was worked through, not a change of one nor one in error."""
    codes = {text(coding.get("code")) for coding in objects(of(resource, "code", "coding"))}
    return resource.get("status") == "current" and resource.get("mode") in ("working", "snapshot") and bool(codes & LISTS)


def _entries(resource: dict[str, Any]) -> list[str]:
    targets = [
        text(of(entry, "item", "reference")) or "" for entry in objects(resource.get("entry")) if entry.get("deleted") is not True
    ]
    return [target for target in targets if target]


class Medications:
    """Builds the rows of one file's drugs. on_lists: see `listed`."""

    def __init__(self, people: People, references: References, on_lists: dict[str, str], feed: Feed) -> None:
        self._people, self._references, self._lists, self._feed = people, references, on_lists, feed

    def rows(self, piece: Piece, ignored: Counter[str]) -> list[tuple[str, Row | CannotUse]]:
        """(kind, row) of one MedicationX: one, or none for what is only proposed, drafted or forbidden."""
        found = piece.resource
        kind = found["resourceType"]
        why = (
            "doNotPerform" if found.get("doNotPerform") is True
            else str(found.get("intent")) if kind == "MedicationRequest" and found.get("intent") in NOT_ORDERED
            else str(found.get("status")) if found.get("status") in NOT_YET else ""
        )  # fmt: skip
        if why:
            ignored[f"{kind} ({why})"] += 1
            return []
        return [("medications", self._row(found, piece, None))]

    def list_rows(self, piece: Piece, ignored: Counter[str]) -> list[tuple[str, Row | CannotUse]]:
        """A reconciled list: one row for the list, one for each drug on it. All or none: a list with a hole would read
        as a drug that was stopped."""
        found = piece.resource
        if not is_list(found):
            ignored["List"] += 1
            return []
        day = text(found.get("date"))
        targets = _entries(found)
        rows: list[Row | CannotUse] = []
        problem: CannotUse | None = None
        try:
            person = self._people.of(found.get("subject"), piece, found)
            rows.append({**person, "drug": None, "listed_on": day, "order": None, "status": "active"})
        except CannotUse as refused:
            problem, person = refused, {}
        for target in targets:
            drug = self._references.find({"reference": target}, piece, found)
            row: Row | CannotUse
            if drug is None or drug.get("resourceType") not in STATUS:
                row = _hole()
            else:
                row = self._row(drug, piece, day or "")
                if isinstance(row, dict) and row["patient"] != person.get("patient"):
                    row = CannotUse("two_patients", "The list names a drug of another patient.", "Ask whose list it is.")
            if isinstance(row, CannotUse):
                problem = problem or row
            rows.append(row)
        if problem is not None:
            return [("medications", problem)] * (1 + len(targets))
        return [("medications", row) for row in rows]

    def _row(self, found: dict[str, Any], piece: Piece, on_list: str | None) -> Row | CannotUse:
        kind = found["resourceType"]
        try:
            person = self._people.of(found.get("subject"), piece, found)
            drug = self._drug(found, piece)
        except CannotUse as problem:
            return problem
        said = text(found.get("status")) or "(none)"
        status = said if said in self._feed.mapping.statuses else STATUS[kind].get(said, said)
        supply = days(of(found, "dispenseRequest", "expectedSupplyDuration"))
        if kind == "MedicationRequest" and said == "completed" and supply:
            status = "active"
        period = found.get("effectivePeriod") or _bounds(found)
        begun = text(found.get("authoredOn")) if kind == "MedicationRequest" else None
        begun = text(of(period, "start")) or started(found, "effective") or begun
        ended = day_after(text(of(period, "end")))
        if kind == "MedicationAdministration" and status == "active":
            supply, ended = "1", None  # one dose: its effect is the rules' business, not an order's end
        if status == "stopped" and ended is None:
            ended = text(of(found, "meta", "lastUpdated")) or text(found.get("dateAsserted"))
        number = text(found.get("id"))
        own = f"{kind}/{number}" if number else None
        order = next((value for _, value, _ in identifiers(found.get("identifier"))), own)
        if on_list is None:
            on_list = self._lists.get(f"{kind}/{number}") or self._lists.get(piece.full_url)
        return {
            **person, "drug": drug, "order": order, "status": status, "started_on": begun, "ended_on": ended,
            "days_supply": supply, "listed_on": on_list, "dose": _dose(found),
        }  # fmt: skip

    def _drug(self, found: dict[str, Any], piece: Piece) -> str | None:
        """The drug in words: medicationCodeableConcept, or the code or ingredients of the Medication referred to."""
        if "medicationReference" not in found:
            return words_of(found.get("medicationCodeableConcept"))
        medication = self._references.find(found["medicationReference"], piece, found)
        words = text(of(found, "medicationReference", "display"))
        if medication is not None and medication.get("resourceType") == "Medication" and "modifierExtension" not in medication:
            parts = [words_of(of(item, "itemCodeableConcept")) for item in objects(medication.get("ingredient"))]
            return words_of(medication.get("code")) or " + ".join(part for part in parts if part) or words
        if words is None:
            raise CannotUse(
                "unresolved_reference", "Its Medication is neither in this file nor in an earlier one of the feed.",
                "Send the Medication resource; then `nephrowatch quarantine retry`.",
            )  # fmt: skip
        return words


def _hole() -> CannotUse:
    return CannotUse(
        "unresolved_reference", "The list names a drug that is neither in this file nor in an earlier one of the feed.",
        "Send what the list refers to; then `nephrowatch quarantine retry`.",
    )  # fmt: skip


def _bounds(found: dict[str, Any]) -> Any:
    """boundsPeriod of the first dosage that has one."""
    for dosage in objects(found.get("dosageInstruction")):
        if period := of(dosage, "timing", "repeat", "boundsPeriod"):
            return period
    return None


def _dose(found: dict[str, Any]) -> str | None:
    """Dosage in words, as written; else its quantity. Never computed."""
    dosages = objects(found.get("dosageInstruction") or found.get("dosage")) or objects([found.get("dosage")])
    said: list[str] = []
    for dosage in dosages:
        words = text(dosage.get("text")) or text(dosage.get("patientInstruction"))
        if words is None:
            rates = (rate.get("doseQuantity") for rate in objects(dosage.get("doseAndRate")))
            amount, unit = quantity(dosage.get("dose") or next(rates, None))
            words = f"{amount} {unit or ''}".strip() if amount else None
        if words:
            said.append(words)
    return " | ".join(said) or None
