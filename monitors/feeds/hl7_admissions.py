"""ADT and BAR: census rows, diagnoses and procedures, and which patient numbers belong together.

    event                                   row
    A01 A06 A13                             census: admitted, when the visit is an inpatient's or no class is given
    A02 A04 A12                             census: by the patient class (PV1-2); without one no row
    A08                                     as A02, but only where PID-30 says N: an update of data is no movement, and one
                                            written after a death would bring the patient back to life
    A03 A07 A11                             census: active
    any, with PID-30 Y or PID-29            census: died
    A18 A24 A30 A34 A36 A39 A40 A47         link: merge      A37: link: unmerge
    DG1, PR1 of any event                   fact
"""

from __future__ import annotations

from monitors.feed_model import Feed
from monitors.feeds import hl7_codes, hl7_patient, hl7_tables
from monitors.feeds.hl7_patient import Patient, Visit
from monitors.feeds.hl7_refusal import Broken
from monitors.feeds.hl7_rows import Read, Row
from monitors.feeds.hl7_segments import Segment

ADMITS = ("A01", "A06", "A13")
BY_CLASS = ("A02", "A04", "A12")
ENDS = ("A03", "A07", "A11")
MERGES = ("A18", "A30", "A34", "A36", "A39", "A40", "A47")
PAIRS = ("A24", "A37")
TAKEN = {*ADMITS, *BY_CLASS, "A08", *ENDS, *MERGES, *PAIRS, "A28", "A31"}
ONCE = ("EVN", "PID", "PV1", "MRG")


def read(segments: list[Segment], trigger: str, feed: Feed, codes: hl7_codes.Codes, out: Read) -> None:
    """Add the rows of one ADT or BAR message to `out`. Raises Broken: missing_patient, uncertain_patient,
    lost_segment, unclear_merge."""
    msh = segments[0]
    evn = next((segment for segment in segments if segment.name == "EVN"), None)
    happened = (evn and (evn.part(6) or evn.part(2))) or msh.part(7)
    if trigger in MERGES or trigger in PAIRS:
        _links(segments, trigger, happened, feed, out)
        return
    for name in ONCE:
        found = [segment for segment in segments if segment.name == name]
        if len(found) > 1:
            sentence = f"{name} stands twice, on lines {found[0].line_no} and {found[1].line_no}: two messages ran together."
            raise Broken("uncertain_patient", sentence)
    pid = next((segment for segment in segments if segment.name == "PID"), None)
    if pid is None:
        raise Broken("missing_patient", f"The message on line {msh.line_no} has no PID segment.")
    patient = hl7_patient.patient(pid, feed)
    pv1 = next((segment for segment in segments if segment.name == "PV1"), None)
    visit = hl7_patient.visit(pv1, feed) if pv1 else Visit()
    _census(msh, pid, pv1, patient, visit, trigger, happened, out)
    _facts(segments, pid, patient, visit, happened, feed, codes, out)


def _census(
    msh: Segment, pid: Segment, pv1: Segment | None, patient: Patient, visit: Visit, trigger: str, happened: str, out: Read
) -> None:
    died = patient.dead or (trigger == "A03" and visit.disposition in hl7_tables.EXPIRED)
    effective = happened
    if died:
        status, effective = "died", patient.died_at or (visit.discharged_at if trigger == "A03" else "") or happened
    elif trigger in ADMITS:
        status = "active" if visit.patient_class and visit.patient_class not in hl7_tables.INPATIENT else "admitted"
        effective = visit.admitted_at if visit.admitted_at and trigger == "A01" else happened
    elif (trigger in BY_CLASS or (trigger == "A08" and pid.part(30).upper() == "N")) and visit.patient_class:
        status = "admitted" if visit.patient_class in hl7_tables.INPATIENT else "active"
    elif trigger in ENDS:
        status, effective = "active", (visit.discharged_at if trigger == "A03" else "") or happened
    else:
        out.ignored[f"ADT^{trigger} without a visit"] += 1
        return
    raw = (msh.raw, pid.raw, "", pv1.raw if pv1 else "")
    out.rows["census"].append(
        (msh.line_no, *raw, *patient.person, visit.unit, visit.location, effective, status, visit.clinician)
    )


