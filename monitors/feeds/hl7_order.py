"""One order of an ORU or OUL message: its segments, and what all of its results share."""

from __future__ import annotations

from dataclasses import dataclass, field

from monitors.feed_model import Feed
from monitors.feeds import hl7_codes, words
from monitors.feeds.hl7_segments import Segment


@dataclass
class Order:
    """What one OBR covers. results: each OBX with the notes after it."""

    orc: Segment | None = None
    obr: Segment | None = None
    specimens: list[Segment] = field(default_factory=list)
    results: list[tuple[Segment, list[str]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Head:
    """What every result of one order shares. shared: person, unit, location. drawn: `collected` is the specimen's own."""

    raw: tuple[str, str, str]
    shared: tuple[str, ...]
    collected: str
    drawn: bool
    issued: str
    timing: str
    accession: str
    specimen: str
    condition: str
    status: str
    notes: list[str]


def agreed(texts: list[str]) -> str:
    """The one text all specimens agree on; '' where they do not."""
    distinct = set(texts) - {""}
    return distinct.pop() if len(distinct) == 1 else ""


def timing(obr: Segment, feed: Feed) -> str:
    """OBR-13 where it says, in a word that is known, whether the draw was before or after dialysis; it says anything else too."""
    return next((text for text in (obr.text(13), obr.part(13)) if text and words.timing(text, feed.mapping) is not None), "")


def first_of(parts: list[str], codes: hl7_codes.Codes) -> str:
    return next((part for part in parts if part in codes.specimens), next(filter(None, parts), ""))
