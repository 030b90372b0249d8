"""Segments split by the separators of their message, asked by field, repetition and component.

A missing field, an empty one and HL7's explicit null ("") all read as ''. Fields count as in the standard: MSH-9 is 9.
A field is split when it is asked for: splitting everything first, as the `hl7` library does, takes longer than all else that
happens to a message. tests/feeds/test_hl7_segments.py holds the answers against that library's.
"""

from __future__ import annotations

from collections.abc import Callable

from monitors.feeds.envelope import Message
from monitors.feeds.hl7_charsets import unescaper

NULL = '""'
_Unescape = Callable[[str], str]


class Segment:
    """One segment. name: 'OBX'; line_no: its line in the file; raw: its text as received; fields: their texts, the name
    at 0; signs: component, repetition, subcomponent."""

    __slots__ = ("fields", "line_no", "name", "raw", "signs", "unescape")

    def __init__(self, line_no: int, raw: str, separators: str, unescape: _Unescape | None) -> None:
        mark, component, repetition, _, subcomponent = tuple(separators)
        self.name, self.line_no, self.raw, self.unescape = raw[:3], line_no, raw, unescape
        self.fields = raw.split(mark)
        if self.name == "MSH":
            self.fields.insert(1, mark)  # MSH-1 is the separator itself
        self.signs = component, repetition, subcomponent

    def _clean(self, text: str) -> str:
        if self.unescape is not None:
            text = self.unescape(text)
        text = text.strip()
        return "" if text == NULL else text

    def _asked(self, field: int) -> str:
        return self.fields[field] if field < len(self.fields) else ""

    def _first(self, field: int) -> str:
        """The first repetition. MSH-1 and MSH-2 are the separators, and nothing in them separates."""
        text = self._asked(field)
        return text.split(self.signs[1], 1)[0] if self.signs[1] in text and not self._is_header(field) else text

    def _is_header(self, field: int) -> bool:
        return field < 3 and self.name == "MSH"

    def repetitions(self, field: int) -> list[list[str]]:
        """Components of each repetition, each its first subcomponent; [] for an empty field."""
        text = self._asked(field)
        if not text:
            return []
        component, repetition, subcomponent = self.signs
        if self._is_header(field) or not (component in text or repetition in text or subcomponent in text):
            found = self._clean(text)
            return [[found]] if found else []
        return [
            [self._clean(part.split(subcomponent, 1)[0]) for part in again.split(component)] for again in text.split(repetition)
        ]

    def part(self, field: int, component: int = 1) -> str:
        """A component (its first subcomponent) of the field's first repetition."""
        text = self._first(field)
        if not text:
            return ""
        if self._is_header(field):
            return self._clean(text) if component == 1 else ""
        if self.signs[0] in text:
            parts = text.split(self.signs[0], component)
            if component > len(parts):
                return ""
            text = parts[component - 1]
        elif component > 1:
            return ""
        return self._clean(text.split(self.signs[2], 1)[0] if self.signs[2] in text else text)

    def subparts(self, field: int, component: int, again: int = 0) -> list[str]:
        """Every subcomponent of a component of a repetition (0 the first); [] for a component that is not there."""
        text = self._asked(field)
        if not text:
            return []
        if self._is_header(field):
            return [self._clean(text)] if component == 1 and not again else []
        parts = text.split(self.signs[1])[again].split(self.signs[0])
        return [self._clean(part) for part in parts[component - 1].split(self.signs[2])] if component <= len(parts) else []

    def is_null(self, field: int, component: int, again: int = 0) -> bool:
        """The component says `""`: HL7's null, that there is none; not that nothing is said of it."""
        if NULL not in self._asked(field) or self._is_header(field):
            return False
        parts = self._asked(field).split(self.signs[1])[again].split(self.signs[0])
        return component <= len(parts) and parts[component - 1].split(self.signs[2])[0].strip() == NULL

    def set_id(self) -> int:
        """The segment's number among its kind (field 1); 0 when it has none."""
        number = self.part(1)
        return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0

    def text(self, field: int) -> str:
        """The whole field, with its separators when it has any."""
        text = self._asked(field)
        return self._clean(text) if text else ""


def split(message: Message) -> list[Segment]:
    """The segments of one message, MSH first."""
    escape = message.separators[3]
    unescape = unescaper(message.separators, message.charset) if message.text.count(escape) > 1 else None
    return [
        Segment(number, line, message.separators, unescape if unescape is not None and escape in line else None)
        for line, number in zip(message.text.split("\r"), message.lines, strict=True)
    ]
