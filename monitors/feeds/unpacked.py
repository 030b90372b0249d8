"""A received file, packed or not, in any of the three formats -> what its parser gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pandas as pd

from monitors.config import Feed
from monitors.errors import FeedError
from monitors.feeds import csv, fhir, hl7v2
from monitors.feeds.packed import unpack
from monitors.feeds.parsed import SOURCE, Parsed
from monitors.memory import uncollected

MEMBER = f"{SOURCE}(file)"
Lookup = Callable[[list[str]], dict[str, str]]


def nothing_known(references: list[str]) -> dict[str, str]:
    """The lookup of a feed that has seen no resources yet."""
    return {}


def parse(raw: bytes, feed: Feed, lookup: Lookup = nothing_known) -> Parsed:
    """Read one file of `feed`. lookup: references -> JSON texts of FHIR resources seen in earlier files.

    Several files in one zip are read one by one, in their order: row numbers go on, line numbers start anew and
    `source:(file)` says in which file. One that cannot be read refuses the whole: half an archive is no delivery.
    Raises FeedError: what `packed.unpack` and the parser of the feed's format raise.
    """
    members = unpack(raw, feed)
    if len(members) == 1:
        return _one(members[0][1], feed, lookup)
    if feed.format == "fhir":  # a resource may refer to one of a later file
        inside = {key: text for _, content in members for key, text in _one(content, feed, lookup).resources.items()}
        outside = lookup

        def lookup(references: list[str]) -> dict[str, str]:
            found = {key: inside[key] for key in references if key in inside}
            return {**outside([key for key in references if key not in found]), **found}

    read = []
    for number, (name, content) in enumerate(members, 1):
        try:
            read.append((name, _one(content, feed, lookup)))
        except FeedError as problem:
            raise FeedError(problem.reason, f"File {number} of {len(members)} in it: {problem}") from None
    return _joined(read)


def _one(raw: bytes, feed: Feed, lookup: Lookup) -> Parsed:
    with uncollected():
        if feed.format == "csv":
            return csv.parse(raw, feed)
        return hl7v2.parse(raw, feed) if feed.format == "hl7v2" else fhir.parse(raw, feed, lookup)


def _joined(members: list[tuple[str, Parsed]]) -> Parsed:
    frames: dict[str, list[pd.DataFrame]] = {}
    refused, ignored, resources, last = [], Counter[str](), dict[str, str](), 0
    for name, parsed in members:
        for kind, frame in parsed.frames.items():
            frames.setdefault(kind, []).append(frame.assign(row_no=frame["row_no"] + last, **{MEMBER: name}))
        refused.append(parsed.refused.assign(row_no=parsed.refused["row_no"] + last))
        ignored.update(parsed.ignored)
        resources.update(parsed.resources)
        numbers = [frame["row_no"] for frame in (*parsed.frames.values(), parsed.refused) if len(frame)]
        last += max((int(number.max()) for number in numbers), default=0)
    joined = {kind: pd.concat(parts, ignore_index=True) for kind, parts in frames.items()}
    return Parsed(joined, pd.concat(refused, ignore_index=True), dict(ignored), resources)
