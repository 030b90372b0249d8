"""Hazard 13: no text that anybody is shown reads as advice. Every message kind, with every step of a life."""

from __future__ import annotations

import re
from typing import Any

import pytest

from monitors import human, why
from monitors.change_words import sentence
from monitors.delivery.message import KINDS, render
from monitors.delivery.report_cards import EVENTS, REMEDIES
from monitors.records import Severity
from tests.delivery.builders import CONTENTS, NOW, SITE, everything
from tests.timelines.transitions import steps

DRUGS = (
    r"warfarin|vka|vitamin k|anticoagula\w*|binders?|calcium|calcitriol|alfacalcidol|vitamin d|cinacalcet|etelcalcetide|"
    r"calcimimetics?|thiosulfate|drugs?|medicines?|medications?|doses?|dialysate|treatments?|therapy"
)
VERBS = (
    r"start|stop|hold|reduce|increase|switch|give|lower|raise(?!d\b)|change|consider|prescribe(?!r\b)|discontinue|withhold|titrate|should|must"
)
ADVICE = re.compile(rf"\b({VERBS})\w*\b[^.\n]{{0,60}}\b({DRUGS})\b|\b({DRUGS})\b[^.\n]{{0,60}}\b(should|must)\b", re.IGNORECASE)
REASSURES = re.compile(r"\b(normal|safe|all clear|reassur\w*|healthy|nothing to worry|no action)\b", re.IGNORECASE)
PROBABLE = re.compile(r"\b(\d+ ?% (risk|chance|probab)|probability of|likelihood)\b", re.IGNORECASE)


def wrong(text: str) -> list[str]:
    found = (pattern.search(text) for pattern in (ADVICE, REASSURES, PROBABLE))
    return [match.group(0) for match in found if match]


@pytest.mark.parametrize("advice", [
    "Stop warfarin.", "Reduce the dose of calcitriol", "consider switching binders", "Warfarin should be reviewed",
    "give vitamin K", "Increase dialysate calcium", "values are normal", "all clear today", "a 12 % risk",
])  # fmt: skip
def test_hazard_13_the_lint_finds_what_it_is_for(advice: str) -> None:
    assert wrong(f"For the nephrologist: {advice}")


def contents() -> list[tuple[str, dict[str, Any]]]:
    """Every kind, and the kinds of an episode with every change and reason the code can make."""
    found = [(kind, dict(content)) for kind, content in CONTENTS.items()]
    lives = sorted({(str(step.kind), step.reason) for step in steps()})
    for kind in ("alert", "withdrawn", "handed_over"):
        found += [(kind, CONTENTS[kind] | {"change_kind": change, "reason": reason}) for change, reason in lives]
    return found + [("operations", CONTENTS["operations"] | {"reason": event, "rules": ["R10"]}) for event in EVENTS]


def test_hazard_13_no_message_of_any_kind_advises_or_reassures() -> None:
    tried = contents()
    assert {kind for kind, _ in tried} == set(KINDS)
    for kind, content in tried:
        for channel in ("slack", "email"):
            for group in ("phosphate", "calciphylaxis", "calcium_low"):
                shown = everything(render(kind, content | {"group": group}, SITE, channel, "d-1", now=NOW))
                assert wrong(shown) == []


def test_hazard_13_no_sentence_about_a_life_advises_or_reassures() -> None:
    said = [sentence(step.kind, step.reason, "R10", Severity.HIGH, Severity.CRITICAL) for step in steps() if not step.by_person]
    said += [*human.OUTCOMES.values(), *why.WITHHELD.values(), *EVENTS.values(), *REMEDIES.values()]
    assert [text for text in said if wrong(text)] == []
