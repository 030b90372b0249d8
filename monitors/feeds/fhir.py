"""A file of FHIR R4 resources as received -> frames of text, a row for each result, drug, census line, fact and link.

Bundles of every type, arrays, single resources and NDJSON (Bulk Data). Patients, specimens and places are context:
their data stands on the rows that refer to them. A receiver must not ignore what changes a meaning (`modifierExtension`,
`implicitRules`): such a resource is refused; all other extensions are counted and left alone.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from monitors.config import Feed
from monitors.feeds import fhir_facts, fhir_frames, fhir_labs, fhir_pieces, fhir_reports, fhir_seems
from monitors.feeds.fhir_elements import of, text
from monitors.feeds.fhir_medications import Medications, listed
from monitors.feeds.fhir_people import INPATIENT, CannotUse, People, Row, care, encounter, patient_rows
from monitors.feeds.fhir_piece import Piece
from monitors.feeds.fhir_quick import Quick
from monitors.feeds.fhir_references import Lookup, References, no_lookup
from monitors.feeds.fhir_reports import Standing
from monitors.feeds.fhir_shapes import Shapes
from monitors.feeds.parsed import REFUSED, Parsed, nothing_refused

CONTEXT = frozenset({
    "Specimen", "Location", "Organization", "Practitioner", "PractitionerRole", "Medication", "Patient",
})  # fmt: skip
ORDER = (
    ("Organization", "Location", "Patient", "Practitioner", "PractitionerRole"), ("Medication",), ("Specimen",),
    ("Encounter", "EpisodeOfCare"), ("DiagnosticReport",),
    ("MedicationRequest", "MedicationStatement", "MedicationAdministration"),
)  # fmt: skip
REMEDY = "Ask the sender to mend it and send it again."
_EXTENSION = re.compile(rb'"extension"\s*:')

Found = tuple[str, Row | CannotUse]


def order(name: str) -> int:
    """Place of a file of a Bulk Data export (Patient.ndjson, 003.Observation.ndjson.gz): what others refer to first."""
    words = re.split(r"[^A-Za-z]+", posixpath.basename(name))
    for place, kinds in enumerate(ORDER):
        if any(word in kinds for word in words):
            return place
    return len(ORDER)


@dataclass(frozen=True)
class Resources:
    """One file, read and not yet put into frames. read: kind -> (row number, where from, fields) of what was read one by one;
    quick: the rows of Observations whose shape was known; the rest as in `Parsed`."""

    read: dict[str, list[tuple[int, Piece, Row]]]
    quick: Quick
    refused: list[tuple[int, int, str, str, str, str, str]]
    ignored: dict[str, int]
    kept: dict[str, str]

    def rows(self) -> dict[str, list[tuple[int, Piece, Row]]]:
        """All rows of each kind, in the order of the file."""
        labs = sorted([*self.read.get("labs", []), *self.quick.rows()], key=lambda row: row[0])
        return {**self.read, "labs": labs} if labs else self.read


def parse(raw: bytes, feed: Feed, lookup: Lookup = no_lookup, *, quickly: bool = True) -> Parsed:
    """Read one file of `feed`. lookup: references ('Patient/1') -> JSON texts from the feed's earlier files; those it
    does not know are left out. quickly: an Observation of a shape seen before in the file is not read again.

    Rows are numbered in document order, from the bytes alone; refused parts among them. Raises FeedError: too_large,
    empty_file, mis_encoded, truncated, broken_json, repeated_key, too_deep, not_fhir, unknown_modifier.
    """
    found = read(raw, feed, lookup, quickly=quickly)
    refused = pd.DataFrame(found.refused, columns=list(REFUSED)).astype(nothing_refused().dtypes)
    frames = {kind: fhir_frames.frame(kind, rows, feed) for kind, rows in found.read.items() if kind != "labs"}
    if found.quick.numbers or "labs" in found.read:
        frames["labs"] = fhir_frames.labs(found.read.get("labs", []), found.quick, feed)
    return Parsed(frames, refused, found.ignored, found.kept)


def read(raw: bytes, feed: Feed, lookup: Lookup = no_lookup, *, quickly: bool = True) -> Resources:
    """The rows of one file, see `parse`."""
    shapes = Shapes(feed, lambda shape, marks: fhir_reports.learned(shape, marks, feed)) if quickly else None
    pieces = fhir_pieces.pieces(raw, feed.caps.bytes, shapes)
    if b"modifierExtension" in raw or b"implicitRules" in raw or b"\\u" in raw:  # \\u: it may hide there
        pieces = [_refuse_modified(piece) for piece in pieces]
    references = References(pieces, feed)
    others = fhir_reports.standing(pieces, references, lookup)
    if lookup is not no_lookup:
        references.add_earlier([*pieces, *others.earlier()], lookup)
    ignored: Counter[str] = Counter()
    make = _Rows(pieces, references, others, feed, ignored)
    rows: dict[str, list[tuple[int, Piece, Row]]] = {}
    refused: list[tuple[int, int, str, str, str, str, str]] = []
    number = 0
    for piece in pieces:
        if references.outdated and id(piece) in references.outdated:  # a history: what was changed since says nothing any more
            ignored[f"{piece.kind} (a later version is in the file)"] += 1
            continue
        if piece.shape is not None and make.quick.takes(piece, number + 1):
            number += 1
            continue
        for kind, row in make.of(piece):
            number += 1
            if isinstance(row, CannotUse):
                said = fhir_seems.results(piece, feed) if piece.reason else row.results
                refused.append((number, piece.line_no, row.reason, row.sentence, row.remedy, piece.text, said))
            else:
                rows.setdefault(kind, []).append((number, piece, row))
    if extensions := len(_EXTENSION.findall(raw)) if b'"extension"' in raw else 0:
        ignored["extension"] = extensions
    kept = {**references.kept(), **fhir_reports.kept(pieces, others, references, feed)}
    return Resources(rows, make.quick, refused, dict(ignored), kept)


def _refuse_modified(piece: Piece) -> Piece:
    if piece.shape is not None or not any(word in piece.text for word in ("modifierExtension", "implicitRules", "\\u")):
        return piece
    left: list[object] = [piece.resource]
    while left:
        item = left.pop()
        if isinstance(item, dict):
            if "modifierExtension" in item or "implicitRules" in item:
                sentence = "The resource says its meaning is changed by an extension or rules unknown here"
                return Piece(piece.line_no, piece.text, {}, piece.full_url, piece.method, "unknown_modifier", sentence)
            left += item.values()
        elif isinstance(item, list):
            left += item
    return piece


class _Rows:
    """Which rows each resource of a file gives."""

    def __init__(self, pieces: list[Piece], references: References, others: Standing, feed: Feed, ignored: Counter[str]) -> None:
        self._references, self._others, self._feed, self._ignored = references, others, feed, ignored
        self._people = People(references, feed)
        self._labs = fhir_labs.Labs(self._people, references, others, feed)
        self.quick = Quick(self._labs, others)
        self._medications = Medications(self._people, references, listed(pieces), feed)

    def of(self, piece: Piece) -> list[Found]:
        """(kind, row or why there is none) of one piece."""
        if piece.reason:
            return [("", CannotUse(piece.reason, f"{piece.sentence}.", REMEDY))]
        if piece.method in ("DELETE", "PATCH"):
            return [("", CannotUse(
                "deleted_at_source" if piece.method == "DELETE" else "patched_at_source",
                "The source deleted or patched a resource without sending it; what it said still stands here.",
                "Look the resource up at the source and send it as entered-in-error, or as it is now.",
            ))]  # fmt: skip
        if not piece.resource:
            self._ignored["Bundle.entry (no resource)"] += 1
            return []
        kind = piece.resource["resourceType"]
        if kind == "Bundle":
            return [("", CannotUse("nested_bundle", "A Bundle stands inside a Bundle.", "Ask for its entries one by one."))]
        make = _BY_KIND.get(kind)
        if make is None:
            if kind not in CONTEXT:
                self._ignored[kind if re.fullmatch(r"[A-Z][A-Za-z]{1,40}", kind) else "unknown resource"] += 1
            return []
        return make(self, piece)

    def _results(self, piece: Piece) -> list[Found]:
        here = [
            row for observation, outer in fhir_labs.observations(piece, self._others, self._ignored)
            for row in self._labs.rows(piece, observation, outer, self._ignored)
        ]  # fmt: skip
        return [*here, *(("labs", self._taken_back(piece, key)) for key in fhir_reports.outside(piece, self._references))]

    def _taken_back(self, piece: Piece, key: str) -> Row | CannotUse:
        """The row that withdraws a result of an earlier file: one for each its report names, whatever is known of it."""
        found = fhir_reports.earlier(key, self._references)
        if found is None:
            return CannotUse(
                "unresolved_reference", "A withdrawn report names a result that is not known here; if stored, it still stands.",
                "Send the Observation, then `nephrowatch quarantine retry`; discard the row when the result is not watched.",
            )  # fmt: skip
        if not fhir_reports.withdraws(piece, key, self._others):
            return CannotUse(
                "withdrawn_report", "A withdrawn report names a result that another report stands for.",
                "Ask the sender whether the result stands.",
            )  # fmt: skip
        rows = self._labs.rows(Piece(piece.line_no, piece.text, found), found, None, self._ignored)
        if len(rows) != 1:
            return CannotUse(
                "withdrawn_report", "A withdrawn report names a result of several parts, of an earlier file; they still stand.",
                "Ask the sender for the Observation, entered in error.",
            )  # fmt: skip
        return rows[0][1]

    def _drugs(self, piece: Piece) -> list[Found]:
        return self._medications.rows(piece, self._ignored)

    def _list(self, piece: Piece) -> list[Found]:
        return self._medications.list_rows(piece, self._ignored)

    def _facts(self, piece: Piece) -> list[Found]:
        return fhir_facts.rows(piece, self._people, self._feed, self._ignored)

    def _patient(self, piece: Piece) -> list[Found]:
        return patient_rows(piece, self._people)

    def _encounter(self, piece: Piece) -> list[Found]:
        found = piece.resource
        status, code = text(found.get("status")), text(of(found, "class", "code"))
        if code not in INPATIENT or status in ("planned", "cancelled"):
            self._ignored[f"Encounter ({'outpatient' if code not in INPATIENT else status})"] += 1
            return []
        return [
            ("census", _tried(lambda at=at: encounter(piece, self._people, self._references, self._feed, at)))  # type: ignore[misc]
            for at in (("start", "end") if text(of(found, "period", "end")) and status == "finished" else ("start",))
        ]

    def _care(self, piece: Piece) -> list[Found]:
        if piece.resource.get("status") in ("planned", "waitlist", "cancelled", "entered-in-error"):
            self._ignored[f"EpisodeOfCare ({piece.resource['status']})"] += 1
            return []
        return [("census", _tried(lambda: care(piece, self._people, self._references, self._feed)))]


_BY_KIND: dict[str, Callable[[_Rows, Piece], list[Found]]] = {
    "Observation": _Rows._results, "DiagnosticReport": _Rows._results,
    "MedicationRequest": _Rows._drugs, "MedicationStatement": _Rows._drugs, "MedicationAdministration": _Rows._drugs,
    "List": _Rows._list, "Condition": _Rows._facts, "Procedure": _Rows._facts,
    "Encounter": _Rows._encounter, "EpisodeOfCare": _Rows._care, "Patient": _Rows._patient,
}  # fmt: skip


def _tried(make: Callable[[], Row]) -> Row | CannotUse:
    try:
        return make()
    except CannotUse as problem:
        return problem
