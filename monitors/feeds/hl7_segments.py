"""Segments as the library splits them, asked by field, repetition and component.

A missing field, an empty one and HL7's explicit null ("") all read as ''. Fields count as in the standard: MSH-9 is 9.
"""

from __future__ import annotations

from collections.abc import Callable

import hl7

from monitors.feeds.envelope import Message
from monitors.feeds.hl7_charsets import unescaper
from monitors.feeds.hl7_refusal import Broken

NULL = '""'
_Unescape = Callable[[str], str]
_first = list.__getitem__  # the library's own indexing is written for convenience and costs ten times as much


class Segment:
    """One segment. name: 'OBX'; line_no: its line in the file; raw: its text as received."""

    __slots__ = ("fields", "line_no", "name", "raw", "unescape")

    def __init__(self, name: str, line_no: int, raw: str, fields: list[hl7.Field], unescape: _Unescape | None) -> None:
        self.name, self.line_no, self.raw, self.fields, self.unescape = name, line_no, raw, fields, unescape

    def _clean(self, text: str) -> str:
        if self.unescape is not None:
            text = self.unescape(text)
        text = text.strip()
        return "" if text == NULL else text

    def repetitions(self, field: int) -> list[list[str]]:
        """Components of each repetition, each its first subcomponent; [] for an empty field."""
        if field >= len(self.fields):
            return []
        found = self.fields[field]
        if type(_first(found, 0)) is str:
            text = self._clean(_first(found, 0))
            return [[text]] if text else []
        return [[self._clean(_first(part, 0) if type(part) is not str else part) for part in again] for again in found]

    def part(self, field: int, component: int = 1) -> str:
        """A component (its first subcomponent) of the field's first repetition."""
        if field >= len(self.fields):
            return ""
        again = _first(self.fields[field], 0)
        if type(again) is str:
            return self._clean(again) if again and component == 1 else ""
        if component > len(again):
            return ""
        part = _first(again, component - 1)
        return self._clean(part if type(part) is str else _first(part, 0))

    def subparts(self, field: int, component: int) -> list[str]:
        """Every subcomponent of a component of the first repetition."""
        if field >= len(self.fields):
            return []
        again = _first(self.fields[field], 0)
        if type(again) is str or component > len(again):
            return [self.part(field)] if component == 1 and self.part(field) else []
        return [self._clean(text) for text in _first(again, component - 1)]

    def set_id(self) -> int:
        """The segment's number among its kind (field 1); 0 when it has none."""
        number = self.part(1)
        return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0

    def text(self, field: int) -> str:
        """The whole field, with its separators when it has any."""
        if field >= len(self.fields):
            return ""
        found = self.fields[field]
        again = _first(found, 0)
        return (self._clean(again) if again else "") if type(again) is str else self._clean(str(found))


def split(message: Message) -> list[Segment]:
    """The segments of one message, MSH first. Raises Broken: broken_message."""
    try:
        parsed = hl7.parse(message.text)
    except (hl7.HL7Exception, LookupError, ValueError, TypeError, AssertionError, AttributeError):
        raise Broken("broken_message", f"The message on line {message.line_no} cannot be split into segments.") from None
    lines = message.text.split("\r")
    if len(parsed) != len(lines) or len(lines) != len(message.lines):
        raise Broken("broken_message", f"The message on line {message.line_no} splits into another number of segments.")
    escape = message.separators[3]
    has_escapes = message.text.count(escape) > 1
    unescape = unescaper(message.separators, message.charset) if has_escapes else None
    return [
        Segment(line[:3], number, line, list(fields), unescape if has_escapes and escape in line else None)
        for line, number, fields in zip(lines, message.lines, parsed, strict=True)
    ]
