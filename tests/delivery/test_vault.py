"""Payloads kept encrypted; the pager's web hook; pauses a channel asked for."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from monitors.database import Database
from monitors.delivery.vault import KEY, Vault, vault
from monitors.delivery.webhook import Pager
from monitors.demo.standins import SlackStandIn, SmtpStandIn
from monitors.destinations import WebhookDestination
from monitors.errors import DeliveryError, UserError
from monitors.settings import Settings, settings_from
from tests.delivery.builders import NOW, message, queue, rows
from tests.delivery.test_deliver import World

SECRET = "a key that is long enough for a test of payloads"


def test_hazard_22_what_was_shown_is_kept_encrypted_with_who_could_see_it(database: Database, settings: Settings) -> None:
    with SlackStandIn() as slack, SmtpStandIn() as smtp:
        world = World(database, settings, slack, smtp)
        world.settings = settings_from({**world.settings.environment, KEY: SECRET})
        queue(database, "NW-1")
        queue(database, "NW-2", destination="mail")
        assert world.deliver() == {"delivered": 2}
    kept = rows(database, "SELECT sealed, audience FROM nephrowatch.payloads ORDER BY outbox_id")
    assert [row["audience"] for row in kept] == [["U0NURSE", "U0STANDIN"], ["team@renal.example"]]
    assert all(b"North Unit" not in bytes(row["sealed"]) for row in kept)
    opened = Vault(SECRET).open(kept[1]["sealed"])
    assert "North Unit" in str(opened["text"])
    assert "Not the medical record." in str(opened["text"])
    with pytest.raises(DeliveryError, match="does not open"):
        Vault(SECRET + "!").open(kept[0]["sealed"])


def test_without_a_key_only_the_hash_is_kept_and_a_short_key_is_refused(settings: Settings) -> None:
    assert vault(settings) is None
    with pytest.raises(UserError, match="shorter than 32"):
        vault(settings_from({**settings.environment, KEY: "short"}))


def test_after_a_429_no_other_message_runs_into_the_same_wall(database: Database, settings: Settings) -> None:
    with SlackStandIn() as slack, SmtpStandIn() as smtp:
        world = World(database, settings, slack, smtp)
        for key in ("NW-1", "NW-2"):
            queue(database, key)
        slack.fault("429")
        world.deliver()
        assert world.waits == [7.0]  # the second waited for as long as Slack had asked for
        assert [post["metadata"] is not None for post in slack.posts] == [True]


class Hook(BaseHTTPRequestHandler):
    seen: list[tuple[dict[str, str], bytes]] = []
    status = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((dict(self.headers.items()), body))
        self.send_response(self.status)
        self.send_header("Retry-After", "9")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def hook() -> Iterator[tuple[type[Hook], Pager]]:
    handler = type("Handler", (Hook,), {"seen": [], "status": 200})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    to = WebhookDestination(kind="webhook", url=f"http://127.0.0.1:{server.server_address[1]}/page?team=renal")
    yield handler, Pager(to, SECRET)
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_page_is_signed_carries_an_idempotency_key_and_no_patient(hook: tuple[type[Hook], Pager]) -> None:
    handler, pager = hook
    assert pager.send(message("alert", "webhook"), NOW) == {"status": 200}
    headers, body = handler.seen[0]
    stamp = headers["X-Nephrowatch-Timestamp"]
    signed = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["X-Nephrowatch-Signature"] == f"v1={signed}"
    assert headers["Idempotency-Key"] == json.loads(body)["id"] == "d-1"


@pytest.mark.parametrize(("status", "outcome"), [(429, "deferred"), (503, "deferred"), (500, "ambiguous"), (410, "permanent")])
def test_every_answer_of_a_web_hook_has_its_outcome(hook: tuple[type[Hook], Pager], status: int, outcome: str) -> None:
    handler, pager = hook
    handler.status = status
    with pytest.raises(DeliveryError) as refused:
        pager.send(message("alert", "webhook"), NOW)
    assert refused.value.outcome == outcome
    assert refused.value.retry_after == (9 if outcome == "deferred" else None)


def test_a_web_hook_nobody_listens_at_is_deferred() -> None:
    to = WebhookDestination(kind="webhook", url="http://127.0.0.1:9/page")
    with pytest.raises(DeliveryError) as refused:
        Pager(to, SECRET).send(message("alert", "webhook"), NOW)
    assert refused.value.outcome == "deferred"
