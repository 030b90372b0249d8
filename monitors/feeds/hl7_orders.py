"""RDE and RAS: a row for every encoded order (RXE, else RXO, else the ORC alone) and every administration (RXA)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from monitors.feed_model import Feed
from monitors.feeds import hl7_codes, hl7_patient, hl7_tables
from monitors.feeds.hl7_patient import Visit
from monitors.feeds.hl7_refusal import Broken
from monitors.feeds.hl7_rows import Read, Row
from monitors.feeds.hl7_segments import Segment

DRUG = {"RXE": 2, "RXO": 1, "RXA": 5}
DAYS = {"D": 1, "W": 7, "L": 30, "DAY": 1, "DAYS": 1, "WK": 7, "WEEK": 7, "WEEKS": 7, "MO": 30, "MONTH": 30, "MONTHS": 30}
_DURATION = re.compile(r"([DWL])([0-9]{1,4})")
_PLAIN = re.compile(r"[0-9]{1,7}(?:\.[0-9]{1,3})?")
ONCE = ("PID", "PV1")


@dataclass
class Group:
    """What stands under one ORC. timing: the TQ1 segments, the one after RXE last."""

    orc: Segment | None = None
    drugs: list[Segment] = field(default_factory=list)
    timing: list[Segment] = field(default_factory=list)


def read(segments: list[Segment], feed: Feed, out: Read) -> None:
    """Add the rows of one RDE or RAS message to `out`. Raises Broken: missing_patient, uncertain_patient."""
    msh = segments[0]
    for name in ONCE:
        found = [segment for segment in segments if segment.name == name]
        if len(found) > 1:
            sentence = f"{name} stands twice, on lines {found[0].line_no} and {found[1].line_no}: two messages ran together."
            raise Broken("uncertain_patient", sentence)
    pid = next((segment for segment in segments if segment.name == "PID"), None)
    if pid is None:
        raise Broken("missing_patient", f"The message on line {msh.line_no} has no PID segment.")
    patient = hl7_patient.patient(pid, feed)
    visit = Visit()
    groups: list[Group] = []
    seen = False
    for segment in segments[1:]:
        name = segment.name
        seen = seen or name == "PID"
        if name == "ORC" or name in DRUG or name == "TQ1":
            if not seen:
                raise Broken("missing_patient", f"{name} on line {segment.line_no} stands before the PID.")
            if name == "ORC" or not groups:
                groups.append(Group())
            if name == "ORC":
                groups[-1].orc = segment
            elif name == "TQ1":
                groups[-1].timing.append(segment)
            else:
                groups[-1].drugs.append(segment)
        elif name == "PV1":
            if groups:
                raise Broken("lost_segment", f"A visit begins on line {segment.line_no} after orders: a PID is lost.")
            visit = hl7_patient.visit(segment, feed)
        elif name != "PID":
            out.ignored[name] += 1
    for group in groups:
        _rows(group, (msh.raw, pid.raw), (*patient.person, visit.unit), msh.part(7), feed, out)


def _rows(group: Group, head: tuple[str, str], whose: tuple[str, ...], sent: str, feed: Feed, out: Read) -> None:
    orc, drugs = group.orc, group.drugs
    given = [drug for drug in drugs if drug.name == "RXA"]
    encoded = [drug for drug in drugs if drug.name == "RXE"]
    order = (orc.part(2) or orc.part(3)) if orc else ""
    raw = (*head, orc.raw if orc else "")
    for rxa in given:
        status = "cancelled" if rxa.part(20).upper() in ("RE", "NA") or rxa.part(21).upper() == "D" else "active"
        start = rxa.part(3)
        # an administration is a supply of one day and its own row: it must not replace the order it belongs to
        number = f"{order} given {start}" if order else ""
        out.rows["medications"].append(
            (rxa.line_no, *raw, rxa.raw, *whose, number, _drug(rxa), _dose(rxa, 6, 7), start, "", "1", status)
        )
    if given:
        return
    for drug in encoded or drugs[:1] or ([orc] if orc else []):
        out.rows["medications"].append((drug.line_no, *raw, drug.raw, *whose, order, *_order(drug, group, sent, feed)))


def _order(drug: Segment, group: Group, sent: str, feed: Feed) -> Row:
    """drug, dose, started_on, ended_on, days_supply, status of an order."""
    orc = group.orc
    timing = group.timing[-1] if group.timing else None
    started, ended, days = (timing.part(7), timing.part(8), _days(timing.part(6), timing.part(6, 2))) if timing else ("", "", "")
    for old in ((drug, 1) if drug.name == "RXE" else None, (orc, 7) if orc else None):
        if old is not None and old[0] is not None:
            segment, at = old
            started, ended = started or segment.part(at, 4), ended or segment.part(at, 5)
            days = days or _days(segment.part(at, 3), "")
    status = hl7_tables.order_status(orc.part(1), orc.part(5), feed) if orc else "active"
    if orc is not None:
        if status == "stopped":
            ended = ended or orc.part(15) or orc.part(9) or sent
        started = started or (orc.part(15) or orc.part(9) if status == "active" else "")
    if drug.name == "ORC":
        return ("", "", started, ended, days, status)
    dose = _dose(drug, 3, 5) if drug.name == "RXE" else _dose(drug, 2, 4)
    return (_drug(drug), dose, started, ended, days or _supply(drug), status)


def _drug(segment: Segment) -> str:
    return hl7_codes.words([segment.part(DRUG[segment.name], component) for component in range(1, 10)])


def _dose(segment: Segment, amount: int, unit: int) -> str:
    return " ".join(filter(None, (segment.part(amount), segment.part(unit, 2) or segment.part(unit))))


def _days(amount: str, unit: str) -> str:
    """`30^d`, `3^week` (TQ1-6) or `D30`, `W4`, `L2` (third component of TQ) in days."""
    if (found := _DURATION.fullmatch(amount)) and not unit:
        return str(DAYS[found.group(1)] * int(found.group(2)))
    if _PLAIN.fullmatch(amount) and unit.upper() in DAYS:
        return f"{float(amount) * DAYS[unit.upper()]:g}"
    return ""


def _supply(rxe: Segment) -> str:
    """Dispensed amount by daily dose (RXE-10 by RXE-19), when both are in one unit."""
    if rxe.name != "RXE":
        return ""
    amount, unit, daily, daily_unit = rxe.part(10), rxe.part(11), rxe.part(19), rxe.part(19, 2)
    if unit and unit == daily_unit and _PLAIN.fullmatch(amount) and _PLAIN.fullmatch(daily) and float(daily) > 0:
        return str(int(float(amount) / float(daily)))
    return ""
