"""Whose message it is, and what stands at its head: the patient, the visit, the event."""

from __future__ import annotations

from dataclasses import dataclass

from monitors.feed_model import Feed
from monitors.feeds.hl7_refusal import Broken
from monitors.feeds.hl7_segments import NULL, Segment


@dataclass(frozen=True)
class Patient:
    """person: in the order of hl7_rows.PERSON. dead: PID-30 says so; died_at: PID-29."""

    person: tuple[str, str, str, str, str, str]
    dead: bool
    died_at: str
    authorities: frozenset[str]
    raw: str

    @property
    def number(self) -> str:
        return self.person[0]


@dataclass(frozen=True)
class Visit:
    """unit: our dialysis unit when `mapping.places` names the location; clinician: the attending one."""

    unit: str = ""
    location: str = ""
    patient_class: str = ""
    clinician: str = ""
    admitted_at: str = ""
    discharged_at: str = ""
    disposition: str = ""


def patient(pid: Segment, feed: Feed) -> Patient:
    """Raises Broken: missing_patient, uncertain_patient."""
    number, authorities = number_of(pid, 3, feed)
    options = feed.hl7v2
    second = ""
    if options.second_authority:
        for again in range(len(pid.repetitions(3))):
            if {options.second_authority} & {*_authorities(pid, 3, again), _part(pid, 3, again, 5)}:
                second = second or _part(pid, 3, again, 1)
    birth, sex = pid.part(7), pid.part(8)
    dead = pid.part(30).upper() in ("Y", "1", "TRUE") or (bool(pid.part(29)) and not pid.part(30))
    person = (number, second, birth, pid.part(5, 1), pid.part(5, 2), sex)
    return Patient(person, dead, pid.part(29), authorities, pid.raw)


def number_of(segment: Segment, field: int, feed: Feed) -> tuple[str, frozenset[str]]:
    """(patient number, its assigning authorities' names) among the repetitions of a CX field, as the feed chooses it."""
    options = feed.hl7v2
    found: dict[str, frozenset[str]] = {}
    said: dict[tuple[frozenset[str], str], str] = {}
    where = f"{segment.name}-{field} on line {segment.line_no}"
    for again, parts in enumerate(segment.repetitions(field)):
        authorities = _authorities(segment, field, again)
        kind = parts[4] if len(parts) > 4 else ""
        if parts[0] and authorities and not options.patient_authority and not options.patient_type:
            first = next(iter(found), parts[0])
            if said.setdefault((authorities, kind), parts[0]) != parts[0] and said[authorities, kind] == first:
                sentence = f"{where} holds two numbers of one authority and type."
                raise Broken("uncertain_patient", sentence, "Ask the sender which one is in use.")
        if options.patient_authority and options.patient_authority not in authorities:
            continue
        if options.patient_type and options.patient_type != kind:
            continue
        if parts[0] and (options.patient_authority or options.patient_type or not found):
            found.setdefault(parts[0], authorities)
    if not found:
        remedy = "Ask the sender for the patient number; or mend hl7v2.patient_authority and patient_type."
        raise Broken("missing_patient", f"{where} holds no patient number of this feed's authority.", remedy)
    if len(found) > 1:
        remedy = "Name the one that counts by hl7v2.patient_authority and patient_type; or ask the sender."
        raise Broken("uncertain_patient", f"{where} holds {len(found)} different patient numbers.", remedy)
    return next(iter(found.items()))


def _authorities(segment: Segment, field: int, again: int) -> frozenset[str]:
    """Of repetition `again` of a CX field: the namespace and the universal id of its fourth component. An explicit null is
    kept as such: the sender says the number is of no authority, which is not the same as saying nothing."""
    named = frozenset(filter(None, segment.subparts(field, 4, again)[:2]))
    return named or (frozenset({NULL}) if segment.is_null(field, 4, again) else named)


def _part(segment: Segment, field: int, again: int, component: int) -> str:
    parts = segment.repetitions(field)[again]
    return parts[component - 1] if component <= len(parts) else ""


def visit(pv1: Segment, feed: Feed) -> Visit:
    places = feed.mapping.places
    said = [pv1.part(3, component) for component in (1, 4, 7, 9)]
    unit = next((places[text] for text in said if text in places), "")
    clinician = " ".join(text for text in (pv1.part(7, 3), pv1.part(7, 2)) if text) or pv1.part(7)
    return Visit(unit, said[0] or said[1], pv1.part(2).upper(), clinician, pv1.part(44), pv1.part(45), pv1.part(36))
