"""Rows of Observations whose shape is known (`fhir_shapes`), kept as columns.

A row is three parts: what its shape says (code, unit, status, interval), what the patient, specimen and encounter say, and
its own slots. The first two are worked out once, by the same code that reads every other Observation, and then only counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from monitors.feeds.fhir_elements import of
from monitors.feeds.fhir_labs import AROUND, ISSUED_LATE, Labs
from monitors.feeds.fhir_people import CannotUse, Row
from monitors.feeds.fhir_piece import Piece
from monitors.feeds.fhir_references import server
from monitors.feeds.fhir_reports import RESULT, Standing
from monitors.feeds.fhir_shapes import Shape

OWN = ("value", "collected_at", "issued_at", "accession")


class Part:
    """One of the parts rows share, by its number; place: of the slot each own field comes from."""

    __slots__ = ("around", "collected", "comparator", "issued", "number")

    def __init__(self, number: int, around: str, shape: Shape, row: Row) -> None:
        self.number, self.around, self.comparator = number, around, shape.comparator
        late = shape.issued < 0 and row["status"] in ISSUED_LATE
        self.issued = shape.late if late else shape.issued


class Quick:
    """The quick rows of one file."""

    def __init__(self, labs: Labs, others: Standing) -> None:
        self._labs, self._others = labs, others
        self._parts: dict[Hashable, Part | None] = {}
        self._around: dict[Hashable, int] = {}
        self.said: list[Row] = []
        self.around: list[Row] = []
        self.pieces: list[Piece] = []
        self.numbers: list[int] = []
        self.part: list[int] = []
        self.whose: list[int] = []
        self.own: dict[str, list[str | None]] = {name: [] for name in OWN}
        self._value, self._collected, self._issued, self._accession = (self.own[name].append for name in OWN)

    def takes(self, piece: Piece, number: int) -> bool:
        """Take the row of an Observation of known shape as number `number` of the file; False: it has to be read."""
        shape, said = piece.shape, piece.said
        if shape is None or self._others.withdrawn:
            return False
        if (reports := self._others.reports) and (piece.full_url in reports or f"{RESULT}{piece.number}" in reports):
            return False
        key = (shape, shape.deciding(said)) if shape.deciding is not None else shape
        part = self._parts[key] if key in self._parts else self._read(key, piece, shape)
        if part is None or (at := self._whose(part.around, piece, shape)) < 0:
            return False
        around = self.around[at]
        collected = said[shape.collected].strip() if shape.collected >= 0 else around["collected_at"]
        issued = said[part.issued].strip() if part.issued >= 0 else None
        accession = around["accession"]
        if accession is None and shape.accession >= 0:
            accession = said[shape.accession].strip()
        if collected == "" or issued == "" or accession == "":  # white space is nothing: something else may count then
            return False
        self.numbers.append(number)
        self.pieces.append(piece)
        self.part.append(part.number)
        self.whose.append(at)
        self._value(part.comparator + said[shape.value])
        self._collected(collected)
        self._issued(issued)
        self._accession(accession)
        return True

    def _read(self, key: Hashable, piece: Piece, shape: Shape) -> Part | None:
        """What a shape says, from its first Observation. None: it has to be read."""
        part: Part | None = None
        around = repr([_without_names(piece.resource.get(name)) for name in ("subject", "specimen", "encounter")])
        if self._whose(around, piece, shape) < 0:  # this patient's; another's may be taken
            return None
        rows = self._labs.rows(piece, piece.resource, None, Counter())
        if len(rows) == 1 and rows[0][0] == "labs" and not isinstance(row := rows[0][1], CannotUse):
            part = Part(len(self.said), around, shape, row)
            self.said.append({name: text for name, text in row.items() if name not in AROUND})  # another's stand around it
        self._parts[key] = part
        return part

    def _whose(self, around: str, piece: Piece, shape: Shape) -> int:
        """What the references of a piece say: its number; -1: nobody can say whose it is."""
        said, one, two, three = piece.said, shape.subject, shape.specimen, shape.encounter
        key = (around, said[one] if one >= 0 else None, said[two] if two >= 0 else None, said[three] if three >= 0 else None,
               server(piece.full_url) if piece.full_url else None)  # fmt: skip
        at = self._around.get(key)
        if at is None:
            try:
                self.around.append(self._labs.around(piece, piece.resource, {}, piece.resource))
                at = len(self.around) - 1
            except CannotUse:
                at = -1
            self._around[key] = at
        return at

    def rows(self) -> list[tuple[int, Piece, Row]]:
        """The rows one by one, as those that were read."""
        return [
            (number, piece, {**self.said[part], **self.around[whose], **dict(zip(OWN, own, strict=True))})
            for number, piece, part, whose, *own in zip(
                self.numbers, self.pieces, self.part, self.whose, *(self.own[name] for name in OWN), strict=True)
        ]  # fmt: skip

    def column(self, name: str, finished: Callable[[str, pa.Array], pa.Array]) -> pa.Array:
        """One field of all rows. finished: of the field's texts, each alone."""
        if name in OWN:
            return finished(name, pa.array(self.own[name], pa.string()))
        shared, places = (self.around, self.whose) if name in AROUND else (self.said, self.part)
        texts = finished(name, pa.array([row.get(name) for row in shared], pa.string()))
        return pc.take(texts, pa.array(places, pa.int32()))


def _without_names(reference: Any) -> Any:
    """What of a Reference is the same for all patients, or tells them apart without being a slot."""
    if type(reference) is not dict:
        return reference
    told = {name: item for name, item in reference.items() if name not in ("reference", "display")}
    return [type(of(reference, "reference")).__name__, told]
