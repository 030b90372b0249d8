"""A press on a Slack card, from the envelope to the episode: who may, once, and what the presser is told when it goes wrong."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from monitors import presses
from monitors.config import Config, Routes, Site
from monitors.database import Database, Role
from monitors.delivery.deliver import deliver
from monitors.delivery.listen import LOST, SAID_OF, SLOW, Listener, ears
from monitors.delivery.press import Nothing, Press, Said, read
from monitors.demo.socket_standin import SocketStandIn
from monitors.demo.standins import SlackStandIn
from monitors.errors import NotReadyError, UserError
from monitors.history import ledger
from monitors.settings import Settings, settings_from
from tests.conftest import REPOSITORY
from tests.delivery.builders import NOW, SITE, episode, ledger_kinds, message, queue, rows, slack_to
from tests.site import Site as Folder

PEOPLE = """
people:
  - {name: Dr. Near, login: near, role: nephrologist, units: [N3], slack: U0NEAR}
  - {name: Nurse Example, login: nurse, role: nurse, units: ["*"], slack: U0NURSE}
  - {name: Dr. Far, login: far, role: nephrologist, units: [N4], slack: U0FAR}
  - {name: Data Engineer, login: data, role: data engineer, units: ["*"], slack: U0DATA}
  - {name: Dr. Gone, login: gone, roles: [{role: nephrologist, last: "2026-04-14"}], units: [N3], slack: U0GONE}
"""
TWO_UNITS = Site.model_validate(SITE.model_dump() | {"units": [
    {"code": code, "name": f"Unit {code}", "zone": "Europe/London"} for code in ("N3", "N4")]})  # fmt: skip
TOKENS = {"SLACK_BOT_TOKEN": "xoxb-test", "SLACK_APP_TOKEN": "xapp-test"}


@dataclass
class Line:
    """A listener on the line with Slack's stand-ins. `record` is what a press becomes, for each test anew."""

    slack: SlackStandIn
    socket: SocketStandIn
    listener: Listener = field(init=False)
    notes: list[str] = field(default_factory=list)
    stamps: int = 0
    folder: Path = Path()
    before: int = 0  # whispers of earlier tests
    news: threading.Condition = field(default_factory=threading.Condition)

    def record(self, press: Press) -> Said:
        raise AssertionError("no test asked for this press")

    def config(self) -> Config:
        to = slack_to(self.slack.api_url).model_dump() | {"app_token": "SLACK_APP_TOKEN"}
        routes = Routes.model_validate({"destinations": {"slack": to}, "routes": [{"to": ["slack"]}]})
        return Config.model_construct(folder=self.folder, site=TWO_UNITS, routes=routes, rules=())

    @property
    def whispers(self) -> list[dict[str, Any]]:
        """What was said to pressers in this test."""
        return self.slack.whispers[self.before :]

    def note(self, outcome: str) -> None:
        with self.news:
            self.notes.append(outcome)
            self.news.notify_all()

    def wait_for(self, happened: Callable[[], bool]) -> None:
        with self.news:
            assert self.news.wait_for(happened, 20)

    def whispered(self, count: int) -> list[str]:
        """What pressers were told, once there are so many."""
        self.wait_for(lambda: len(self.whispers) >= count)
        return [one["text"] for one in self.whispers]

    def asked(self, envelope: dict[str, Any]) -> dict[str, Any]:
        """Deliver an envelope and wait for its acknowledgement. Returns what its presser was told last."""
        self.socket.deliver(envelope)
        self.socket.heard(envelope)
        return self.whispers[-1]

    def press(self, who: str, ref: str = "NW-1-1", action_id: str = "press_take", **more: Any) -> dict[str, Any]:
        """An envelope of one press, as Slack writes it; each call is another press."""
        self.stamps += 1
        return self.socket.envelope({
            "type": "block_actions", "user": {"id": who, "username": "somebody", "team_id": "T0TEST"}, "token": "verification",
            "container": {"type": "message", "message_ts": "1700000000.000100", "channel_id": "C0TEST"},
            "channel": {"id": "C0TEST", "name": "renal"}, "trigger_id": "1.2.abc", "response_url": "https://hooks.slack.com/x",
            "actions": [{"action_id": action_id, "block_id": "b", "type": "button", "value": ref,
                         "action_ts": f"1700000001.{self.stamps:06d}"}],
            **more,
        })  # fmt: skip


