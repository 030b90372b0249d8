"""JSON, strictly: numbers stay text, a repeated key, NaN, half a character or a bottomless nesting is an error."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

DEPTH = 64  # objects and arrays inside one another; FHIR's own deepest resources stay below 20
LONGEST_NUMBER = 64  # characters
_SPACE = re.compile(r"[ \t\n\r]*")


class Number(str):
    """A JSON number as written: 5.50 stays 5.50. A JSON string is a plain str."""

    __slots__ = ()


class Broken(ValueError):
    """Why a text is not JSON we take. args: reason, sentence."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Broken("repeated_key", "An object gives the same key twice, so nobody knows which one is meant")
    return found


def _number(text: str) -> Number:
    if len(text) > LONGEST_NUMBER:
        raise Broken("broken_json", f"A number has more than {LONGEST_NUMBER} characters")
    return Number(text)


def _constant(text: str) -> None:
    raise Broken("broken_json", "NaN and Infinity are no JSON numbers")


# Objects are made twice: quickly, the last of equal keys taken, as C code does; and strictly, pair by pair, where it is not
# certain that no key was lost. `read` says when it is.
_quick = json.JSONDecoder(parse_float=_number, parse_int=_number, parse_constant=_constant, strict=True)
_APART = re.compile(r'"[ \t\n\r]+:')
_decoder = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_number, parse_int=_number, parse_constant=_constant, strict=True
)


def value(text: str) -> Any:
    """The value of one JSON text. Raises Broken."""
    found, end = read(text, past(text, 0))
    if past(text, end) != len(text):
        raise Broken("broken_json", "Something stands after the end of the resource")
    return found


def glance(text: str, start: int) -> tuple[Any, int]:
    """As `read`, but nothing is held against it: neither a repeated key nor too deep a nesting. Raises ValueError."""
    try:
        return _quick.raw_decode(text, start)
    except (RecursionError, StopIteration):
        raise ValueError("no value, or no bottom") from None


def read(text: str, start: int) -> tuple[Any, int]:
    """The value that begins at `start`, and where it ends. Raises Broken."""
    try:
        found, end = _quick.raw_decode(text, start)
        if not _keeps_keys(found, text, start, end):
            found, end = _decoder.raw_decode(text, start)
    except Broken:
        raise
    except RecursionError:
        raise Broken("too_deep", f"It nests deeper than {DEPTH} levels") from None
    except ValueError as problem:
        cut = getattr(problem, "pos", 0) >= len(text.rstrip()) or "Unterminated string" in str(problem)
        if cut:
            raise Broken("truncated", "The text ends before the resource does") from None
        raise Broken("broken_json", "This is not JSON") from None
    except StopIteration:  # pragma: no cover  (older decoders, at the end of the text)
        raise Broken("truncated", "The text ends before the resource does") from None
    if text.count("{", start, end) + text.count("[", start, end) > DEPTH and _depth(text[start:end]) > DEPTH:
        raise Broken("too_deep", f"It nests deeper than {DEPTH} levels")
    if text.find("\\u", start, end) >= 0 and not _is_text(found):
        raise Broken("mis_encoded", "A text holds NUL or half a character")
    return found, end


def _keeps_keys(found: Any, text: str, start: int, end: int) -> bool:
    """Certainly no object of text[start:end] gives a key twice: as many keys were written, each ending in `":`, as the value
    has. Where a key stands apart from its colon, or a backslash may hide a quotation mark, nothing is certain."""
    if text.find("\\", start, end) >= 0 or _APART.search(text, start, end):
        return False
    members, left = 0, [found]
    for item in left:  # grows as it is read
        if type(item) is dict:
            members += len(item)
            left += [value for value in item.values() if type(value) is dict or type(value) is list]
        elif type(item) is list:
            left += [value for value in item if type(value) is dict or type(value) is list]
    return members == text.count('":', start, end)


def _depth(text: str) -> int:
    """How deep valid JSON nests, brackets inside strings not counted."""
    raw = np.frombuffer(text.replace("\\\\", "").replace('\\"', "").encode("utf-8", "replace"), dtype=np.uint8)
    outside = (np.cumsum(raw == ord('"')) & 1) == 0
    opened = ((raw == ord("{")) | (raw == ord("["))) & outside
    closed = ((raw == ord("}")) | (raw == ord("]"))) & outside
    return int(np.cumsum(opened.astype(np.int32) - closed).max(initial=0))


def _is_text(found: Any) -> bool:
    left = [found]
    while left:
        item = left.pop()
        if isinstance(item, dict):
            left += item.keys()
            left += item.values()
        elif isinstance(item, list):
            left += item
        elif isinstance(item, str) and ("\0" in item or any("\ud800" <= c <= "\udfff" for c in item)):
            return False
    return True


def past(text: str, at: int) -> int:
    """Where white space from `at` on ends."""
    found = _SPACE.match(text, at)
    return found.end() if found else at
