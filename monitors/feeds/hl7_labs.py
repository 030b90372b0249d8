"""ORU and OUL: a row for every OBX, each certain of its patient and its order.

    ORU: { PID PV1 { ORC OBR NTE { OBX NTE } SPM } }       OUL: PID PV1 { SPM { OBX } SAC { OBR ORC { OBX NTE } } }

The results of several patients may stand in one message, and a segment may be lost on the way. Then the numbers of
orders (OBR-1) and results (OBX-1) start again, or a visit begins, where no patient does: the message is refused.
"""

from __future__ import annotations

from monitors.feed_model import Feed
from monitors.feeds import hl7_codes, hl7_patient, hl7_tables
from monitors.feeds.hl7_order import Head, Order, agreed, first_of, timing
from monitors.feeds.hl7_patient import Patient, Visit
from monitors.feeds.hl7_refusal import Broken
from monitors.feeds.hl7_rows import Read, Row
from monitors.feeds.hl7_segments import Segment

BETWEEN = (
    "Ask the sender for the message again; if it never puts two patients into one message and numbers every order 1, set "
    "hl7v2.patients_per_message: one."
)


class Reader:
    """Walks one message and puts its rows into `out`; `out` is thrown away when the message turns out broken."""

    def __init__(self, segments: list[Segment], feed: Feed, codes: hl7_codes.Codes, out: Read) -> None:
        self.feed, self.codes, self.out, self.msh = feed, codes, out, segments[0]
        self.panel = segments[0].part(9).upper() == "OUL" and segments[0].part(9, 2) in ("R22", "R23")
        self.several = sum(segment.name == "PID" for segment in segments) > 1
        self.ordered = any(segment.name == "OBR" for segment in segments)
        self.strict = feed.hl7v2.patients_per_message == "several"
        self.patient: Patient | None = None
        self.visit = Visit()
        self.visits = self.orders = self.last_order = self.last_result = 0
        self.order = Order()

    def walk(self, segments: list[Segment]) -> None:
        """Raises Broken: missing_patient, uncertain_patient, lost_segment."""
        for segment in segments[1:]:
            step = _STEPS.get(segment.name)
            if step is None:
                self.out.ignored[segment.name] += 1
            else:
                step(self, segment)
        self._end_patient()
        if self.patient is None:
            raise Broken("missing_patient", f"The message on line {self.msh.line_no} has no PID segment.")

    def pid(self, pid: Segment) -> None:
        if self.several and not self.strict:
            sentence = f"Line {pid.line_no} is in a message of several patients, which this feed does not have."
            raise Broken("uncertain_patient", sentence, "Set hl7v2.patients_per_message: several; or ask the sender.")
        self._end_patient()
        self.patient, self.visit, self.order = hl7_patient.patient(pid, self.feed), Visit(), Order()
        self.visits = self.orders = self.last_order = self.last_result = 0

    def _end_patient(self) -> None:
        self._close()
        if self.patient is not None and self.several and not self.orders:
            raise Broken("uncertain_patient", "A PID is followed by no order: whose results these are is not certain.")

    def pv1(self, pv1: Segment) -> None:
        self._needs_patient(pv1)
        if self.orders or self.visits:
            raise Broken("lost_segment", f"A visit begins on line {pv1.line_no} without a patient: a PID is lost.")
        self.visits += 1
        self.visit = hl7_patient.visit(pv1, self.feed)

    def evn(self, evn: Segment) -> None:
        if self.orders:
            raise Broken("lost_segment", f"An event stands on line {evn.line_no} after results: the start of a message is lost.")
        self.out.ignored["EVN"] += 1

    def orc(self, orc: Segment) -> None:
        self._needs_patient(orc)
        if self.panel and self.order.obr is not None and self.order.orc is None and not self.order.results:
            self.order.orc = orc  # in OUL the ORC follows its OBR
            return
        self._close()
        self.order.orc = orc

    def obr(self, obr: Segment) -> None:
        self._needs_patient(obr)
        if self.order.obr is not None or self.order.results:
            self._close()
        if self.strict and (number := obr.set_id()):
            if number <= self.last_order:
                sentence = f"Orders start again from 1 on line {obr.line_no} without a new patient: a PID may be lost."
                raise Broken("lost_segment", sentence, BETWEEN)
            self.last_order = number
        self.orders += 1
        self.last_result = 0
        self.order.obr = obr

    def obx(self, obx: Segment) -> None:
        self._needs_patient(obx)
        if self.order.orc is not None and self.order.obr is None:
            raise Broken("lost_segment", f"Line {obx.line_no} is a result between ORC and OBR: its order is not certain.")
        headed = self.order.obr is not None or (self.panel and self.order.specimens)
        if not headed and (self.several or (self.strict and self.ordered)):
            sentence = f"The result on line {obx.line_no} stands before any order of its patient."
            raise Broken("uncertain_patient", sentence, BETWEEN)
        if number := obx.set_id():
            if number < self.last_result or (self.strict and number == self.last_result):
                sentence = f"Results start again from 1 on line {obx.line_no} without a new order: a segment is lost."
                raise Broken("lost_segment", sentence, BETWEEN)
            self.last_result = number
        self.order.results.append((obx, []))

    def nte(self, nte: Segment) -> None:
        text = " ".join(filter(None, (parts[0] for parts in nte.repetitions(3))))
        if self.order.results and not (self.order.specimens and not self.panel):
            self.order.results[-1][1].append(text)
        elif self.order.obr is not None:
            self.order.notes.append(text)
        else:
            self.out.ignored["NTE"] += 1

    def spm(self, spm: Segment) -> None:
        self._needs_patient(spm)
        if self.panel and (self.order.obr is not None or self.order.results):
            self._close()
            self.order.specimens = []
        if not self.panel and self.strict and self.order.obr is None and self.ordered:
            raise Broken("lost_segment", f"The specimen on line {spm.line_no} stands before any order of its patient.")
        self.order.specimens.append(spm)
        if not self.strict or not self.order.results:
            self.last_result = 0  # what follows is observed of the specimen and may count from 1

    def sac(self, sac: Segment) -> None:
        if not self.strict or not self.order.results:
            self.last_result = 0  # a container, whose observations may count from 1
        self.out.ignored["SAC"] += 1

    def dsc(self, dsc: Segment) -> None:
        if dsc.part(1):
            raise Broken("truncated", f"The message ends on line {dsc.line_no} with a pointer to its continuation (DSC).")

    def _needs_patient(self, segment: Segment) -> None:
        if self.patient is None:
            raise Broken("missing_patient", f"{segment.name} on line {segment.line_no} stands before any PID.")

    def _close(self) -> None:
        """The rows of the order so far; in OUL its specimen stays for the next."""
        order, patient = self.order, self.patient
        self.order = Order(specimens=order.specimens if self.panel else [])
        if not order.results:
            return
        assert patient is not None
        head, again = self._head(order, patient), self._repeated(order)
        for obx, notes in order.results:
            self._row(obx, notes, order, head, again)

    def _repeated(self, order: Order) -> set[str]:
        """Codes that stand under the order more than once with different OBX-4: each of them is a result of its own."""
        said: dict[str, set[str]] = {}
        for obx, _ in order.results:
            said.setdefault(hl7_codes.code(obx, 3, self.codes.known), set()).add(obx.text(4))
        return {code for code, sub_ids in said.items() if len(sub_ids) > 1}

    def _head(self, order: Order, patient: Patient) -> Head:
        obr, specimens = order.obr, order.specimens
        drawn = agreed([spm.part(17) for spm in specimens])
        collected = drawn or (obr.part(7) if obr else "")
        said = {hl7_codes.code(spm, 4, self.codes.specimens) for spm in specimens} - {""}
        specimen = " and ".join(sorted(said)) or (first_of(obr.subparts(15, 1), self.codes) if obr else "")
        conditions = [" ".join(parts[:2]).strip() for spm in specimens for at in (24, 21) for parts in spm.repetitions(at)]
        return Head(
            raw=(self.msh.raw, patient.raw, obr.raw if obr else ""),
            shared=(*patient.person, self.visit.unit, self.visit.patient_class),
            collected=collected,
            drawn=bool(drawn),
            issued=obr.part(22) if obr else "",
            timing=timing(obr, self.feed) if obr else "",
            accession=self._accession(order),
            specimen=specimen,
            condition=" | ".join(dict.fromkeys(filter(None, conditions))),
            status=obr.part(25) if obr else "",
            notes=order.notes,
        )

    def _accession(self, order: Order) -> str:
        for place in self.feed.hl7v2.accession:
            if place == "SPM-2":
                found = agreed([spm.part(2, 2) or spm.part(2, 1) for spm in order.specimens])
            else:
                segment = order.orc if place == "ORC-3" else order.obr
                found = segment.part(2 if place == "OBR-2" else 3) if segment else ""
            if found:
                return found
        return ""

    def _row(self, obx: Segment, notes: list[str], order: Order, head: Head, again: set[str]) -> None:
        coded = hl7_codes.code(obx, 3, self.codes.known)
        own = obx.part(14)
        collected = own if own and not head.collected.startswith(own) and not head.drawn else head.collected
        written = hl7_codes.value(obx)
        unit, beside = hl7_codes.units(obx)
        status = hl7_tables.result_status(obx.part(11), head.status, (obx.part(10), obx.part(12)), self.feed)
        start: Row = (obx.line_no, *head.raw, obx.raw, *head.shared[:7])
        if coded in self.codes.facts:
            ended = "final" if status in ("final", "corrected", "amended", "preliminary") else "entered-in-error"
            fact: Row = (self.codes.facts[coded], hl7_codes.token(obx, 3, coded), obx.part(3, 2))
            self.out.rows["facts"].append((*start, *fact, written, obx.part(6), collected, ended))
            return
        interval = obx.text(7)
        comment = " | ".join(filter(None, notes + head.notes))
        flags = "~".join(filter(None, (parts[0] for parts in obx.repetitions(8))))
        assay = obx.part(17, 2) or obx.part(17)
        sub_id = obx.text(4)
        if sub_id == "1" or (coded not in again and sub_id == obx.part(1)):
            sub_id = ""  # says nothing: the first, or the number of the line
        # The time of the message is that of sending: a message sent again would bring back what was corrected since.
        issued = head.issued or ("" if status in ("final", "preliminary") else self.msh.part(7))
        self.out.rows["labs"].append(
            (*start, head.shared[7], collected, issued, head.accession, head.specimen, head.condition, coded, written,
             unit, status, interval, hl7_codes.upper_limit(interval), flags, assay, comment,
             sub_id, head.timing, beside)
        )  # fmt: skip


_STEPS = {
    "PID": Reader.pid, "PV1": Reader.pv1, "EVN": Reader.evn, "ORC": Reader.orc, "OBR": Reader.obr, "OBX": Reader.obx,
    "NTE": Reader.nte, "SPM": Reader.spm, "SAC": Reader.sac,
    "DSC": Reader.dsc,
}  # fmt: skip


def read(segments: list[Segment], feed: Feed, codes: hl7_codes.Codes, out: Read) -> None:
    """Add the rows of one ORU or OUL message to `out`. Raises Broken."""
    Reader(segments, feed, codes, out).walk(segments)
