"""What a reference points to: inside the resource, inside the file, or among resources of the feed's earlier files.

A reference that could mean two different resources means none: better a row in quarantine than the wrong patient.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from monitors.config import Feed
from monitors.feeds import fhir_json
from monitors.feeds.fhir_elements import objects, of, text
from monitors.feeds.fhir_piece import Piece

Lookup = Callable[[list[str]], dict[str, str]]
_LOCAL = re.compile(r"([A-Z][A-Za-z]{1,60})/([A-Za-z0-9.-]{1,64})(?:/_history/[A-Za-z0-9.-]{1,64})?")
_URL = re.compile(rf"(https?://[^\s?#]*/)({_LOCAL.pattern})")

WITHDRAWS = ("cancelled", "entered-in-error")

# Which elements of a resource are followed, and so looked up when the file does not hold them.
FOLLOWED: dict[str, tuple[str, ...]] = {
    "Observation": ("subject", "specimen", "encounter"),
    "DiagnosticReport": ("subject", "encounter", "specimen"),
    "MedicationRequest": ("subject", "medicationReference"),
    "MedicationStatement": ("subject", "medicationReference"),
    "MedicationAdministration": ("subject", "medicationReference"),
    "List": ("subject",),
    "Condition": ("subject",),
    "Procedure": ("subject",),
    "Encounter": ("subject", "serviceProvider"),
    "EpisodeOfCare": ("patient", "managingOrganization", "careManager"),
    "Specimen": ("subject",),
}  # fmt: skip
# Resources kept for later files to refer to.
KEPT = frozenset({
    "Patient", "Specimen", "Encounter", "Location", "Organization", "Practitioner", "PractitionerRole", "Medication",
    "MedicationRequest", "MedicationStatement", "MedicationAdministration",
})  # fmt: skip


def no_lookup(references: list[str]) -> dict[str, str]:
    """Nothing is known from earlier files."""
    return {}


class References:
    """The resources of one file by what may point to them. missed: references asked for and not found."""

    def __init__(self, pieces: Iterable[Piece], feed: Feed) -> None:
        self._by_url: dict[str, Piece | None] = {}
        self._local: dict[str, Piece | None] = {}  # 'Type/id'; None: two that differ
        base = feed.location if feed.pull else feed.fhir.base
        self._base = base.rstrip("/") + "/" if base else ""
        self.missed: set[str] = set()
        self.outdated: set[int] = set()  # id() of pieces the file holds a later version of
        for piece in pieces:
            if not piece.reason and (piece.shape is not None or piece.resource):
                self._add(piece)

    def _add(self, piece: Piece) -> None:
        if piece.full_url:
            _put(self._by_url, piece.full_url, piece)
        kind, number = piece.kind, piece.number
        found = _URL.fullmatch(piece.full_url) if not number else None
        if number or found:
            key = f"{kind}/{number}" if number else _unversioned(found[2] if found else "")
            if (older := _put(self._local, key, piece)) is not None:
                self.outdated.add(id(older))

    def kept(self) -> dict[str, str]:
        """Resources of this file later files may refer to: 'Type/id' -> JSON text."""
        return {
            key: piece.text for key, piece in self._local.items()
            if piece is not None and piece.line_no > 0 and piece.kind in KEPT
        }  # fmt: skip

    def add_earlier(self, pieces: Iterable[Piece], lookup: Lookup) -> None:
        """Fetch what the pieces point to and the file does not hold, and what that points to, from earlier files."""
        asked: set[str] = set()
        targets = {target for piece in pieces for target in _followed(piece)}
        for _ in range(4):  # a withdrawn DiagnosticReport -> Observation -> Encounter -> Location is the longest way
            keys = {key for target in targets if (key := self.key(target)) and key not in asked}
            wanted = sorted(key for key in keys if key not in self._local or self._dated(key))
            if not wanted:
                return
            asked.update(wanted)
            found = lookup(wanted)
            targets = set()
            for key, body in found.items():
                piece = Piece(0, body, fhir_json.value(body))
                if self._add_earlier(key, piece):
                    targets.update(followed(piece.resource))

    def _dated(self, key: str) -> bool:
        """The file holds it and says when it was changed: an earlier file may have had a later version."""
        piece = self._local[key]
        return piece is not None and _changed(piece) is not None

    def _add_earlier(self, key: str, piece: Piece) -> bool:
        """Take a resource of an earlier file, unless this file's own is as new. An old export that comes late brings
        nothing back."""
        own = self._local.get(key)
        if key in self._local:
            mine, earlier = _changed(own) if own is not None else None, _changed(piece)
            if own is None or mine is None or earlier is None or earlier <= mine:
                return False
            if own.full_url:
                self._by_url[own.full_url] = piece
        self._local[key] = piece
        return True

    def holds(self, key: str) -> bool:
        """This file gave the resource ('Type/id') itself."""
        return key in self._local and (self._local[key] is None or self._local[key].line_no > 0)  # type: ignore[union-attr]

    def key(self, reference: str) -> str:
        """'Type/id' of a reference to this source's own server; '' for anything else."""
        if self._base and reference.startswith(self._base):
            reference = reference.removeprefix(self._base)
        return _unversioned(reference)

    def find(self, reference: Any, holder: Piece | None, container: dict[str, Any]) -> dict[str, Any] | None:
        """The resource a Reference points to; None when it is not known here, or not certainly one.

        container: the resource whose `contained` a '#id' means; holder: the entry it came in, for its address."""
        target = text(of(reference, "reference"))
        if target is None:
            return None
        if target.startswith("#"):
            own = [inner for inner in objects(container.get("contained")) if inner.get("id") == target[1:]]
            return own[0] if len(own) == 1 else None
        piece = self._by_url.get(target)
        if piece is None and (sent := server(holder.full_url if holder else "")) and _LOCAL.fullmatch(target):
            piece = self._by_url.get(sent + _unversioned(target))
        if piece is None and target not in self._by_url:
            versioned = _URL.fullmatch(target)
            piece = self._by_url.get(versioned[1] + _unversioned(versioned[2])) if versioned else None
            piece = piece or self._local.get(self.key(target))
        if piece is None:
            self.missed.add(target)
            return None
        return piece.resource

    def number(self, reference: Any) -> str | None:
        """The id in a reference to a Patient of this source's own server."""
        key = self.key(text(of(reference, "reference")) or "")
        return key.removeprefix("Patient/") if key.startswith("Patient/") else None


