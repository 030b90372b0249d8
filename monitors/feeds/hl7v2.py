"""HL7 v2 messages (2.3 to 2.8) as received -> rows of text: results, medications, census, facts, links.

What is certain about the file is decided by `envelope`, splitting by `hl7_segments`, meaning by one module a family of
messages. docs/feeds-hl7v2.md says which segment becomes which field.
"""

from __future__ import annotations

import re

from monitors.feed_model import Feed
from monitors.feeds import envelope, hl7_admissions, hl7_labs, hl7_orders, hl7_patient, hl7_rows, hl7_segments
from monitors.feeds.hl7_codes import Codes
from monitors.feeds.hl7_refusal import Broken
from monitors.feeds.hl7_rows import Read
from monitors.feeds.hl7_segments import Segment
from monitors.feeds.parsed import Parsed

RESULTS = {("ORU", trigger) for trigger in ("", "R01", "R30", "R31", "R32")} | {("OUL", f"R2{n}") for n in (1, 2, 3, 4)}
ORDERS = {("RDE", "O01"), ("RDE", "O11"), ("RDE", "O25"), ("RAS", "O01"), ("RAS", "O17")}
OTHERS = frozenset(  # passed over and counted; any other MSH-9 is damage, table 0076
    """ACK ADR ADT BAR CRM CSU DFT EHC MCF MDM MFK MFN OMB OMD OMG OMI OML OMN OMP OMQ OMS OPL OPR ORB ORD ORF ORG ORI ORL ORM
    ORN ORP ORR ORS OSM OSQ OSR PEX PGL PIN PMU PPG PPP PPR PPT QBP QCN QRY QSB RAR RCL RDR RDS RDY REF RER RGR RGV ROR RPA
    RPI RPL RPR RQA RQC RQI RQP RRA RRD RRE RRG RRI RSP RTB SDN SDR SIU SQM SQR SRM SRR SSR SSU STC SUR UDM VXQ VXR VXU
    VXX""".split()  # noqa: SIM905  (a table of names)
)
_ACCESSION, _PATIENT = (hl7_rows.COLUMNS["labs"].index(name) for name in ("accession", "patient"))
SHARED = "Ask the sender which patient it is; or say in hl7v2.accession where this sender writes a number that is used once only."
ACCOUNTS = {("BAR", "P01"), ("BAR", "P05"), ("BAR", "P12")}


def parse(raw: bytes, feed: Feed) -> Parsed:
    """Read one file. Raises FeedError: too_large, empty_file, mis_encoded, not_hl7, truncated, wrong_count."""
    return hl7_rows.parsed(read(raw, feed), feed)


def read(raw: bytes, feed: Feed) -> Read:
    """As `parse`, before the rows become frames. A broken message costs itself only."""
    unpacked = envelope.unpack(raw, feed)
    out = Read(refused=unpacked.refused, ignored=unpacked.ignored)
    codes = Codes(feed)
    ends: list[int] = []
    named: list[list[frozenset[str]]] = []
    for message in unpacked.messages:
        before = {kind: len(rows) for kind, rows in out.rows.items()}
        named.append([])
        try:
            segments = hl7_segments.split(message)
            if _message(segments, feed, codes, out):
                named[-1] = [hl7_patient.number_of(pid, 3, feed)[1] for pid in segments if pid.name == "PID"]
        except Broken as why:
            for kind, rows in out.rows.items():
                del rows[before[kind] :]
            out.refused.append(why.of(message.line_no, message.raw))
        ends.append(len(out.rows["labs"]))
    for refuse in (_two_authorities(named, feed), _shared_accessions(out, ends)):
        _refuse(out, unpacked.messages, refuse)
    out.refused.sort(key=lambda part: part.line_no)
    return out


def _two_authorities(named: list[list[frozenset[str]]], feed: Feed) -> dict[int, Broken]:
    """Numbers of two authorities in one file, of a feed that does not say which counts: one number may be two patients.
    Every message that names an authority is refused; an explicit null names none of the others. named: for each message, what
    its chosen numbers name."""
    said = [names for message in named for names in message if names]
    if feed.hl7v2.patient_authority or not said or frozenset.intersection(*said):
        return {}
    sentence = "The patient number is of one of several authorities in the file, and the feed does not say which one counts."
    why = Broken("uncertain_patient", sentence, "Name in hl7v2.patient_authority the authority (PID-3, CX-4) that counts.")
    return {at: why for at, names in enumerate(named) if any(names)}


def _shared_accessions(out: Read, ends: list[int]) -> dict[int, Broken]:
    """One accession under two patients of a file: a specimen or an order strayed, nobody can say where from. Every
    message that names it is refused. ends: lab rows read up to and with each message."""
    owner: dict[int | str, int | str] = {}
    labs = out.rows["labs"]
    said = [(row[_ACCESSION], row[_PATIENT]) for row in labs if row[_ACCESSION]]
    shared = {accession for accession, patient in said if owner.setdefault(accession, patient) != patient}
    why = Broken("uncertain_patient", "The message shares an accession with another patient's.", SHARED)
    starts = [0, *ends]
    return {
        at: why for at, end in enumerate(ends) if shared and any(row[_ACCESSION] in shared for row in labs[starts[at] : end])
    }


def _refuse(out: Read, messages: list[envelope.Message], why: dict[int, Broken]) -> None:
    """Refuse messages, by their place in the file, that were read well and turn out not to be sure of their patient."""
    gone = {part.line_no for part in out.refused}
    bad = {line for at in why for line in messages[at].lines}
    out.refused.extend(
        broken.of(messages[at].line_no, messages[at].raw) for at, broken in why.items() if messages[at].line_no not in gone
    )
    for rows in out.rows.values() if bad else ():
        rows[:] = [row for row in rows if row[0] not in bad]


def _message(segments: list[Segment], feed: Feed, codes: Codes, out: Read) -> bool:
    """Add the rows of one message to `out`; False where nobody asked for such messages. Raises Broken."""
    msh = segments[0]
    kind, trigger, version = msh.part(9).upper(), msh.part(9, 2).upper(), msh.part(12)
    if not kind:
        raise Broken("missing_message_type", f"MSH-9 on line {msh.line_no} does not say what the message is.")
    if version and not version.startswith("2."):
        raise Broken("unknown_version", f"MSH-12 on line {msh.line_no} names a version that is not 2.x.")
    if feed.hl7v2.processing and msh.part(11).upper() not in feed.hl7v2.processing:
        sentence = f"MSH-11 on line {msh.line_no} says it is no message of the kind the feed takes: training, or a test."
        raise Broken("not_production", sentence, "Ask the sender to keep tests off this interface; or mend hl7v2.processing.")
    if (kind, trigger) in RESULTS:
        hl7_labs.read(segments, feed, codes, out)
    elif (kind, trigger) in ORDERS:
        hl7_orders.read(segments, feed, out)
    elif (kind == "ADT" and trigger in hl7_admissions.TAKEN) or (kind, trigger) in ACCOUNTS:
        hl7_admissions.read(segments, trigger, feed, codes, out)
    elif kind in OTHERS and re.fullmatch(r"(?:[A-Z][0-9]{2})?", trigger):
        out.ignored[f"{kind}^{trigger}"] += 1
        return False
    else:
        remedy = "Ask the sender what the message is; results of a damaged MSH-9 must not be passed over."
        raise Broken("unknown_message", f"MSH-9 on line {msh.line_no} is no message of HL7 v2 this feed knows.", remedy)
    return True
