"""The small parts FHIR resources are made of, as text: codes, quantities, identifiers, names, notes, periods.

Everything takes what stood in the JSON, which may be anything; what is not of the expected shape gives None.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from monitors.config import Feed
from monitors.feeds.fhir_json import Number

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DAYS = {"d": 1, "day": 1, "days": 1, "wk": 7, "week": 7, "weeks": 7}  # whole days only: a month has no fixed length


def objects(found: Any) -> list[dict[str, Any]]:
    """The objects of an array; none when it is not one."""
    if type(found) is list:
        return [item for item in found if type(item) is dict]
    return []


def of(found: Any, *path: str) -> Any:
    """A member of a member; None where there is none."""
    for name in path:
        if type(found) is not dict:
            return None
        found = found.get(name)
    return found


def text(found: Any) -> str | None:
    """A JSON string with something in it, trimmed."""
    return (found.strip() or None) if type(found) is str else None


def best_coding(concepts: Sequence[Any], feed: Feed, names: Sequence[Any]) -> tuple[str | None, str | None]:
    """(code, its words) of CodeableConcepts: of the first coding `names` (mappings or lists of codes) knows, looking through
    fhir.code_systems best first; else of the first coding in such a system, else of the first coding, else the text."""
    codings = [coding for concept in concepts if type(concept) is dict for coding in objects(concept.get("coding"))]
    words = next((text(of(concept, "text")) for concept in concepts if text(of(concept, "text"))), None)
    first: str | None = None
    first_words: str | None = None
    for system in feed.fhir.code_systems:
        for coding in codings:
            if coding.get("system", "") == system and (code := text(coding.get("code"))):
                if any(code in known for known in names):
                    return code, words or text(coding.get("display"))
                if first is None:
                    first, first_words = code, text(coding.get("display"))
    if first is None:
        for coding in codings:
            if code := text(coding.get("code")):
                first, first_words = code, text(coding.get("display"))
                break
    return first or words, words or first_words


def words_of(concept: Any) -> str | None:
    """The words of a CodeableConcept: its text, else a display, else a code."""
    if found := text(of(concept, "text")):
        return found
    for name in ("display", "code"):
        for coding in objects(of(concept, "coding")):
            if found := text(coding.get(name)):
                return found
    return None


def code_of(concept: Any) -> str | None:
    """The first code of a CodeableConcept, else its text."""
    return next((code for coding in objects(of(concept, "coding")) if (code := text(coding.get("code")))), None) or text(
        of(concept, "text")
    )


def token(concept: Any, code: str | None) -> str | None:
    """`system|code` of a code the concept gives; a code means something within its system only. The code alone without one."""
    codings = objects(of(concept, "coding"))
    system = next((text(coding.get("system")) for coding in codings if text(coding.get("code")) == code), None)
    return f"{system}|{code}" if system and code else code


def plain(number: str) -> str:
    """A JSON number without exponent: 7.9e0 is 7.9. One nobody would write out stays as it is."""
    if "e" not in number.lower():
        return number
    read = Decimal(number)
    return format(read, "f") if abs(read.adjusted()) < 30 else number


def quantity(found: Any) -> tuple[str | None, str | None]:
    """(number with its comparator in front, unit) of a Quantity. A UCUM code wins over the printed unit. A value that
    is no JSON number stays what it is, in words that cannot be read as a number."""
    if type(found) is not dict:
        return None, None
    number = found.get("value")
    unit = text(found.get("code")) if found.get("system") == "http://unitsofmeasure.org" else None
    unit = unit or text(found.get("unit")) or text(found.get("code"))
    if number is None:
        return None, unit
    comparator = found.get("comparator")
    if type(number) is not Number or (comparator is not None and comparator not in ("<", "<=", ">=", ">")):
        return f"not a FHIR quantity: {comparator or ''}{number}"[:200], unit
    return f"{comparator or ''}{plain(number)}", unit


def span(found: Any) -> tuple[str | None, str | None]:
    """(low - high, unit) of a Range; `<high` or `>low` when one end is open."""
    low, unit_low = quantity(of(found, "low"))
    high, unit_high = quantity(of(found, "high"))
    if low is not None and high is not None:
        return f"{low}-{high}", unit_low or unit_high
    if high is not None:
        return f"<{high}", unit_high
    return (f">{low}", unit_low) if low is not None else (None, unit_low or unit_high)


def notes(found: Any) -> str | None:
    """Annotations, joined by ` | `."""
    return " | ".join(words for note in objects(found) if (words := text(note.get("text")))) or None


def identifiers(found: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(system, value, the Identifier) of those in use; old ones are of the past."""
    for identifier in objects(found) if type(found) is list else objects([found]):
        value = text(identifier.get("value"))
        if value and identifier.get("use") != "old":
            yield text(identifier.get("system")) or "", value, identifier


def name(found: Any) -> tuple[str | None, str | None]:
    """(family, given) of the official or usual HumanName, else the first that is not old."""
    ranks = {"official": 0, "usual": 1, "old": 3}
    for human in sorted(objects(found), key=lambda human: ranks.get(str(human.get("use")), 2)):
        given = human.get("given")
        first = " ".join(part for part in given if type(part) is str) if type(given) is list else ""
        family = text(human.get("family"))
        if family or first:
            return family, first.strip() or None
    return None, None


def started(resource: dict[str, Any], stem: str) -> str | None:
    """A time that may be a dateTime, an Instant or a Period: `effective` -> effectiveDateTime, effectiveInstant, start of
    effectivePeriod, else its end."""
    for suffix in ("DateTime", "Instant", "Date"):
        if found := text(resource.get(stem + suffix)):
            return found
    period = resource.get(stem + "Period")
    return text(of(period, "start")) or text(of(period, "end"))


def day_after(moment: str | None) -> str | None:
    """The first day without: a Period's plain end date is included in it, so the next day; a time of day is that day."""
    if moment is None or not _DAY.fullmatch(moment):
        return moment
    try:
        return (dt.date.fromisoformat(moment) + dt.timedelta(days=1)).isoformat()
    except (ValueError, OverflowError):
        return moment


def days(duration: Any) -> str | None:
    """Whole days of a Duration in days or weeks; None otherwise: never guessed."""
    number, unit = quantity(duration)
    if number is None or not re.fullmatch(r"[0-9]{1,4}(\.0+)?", number) or (unit or "").casefold() not in _DAYS:
        return None
    return str(int(float(number)) * _DAYS[(unit or "").casefold()])
