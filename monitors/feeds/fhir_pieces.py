"""Bytes -> FHIR resources, each with its own text and line: a Bundle, an array, one resource, or one a line (NDJSON).

A Bundle is cut into its entries by hand, so that each keeps its text as received; the values are read by `fhir_json`.
What one resource does wrong costs only that resource, wherever the cut is certain.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from typing import Any

from monitors.errors import FeedError
from monitors.feeds.fhir_json import Broken, glance, past, read, value
from monitors.feeds.fhir_piece import Piece
from monitors.feeds.fhir_shapes import Shape, Shapes

_PLAIN = re.compile(r'"([^"\\\x00-\x1f]*)"')
_PLAIN_KEY = re.compile(_PLAIN.pattern + r"[ \t\n\r]*:[ \t\n\r]*")


def pieces(raw: bytes, largest: int, shapes: Shapes | None = None) -> list[Piece]:
    """Every resource of a file of at most `largest` bytes: a Bundle, an array, one resource, or one a line (NDJSON).
    shapes: of the file, learned as it is read; without them everything is read the long way.

    Raises FeedError: too_large, empty_file, mis_encoded, truncated, not_fhir, and what makes a whole document
    unreadable (broken_json, repeated_key, too_deep).
    """
    if len(raw) > largest:
        raise FeedError("too_large", f"The file has more than {largest} bytes; raise caps.bytes, or ask for smaller files.")
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise FeedError("mis_encoded", "The file is UTF-16; FHIR is UTF-8: ask the sender for that.")
    raw = raw.removeprefix(codecs.BOM_UTF8)
    if not raw.strip():
        raise FeedError("empty_file", "The file holds no bytes but white space; ask the sender for the file again.")
    lines = [(number, line) for number, line in enumerate(raw.split(b"\n"), 1) if line.strip()]
    if len(lines) > 1 and (first := _line(*lines[0])).reason == "" and not _is_array(lines[0][1]):
        return _alone((first, *(_line(*line, shapes) for line in lines[1:])), shapes)
    try:
        found = list(_document(raw, shapes))
        return _alone(found, shapes) if _is_array(raw) else found
    except Broken as problem:
        read = [_line(*line) for line in lines] if lines[0][1].lstrip().startswith(b"{") and len(lines) > 1 else []
        if sum(piece.reason == "" for piece in read) * 2 >= len(read) > 0:
            return _alone(read, shapes)
        reason, sentence = problem.args
        raise FeedError(reason, f"{sentence}; ask the sender for the file again.") from None


def _is_array(line: bytes) -> bool:
    return line.lstrip().startswith(b"[")


def _alone(found: Iterable[Piece], shapes: Shapes | None) -> list[Piece]:
    """The pieces, and of a Bundle among them its entries."""
    alone: list[Piece] = []
    for piece in found:
        if piece.kind != "Bundle":
            alone.append(piece)
        else:
            alone += _unbundled(piece, shapes)
    return alone


def _line(line_no: int, line: bytes, shapes: Shapes | None = None) -> Piece:
    """One line of NDJSON."""
    try:
        text = line.decode("utf-8").strip(" \t\r\n").removeprefix("\ufeff")  # of a file put behind another
    except UnicodeDecodeError:
        return _broken(line_no, line.decode("utf-8", "backslashreplace"), "mis_encoded", "This line is not UTF-8")
    if shapes is not None and (known := shapes.of(text)) is not None:
        return Piece(line_no, text, None, "", "", "", "", *known)
    try:
        found = value(text)
        if not isinstance(found, dict) or not isinstance(found.get("resourceType"), str):
            raise Broken("not_fhir", "This is no FHIR resource: it has no resourceType")
    except Broken as problem:
        return _broken(line_no, text, *problem.args)
    return Piece(line_no, text, found)


def _broken(line_no: int, text: str, reason: str, sentence: str, full_url: str = "") -> Piece:
    return Piece(line_no, text.replace("\0", "\\0"), {}, full_url, "", reason, sentence)


def _unbundled(piece: Piece, shapes: Shapes | None) -> Iterator[Piece]:
    try:
        for entry in _document(piece.text.encode(), shapes):
            entry.line_no = piece.line_no
            yield entry
    except Broken as problem:
        yield _broken(piece.line_no, piece.text, *problem.args)


def _document(raw: bytes, shapes: Shapes | None) -> Iterator[Piece]:
    """The resources of one JSON text: a Bundle's entries, an array's elements, or the one it is."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as problem:
        line = raw.count(b"\n", 0, problem.start) + 1
        if problem.end >= len(raw) and "unexpected end" in problem.reason:
            raise Broken("truncated", f"The file ends inside a character on line {line}") from None
        raise Broken("mis_encoded", f"Line {line} is not UTF-8") from None
    if "\0" in text:
        raise Broken("truncated", "The file holds NUL bytes: a part of it was never written")
    start = past(text, 0)
    found: list[Piece]
    if text[start] == "[":
        found = []
        end = _elements(text, start, found, shapes, entries=False)
    elif text[start] == "{":
        found, end = _bundle(text, start, shapes)
    else:
        raise Broken("not_fhir", "This is not FHIR JSON")
    if past(text, end) != len(text):
        raise Broken("broken_json", "Something stands after the end of the document")
    yield from found


