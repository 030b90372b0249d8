"""Cards about files and feeds: what they say, and that nothing of a row can get into one (hazards 2 and 3)."""

from __future__ import annotations

from typing import Any

import pytest

from monitors.delivery import feed_cards, outbox
from monitors.delivery.message import render
from tests.delivery.builders import ALARM, CONTENTS, DIGEST, NOW, SITE, everything, message

FEED_KINDS = ("unverified", "held", "alarm", "alarm_cleared")
SECRET = "OXENHOPE 417"


def test_hazard_2_an_unverified_critical_asks_for_a_repeat_and_vouches_for_nothing() -> None:
    card = message("unverified", "email")
    assert card.subject == "Unit N3: 3 unverified critical results (CRITICAL)"
    for line in (
        "3 results in quarantine would be critical if true.",
        "Unverified critical: repeat, or confirm with the laboratory.",
        "Look by: Wed 15 Apr 08:30 BST (in 1 h)",
        "Samples taken: newest 12 h old, oldest 17 h old.",
        "Calcium low: 1",
        "Q-12, Q-13, Q-15",
        "not clinically reviewed at this site",
    ):
        assert line in card.text
    assert card.labels["Severity"] == "CRITICAL"
    assert card.thread == ""


def test_one_result_is_one_and_an_unknown_age_says_so() -> None:
    text = message("unverified", results=1, newest_sample=None, oldest_sample=None, late=True).text
    assert "1 result in quarantine would be critical" in text
    assert "Sample taken: not known." in text
    assert "LATE: a sample is over a day old, or its age is not known." in text


def test_hazard_3_a_held_file_says_why_and_how_a_person_approves_it() -> None:
    for_unit, for_operations = message("held", "email").text, message("held", "email", unit=None).text
    for text in (for_unit, for_operations):
        assert "Reason: more of its rows cannot be used than the feed allows." in text
        assert "nephrowatch quarantine release --file 7 --reason WHY --actor WHO" in text
        assert "Of these, 3 would be critical if true" in text
    assert "may be missing from tonight's list" in for_unit
    assert "kept as it was received" in for_operations
    assert "Reason: some new reason." in message("held", reason="some_new_reason").text


def planted(content: dict[str, Any]) -> dict[str, Any]:
    """The content with a row's text wherever a code, a count or a number belongs."""
    return content | {
        "reason": SECRET, "state": SECRET, "file": SECRET, "rows": SECRET, "criticals": SECRET, "alarm": SECRET, "why": SECRET,
        "hours": SECRET, "min_rows": SECRET, "results": SECRET, "refs": [SECRET, 1], "reasons": {SECRET: SECRET},
        "counts": [{"analyte": SECRET, "direction": SECRET, "results": SECRET}, SECRET], "newest_input": SECRET,
        "raised_at": SECRET, "acknowledge_by": SECRET, "oldest_sample": SECRET, "newest_sample": SECRET, "raw": SECRET,
        "sentence": SECRET, "severity": SECRET,
    }  # fmt: skip


@pytest.mark.parametrize("kind", FEED_KINDS)
@pytest.mark.parametrize("channel", ["slack", "email"])
def test_nothing_of_a_row_gets_into_a_card(kind: str, channel: str) -> None:
    shown = everything(render(kind, planted(CONTENTS[kind]), SITE, channel, "d-1", now=NOW))
    assert "OXENHOPE" not in shown
    assert "417" not in shown


def test_nothing_of_a_row_gets_into_the_morning_list_or_the_nightly_line() -> None:
    lines = [{"analyte": SECRET, "direction": SECRET, "results": SECRET, "refs": [SECRET], "feed": "f", "since": SECRET,
              "newest_input": SECRET, "overdue": SECRET}, SECRET]  # fmt: skip
    listed = DIGEST | {"unverified": lines, "silent": lines, "held": {SECRET: SECRET}}
    shown = everything(render("digest", listed, SITE, "email", "d-1", now=NOW))
    shown += everything(message("operations", "email", reason="rows_quarantined", rows={SECRET: SECRET}))
    assert "OXENHOPE" not in shown


def test_references_are_few_and_the_rest_is_counted() -> None:
    assert feed_cards.references([3]) == "Q-3"
    assert feed_cards.references(list(range(1, 13))).endswith("Q-10 and 2 more")
    assert feed_cards.references([9, 8], 40) == "Q-9, Q-8 and 38 more"
    assert feed_cards.references(None) == "not known"


@pytest.mark.parametrize("kind", ["unverified", "held", "alarm"])
def test_what_may_not_be_lost_is_sent_again_when_in_doubt(kind: str) -> None:
    assert outbox.must_arrive(kind, None)


def test_a_silent_unit_is_named_and_too_little_is_counted() -> None:
    text = message("alarm", **(ALARM | {"alarm": "little", "unit": "N3", "rows": 4, "min_rows": 40})).text
    assert "4 usable rows arrived within 36 h for unit N3; 40 or more are expected." in text
    assert "Newest usable file: 2 days old." in text
