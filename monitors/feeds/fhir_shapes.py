"""Lines a machine writes are alike: the same Observation again and again, with another number, patient, time and value.

A shape is the text of an Observation without those: what is left between its slots. A text of a shape seen before needs no
JSON parser and no walk: it is valid where the first one was (a slot holds one plain string or number, so nothing outside it
changes), and says the same but for its slots. What a slot feeds is found out by reading the shape once with a mark in each
slot, by the very functions that read any other Observation. Whatever is not certain has no shape and is read the long way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any

from monitors.config import Feed
from monitors.feeds import fhir_json
from monitors.feeds.fhir_elements import identifiers, of, quantity, started, text

_KEYS = "id|reference|display|value|effectiveDateTime|effectiveInstant|issued|lastUpdated|versionId|source|start|end"
_STRING = r'[^"\\\x00-\x1f]+'
_NUMBER = r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,18})?(?=[\s,}\]])"
_SLOT = re.compile(rf'("(?:{_KEYS})": ?"|"value": ?)((?<="){_STRING}|{_NUMBER})')
# a narrative is markup, and markup holds escaped quotation marks
_NARRATIVE = rf'(?:(?<="div": ")|(?<="div":"))(?:{_STRING}|\\["\\/bfnrt])+'
_SLOT_OR_NARRATIVE = re.compile(rf'("(?:{_KEYS}|div)": ?"|"value": ?)({_NARRATIVE}|(?<="){_STRING}|{_NUMBER})')
_BETWEEN = "\0"  # no JSON text holds one

MOST = 4096  # shapes remembered of one file
# Elements that say nothing of a row, and those that do; an Observation with any other is read the long way.
SILENT = frozenset({"text", "meta", "language", "category", "performer", "device", "basedOn", "partOf", "derivedFrom",
                    "bodySite", "extension"})  # fmt: skip
TOLD = frozenset({"resourceType", "id", "status", "code", "subject", "encounter", "specimen", "effectiveDateTime",
                  "effectiveInstant", "effectivePeriod", "issued", "valueQuantity", "identifier", "interpretation",
                  "referenceRange", "method", "note"})  # fmt: skip
_REFERENCES = ("subject", "encounter", "specimen")


class Shape:
    """Which slot is what: places in the list of what a text's slots say, -1 where the shape has none.

    deciding: slots that a row depends on in other ways than by standing in it, e.g. a display. comparator: stands before the
    value. late: the place of meta.lastUpdated. marked: the resource with a mark in each slot; kept: see `written`.
    """

    __slots__ = ("accession", "collected", "comparator", "count", "deciding", "encounter", "issued", "kept", "late", "marked",
                 "number", "specimen", "subject", "value")  # fmt: skip

    def __init__(self, marked: dict[str, Any], marks: list[str], feed: Feed) -> None:
        """Raises ValueError where a text of this shape needs the long way."""
        place = {mark: at for at, mark in enumerate(marks)}
        place[None] = -1  # type: ignore[index]

        def slot(found: str | None) -> int:
            if found not in place:
                raise ValueError("said without a slot")
            return place[found]

        self.marked, self.count = marked, len(marks)
        self.number = slot(text(marked.get("id")))
        self.subject, self.encounter, self.specimen = (slot(text(of(marked, name, "reference"))) for name in _REFERENCES)
        self.collected, self.issued = slot(started(marked, "effective")), slot(text(marked.get("issued")))
        self.late = slot(text(of(marked, "meta", "lastUpdated")))
        value, _ = quantity(marked.get("valueQuantity"))
        number = (value or "").lstrip("<>=")
        self.value, self.comparator = slot(number), (value or "").removesuffix(number)
        wanted = feed.fhir.accession_system
        numbers = identifiers(marked.get("identifier")) if wanted else iter(())
        self.accession = slot(next((said for system, said, _ in numbers if system == wanted), None))
        paths = dict(_paths(marked, ()))
        deciding = [at for at, mark in enumerate(marks) if not _free(paths[mark])]
        self.deciding: Callable[[list[str]], Any] | None = itemgetter(*deciding) if deciding else None
        self.kept: tuple[str, Callable[[list[str]], Any]] | None = None

    def keep(self, written: str, marks: list[str]) -> None:
        """`written`: JSON of the marked resource as `written` is to give it with the slots filled in."""
        found = re.split("(" + "|".join(map(re.escape, sorted(marks, key=len, reverse=True))) + ")", written)
        places = [marks.index(mark) for mark in found[1::2]]
        if places:
            self.kept = "%s".join(part.replace("%", "%%") for part in found[::2]), itemgetter(*places)


def _paths(found: Any, path: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(text, where it stands) of every string and number; places in lists are not told apart."""
    if type(found) is dict:
        for name, item in found.items():
            yield from _paths(item, (*path, name))
    elif type(found) is list:
        for item in found:
            yield from _paths(item, path)
    elif isinstance(found, str):
        yield str(found), path


def _free(path: tuple[str, ...]) -> bool:
    """What stands there is a field of the row as it is, or says nothing of it."""
    return (
        path[0] in SILENT or path[0].startswith("effective") or path in (("id",), ("issued",), ("valueQuantity", "value"))
        or (path[0] in _REFERENCES and path[1:] in (("reference",), ("display",))) or path == ("identifier", "value")
    )  # fmt: skip


class Shapes:
    """The shapes of one file. learned: called once for each new one, with its marks."""

    def __init__(self, feed: Feed, learned: Callable[[Shape, list[str]], None] = lambda shape, marks: None) -> None:
        self._feed, self._learned = feed, learned
        self._known: dict[str, Shape | bool] = {}  # False: seen once; True: no use to look again

    def of(self, written: str) -> tuple[Shape, list[str]] | None:
        """The shape of one resource's text and what its slots say; None where it has to be read the long way, as the first
        of its shape always is: a shape is only learned when it comes again."""
        if '"Observation"' not in written:
            return None
        parts = (_SLOT_OR_NARRATIVE if '"div"' in written else _SLOT).split(written)
        said = parts[2::3]
        del parts[2::3]
        key = _BETWEEN.join(parts)
        known = self._known.get(key)
        if known is False:
            known = self._known[key] = self._learn(parts) or True
        elif known is None and len(self._known) < MOST:
            self._known[key] = False
        return (known, said) if isinstance(known, Shape) and known.count == len(said) else None

    def _learn(self, parts: list[str]) -> Shape | None:
        """parts: text, key, text, key, ..., text around the slots."""
        if any("\\" in part or "modifierExtension" in part or "implicitRules" in part for part in parts):
            return None
        marks = [f"slot:{at:06}" if key.endswith('"') else f"8{at:06}.1234567" for at, key in enumerate(parts[1::2])]
        marked = "".join(part + mark for part, mark in zip(_pairs(parts), [*marks, ""], strict=True))
        try:
            resource = fhir_json.value(marked)
            if resource["resourceType"] != "Observation" or not resource.keys() <= TOLD | SILENT:
                return None
            if marked.count("slot:") + marked.count(".1234567") != len(marks):
                return None
            shape = Shape(resource, marks, self._feed)
        except (ValueError, TypeError, KeyError):
            return None
        self._learned(shape, marks)
        return shape


def _pairs(parts: list[str]) -> list[str]:
    """Text and key that follow each other, as one; the last text alone."""
    return [*("".join(pair) for pair in zip(parts[::2], parts[1::2], strict=False)), parts[-1]]
