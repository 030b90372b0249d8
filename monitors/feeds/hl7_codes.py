"""Coded fields (CE, CWE) and values (OBX-5) as one text each."""

from __future__ import annotations

import re
from collections.abc import Collection, Container

from monitors.feed_model import Feed
from monitors.feeds.hl7_segments import Segment

_NUMBER = r"[+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)"
_UPPER = re.compile(rf"[\[(]?\s*(?:{_NUMBER}\s*[-–]|<=?|≤)\s*({_NUMBER})\s*[\])]?")


class Codes:
    """Every code a feed's mapping names."""

    def __init__(self, feed: Feed) -> None:
        mapping = feed.mapping
        self.known: Container[str] = {*mapping.codes, *mapping.excluded, *mapping.not_monitored, *mapping.facts} - {"*"}
        self.facts = mapping.facts
        self.specimens: Collection[str] = mapping.specimens


def code(segment: Segment, field: int, known: Container[str]) -> str:
    """The first of the three codings a CWE may hold that `known` has; else the first there is; else its text."""
    first = segment.part(field)
    if first in known and first:
        return first
    for component in (4, 10):
        other = segment.part(field, component)
        if other and other in known:
            return other
        first = first or other
    return first or segment.part(field, 2)


def token(segment: Segment, field: int, chosen: str) -> str:
    """`system|code` of the coding chosen, as facts.yaml names codes; the bare code where no system is said."""
    at = next((component for component in (1, 4, 10) if segment.part(field, component) == chosen), 0)
    system = segment.part(field, at + 2) if at else ""
    return f"{system}|{chosen}" if system and chosen else chosen


def words(parts: list[str]) -> str:
    """What a coded value says to a person: its text, else its original text, else its code."""
    return next((parts[at] for at in (1, 8, 4, 0) if at < len(parts) and parts[at]), "")


def units(obx: Segment) -> tuple[str, str]:
    """(unit, another one beside it) of OBX-6: the coding that says it is UCUM, else the first code, else its text. Beside it
    stands the other of the two codings, where there is one and it is spelt otherwise."""
    first = obx.part(6)
    if len(obx.fields) < 7 or obx.signs[0] not in obx.fields[6]:
        return first, ""
    other = obx.part(6, 4)
    if other and obx.part(6, 6).upper() == "UCUM" and obx.part(6, 3).upper() != "UCUM":
        first, other = other, first
    return first or obx.part(6, 2), other if other != first else ""


def value(obx: Segment) -> str:
    """OBX-5 as text: a number with its comparator in front where there is one (SN), coded values by their words."""
    kind = obx.part(2).upper()
    if kind == "SN":
        return " ".join(filter(None, map(_structured, obx.repetitions(5))))
    if kind in ("CE", "CWE", "CNE", "CF"):
        return " | ".join(filter(None, map(words, obx.repetitions(5))))
    return obx.text(5)


def _structured(parts: list[str]) -> str:
    """Comparator, number, separator, number. What is not of that form keeps its gaps, so that no two parts can run
    together into a number nobody sent."""
    comparator, first, separator, second = ([part.strip() for part in parts[:4]] + [""] * 4)[:4]
    if comparator not in ("", "=", ">", "<", ">=", "<=") or (second and separator not in ("-", "/", ":", "+")) or not first:
        return " ".join(part for part in (comparator, first, separator, second) if part)
    return f"{'' if comparator == '=' else comparator}{first}{separator}{second}"


def upper_limit(reference_range: str) -> str:
    """The greater number of `a-b`, or the number of `<b`; '' for any other text."""
    found = _UPPER.fullmatch(reference_range)
    return found.group(1) if found else ""
