"""What a DiagnosticReport says of Observations that stand outside it: its number, and that it was withdrawn.

Reports and results come in either order and in different files. A report is kept under each result it names, and a
result that may be stored here is kept, cut down to what tells which one it was, for a report that is withdrawn later.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from monitors.config import Feed
from monitors.feeds import fhir_json
from monitors.feeds.fhir_elements import identifiers, objects, of, text
from monitors.feeds.fhir_piece import Piece
from monitors.feeds.fhir_references import WITHDRAWS, Lookup, References, no_lookup
from monitors.feeds.fhir_shapes import Shape

_written = json.JSONEncoder(ensure_ascii=False).encode
RESULT = "Observation/"
OF_RESULT = "DiagnosticReport?result="  # + 'Observation/1': what a report is kept under
OF_REPORT = ("resourceType", "id", "status", "identifier", "subject", "encounter", "specimen", "effectiveDateTime",
             "effectivePeriod", "issued", "meta")  # fmt: skip
OF_OBSERVATION = ("resourceType", "id", "status", "identifier", "code", "subject", "encounter", "specimen", "contained",
                  "effectiveDateTime", "effectiveInstant", "effectivePeriod", "issued", "meta")  # fmt: skip


@dataclass(frozen=True)
class Standing:
    """What is known besides the Observation itself. alone: keys of Observations that stand alone in the file; withdrawn:
    key -> status of the withdrawn report that contains it; reports: result ('Observation/1', or as the report wrote it) ->
    the report that names it and the piece it came in."""

    alone: frozenset[Any]
    withdrawn: dict[Any, str]
    reports: dict[str, tuple[Piece, dict[str, Any]]]

    def earlier(self) -> list[Piece]:
        """The reports of earlier files: what they refer to is asked for too."""
        return [piece for piece, _ in self.reports.values() if piece.line_no == 0]


def standing(pieces: list[Piece], references: References, lookup: Lookup = no_lookup) -> Standing:
    """Read a file's Observations and reports once, and the reports of earlier files that name one of them."""
    observed = [piece for piece in pieces if piece.kind == "Observation"]
    reports = [piece for piece in pieces if piece.kind == "DiagnosticReport"]
    by_result: dict[str, tuple[Piece, dict[str, Any]]] = {}
    if lookup is not no_lookup:
        named = {f"{OF_RESULT}{RESULT}{number}" for found in observed if (number := found.number)}
        named |= {f"{OF_RESULT}{key}" for piece in reports for key, _ in _named(piece.resource, references)}
        for key, body in (lookup(sorted(named)) if named else {}).items():
            report = fhir_json.value(body)
            by_result[key.removeprefix(OF_RESULT)] = (Piece(0, body, report), report)
    withdrawn: dict[Any, str] = {}
    for piece in reports:
        report = piece.resource
        if report.get("status") in WITHDRAWS:
            for inner in contained(report):
                withdrawn.update(dict.fromkeys(keys(inner), str(report["status"])))
        for key, target in _named(report, references):
            before = by_result.get(key)
            if before is None or report.get("status") not in WITHDRAWS or _same(before[1], report):
                by_result[key] = by_result[target] = (piece, report)  # a report that stands keeps what another one lost
    alone = {key for found in observed for key in keys(found.resource)} if reports else set()
    return Standing(frozenset(alone), withdrawn, by_result)


def _named(report: dict[str, Any], references: References) -> Iterable[tuple[str, str]]:
    """('Type/id' or, of another server or the file, as written; as written) of each result a report names."""
    for result in objects(report.get("result")):
        target = text(result.get("reference"))
        if target and not target.startswith("#"):
            yield references.key(target) or target, target


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.get("status") in WITHDRAWS or (one.get("id") is not None and one.get("id") == other.get("id"))


def contained(resource: dict[str, Any]) -> list[dict[str, Any]]:
    return [inner for inner in objects(resource.get("contained")) if inner.get("resourceType") == "Observation"]


def keys(observation: dict[str, Any]) -> list[Any]:
    """What makes two Observations of a file the same result: an identifier with a system, or id and code."""
    found: list[Any] = [(system, value) for system, value, _ in identifiers(observation.get("identifier")) if system]
    number, codings = text(observation.get("id")), objects(of(observation, "code", "coding"))
    if number and codings:
        found.append((number, *sorted(f"{coding.get('system')}|{coding.get('code')}" for coding in codings)))
    return found


def kept(pieces: list[Piece], others: Standing, references: References, feed: Feed) -> dict[str, str]:
    """What later files need of this one's reports and results, besides what `References.kept` gives: key -> JSON text."""
    found = {}
    for piece in pieces:
        if piece.shape is not None:
            if piece.shape.kept is not None and (number := piece.number):
                written, filled = piece.shape.kept
                found[f"{RESULT}{number}"] = written % filled(piece.said)
            continue
        resource = piece.resource
        if resource.get("resourceType") == "DiagnosticReport":
            body = _written({name: resource[name] for name in OF_REPORT if name in resource})
            for key, _ in _named(resource, references):
                if key.startswith(RESULT) and others.reports[key][1] is resource:
                    found[OF_RESULT + key] = body
        elif piece.kind == "Observation" and (number := piece.number) and (body := _of_result(resource, feed)):
            found[f"{RESULT}{number}"] = body
    return found


def learned(shape: Shape, marks: list[str], feed: Feed) -> None:
    """Tell a shape what of its results is kept."""
    if body := _of_result(shape.marked, feed):
        shape.keep(body, marks)


def _of_result(resource: dict[str, Any], feed: Feed) -> str:
    """An Observation cut down to what tells which result it is; '' where no code of it is mapped."""
    parts = objects(resource.get("component"))
    if not _asked(resource.get("code"), feed) and not any(_asked(part.get("code"), feed) for part in parts):
        return ""
    some = {name: resource[name] for name in OF_OBSERVATION if name in resource}
    if parts:
        some["component"] = [{"code": part.get("code")} for part in parts]
    if "dataAbsentReason" in resource or any(name.startswith("value") for name in resource):
        some["dataAbsentReason"] = {}
    return _written(some)


def _asked(concept: Any, feed: Feed) -> bool:
    codes = feed.mapping.codes
    return any(type(code := coding.get("code")) is str and code in codes for coding in objects(of(concept, "coding")))


def outside(piece: Piece, references: References) -> list[str]:
    """Results ('Observation/1') a withdrawn report names that its file does not hold; from the bytes alone."""
    if piece.kind != "DiagnosticReport" or piece.resource.get("status") not in WITHDRAWS:
        return []
    named = dict(_named(piece.resource, references))
    return [key for key in named if key.startswith(RESULT) and not references.holds(key)]


def earlier(key: str, references: References) -> dict[str, Any] | None:
    """The Observation of an earlier file behind one of `outside`; None when none is known."""
    found = references.find({"reference": key}, None, {})
    return found if found is not None and found.get("resourceType") == "Observation" else None


def withdraws(piece: Piece, key: str, others: Standing) -> bool:
    """No report that stands names the result too."""
    return others.reports[key][1] is piece.resource
