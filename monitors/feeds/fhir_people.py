"""Whose a resource is, and what Patient, Encounter and EpisodeOfCare say of a patient's life with the unit."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from monitors.config import Feed
from monitors.feeds.fhir_elements import identifiers, name, objects, of, text
from monitors.feeds.fhir_piece import Piece
from monitors.feeds.fhir_references import References

Row = dict[str, str | None]
ENCOUNTER_STATUS = {
    **dict.fromkeys(("arrived", "triaged", "in-progress", "onleave", "finished"), "admitted"), "entered-in-error": "active",
}  # fmt: skip
INPATIENT = frozenset({"IMP", "ACUTE", "NONAC", "EMER", "OBSENC"})  # v3 ActEncounterCode
CARE_STATUS = {"active": "active", "onhold": "active", "finished": "transferred"}


class CannotUse(Exception):
    """A row nobody can use. reason, sentence, remedy as quarantine keeps them; never a word of the patient's. results: as
    in `Parsed.refused`, what the row seems to say all the same."""

    def __init__(self, reason: str, sentence: str, remedy: str, results: str = "[]") -> None:
        self.reason, self.sentence, self.remedy, self.results = reason, sentence, remedy, results
        super().__init__(sentence)


class People:
    """Patients of a file as fields of a row, each read once."""

    def __init__(self, references: References, feed: Feed) -> None:
        self._references, self._feed = references, feed
        self._read: dict[int, Row] = {}

    def of(self, reference: Any, piece: Piece, container: dict[str, Any]) -> Row:
        """patient, second_identifier, date_of_birth, family_name, given_name, sex. Raises CannotUse."""
        if reference is None:
            raise CannotUse("missing_patient", "The resource names no patient.", "Ask the sender for whom it is.")
        resource = self._references.find(reference, piece, container)
        if resource is not None:
            if not self._feed.fhir.patient_system and (text(of(reference, "reference")) or "").startswith("#"):
                raise CannotUse(  # a thousand messages may each hold a '#patient' of their own
                    "missing_patient", "Its Patient stands inside it, where an id is no number of the source's.",
                    "Name fhir.patient_system in feeds.yaml, the system of the patient number.",
                )  # fmt: skip
            person = self.read(resource)
            self._agree(person, reference)
            return person
        target = text(of(reference, "reference")) or ""
        said = target.split("/")[-2] if target.count("/") else text(of(reference, "type")) or "Patient"
        if said[:1].isupper() and said != "Patient" and not target.startswith("Patient?"):
            raise CannotUse("not_a_patient", "Its subject is no Patient.", "Nothing to do: it says nothing of a patient.")
        if (number := self._logical(reference, target)) is not None:
            return {"patient": number}
        raise CannotUse(
            "unresolved_reference",
            "Its patient is neither in this file nor in an earlier one of the feed, or not certainly one.",
            "Send the Patient resource; then `nephrowatch quarantine retry`.",
        )

    def _agree(self, person: Row, reference: Any) -> None:
        """A Reference may name its patient twice: by address and by number. Raises CannotUse where these are two."""
        options = self._feed.fhir
        said = {options.patient_system: "patient", options.second_system: "second_identifier"}
        for system, value, _ in identifiers(of(reference, "identifier")):
            if system and (known := person.get(said.get(system, ""))) is not None and known != value:
                raise CannotUse(
                    "two_patients", "Its reference names one patient by address and another by number.",
                    "Ask the sender whose it is; it is attached to nobody.",
                )  # fmt: skip

    def read(self, patient: dict[str, Any]) -> Row:
        """A Patient resource as fields. Raises CannotUse when it is no patient we can name."""
        if (known := self._read.get(id(patient))) is not None:
            return known
        if patient.get("resourceType") != "Patient":
            raise CannotUse("not_a_patient", "Its subject is no Patient.", "Nothing to do: it says nothing of a patient.")
        if "modifierExtension" in patient or "implicitRules" in patient:
            raise CannotUse(
                "unresolved_reference", "Its Patient resource was refused, so nobody can say whose it is.",
                "Ask the sender for the Patient without that extension; then `nephrowatch quarantine retry`.",
            )  # fmt: skip
        options = self._feed.fhir
        first: str | None = None
        second: str | None = None
        for system, value, _ in identifiers(patient.get("identifier")):
            if options.patient_system and system == options.patient_system:
                if first is not None and first != value:
                    raise CannotUse(
                        "uncertain_patient", "Its patient has two numbers of the feed's own system at once.",
                        "Ask the sender which one is in use.",
                    )  # fmt: skip
                first = value
            elif options.second_system and system == options.second_system and second is None:
                second = value
        if not options.patient_system:
            first = text(patient.get("id"))
        if first is None:
            raise CannotUse(
                "missing_patient", "Its Patient has no number of the system fhir.patient_system names.",
                "Mend fhir.patient_system in feeds.yaml, or ask the sender for that identifier.",
            )  # fmt: skip
        family, given = name(patient.get("name"))
        row: Row = {
            "patient": first, "second_identifier": second, "date_of_birth": text(patient.get("birthDate")),
            "family_name": family, "given_name": given, "sex": text(patient.get("gender")),
        }  # fmt: skip
        self._read[id(patient)] = row
        return row

    def _logical(self, reference: Any, target: str) -> str | None:
        """A patient number that stands in the reference itself."""
        system = self._feed.fhir.patient_system
        if not system:
            return self._references.number(reference)
        for found, value, _ in identifiers(of(reference, "identifier")):
            if found == system:
                return value
        if target.startswith("Patient?"):  # a conditional reference of a transaction
            asked = parse_qs(target.removeprefix("Patient?")).get("identifier", [])
            if len(asked) == 1 and asked[0].startswith(f"{system}|"):
                return asked[0].removeprefix(f"{system}|") or None
        return None


def patient_rows(piece: Piece, people: People) -> list[tuple[str, Row | CannotUse]]:
    """What a Patient says by itself: died (census), replaced by another (links). One row each, from the bytes alone."""
    patient = piece.resource
    rows: list[tuple[str, Row | CannotUse]] = []
    changed = text(of(patient, "meta", "lastUpdated"))
    died = text(patient.get("deceasedDateTime"))
    if died or patient.get("deceasedBoolean") is True:
        rows.append(("census", _whose(lambda: {**people.read(patient), "effective_on": died or changed, "status": "died"})))
    for link in objects(patient.get("link")):
        if link.get("type") == "replaced-by":
            rows.append(("links", _whose(lambda link=link: {
                "patient": people.of(link.get("other"), piece, patient)["patient"],
                "merged_patient": people.read(patient)["patient"], "effective_at": changed, "action": "merge",
            })))  # fmt: skip
    return rows


def _whose(make: Any) -> Row | CannotUse:
    try:
        row: Row = make()
    except CannotUse as problem:
        return problem
    return row


def encounter(piece: Piece, people: People, references: References, feed: Feed, at: str) -> Row:
    """One end (`at`: start, end) of an inpatient Encounter as a census row: admitted from its start, active again from
    its end. One entered in error is active from its start: nobody was admitted."""
    found = piece.resource
    row = people.of(found.get("subject"), piece, found)
    said = text(found.get("status")) or "(none)"
    status = said if said in feed.mapping.statuses else ENCOUNTER_STATUS.get(said, said)
    return {
        **row, "status": "active" if at == "end" else status, "effective_on": text(of(found, "period", at)),
        "unit": place(found, piece, references, feed), "location": text(of(found, "class", "code")) if at == "start" else None,
        "clinician": _clinician(found),
    }  # fmt: skip


def _clinician(found: dict[str, Any]) -> str | None:
    for taking_part in objects(found.get("participant")):
        if words := text(of(taking_part, "individual", "display")):
            return words
    return None


def care(piece: Piece, people: People, references: References, feed: Feed) -> Row:
    """One EpisodeOfCare as a census row: of the unit from its start, transferred at its end."""
    found = piece.resource
    row = people.of(found.get("patient"), piece, found)
    said = text(found.get("status")) or "(none)"
    status = said if said in feed.mapping.statuses else CARE_STATUS.get(said, said)
    period = found.get("period")
    over = status == "transferred" and text(of(period, "end")) is not None
    return {
        **row, "status": status, "effective_on": text(of(period, "end" if over else "start")),
        "unit": _mapped([found.get("managingOrganization")], piece, found, references, feed),
        "clinician": text(of(found, "careManager", "display")),
    }  # fmt: skip


def place(found: dict[str, Any], piece: Piece, references: References, feed: Feed) -> str | None:
    """The dialysis unit mapping.places names for an Encounter's newest location, else its serviceProvider."""
    here = [item for item in objects(found.get("location")) if item.get("status") not in ("planned", "completed")]
    asked = [item.get("location") for item in reversed(here)]
    return _mapped([*asked, found.get("serviceProvider")], piece, found, references, feed)


def _mapped(asked: list[Any], piece: Piece, found: dict[str, Any], references: References, feed: Feed) -> str | None:
    places = feed.mapping.places
    if not places:
        return None
    for reference in asked:
        resource = references.find(reference, piece, found) if reference is not None else None
        words = [text(of(reference, "reference")), text(of(reference, "display"))]
        if resource is not None:
            words += [text(resource.get("id")), text(resource.get("name"))]
            words += [value for _, value, _ in identifiers(resource.get("identifier"))]
        words += [value for _, value, _ in identifiers(of(reference, "identifier"))]
        for word in words:
            if word and word in places:
                return places[word]
    return None
