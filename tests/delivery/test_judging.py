"""Acknowledge, snooze and dismiss on a card with details: who may, once, with the evidence in front of them, and why."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from monitors.database import Database, Role
from monitors.delivery import forms
from monitors.delivery.listen import NOT_ASKED, SLOW
from monitors.delivery.press import Nothing, Press, read
from tests.delivery.builders import NIGHT, NOW, ledger_kinds, queue, rows
from tests.delivery.test_listen import Line, deeds, kept, line, one_line

__all__ = ["line", "one_line"]
REASON = "dialysate reviewed with the team, repeat in a week"


@pytest.fixture
def card(line: Line, database: Database) -> Line:
    """NW-1 (HIGH, unit N3) with evidence of its change 1, shown with details in the channel C0TEST."""
    queue(database, "NW-1-1", episode_id=1)
    with database.begin(Role.PIPELINE) as connection:
        for statement in (
            "INSERT INTO nephrowatch.runs (run_id, night, begun_at) OVERRIDING SYSTEM VALUE VALUES (1, :night, :now)",
            "INSERT INTO nephrowatch.rulesets VALUES ('r', '{}', :now)",
            """INSERT INTO nephrowatch.judgements (judgement_id, run_id, known, ruleset, live, frozen_at)
               OVERRIDING SYSTEM VALUE VALUES (1, 1, 1, 'r', true, :now)""",
            """INSERT INTO nephrowatch.changes (episode_id, seq, night, judgement_id, kind, reason, sentence, to_state, severity,
               limbs, recorded_at) VALUES (1, 1, :night, 1, 'opened', 'opened', '', 'open', 'HIGH', '{}', :now)""",
        ):
            connection.execute(sa.text(statement), {"night": NIGHT, "now": NOW})
    with database.begin(Role.DELIVERY) as connection:
        for statement in (
            "INSERT INTO nephrowatch.attempts (outbox_id, attempt, claimed_at) VALUES (1, 1, :now)",
            "UPDATE nephrowatch.attempts SET outcome = 'delivered', detail = '{\"leave\": 1, \"evidence\": 1}'",
            "UPDATE nephrowatch.outbox SET state = 'delivered', receipt = '{\"channel\": \"C0TEST\", \"ts\": \"1.1\"}'",
        ):
            connection.execute(sa.text(statement), {"now": NOW})
    return line


def ask(line: Line, who: str, deed: str) -> dict[str, Any]:
    """Press a button that asks, and give the form that was opened."""
    envelope = line.press(who, "NW-1-1", f"press_{deed}")
    line.socket.deliver(envelope)
    line.socket.heard(envelope)
    return line.slack.views[-1]


def send(line: Line, view: dict[str, Any], who: str, **given: str) -> Any:
    """Fill the form in. Returns what Slack was answered."""
    envelope = line.socket.submission(view, who, **given)
    line.socket.deliver(envelope)
    line.socket.heard(envelope)
    return line.socket.answers[envelope["envelope_id"]]


def state(database: Database) -> str:
    return str(rows(database, "SELECT state FROM nephrowatch.episodes")[0]["state"])


def test_an_acknowledgement_from_the_card_counts_as_evidence_opened_by_that_person(card: Line, database: Database) -> None:
    assert "NW-1: Acknowledged by a nephrologist." in card.asked(card.press("U0NEAR", "NW-1-1", "press_acknowledge"))["text"]
    assert state(database) == "acknowledged"
    by = ("near", "nephrologist", "slack")
    assert sorted(deeds(database)) == [("acknowledge", *by), ("opened", *by)]
    assert ledger_kinds(database)[-2:] == ["evidence_opened", "episode_acknowledged"]
    assert "already" in card.asked(card.press("U0NEAR", "NW-1-1", "press_acknowledge"))["text"]
    assert [outcome for outcome, _ in kept(database)] == ["acknowledged", "already_acknowledged"]


NOT_SEEN = {
    "a card without details": "UPDATE nephrowatch.attempts SET detail = NULL",
    "a leave that could not be used": "UPDATE nephrowatch.attempts SET detail = '{\"leave\": 1, \"refused\": \"x\"}'",
    "an older card": "UPDATE nephrowatch.attempts SET detail = '{\"leave\": 1, \"evidence\": 0}'",
    "another channel": "UPDATE nephrowatch.outbox SET receipt = '{\"channel\": \"C0OTHER\", \"ts\": \"1.1\"}'",
    "a card that may not have arrived": "UPDATE nephrowatch.attempts SET outcome = 'ambiguous'",
}


@pytest.mark.parametrize("case", NOT_SEEN)
@pytest.mark.parametrize("deed", ["acknowledge", "snooze", "dismiss"])
def test_hazard_11_nobody_judges_evidence_the_card_did_not_show(card: Line, database: Database, case: str, deed: str) -> None:
    with database.begin(Role.DELIVERY) as connection:
        connection.execute(sa.text(NOT_SEEN[case]))
    assert "Open the evidence of NW-1 first" in card.asked(card.press("U0NEAR", "NW-1-1", f"press_{deed}"))["text"]
    assert (state(database), deeds(database), kept(database)) == ("open", [], [("evidence_not_opened", "near")])


def test_hazard_11_newer_evidence_makes_the_old_card_too_old(card: Line, database: Database) -> None:
    with database.begin(Role.PIPELINE) as connection:
        connection.execute(sa.text(
            "INSERT INTO nephrowatch.changes (episode_id, seq, night, judgement_id, kind, reason, sentence, to_state, severity, "
            "limbs, recorded_at) VALUES (1, 2, :night, 1, 'worsened', 'severity_up', '', 'open', 'HIGH', '{}', :now)"),
            {"night": NIGHT, "now": NOW})  # fmt: skip
    assert "Open the evidence" in card.asked(card.press("U0NEAR", "NW-1-1", "press_acknowledge"))["text"]


def test_a_snooze_asks_for_a_plan_and_a_day_and_keeps_both(card: Line, database: Database) -> None:
    view = ask(card, "U0NEAR", "snooze")
    assert (view["callback_id"], json.loads(view["private_metadata"])) == (
        "form_snooze", {"ref": "NW-1-1", "channel": "C0TEST"})  # fmt: skip
    assert "15 May 2026 at the latest" in str(view["blocks"])
    assert "NW-1-1 · HIGH · Unit N3" in str(view["blocks"])
    assert state(database) == "open"
    assert send(card, view, "U0NEAR", reason=REASON, until="2026-04-29") is None
    assert "Snoozed by a nephrologist until 2026-04-29" in card.whispers[-1]["text"]
    [snoozed] = rows(database, "SELECT actor, role, reason, until, source FROM nephrowatch.human_actions WHERE action = 'snooze'")
    said = {"reason": REASON, "until": date(2026, 4, 29)}
    assert dict(snoozed) == {"actor": "near", "role": "nephrologist", "source": "slack", **said}
    assert [outcome for outcome, _ in kept(database)] == ["asked", "snoozed"]
    assert ledger_kinds(database)[-1] == "episode_snoozed"
    assert REASON not in str([one["text"] for one in card.whispers])


WRONG = {
    "no day": ({"reason": REASON}, "until", "Until which day"),
    "a day that is past": ({"reason": REASON, "until": "2026-04-15"}, "until", "not after today"),
    "a day too far off": ({"reason": REASON, "until": "2026-05-16"}, "until", "30 days at most"),
    "a day that is none": ({"reason": REASON, "until": "2026-02-31"}, "until", "Until which day"),
    "only white space": ({"reason": "  \n", "until": "2026-04-29"}, "reason", "takes a reason"),
    "too much": ({"reason": "x" * 501, "until": "2026-04-29"}, "reason", "501 characters"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_form_that_cannot_be_taken_says_so_at_its_field_and_can_be_mended(card: Line, database: Database, case: str) -> None:
    given, field, said = WRONG[case]
    view = ask(card, "U0NEAR", "snooze")
    answer = send(card, view, "U0NEAR", **given)
    assert answer["response_action"] == "errors"
    assert said in answer["errors"][field]
    assert (state(database), card.whispers) == ("open", [])
    assert send(card, view, "U0NEAR", reason=REASON, until="2026-04-29") is None
    assert state(database) == "snoozed"


def test_a_dismissal_asks_why_and_a_critical_is_never_dismissed(card: Line, database: Database) -> None:
    view = ask(card, "U0NEAR", "dismiss")
    assert [block["block_id"] for block in view["blocks"] if block["type"] == "input"] == ["reason"]
    with database.begin(Role.PIPELINE) as connection:
        connection.execute(sa.text("UPDATE nephrowatch.episodes SET severity = 'CRITICAL'"))
    assert send(card, view, "U0NEAR", reason=REASON) is None  # it became CRITICAL while the form was open
    assert "cannot be dismissed" in card.whispers[-1]["text"]
    views = len(card.slack.views)
    assert "cannot be dismissed" in card.asked(card.press("U0NEAR", "NW-1-1", "press_dismiss"))["text"]
    assert (len(card.slack.views), state(database)) == (views, "open")
    with database.begin(Role.PIPELINE) as connection:
        connection.execute(sa.text("UPDATE nephrowatch.episodes SET severity = 'HIGH'"))
    assert send(card, ask(card, "U0NEAR", "dismiss"), "U0NEAR", reason=REASON) is None
    assert state(database) == "dismissed"


REFUSED = {
    "a stranger": ("U0OTHER", "unknown_person"), "a role that may not": ("U0DATA", "role_may_not"),
    "somebody whose role has ended": ("U0GONE", "role_may_not"), "another unit": ("U0FAR", "not_your_unit"),
}  # fmt: skip


@pytest.mark.hazard(8)
@pytest.mark.parametrize("case", REFUSED)
def test_who_may_not_gets_no_form_and_cannot_send_one_in(card: Line, database: Database, case: str) -> None:
    who, code = REFUSED[case]
    views = len(card.slack.views)
    for deed in ("acknowledge", "snooze", "dismiss"):
        assert "othing was changed" in card.asked(card.press(who, "NW-1-1", f"press_{deed}"))["text"]
    assert len(card.slack.views) == views
    assert send(card, forms.form("dismiss", "NW-1-1", "C0TEST", "HIGH", "N3", NIGHT, NIGHT), who, reason=REASON) is None
    assert {outcome for outcome, _ in kept(database)} == {code}
    assert (len(kept(database)), state(database), deeds(database)) == (4, "open", [])
    assert ledger_kinds(database) == ["action_refused"] * 4


def test_what_has_ended_is_not_judged(card: Line, database: Database) -> None:
    view = ask(card, "U0NEAR", "snooze")
    with database.begin(Role.PIPELINE) as connection:
        connection.execute(sa.text("UPDATE nephrowatch.episodes SET state = 'resolved'"))
    assert send(card, view, "U0NEAR", reason=REASON, until="2026-04-29") is None
    assert "NW-1 has ended" in card.whispers[-1]["text"]
    assert "NW-1 has ended" in card.asked(card.press("U0NEAR", "NW-1-1", "press_acknowledge"))["text"]
    assert [outcome for outcome, _ in kept(database)] == ["asked", "episode_ended", "episode_ended"]


def test_a_press_or_form_delivered_again_is_one(card: Line, database: Database) -> None:
    envelope = card.press("U0NEAR", "NW-1-1", "press_snooze")
    views = len(card.slack.views)
    card.socket.deliver(envelope, envelope)
    card.socket.heard(envelope, 2)
    assert len(card.slack.views) == views + 1
    sent = card.socket.submission(card.slack.views[-1], "U0NEAR", reason=REASON, until="2026-04-29")
    card.socket.deliver(sent, sent)
    card.socket.heard(sent, 2)
    assert [outcome for outcome, _ in kept(database)] == ["asked", "snoozed"]
    assert len([deed for deed in deeds(database) if deed[0] == "snooze"]) == 1


def test_a_form_that_cannot_be_opened_is_said(card: Line, database: Database) -> None:
    card.slack.fault("ok_false:expired_trigger_id")
    assert card.asked(card.press("U0NEAR", "NW-1-1", "press_snooze"))["text"] == NOT_ASKED
    assert state(database) == "open"


def test_a_slow_database_takes_the_form_and_says_later_what_came_of_it(
    card: Line, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = ask(card, "U0NEAR", "snooze")
    monkeypatch.setattr(card.listener, "patience", 0.01)
    sent = card.socket.submission(view, "U0NEAR", reason=REASON, until="2026-04-29")
    with database.begin(Role.PIPELINE) as connection:
        connection.execute(sa.text("SELECT FROM nephrowatch.episodes FOR UPDATE"))
        card.socket.deliver(sent)
        card.socket.heard(sent)
        assert card.whispered(1) == [SLOW]
    assert "Snoozed by a nephrologist until 2026-04-29" in card.whispered(2)[1]
    assert state(database) == "snoozed"


def test_the_post_says_what_was_said_of_it_and_by_whom(card: Line, database: Database) -> None:
    card.asked(card.press("U0NEAR", "NW-1-1", "press_acknowledge"))
    [row] = rows(database, "SELECT kind, destination, content FROM nephrowatch.outbox WHERE kind = 'parent'")
    assert row["destination"] == "slack"
    from monitors.delivery import sending
    from monitors.delivery.message import render
    from tests.delivery.builders import SITE

    with database.begin(Role.DELIVERY) as connection:
        state, said = sending.said(connection, 1)
    assert (state, said) == ("acknowledged", "Acknowledged by Dr. Near.")
    assert said in render("parent", {**row["content"], "said": said}, SITE, "slack", "d-1", now=NOW).text


def sent_in(**view: Any) -> dict[str, Any]:
    filled = {"reason": {"given": {"value": REASON}}, "until": {"given": {"selected_date": "2026-04-29"}}}
    return {"type": "view_submission", "user": {"id": "U0NEAR"}, "view": {
        "id": "V01", "callback_id": "form_snooze", "private_metadata": '{"ref": "NW-1-1", "channel": "C0TEST"}',
        "state": {"values": filled}, **view}}  # fmt: skip


@pytest.mark.parametrize(("payload", "why"), [
    (sent_in(callback_id="of_another_app"), "unknown_form"), (sent_in(private_metadata="{"), "malformed"),
    (sent_in(private_metadata='{"ref": "\'; DROP", "channel": "C0TEST"}'), "malformed"),
    (sent_in(private_metadata='{"ref": ["NW-1"], "channel": "C0TEST"}'), "malformed"),
    (sent_in(private_metadata='{"ref": "NW-1-1", "channel": "<!here>"}'), "malformed"),
    (sent_in(private_metadata="7"), "malformed"), (sent_in(id=None), "malformed"),
    ({**sent_in(), "user": {"id": "<@U1>"}}, "malformed"), ({**sent_in(), "view": []}, "unknown_form"),
])  # fmt: skip
def test_what_is_no_form_of_ours_asks_for_nothing(payload: dict[str, Any], why: str) -> None:
    [found] = read("interactive", "e-1", payload)
    assert isinstance(found, Nothing)
    assert found.why == why


@pytest.mark.parametrize("state_of", [
    None, {}, {"values": 7}, {"values": {"reason": []}}, {"values": {"reason": {"given": {"value": 7}}}}])  # fmt: skip
def test_a_form_with_odd_fields_is_a_form_with_empty_ones(state_of: Any) -> None:
    [found] = read("interactive", "e-1", sent_in(state=state_of))
    assert isinstance(found, Press)
    assert (found.reason, found.until, found.seq) == ("", None, 1)
