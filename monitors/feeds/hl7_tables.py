"""HL7 tables in our words. A letter not listed stays as it is, so that the row is quarantined for its status."""

from __future__ import annotations

from monitors.feed_model import STATUSES, Feed, Kind

RESULT_STATUS = {  # table 0085, OBX-11
    "F": "final",
    "V": "final",  # verified
    "U": "final",  # becomes final without being sent again: the value is empty and quarantined as missing
    "P": "preliminary",
    "R": "preliminary",  # entered, not verified
    "S": "preliminary",  # partial
    "I": "preliminary",  # specimen in the laboratory, result pending
    "C": "corrected",
    "A": "amended",
    "B": "amended",  # appended report
    "X": "cancelled",  # cannot be obtained
    "N": "cancelled",  # not asked
    "D": "deleted",
    "W": "wrong",  # wrong patient, mostly
    # O (order detail, no result) stays O: a number beside it is no result
}
ORDER_RESULT_STATUS = {  # table 0123, OBR-25, for an OBX-11 that is blank
    "C": "corrected", "M": "corrected", "P": "preliminary", "R": "preliminary", "S": "preliminary", "I": "preliminary",
    "X": "cancelled", "Y": "cancelled", "Z": "cancelled",
}  # fmt: skip
ORDER_STATUS = {  # table 0119, ORC-1
    **dict.fromkeys(("", "NW", "OK", "XO", "XX", "XR", "CH", "RE", "SN", "NA", "PA", "RF"), "active"),
    **dict.fromkeys(("RR", "CN", "RL", "OE", "OR", "HD", "HR", "OH", "RO", "SC", "SR", "PR", "AF"), "active"),
    **dict.fromkeys(("DC", "DR", "CA", "CR", "OC", "OD", "RP", "RU", "RQ", "DE"), "stopped"),
}  # an order on hold (HD, HR, OH) may go on any day: active
ORDER_STATE = {"CA": "stopped", "CM": "stopped", "DC": "stopped", "RP": "stopped"}  # table 0038, ORC-5
INPATIENT = frozenset(("I", "E"))  # table 0004, PV1-2
EXPIRED = frozenset(("20", "40", "41", "42"))  # table 0112, PV1-36


def result_status(written: str, order: str, neighbours: tuple[str, str], feed: Feed) -> str:
    """OBX-11 in our words. order: OBR-25; neighbours: OBX-10 and OBX-12, where a status stands when a field is lost."""
    letter = written.upper()
    if letter:
        return _ours(letter, written, RESULT_STATUS, feed, "labs")
    if neighbours[1].upper() in RESULT_STATUS or neighbours[0].upper() in ("F", "P", "C", "D", "W", "X"):
        return "in a neighbouring field"
    return ORDER_RESULT_STATUS.get(order.upper(), "final")


def order_status(control: str, state: str, feed: Feed) -> str:
    """ORC-1 in our words; ORC-5 where ORC-1 only says that the status changed or is told again."""
    code = control.upper()
    if code in ("SC", "SR", "RE", "SN") and state.upper() in ORDER_STATE:
        return ORDER_STATE[state.upper()]
    return _ours(code, control, ORDER_STATUS, feed, "medications")


def _ours(code: str, written: str, table: dict[str, str], feed: Feed, kind: Kind) -> str:
    mapped = feed.mapping.statuses.get(written)
    return written if mapped in STATUSES[kind] else table.get(code, written)
