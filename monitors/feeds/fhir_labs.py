"""Observation and DiagnosticReport -> rows of labs, or of facts where the mapping says an Observation is one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from monitors.config import Feed
from monitors.feeds import fhir_reports, fhir_seems
from monitors.feeds.fhir_elements import best_coding, code_of, identifiers, notes, objects, of, started, text, token, words_of
from monitors.feeds.fhir_people import CannotUse, People, Row, place
from monitors.feeds.fhir_piece import Piece
from monitors.feeds.fhir_references import WITHDRAWS, References
from monitors.feeds.fhir_reports import Standing
from monitors.feeds.fhir_values import condition, fact_status, interval, value

STATUS = {"registered": "preliminary"}  # Observation.status in our words; the others are our words, or unknown to us
ISSUED_LATE = frozenset({"corrected", "amended", *WITHDRAWS})
PERSON = ("patient", "second_identifier", "date_of_birth", "family_name", "given_name", "sex")
AROUND = frozenset({*PERSON, "collected_at", "accession", "specimen", "condition", "location", "unit"})  # see `Labs.around`
ACCESSION_TYPES = frozenset({"ACSN", "FILL"})  # v2-0203: accession, filler's number


def observations(piece: Piece, others: Standing, ignored: Counter[str]) -> list[tuple[dict[str, Any], dict[str, Any] | None]]:
    """(Observation, the resource it is contained in) of a resource, contained ones that stand alone left out."""
    outer = piece.resource
    found: list[tuple[dict[str, Any], dict[str, Any] | None]] = []
    if outer["resourceType"] == "Observation":
        found.append((outer, None))
    inside = fhir_reports.contained(outer)
    if not found and not inside:
        ignored["DiagnosticReport"] += 1
    for inner in inside:
        if others.alone.intersection(fhir_reports.keys(inner)):
            ignored["Observation (contained and standing alone)"] += 1
        else:
            found.append((inner, outer))
    return found


def parts(observation: dict[str, Any], ignored: Counter[str]) -> list[dict[str, Any]]:
    """What of an Observation is a row: itself, when it has a value or no components, and each component."""
    components = objects(observation.get("component"))
    own = any(key.startswith("value") for key in observation) or "dataAbsentReason" in observation
    if own or not components:
        if not own and ("hasMember" in observation or observation.get("status") == "registered"):
            ignored["Observation (panel)" if "hasMember" in observation else "Observation (registered)"] += 1
            return []
        return [observation, *components]
    return components


class Labs:
    """Builds the rows of one file's Observations."""

    def __init__(self, people: People, references: References, others: Standing, feed: Feed) -> None:
        self._people, self._references, self._others, self._feed = people, references, others, feed
        mapping = feed.mapping
        self._named = (mapping.codes, mapping.excluded, set(mapping.not_monitored), mapping.facts)
        self._optional = feed.fhir.specimens == "optional"
        self._codes: dict[Any, tuple[str | None, str | None]] = {}

    def rows(self, piece: Piece, observation: dict[str, Any], outer: dict[str, Any] | None,
             ignored: Counter[str]) -> list[tuple[str, Row | CannotUse]]:  # fmt: skip
        """(kind, row) for each part of an Observation."""
        found = parts(observation, ignored)
        rows: list[tuple[str, Row | CannotUse]] = []
        shared: Row | CannotUse
        try:
            shared = self._shared(piece, observation, outer)
        except CannotUse as problem:
            shared = problem
        for part in found:
            try:
                if isinstance(shared, CannotUse):
                    raise shared
                rows.append(self._part(part, shared))
            except CannotUse as problem:
                said = fhir_seems.result(part, observation, self._feed)
                rows.append(("labs", CannotUse(problem.reason, problem.sentence, problem.remedy, json.dumps([said]))))
        return rows

    def _part(self, part: dict[str, Any], shared: Row) -> tuple[str, Row]:
        code, words = self._code(part.get("code"))
        said, unit = value(part)
        mapping = self._feed.mapping
        if code is not None and code in mapping.facts and code not in mapping.codes:
            return "facts", {
                **{name: shared[name] for name in PERSON if name in shared}, "fact": mapping.facts[code],
                "code": token(part.get("code"), code),
                "text": words, "value": said, "unit_text": unit, "happened_on": shared["collected_at"],
                "status": fact_status(shared["status"]), "unit": shared["unit"],
            }  # fmt: skip
        reference_range, upper_limit = interval(part.get("referenceRange"), unit)
        interpretation = part.get("interpretation")
        return "labs", {
            **shared, "code": code, "value": said, "unit_text": unit, "unit_beside": _beside(part, unit),
            "reference_range": reference_range,
            "upper_limit": upper_limit, "abnormal": next(map(code_of, objects(interpretation)), None),
        }  # fmt: skip

    def _code(self, concept: Any) -> tuple[str | None, str | None]:
        coding = of(concept, "coding")
        key = repr(coding) if type(coding) is list and len(coding) < 20 else None
        if key is None or "text" in concept:
            return self._best(concept)
        if key not in self._codes:
            self._codes[key] = self._best(concept)
        return self._codes[key]

    def _best(self, concept: Any) -> tuple[str | None, str | None]:
        """As `best_coding`; a code of a system `mapping.codes` does not speak of is told with it: the same letters may mean
        something else there."""
        code, words = best_coding([concept], self._feed, self._named)
        systems = [coding.get("system", "") for coding in objects(of(concept, "coding")) if text(coding.get("code")) == code]
        if not systems or any(system in self._feed.fhir.code_systems for system in systems):
            return code, words
        told = token(concept, code)
        return told if told != code else f"|{code}", words

    def _shared(self, piece: Piece, observation: dict[str, Any], outer: dict[str, Any] | None) -> Row:
        """What all parts of an Observation have in common. Raises CannotUse."""
        report = outer
        if report is None and self._others.reports:
            key = f"Observation/{text(observation.get('id'))}"
            _, report = self._others.reports.get(piece.full_url) or self._others.reports.get(key) or (None, None)
        given = report or {}
        if observation.get("focus"):
            raise CannotUse("other_subject", "The result is about something other than the patient (focus).", "Nothing to do.")
        around = self.around(piece, observation, given, outer or observation)
        status = self._status(observation, given)
        issued = text(observation.get("issued")) or text(given.get("issued"))
        if issued is None and status in ISSUED_LATE:  # what corrects must be later than what it corrects
            issued = text(of(observation, "meta", "lastUpdated")) or text(of(given, "meta", "lastUpdated"))
        return {
            **around,
            "collected_at": started(observation, "effective") or started(given, "effective") or around["collected_at"],
            "issued_at": issued,
            "status": status,
            "accession": around["accession"] or self._accession(given, observation),
            "assay": words_of(observation.get("method")) if "method" in observation else None,
            "comment": notes(observation.get("note")) if "note" in observation else None,
        }

    def around(self, piece: Piece, observation: dict[str, Any], given: dict[str, Any], holder: dict[str, Any]) -> Row:
        """What the patient, specimen and encounter an Observation refers to say of it: it depends on these references, on
        the report (`given`, {} where there is none) and on the entry's address alone. Fields of AROUND; of a patient known by
        number alone no other of PERSON. Raises CannotUse."""
        subject = observation.get("subject") or given.get("subject")
        person = self._people.of(subject, piece, holder)
        if given.get("subject") and observation.get("subject"):
            self._same(person, given["subject"], subject, piece, given)
        specimen = self._specimen(observation, given, piece, holder, person, subject)
        encounter = self._references.find(observation.get("encounter") or given.get("encounter"), piece, holder)
        if encounter is not None and not self._is_same(person, encounter.get("subject"), subject, piece, encounter):
            encounter = None
        collection = of(specimen, "collection")
        return {
            **person,
            "collected_at": started(collection, "collected") if collection else None,
            "accession": self._own(identifiers(of(specimen, "accessionIdentifier")), identifiers(of(specimen, "identifier"))),
            "specimen": self._specimen_word(specimen),
            "condition": condition(specimen),
            "location": text(of(encounter, "class", "code")),
            "unit": place(encounter, piece, self._references, self._feed) if encounter else None,
        }

    def _same(self, person: Row, other: Any, subject: Any, piece: Piece, holder: dict[str, Any]) -> None:
        if not self._is_same(person, other, subject, piece, holder):
            raise CannotUse(
                "two_patients", "The result and its report or specimen name different patients.",
                "Ask the sender whose it is; it is attached to nobody.",
            )  # fmt: skip

    def _is_same(self, person: Row, other: Any, subject: Any, piece: Piece, holder: dict[str, Any]) -> bool:
        if other is None or of(other, "reference") is None or of(other, "reference") == of(subject, "reference"):
            return True
        try:
            return self._people.of(other, piece, holder)["patient"] == person["patient"]
        except CannotUse:
            return False

    def _status(self, observation: dict[str, Any], report: dict[str, Any]) -> str:
        said = text(observation.get("status")) or "(none)"
        status = said if said in self._feed.mapping.statuses else STATUS.get(said, said)
        over = report.get("status") if report.get("status") in WITHDRAWS else None
        if over is None and self._others.withdrawn:
            withdrawn = self._others.withdrawn
            over = next((withdrawn[key] for key in fhir_reports.keys(observation) if key in withdrawn), None)
        return str(over) if over and status not in WITHDRAWS else status

    def _specimen(self, observation: dict[str, Any], report: dict[str, Any], piece: Piece, holder: dict[str, Any], person: Row,
                  subject: Any) -> dict[str, Any] | None:  # fmt: skip
        reference = observation.get("specimen") or next(iter(objects(report.get("specimen"))), None)
        if reference is None:
            return None
        found = self._references.find(reference, piece, holder if observation.get("specimen") else report)
        if found is None or found.get("resourceType") != "Specimen" or "modifierExtension" in found:
            if self._optional:
                return None
            raise CannotUse(
                "unresolved_reference", "Its specimen is neither in this file nor in an earlier one of the feed.",
                "Send the Specimen resource, then `nephrowatch quarantine retry`; or set fhir.specimens to optional.",
            )  # fmt: skip
        if found.get("status") == "entered-in-error":
            raise CannotUse("specimen_in_error", "Its specimen was entered in error.", "Ask whether the result stands.")
        self._same(person, found.get("subject"), subject, piece, found)
        return found

    def _accession(self, report: dict[str, Any], observation: dict[str, Any]) -> str | None:
        """Where the specimen (accessionIdentifier, else identifier) has no number: a filler's or accession number of the
        report; with fhir.accession_system only numbers of that system, the result's own identifiers last."""
        wanted = self._feed.fhir.accession_system
        reported = (
            found for found in identifiers(report.get("identifier"))
            if wanted or code_of(found[2].get("type")) in ACCESSION_TYPES
        )  # fmt: skip
        return self._own(reported, identifiers(observation.get("identifier")) if wanted else ())

    def _own(self, *numbers: Iterable[tuple[str, str, Any]]) -> str | None:
        """The first number of the accession's system."""
        wanted = self._feed.fhir.accession_system
        return next((value for found in numbers for system, value, _ in found if not wanted or system == wanted), None)

    def _specimen_word(self, specimen: dict[str, Any] | None) -> str | None:
        if specimen is None:
            return None
        codes = [code for coding in objects(of(specimen, "type", "coding")) if (code := text(coding.get("code")))]
        known = next((code for code in codes if code in self._feed.mapping.specimens), None)
        return known or code_of(specimen.get("type"))


def _beside(part: dict[str, Any], unit: str | None) -> str | None:
    """The unit printed beside the code of a Quantity, where it is spelt otherwise."""
    printed = text(of(part, "valueQuantity", "unit"))
    return printed if printed != unit else None
