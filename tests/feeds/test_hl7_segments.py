"""Our splitting of segments answers as the `hl7` library's does, asked field by field."""

from __future__ import annotations

from collections.abc import Iterator

import hl7
import pytest

from monitors.errors import FeedError
from monitors.feeds import envelope, hl7_segments
from monitors.feeds.envelope import Message
from monitors.feeds.hl7_charsets import unescaper
from tests.fuzz import harness

MUTANTS = 1_500


def messages() -> Iterator[Message]:
    """Every message that gets through the envelope: of the seeds, and of files damaged in every way the fuzzer knows."""
    module = harness.format_module("hl7v2")
    seeds, feed = module.seeds(), module.feed()
    for raw in [*seeds, *(harness.mutant(module, seeds, 7, number) for number in range(MUTANTS))]:
        try:
            yield from envelope.unpack(raw, feed).messages
        except FeedError:
            continue


def split_up(found: hl7.Field | str) -> list[list[list[str]]]:
    """Repetitions of components of subcomponents; the library leaves out the levels that hold one thing only."""
    if isinstance(found, str):  # a segment that is nothing but its name
        return [[[found]]]
    return [
        [[again]] if isinstance(again, str) else [[part] if isinstance(part, str) else list(part) for part in again]
        for again in found
    ]


def test_every_field_reads_as_the_library_reads_it() -> None:
    asked = 0
    for message in messages():
        parsed = hl7.parse(message.text)
        ours = hl7_segments.split(message)
        assert len(parsed) == len(ours)
        for theirs, segment in zip(parsed, ours, strict=True):
            escapes = message.text.count(message.separators[3]) > 1
            unescape = unescaper(message.separators, message.charset) if escapes else str
            assert len(theirs) == len(segment.fields)
            for field, found in enumerate(theirs):
                read = [[[clean(unescape(text)) for text in part] for part in again] for again in split_up(found)]
                assert segment.text(field) == clean(unescape(str(found)))
                first = read[0] if read else [[""]]
                wanted = [] if read in ([], [[[""]]]) else [[part[0] for part in again] for again in read]
                assert segment.repetitions(field) in (wanted, [] if wanted == [[""]] else wanted), (segment.raw, field)
                for component in range(1, len(first) + 2):
                    there = component <= len(first)
                    assert segment.part(field, component) == (first[component - 1][0] if there else "")
                    if str(found):
                        assert segment.subparts(field, component) == (first[component - 1] if there else [])
                    asked += 1
    assert asked > 50_000


def clean(text: str) -> str:
    text = text.strip()
    return "" if text == '""' else text


@pytest.mark.parametrize(("component", "again", "found"), [
    (1, 0, ["12"]), (4, 0, ["HOSPITAL", "1.2.3"]), (1, 1, ["34"]), (4, 1, []), (9, 0, []),
])  # fmt: skip
def test_subcomponents_of_each_repetition(component: int, again: int, found: list[str]) -> None:
    segment = hl7_segments.Segment(2, "PID|1||12^^^HOSPITAL&1.2.3~34", "|^~\\&", None)
    assert segment.subparts(3, component, again) == found


def test_a_field_that_is_not_there_is_empty() -> None:
    segment = hl7_segments.Segment(2, "PID|1", "|^~\\&", None)
    assert (segment.part(9), segment.text(9), segment.repetitions(9), segment.subparts(9, 1)) == ("", "", [], [])


def test_the_separators_stand_in_the_header_as_they_are() -> None:
    header = hl7_segments.Segment(1, "MSH|^~\\&|LAB", "|^~\\&", None)
    assert [header.text(field) for field in range(4)] == ["MSH", "|", "^~\\&", "LAB"]
    assert header.part(2) == "^~\\&"
