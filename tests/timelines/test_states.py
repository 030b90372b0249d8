"""docs/states.md says what the code does: its diagram, its table of steps, its reasons, in the code's own words."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

from monitors.change_words import sentence
from monitors.records import ChangeKind, Severity, State
from tests.timelines.transitions import PAGE, steps, written

TEXT = PAGE.read_text(encoding="utf-8")
EDGE = re.compile(r"^\s*(\[\*\]|\w+) --> (\[\*\]|\w+)(?:: (.*))?$", re.MULTILINE)
DRAWN = [(before, after, label) for before, after, label in EDGE.findall(TEXT)]
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in TEXT.splitlines() if line.startswith("| ")]


def kinds(label: str) -> set[str]:
    """The changes a label names, without their reasons in brackets."""
    return {part.strip() for part in re.sub(r"\([^)]*\)", "", label).split("|")}


def test_the_table_of_steps_is_current() -> None:
    assert written(TEXT) == TEXT, "python -m tests.timelines.transitions"


def test_every_state_and_every_change_of_the_code_is_reached_and_drawn() -> None:
    assert {state for before, after, _ in DRAWN for state in (before, after)} - {"[*]"} == set(State)
    assert {step.after for step in steps()} == set(State)
    assert {step.kind for step in steps()} == set(ChangeKind)


@pytest.mark.parametrize("edge", [edge for edge in DRAWN if edge[1] != "[*]"], ids=lambda edge: " ".join(edge[:2]))
def test_an_edge_that_is_drawn_is_one_the_code_makes(edge: tuple[str, str, str]) -> None:
    before, after, label = edge
    made = {step.kind for step in steps() if (step.before or "[*]") == before and step.after == after}
    assert kinds(label) <= made


def test_what_leads_from_open_and_from_what_people_said_is_drawn_whole() -> None:
    """Only what keeps the state, and an end, may be left to the table."""
    drawn = {(before, after): kinds(label) for before, after, label in DRAWN}
    for before in (State.OPEN, State.ACKNOWLEDGED, State.SNOOZED, State.DISMISSED):
        made = {step.kind for step in steps() if step.before is before and step.after is State.OPEN and not step.by_person}
        assert made == drawn[before, State.OPEN] - {"unacknowledged"}


def test_the_reasons_are_those_of_the_code() -> None:
    made: dict[str, set[str]] = defaultdict(set)
    for step in steps():
        if not step.by_person:
            made[step.kind].add(step.reason)
    made[ChangeKind.STALE].discard("the finding's reason")
    written_down: dict[str, set[str]] = defaultdict(set)
    for kind, reasons, *_ in (row for row in ROWS if row[0] in made and len(row) == 3):
        written_down[kind] |= set(re.findall(r"`(\w+)`", reasons))
    assert written_down == made


def test_every_reason_of_a_telling_withheld_is_explained() -> None:
    explained = set(re.findall(r"`(\w+)`", TEXT[TEXT.index("**Withheld**") : TEXT.index("## What people do")]))
    assert {reason.partition(":")[0] for step in steps() for reason in step.withheld} <= explained


def test_every_reason_has_words_that_name_no_value() -> None:
    for kind, reason in {(step.kind, step.reason) for step in steps() if not step.by_person}:
        said = sentence(kind, reason, "R01", Severity.HIGH, Severity.CRITICAL)
        assert said.endswith(".")
        assert "{" not in said


def test_a_label_is_read_without_its_reasons() -> None:
    assert kinds("reopened | worsened (a | b) | unacknowledged (a person)") == {"reopened", "worsened", "unacknowledged"}