def _facts(
    segments: list[Segment], pid: Segment, patient: Patient, visit: Visit, happened: str, feed: Feed,
    codes: hl7_codes.Codes, out: Read,
) -> None:  # fmt: skip
    before = {"DG1": 0, "PR1": 0}
    seen_patient = False
    for segment in segments[1:]:
        name = segment.name
        seen_patient = seen_patient or name == "PID"
        if name in before:
            if number := segment.set_id():
                if number <= before[name] and feed.hl7v2.patients_per_message == "several":
                    sentence = f"{name} is numbered from the start again on line {segment.line_no}: two messages ran together."
                    raise Broken("lost_segment", sentence)
                before[name] = number
            if not seen_patient:
                raise Broken("missing_patient", f"{name} on line {segment.line_no} stands before the PID.")
            coded = hl7_codes.code(segment, 3, codes.known)
            text = segment.part(3, 2) or segment.part(4)
            gone = segment.part(21 if name == "DG1" else 20).upper() == "D"
            status = "entered-in-error" if gone else "final"
            start = _start(segments[0], pid, segment, patient, visit)
            when = segment.part(5) or happened
            fact = (codes.facts.get(coded, coded), hl7_codes.token(segment, 3, coded), text)
            out.rows["facts"].append((*start, *fact, "", "", when, status))
        elif name == "OBX" and hl7_codes.code(segment, 3, codes.known) in codes.facts:
            coded = hl7_codes.code(segment, 3, codes.known)
            status = hl7_tables.result_status(segment.part(11), "", ("", ""), feed)
            status = "final" if status in ("final", "corrected", "amended", "preliminary") else "entered-in-error"
            start = _start(segments[0], pid, segment, patient, visit)
            measured = (hl7_codes.value(segment), segment.part(6), segment.part(14) or happened)
            fact = (codes.facts[coded], hl7_codes.token(segment, 3, coded), segment.part(3, 2))
            out.rows["facts"].append((*start, *fact, *measured, status))
        elif name not in ONCE:
            out.ignored[name] += 1


def _start(msh: Segment, pid: Segment, segment: Segment, patient: Patient, visit: Visit) -> Row:
    return (segment.line_no, msh.raw, pid.raw, "", segment.raw, *patient.person, visit.unit)


def _links(segments: list[Segment], trigger: str, happened: str, feed: Feed, out: Read) -> None:
    """PID and MRG in turn (merges; A37 too where the sender writes it so), or PID and PID (A24, A37)."""
    msh = segments[0]
    pairs = [segment for segment in segments if segment.name in ("PID", "MRG")]
    names = [segment.name for segment in pairs]
    if sum(segment.name == "EVN" for segment in segments) > 1:
        raise Broken("uncertain_patient", f"EVN stands twice in the message on line {msh.line_no}: two messages ran together.")
    wanted = ["PID", "PID"] if trigger in PAIRS and "MRG" not in names else ["PID", "MRG"] * (len(names) // 2)
    if not names or names != wanted or (len(names) > 2 and trigger not in ("A39", "A40")):
        sentence = f"The message on line {msh.line_no} does not hold patients in pairs: which number goes where is unclear."
        raise Broken("unclear_merge", sentence)
    action = "unmerge" if trigger == "A37" else "merge"
    for survivor, merged in zip(pairs[::2], pairs[1::2], strict=True):
        patient, authorities = hl7_patient.number_of(survivor, 3, feed)
        gone, others = hl7_patient.number_of(merged, 1 if merged.name == "MRG" else 3, feed)
        if patient == gone or (authorities and others and not authorities & others):
            why = "is merged with itself" if patient == gone else "is merged with a number of another authority"
            raise Broken("unclear_merge", f"A patient number on line {merged.line_no} {why}; ask the sender what was meant.")
        out.rows["links"].append((merged.line_no, msh.raw, survivor.raw, "", merged.raw, patient, gone, happened, action))
    for segment in segments[1:]:
        if segment.name not in ("PID", "MRG", "EVN"):
            out.ignored[segment.name] += 1