@pytest.fixture(scope="module")
def one_line() -> Iterator[Line]:
    with SlackStandIn() as slack, SocketStandIn(slack) as socket:
        ours = Line(slack, socket)
        ours.listener = Listener(
            ears(ours.config(), settings_from(TOKENS), ping=0.05), lambda press: ours.record(press), ours.note, threading.Event()
        )

        def news() -> None:
            with ours.news:
                ours.news.notify_all()

        slack.accepted.then = news
        ours.listener.connect()
        yield ours
        ours.listener.close()


@pytest.fixture
def line(one_line: Line, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Line:
    """The line, with nothing said on it yet, in front of a database with one open episode (NW-1, of unit N3)."""
    one_line.socket.acks.clear()
    one_line.notes.clear()
    one_line.before = len(one_line.slack.whispers)
    (tmp_path / "people.yaml").write_text(PEOPLE)
    one_line.folder = tmp_path
    episode(database)
    monkeypatch.setattr(one_line, "record", lambda press: presses.record_again(database, one_line.config(), press, lambda: NOW))
    monkeypatch.setattr(one_line.listener, "patience", 20.0)
    return one_line


def deeds(database: Database) -> list[tuple[str, str, str, str]]:
    found = rows(database, "SELECT action, actor, role, source FROM nephrowatch.human_actions ORDER BY action_id")
    return [(row["action"], row["actor"], row["role"], row["source"]) for row in found]


def kept(database: Database) -> list[tuple[str, str | None]]:
    found = rows(database, "SELECT outcome, actor FROM nephrowatch.presses ORDER BY press_id")
    return [(row["outcome"], row["actor"]) for row in found]


OUTCOMES = {  # who presses -> (outcome, their key, what they are told)
    "the right person": ("U0NEAR", "NW-1-1", "taken", "near", "NW-1 is yours now"),
    "a nurse of every unit": ("U0NURSE", "NW-1", "taken", "nurse", "NW-1 is yours now"),
    "a stranger": ("U0OTHER", "NW-1-1", "unknown_person", None, "Nobody in people.yaml has your Slack account"),
    "a role that may not": ("U0DATA", "NW-1-1", "role_may_not", "data", "Your role does not let you take NW-1"),
    "somebody whose role has ended": ("U0GONE", "NW-1-1", "role_may_not", "gone", "Your role does not let you take NW-1"),
    "another unit": ("U0FAR", "NW-1-1", "not_your_unit", "far", "belongs to unit N3, where you do not work"),
    "an alert that is not there": ("U0NEAR", "NW-9-1", "no_such_episode", "near", "There is no alert NW-9"),
}


@pytest.mark.hazard(8)
@pytest.mark.parametrize("case", OUTCOMES)
def test_hazard_11_a_press_counts_for_who_may_and_for_nobody_else(line: Line, database: Database, case: str) -> None:
    user, ref, outcome, actor, told = OUTCOMES[case]
    whisper = line.asked(line.press(user, ref))
    assert told in whisper["text"]
    assert (whisper["user"], whisper["channel"]) == (user, "C0TEST")
    assert kept(database) == [(outcome, actor)]
    took = outcome == "taken"
    assert [(what, who, how) for what, who, _, how in deeds(database)] == ([("take", actor, "slack")] if took else [])
    assert ledger_kinds(database)[-1] == ("episode_taken" if took else "action_refused")
    assert took != ("othing was changed" in whisper["text"])


def test_what_has_ended_is_not_taken(line: Line, database: Database) -> None:
    with database.begin(Role.PIPELINE) as connection:
        connection.execute(sa.text("UPDATE nephrowatch.episodes SET state = 'resolved'"))
    assert "NW-1 has ended" in line.asked(line.press("U0NEAR"))["text"]
    assert (kept(database), deeds(database)) == ([("episode_ended", "near")], [])


def test_a_second_press_and_another_persons_press_change_nothing(line: Line, database: Database) -> None:
    for user in ("U0NEAR", "U0NEAR", "U0NURSE"):
        line.asked(line.press(user))
    assert [outcome for outcome, _ in kept(database)] == ["taken", "already_yours", "taken_by_another"]
    assert len(deeds(database)) == 1
    assert "Dr. Near has taken NW-1" in line.whispers[-1]["text"]


def test_an_envelope_delivered_again_and_at_once_is_one_press(line: Line, database: Database) -> None:
    envelope = line.press("U0NEAR")
    again = envelope | {"envelope_id": "another-one"}  # Slack may wrap the same press anew
    line.socket.deliver(envelope, envelope, again, envelope)
    line.socket.heard(envelope, 3)
    line.socket.heard(again)
    assert (kept(database), len(deeds(database))) == ([("taken", "near")], 1)
    assert ledger_kinds(database) == ["episode_taken"]
    assert len(set(line.whispered(4))) == 1


def test_people_yaml_counts_as_it_stands_when_the_button_is_pressed(line: Line, database: Database) -> None:
    (line.folder / "people.yaml").write_text(PEOPLE.replace("U0NEAR", "U0NEW"))
    for user, outcome in (("U0NEAR", "unknown_person"), ("U0NEW", "taken")):
        line.asked(line.press(user))
        assert kept(database)[-1][0] == outcome
    (line.folder / "people.yaml").write_text("people: [")
    assert line.asked(line.press("U0NURSE"))["text"] == LOST
    assert len(kept(database)) == 2


def test_without_a_database_the_presser_is_told_that_nothing_was_recorded(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = sa.make_url("postgresql+psycopg://a:b@127.0.0.1:9/none")
    dead = Database({Role.DELIVERY: nowhere})
    monkeypatch.setattr(line, "record", lambda press: presses.record_again(dead, line.config(), press, lambda: NOW))
    line.asked(line.press("U0NEAR"))
    assert line.whispered(1) == [LOST]
    assert line.notes == ["failed_NotReadyError", "not_recorded"]


def test_where_not_even_that_can_be_said_slack_is_left_to_warn_the_presser(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(press: Press) -> Said:
        raise NotReadyError("away")

    monkeypatch.setattr(line, "record", failing)
    line.slack.fault("ok_false:user_not_in_channel")
    lost, after = line.press("U0NEAR"), line.press("U0NEAR")
    line.socket.deliver(lost)
    line.wait_for(lambda: "not_told_SlackApiError" in line.notes)
    assert line.asked(after)["text"] == LOST
    assert line.socket.acks == [after["envelope_id"]]


def test_a_slow_database_holds_the_acknowledgement_up_no_longer_than_slack_waits(
    line: Line, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line.listener, "patience", 0.01)
    envelope = line.press("U0NEAR")
    with database.begin(Role.PIPELINE) as connection:
        connection.execute(sa.text("SELECT FROM nephrowatch.episodes FOR UPDATE"))
        line.socket.deliver(envelope)
        line.socket.heard(envelope)
        assert line.whispered(1) == [SLOW]
        assert kept(database) == []
    told = line.whispered(2)
    assert "NW-1 is yours now" in told[1]
    assert (kept(database), line.socket.acks) == ([("taken", "near")], [envelope["envelope_id"]])


def test_a_statement_that_never_ends_is_given_up_and_said_so(
    line: Line, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presses, "PATIENCE", 50)
    envelope = line.press("U0NEAR")
    with database.begin(Role.PIPELINE) as connection:
        connection.execute(sa.text("SELECT FROM nephrowatch.episodes FOR UPDATE"))
        line.socket.deliver(envelope)
        line.socket.heard(envelope)
    assert line.whispered(1) == [LOST]
    assert (kept(database), deeds(database)) == ([], [])


def button(**changed: Any) -> dict[str, Any]:
    return {"actions": [{"action_id": "press_take", "value": "NW-1", "action_ts": "1.1"} | changed]}


ODD = {  # payload changes, or another payload -> (why nothing came of it, whether the presser is told)
    "a link that was opened": (button(action_id="link_0"), "link", False),
    "a button of another app": (button(action_id="approve"), "unknown_action", True),
    "no ref": (button(value=None), "malformed", True),
    "a ref that is none": (button(value="'; DROP"), "malformed", True),
    "a ref of another type": (button(value=["NW-1"]), "malformed", True),
    "no instant": (button(action_ts=None), "malformed", True),
    "no action": ({"actions": []}, "malformed", True),
    "an action that is none": ({"actions": [7]}, "malformed", True),
    "no user": ({"user": None}, "malformed", False),
    "a user that is none": ({"user": {"id": "<!channel>"}}, "malformed", False),
    "no channel": ({"channel": {}}, "malformed", False),
    "a form of another app": ({"type": "view_submission"}, "unknown_form", False),
    "a form that was closed": ({"type": "view_closed"}, "other_type", False),
    "text for a payload": ("hello", "other_type", False),
}


@pytest.mark.parametrize("case", ODD)
def test_what_is_no_press_of_ours_is_acknowledged_and_changes_nothing(line: Line, database: Database, case: str) -> None:
    changed, why, told = ODD[case]
    envelope = line.press("U0NEAR", **changed) if isinstance(changed, dict) else line.socket.envelope(changed)
    line.socket.deliver(envelope)
    line.socket.heard(envelope)
    assert line.notes == [why]
    assert [one["text"] for one in line.whispers] == ([SAID_OF[why]] if told else [])
    assert (kept(database), deeds(database), ledger_kinds(database)) == ([], [], [])


@pytest.mark.parametrize("envelope_id", [None, 7, "", "x" * 81, "a b"])
def test_an_envelope_without_a_name_of_its_own_is_no_press(envelope_id: Any) -> None:
    payload = {"type": "block_actions", "user": {"id": "U0NEAR"}, "channel": {"id": "C0TEST"}} | button()
    assert read("interactive", envelope_id, payload) == [Nothing("malformed", "U0NEAR", "C0TEST")]
    assert isinstance(read("interactive", "e-1", payload)[0], Press)


def test_text_that_is_no_json_an_unknown_type_and_a_new_connection_lose_no_press(line: Line, database: Database) -> None:
    strange = line.socket.envelope({}, kind="slash_commands")
    for text in ("{broken", "not json at all", "[]", json.dumps({"type": "hello"})):
        line.socket.say(text)
    line.socket.deliver(strange)
    line.socket.heard(strange)
    opened = line.socket.opened
    line.socket.refresh()
    line.socket.wait_for(lambda: line.socket.opened == opened + 1)
    envelope = line.press("U0NEAR")
    line.socket.deliver(envelope)
    line.socket.heard(envelope)
    line.socket.cut()
    line.socket.wait_for(lambda: line.socket.opened == opened + 2)
    line.socket.deliver(envelope)  # its acknowledgement may have been lost with the connection
    line.socket.heard(envelope, 2)
    assert (kept(database), len(deeds(database))) == ([("taken", "near")], 1)


def test_no_log_at_any_level_holds_who_pressed_what(line: Line, database: Database, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    sdk = logging.getLogger("monitors.delivery.listen.client")
    assert sdk.level == logging.INFO
    sdk.warning("Received an unsupported data frame (opcode: 0, payload: U0NEAR)")
    sdk.error("Failed to process a message: U0NEAR", exc_info=ValueError("U0NEAR"))
    for envelope in (line.press("U0NEAR"), line.press("U0OTHER"), line.press("U0NEAR", actions=[])):
        line.socket.deliver(envelope)
        line.socket.heard(envelope)
    line.socket.say('{"type": "interactive", "payload": {"user": "U0NEAR"')
    line.socket.refresh()
    opened = line.socket.opened
    line.socket.wait_for(lambda: line.socket.opened > opened)
    for secret in ("U0NEAR", "U0OTHER", "NW-1", "xapp", "xoxb", "Dr. Near", "verification", "hooks.slack.com"):
        assert secret not in caplog.text


def test_the_post_says_who_has_taken_it_and_no_longer_when_it_is_given_back(
    line: Line, database: Database, settings: Settings
) -> None:
    secrets = settings_from({**settings.environment, **TOKENS})

    def posts() -> list[dict[str, Any]]:
        deliver(database, line.config(), secrets, lambda: NOW, ledger.append, wait=lambda seconds: None)
        return [entry for entry in line.slack.accepted.entries if entry["method"] in ("chat.postMessage", "chat.update")]

    queue(database, "NW-1-1", episode_id=1)
    [first] = posts()
    [button] = [one for block in first["blocks"] for one in block.get("elements", ()) if one.get("action_id") == "press_take"]
    envelope = line.press("U0NEAR", button["value"], button["action_id"])
    line.socket.deliver(envelope)
    line.socket.heard(envelope)
    _, update = posts()
    assert (update["method"], update["ts"]) == ("chat.update", first["ts"])
    assert "Taken by Dr. Near." in str(update["blocks"])
    with database.begin(Role.PIPELINE) as connection:
        near = presses.people_now(line.config()).by_slack("U0NEAR")
        assert near is not None
        config = line.config().model_copy(update={"people": presses.people_now(line.config())})
        presses.actions.act(connection, config, "NW-1", "release", near, NOW)
    assert "Taken by" not in str(posts()[-1]["blocks"])
    assert len(posts()) == 3


def test_only_where_presses_are_heard_a_card_has_a_button_to_press() -> None:
    def buttons(card: Any) -> list[dict[str, Any]]:
        return [one for block in card.blocks for one in block.get("elements", ()) if one["type"] == "button"]

    from monitors.delivery.message import render
    from tests.delivery.builders import ALERT

    assert all("url" in button for button in buttons(message()))
    heard = render("alert", ALERT, SITE, "slack", "d-1", now=NOW, pressable=True)
    opens, take = buttons(heard)
    assert opens["url"].endswith("/NW-4F7K-2")
    assert (take["action_id"], take["value"], "url" in take) == ("press_take", "NW-4F7K-2", False)
    assert "do=take" in heard.text  # the plain text, which cannot be pressed, keeps its link


def test_a_site_without_an_app_token_or_with_a_wrong_one_is_told_what_to_do(line: Line) -> None:
    config = line.config()
    for environment, said in (
        ({"SLACK_BOT_TOKEN": "xoxb-test"}, "SLACK_APP_TOKEN is not set"),
        ({"SLACK_BOT_TOKEN": "xoxb-test", "SLACK_APP_TOKEN": "xoxb-test"}, "begin with xapp-"),
    ):
        with pytest.raises(UserError, match=said):
            ears(config, settings_from(environment))
    config.routes.destinations["slack"] = slack_to(line.slack.api_url)
    with pytest.raises(UserError, match="has an app_token, so no card"):
        ears(config, settings_from(TOKENS))


def test_told_to_stop_it_ends_what_it_is_at_and_says_how_many_it_recorded(line: Line, database: Database, tmp_path: Path) -> None:
    stop, ready, counts = threading.Event(), threading.Event(), []

    def listen() -> None:
        counts.append(presses.listen(
            database, line.config(), settings_from(TOKENS), lambda: NOW, stop, ready=ready.set, most=1))  # fmt: skip

    opened = line.socket.opened
    thread = threading.Thread(target=listen)
    thread.start()
    assert ready.wait(20)
    line.socket.wait_for(lambda: line.socket.opened > opened)
    envelope = line.press("U0NEAR")
    line.socket.deliver(envelope)  # to the newest connection
    thread.join(20)
    assert counts == [1]
    assert envelope["envelope_id"] in line.socket.acks
    assert kept(database) == [("taken", "near")]


def test_a_token_slack_refuses_ends_the_command_with_a_sentence(
    line: Line, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line.slack, "socket_url", "")
    with pytest.raises(UserError, match="Slack refused: invalid_auth"):
        presses.listen(database, line.config(), settings_from(TOKENS), lambda: NOW, threading.Event())


def test_the_command_runs_as_delivery_alone_and_ends_when_it_is_told_to(
    line: Line, database: Database, tmp_path: Path
) -> None:
    """As in a container: one login, secrets by name, a sign of life, SIGTERM."""
    alive = tmp_path / "alive"
    opened = line.socket.opened
    with command(line, database, tmp_path, "--alive", str(alive)) as ours:
        assert ours.stdout is not None
        assert ours.stdout.readline() == "Listening for presses.\n"
        assert line.socket.opened == opened + 1
        envelope = line.press("U0OTHER")
        line.asked(envelope)
        ours.send_signal(signal.SIGTERM)
        said, problems = ours.communicate(timeout=30)
    assert (ours.returncode, said) == (0, "Stopped; presses answered: 1.\n"), problems
    assert [json.loads(text) for text in problems.splitlines()] == [{"stage": "press", "outcome": "unknown_person"}]
    assert alive.exists()
    assert kept(database) == [("unknown_person", None)]


def test_once_it_ends_after_the_first_press_by_itself(line: Line, database: Database, tmp_path: Path) -> None:
    with command(line, database, tmp_path, "--once") as ours:
        assert ours.stdout is not None
        assert ours.stdout.readline() == "Listening for presses.\n"
        line.socket.deliver(line.press("U0OTHER"), line.press("U0OTHER", "NW-2-1"))
        said, problems = ours.communicate(timeout=30)
    assert ours.returncode == 0, problems
    assert kept(database)[0] == ("unknown_person", None)
    assert said == f"Stopped; presses answered: {len(kept(database))}.\n"
    assert len(kept(database)) <= 2, "what was under way when it ended is ended too, and nothing after it is begun"


def command(line: Line, database: Database, tmp_path: Path, *options: str) -> subprocess.Popen[str]:
    """`nephrowatch slack-listen` in a process of its own, with the login of delivery and no other."""
    folder = tmp_path / "config"
    Folder(tmp_path, database, line.slack.api_url)
    routes = folder / "routes.yaml"
    routes.write_text(routes.read_text().replace("channel: C0TEST01,", "channel: C0TEST01, app_token: SLACK_APP_TOKEN,"))
    environment = {
        **TOKENS, "PATH": os.environ["PATH"], "NEPHROWATCH_CONFIG": str(folder), "NEPHROWATCH_HOME": str(tmp_path / "alone"),
        "NEPHROWATCH_DATABASE_URL_DELIVERY": database.url(Role.DELIVERY), "NEPHROWATCH_LOG": "json",
    }  # fmt: skip
    (tmp_path / "alone").mkdir()
    asked = [sys.executable, "-m", "monitors.cli", "slack-listen", *options]
    return subprocess.Popen(asked, env=environment, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