def _followed(piece: Piece) -> Iterable[str]:
    shape, said = piece.shape, piece.said
    if shape is None:
        return followed(piece.resource)
    places = (shape.subject, shape.specimen, shape.encounter)
    return [target for at in places if at >= 0 and (target := said[at].strip())]


def server(full_url: str) -> str | None:
    """The address relative references of an entry count from; None where its own address has no such."""
    found = _URL.fullmatch(full_url)
    return found[1] if found else None


def followed(resource: dict[str, Any]) -> Iterator[str]:
    """The references of a resource that rows are built from."""
    kind = resource.get("resourceType")
    for element in FOLLOWED.get(str(kind), ()):
        found = resource.get(element)
        for reference in objects(found) if type(found) is list else (found,):
            if target := text(of(reference, "reference")):
                yield target
    if kind == "DiagnosticReport" and resource.get("status") in WITHDRAWS:  # takes back what it names
        for result in objects(resource.get("result")):
            if target := text(of(result, "reference")):
                yield target
    if kind == "Patient":
        for link in objects(resource.get("link")):
            if target := text(of(link, "other", "reference")):
                yield target
    if kind == "Encounter":
        for place in objects(resource.get("location")):
            if target := text(of(place, "location", "reference")):
                yield target
    if kind == "List":
        for entry in objects(resource.get("entry")):
            if target := text(of(entry, "item", "reference")):
                yield target
    for inner in objects(resource.get("contained")):
        yield from followed({**inner, "contained": None})


def _put(index: dict[str, Piece | None], key: str, piece: Piece) -> Piece | None:
    """Keep the newer version of a resource and give the older; two that cannot be told apart by time and differ are nobody's."""
    if key not in index:
        index[key] = piece
        return None
    before = index[key]
    if before is None or before.resource == piece.resource:
        return None
    if before.full_url and piece.full_url and before.full_url != piece.full_url:
        index[key] = None  # one id on two servers
        return None
    old, new = _changed(before), _changed(piece)
    if old is None or new is None or old == new:
        index[key] = None
        return None
    index[key] = piece if new > old else before
    return before if new > old else piece


def _changed(piece: Piece) -> dt.datetime | None:
    """meta.lastUpdated; None when it says none, or no instant."""
    said = text(of(piece.resource, "meta", "lastUpdated"))
    try:
        found = dt.datetime.fromisoformat(said) if said else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


def _unversioned(reference: str) -> str:
    found = _LOCAL.fullmatch(reference)
    return f"{found[1]}/{found[2]}" if found else ""