def _bundle(text: str, start: int, shapes: Shapes | None) -> tuple[list[Piece], int]:
    """An object: the pieces of a Bundle, or the one resource it is, and where it ends."""
    found: list[Piece] = []
    others: dict[str, Any] = {}
    entries = False
    at = past(text, start + 1)
    while text[at : at + 1] != "}":
        key, at = _key(text, at)
        if key in others or (key == "entry" and entries):
            raise Broken("repeated_key", "An object gives the same key twice, so nobody knows which one is meant")
        if key == "entry" and text[at : at + 1] == "[":
            entries, at = True, _elements(text, at, found, shapes, entries=True)
        else:
            others[key], at = read(text, at)
        at = _next(text, at, "}")
    kind = others.get("resourceType")
    if kind == "Bundle":
        if "modifierExtension" in others or "implicitRules" in others:
            raise Broken("unknown_modifier", "The Bundle says its meaning is changed by an extension unknown here")
        return found, at + 1
    if not isinstance(kind, str):
        raise Broken("not_fhir", "This JSON is no FHIR resource: it has no resourceType")
    body, end = read(text, start)
    return [Piece(1, text[start:end], body)], end


def _key(text: str, at: int) -> tuple[str, int]:
    if (found := _PLAIN_KEY.match(text, at)) is not None:
        return found[1], found.end()
    key, at = read(text, at)
    if type(key) is not str or text[past(text, at) : past(text, at) + 1] != ":":
        raise Broken("truncated" if past(text, at) >= len(text) else "broken_json", "An object breaks off after a key")
    return key, past(text, past(text, at) + 1)


def _member(text: str, at: int) -> tuple[Any, int]:
    """As `read`; the plain strings most keys and addresses are need no decoder."""
    found = _PLAIN.match(text, at)
    return (found[1], found.end()) if found else read(text, at)


def _next(text: str, at: int, closing: str) -> int:
    """Past the comma before the next member, or at the closing bracket."""
    at = past(text, at)
    sign = text[at : at + 1]
    if sign == closing:
        return at
    if sign != ",":
        raise Broken("truncated" if not sign else "broken_json", "The text ends before the document does")
    at = past(text, at + 1)
    if text[at : at + 1] == closing:
        raise Broken("broken_json", "A comma stands before a closing bracket")
    return at


def _elements(text: str, at: int, found: list[Piece], shapes: Shapes | None, *, entries: bool) -> int:
    """Append the pieces of an array that begins at `at`; gives where it ends."""
    at = past(text, at + 1)
    line, counted = text.count("\n", 0, at) + 1, at
    while text[at : at + 1] != "]":
        line, counted = line + text.count("\n", counted, at), at
        piece, at = _entry(text, at, line, shapes) if entries else _element(text, at, line)
        found.append(piece)
        at = _next(text, at, "]")
    return at + 1


def _element(text: str, start: int, line: int) -> tuple[Piece, int]:
    body, end = read(text, start)
    if not isinstance(body, dict) or not isinstance(body.get("resourceType"), str):
        return _broken(line, text[start:end], "not_fhir", "This is no FHIR resource: it has no resourceType"), end
    return Piece(line, text[start:end], body), end


def _entry(text: str, start: int, line: int, shapes: Shapes | None) -> tuple[Piece, int]:
    """One entry of a Bundle; the text kept is the resource's own."""
    if text[start : start + 1] != "{":
        body, end = read(text, start)
        return _broken(line, text[start:end], "not_fhir", "An entry of the Bundle is no object"), end
    members: dict[str, Any] = {}
    known: tuple[Shape, list[str]] | None = None
    body_text = ""
    at = past(text, start + 1)
    while text[at : at + 1] != "}":
        key, at = _key(text, at)
        if key in members:
            raise Broken("repeated_key", "An entry gives the same key twice, so nobody knows which one is meant")
        begun = at
        if key == "resource" and shapes is not None:
            members[key], at, known = _resource(text, at, shapes)
        else:
            members[key], at = _member(text, at)
        if key == "resource":
            body_text = text[begun:at]
        at = _next(text, at, "}")
    end = at + 1
    url, request, body = members.get("fullUrl", ""), members.get("request"), members.get("resource")
    method = str(request.get("method", "")) if isinstance(request, dict) else ""
    full_url = url if isinstance(url, str) else ""
    if "modifierExtension" in members:
        sentence = "The Bundle's entry says its meaning is changed by an extension unknown here"
        return _broken(line, text[start:end], "unknown_modifier", sentence, full_url), end
    if body is None:
        return Piece(line, text[start:end], {}, full_url, method), end
    if not isinstance(body, dict) or not isinstance(body.get("resourceType"), str):
        return _broken(line, body_text, "not_fhir", "This is no FHIR resource: it has no resourceType", full_url), end
    if known is None or method in ("DELETE", "PATCH"):
        return Piece(line, body_text, body, full_url, method), end
    return Piece(line, body_text, body, full_url, method, "", "", *known), end


def _resource(text: str, start: int, shapes: Shapes) -> tuple[Any, int, tuple[Shape, list[str]] | None]:
    """The resource of an entry, where it ends, and its shape when it has been seen before: then nothing need be held against
    it, for its shape was learned from one that had been read strictly."""
    try:
        body, end = glance(text, start)
    except ValueError:
        return *read(text, start), None
    known = shapes.of(text[start:end])
    return (body, end, known) if known is not None else (*read(text, start), None)
