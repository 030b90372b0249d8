"""The auditor: nothing stuck, no firing episode untold, a sign of life to another host; a trial message; a preview."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import sqlalchemy as sa

from monitors import messages, stages
from monitors.database import Database, Role
from monitors.delivery.heartbeat import URL, ping
from monitors.demo.standins import SlackStandIn, SmtpStandIn
from monitors.errors import UserError
from monitors.settings import Settings, settings_from
from tests.delivery.builders import NOW, config, episode, ledger_kinds, queue, rows, states
from tests.delivery.test_deliver import World


@pytest.fixture
def host() -> Iterator[tuple[list[str], str]]:
    """Another host, as far as this machine is concerned: the paths it was asked for, and its address."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield asked, f"http://127.0.0.1:{server.server_address[1]}/beat/x1"
    server.shutdown()
    server.server_close()
    thread.join()


def firing(database: Database, number: int) -> int:
    episode(database, number)
    with database.begin(Role.PIPELINE) as connection:
        connection.execute(sa.text(
            "INSERT INTO nephrowatch.limbs (episode_id, rule, outcome, severity, reason) "
            "VALUES (:n, 'R01', 'firing', 'HIGH', 'raised')"), {"n": number})  # fmt: skip
    return number


def watched(database: Database, settings: Settings, url: str, hours: float = 0) -> dict[str, Any]:
    found = settings_from({**settings.environment, URL: url})
    checked = config().model_copy(update={"feeds": {}})
    return stages.watch(database, checked, found, NOW + timedelta(hours=hours))


def test_hazard_19_a_sign_of_life_leaves_only_while_nothing_is_wrong(
    database: Database, settings: Settings, host: tuple[list[str], str]
) -> None:
    asked, url = host
    queue(database, "NW-1", episode_id=firing(database, 1))
    assert watched(database, settings, url)["heartbeat"] == "sent"
    found = watched(database, settings, url, hours=2)
    assert (found["stuck"], found["heartbeat"]) == (1, "withheld")
    assert asked == ["/beat/x1"]
    assert [key for key in states(database) if "stuck_messages" in key]


def test_a_firing_episode_nobody_was_told_of_is_found_and_told_to_operations(
    database: Database, settings: Settings, host: tuple[list[str], str]
) -> None:
    firing(database, 1)
    found = watched(database, settings, host[1])
    assert (found["untold"], found["heartbeat"]) == (["NW-1"], "withheld")
    assert [key for key in states(database) if "untold_episodes" in key]
    queue(database, "NW-1", episode_id=1)
    assert watched(database, settings, host[1])["untold"] == []


def test_an_episode_whose_every_message_failed_is_untold(database: Database, settings: Settings, host: Any) -> None:
    queue(database, "NW-1", episode_id=firing(database, 1))
    with database.begin(Role.DELIVERY) as connection:
        connection.execute(sa.text("UPDATE nephrowatch.outbox SET state = 'permanent'"))
    assert watched(database, settings, host[1])["untold"] == ["NW-1"]


def test_hosts_that_are_away_or_wrong(settings: Settings) -> None:
    assert ping(settings) == "not_configured"
    assert ping(settings_from({**settings.environment, URL: "http://127.0.0.1:9/x"})) == "failed"
    with pytest.raises(UserError, match="https"):
        ping(settings_from({**settings.environment, URL: "http://elsewhere.example/x"}))


def test_a_trial_message_is_marked_and_recorded(database: Database, settings: Settings) -> None:
    with SlackStandIn() as slack, SmtpStandIn() as smtp:
        world = World(database, settings, slack, smtp)
        key = messages.queue_trial(database, world.config, "mail", "A. Example", NOW)
        world.deliver()
        assert messages.became(database, key) == {"state": "delivered", "sentence": "Accepted."}
        assert smtp.mails[0]["headers"]["Subject"].startswith("TEST: ")
        assert "Asked for by A. Example" in smtp.mails[0]["text"]
    assert ledger_kinds(database) == ["trial_message_asked", "delivery_delivered"]
    with pytest.raises(UserError, match="no destination 'nowhere'"):
        messages.queue_trial(database, config(), "nowhere", "A. Example", NOW)


def test_a_preview_sends_nothing(database: Database) -> None:
    queue(database, "NW-1-2", episode_id=episode(database, 1))
    for ref in ("NW-1", "1"):
        shown = messages.preview(database, config(), ref, "slack", NOW)
        assert "Ref NW-1-2" in shown["text"]
        assert shown["blocks"][0]["type"] == "header"
    assert rows(database, "SELECT count(*) AS n FROM nephrowatch.attempts")[0]["n"] == 0
    with pytest.raises(UserError, match="No message was made"):
        messages.preview(database, config(), "NW-9", "slack", NOW)
