"""A stand-in for Slack's side of Socket Mode: it delivers envelopes, keeps what was acknowledged, and misbehaves on demand."""

from __future__ import annotations

import itertools
import json
import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from monitors.demo.slack_standin import HOST, SlackStandIn

_logger = logging.getLogger("monitors.demo.socket_standin")
_logger.setLevel(logging.ERROR)  # below, it would write what it is sent
WAIT = 20.0  # seconds until something that should have happened is taken not to have


class SocketStandIn:
    """Answers `apps.connections.open` of a SlackStandIn with itself. A context manager.

    acks: the envelope ids acknowledged, in order; answers: what each was acknowledged with. opened: how many connections there
    have been.
    """

    def __init__(self, slack: SlackStandIn) -> None:
        self.acks: list[str] = []
        self.answers: dict[str, Any] = {}
        self.opened = 0
        self._news = threading.Condition()
        self._connections: list[ServerConnection] = []
        self._numbers = itertools.count(1)
        self._server = serve(self._serve, HOST, 0, compression=None, logger=_logger)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        slack.socket_url = f"ws://{HOST}:{self._server.socket.getsockname()[1]}/link?ticket=stand-in"

    def envelope(self, payload: Any, kind: str = "interactive", **more: Any) -> dict[str, Any]:
        """A new envelope around a payload, as Slack wraps it."""
        return {"type": kind, "envelope_id": f"envelope-{next(self._numbers)}", "accepts_response_payload": False,
                "payload": payload, **more}  # fmt: skip

    def submission(self, view: dict[str, Any], user: str, **given: str) -> dict[str, Any]:
        """An envelope of a form sent in, as Slack writes it. view: as it was opened; given: block id -> what was filled in."""
        fields = {block["block_id"]: block["element"] for block in view["blocks"] if block["type"] == "input"}
        key = {"datepicker": "selected_date", "plain_text_input": "value"}
        values = {
            name: {element["action_id"]: {"type": element["type"], key[element["type"]]: given.get(name)}}
            for name, element in fields.items()
        }
        sent = {"id": f"V{next(self._numbers):08d}", "type": "modal", "state": {"values": values},
                **{name: view[name] for name in ("callback_id", "private_metadata")}}  # fmt: skip
        return self.envelope({"type": "view_submission", "user": {"id": user, "team_id": "T0TEST"}, "token": "verification",
                              "trigger_id": "1.2.abc", "view": sent, "response_urls": []})  # fmt: skip

    def deliver(self, *envelopes: dict[str, Any]) -> None:
        """Send them on the newest connection; the same one twice is a redelivery."""
        for envelope in envelopes:
            self.say(json.dumps(envelope))

    def say(self, text: str) -> None:
        """Send any text, also none that Slack would."""
        self.wait_for(lambda: bool(self._connections))
        self._connections[-1].send(text)

    def refresh(self) -> None:
        """Ask for a new connection, as Slack does every few hours."""
        self.say(json.dumps({"type": "disconnect", "reason": "refresh_requested", "debug_info": {}}))

    def cut(self) -> None:
        """Break the newest connection without a word."""
        self._connections[-1].close_socket()

    def wait_for(self, happened: Callable[[], bool]) -> None:
        """Until something has happened. Raises TimeoutError."""
        with self._news:
            if not self._news.wait_for(happened, WAIT):
                raise TimeoutError("What should have happened at the socket did not.")

    def heard(self, envelope: dict[str, Any], times: int = 1) -> None:
        """Until an envelope was acknowledged so often."""
        self.wait_for(lambda: self.acks.count(envelope["envelope_id"]) >= times)

    def _serve(self, connection: ServerConnection) -> None:
        with self._news:
            self._connections.append(connection)
            self.opened += 1
            self._news.notify_all()
        try:
            connection.send(json.dumps({"type": "hello", "num_connections": len(self._connections)}))
            for text in connection:
                answer = json.loads(text)
                with self._news:
                    self.acks.append(str(answer.get("envelope_id")))
                    self.answers[self.acks[-1]] = answer.get("payload")
                    self._news.notify_all()
        except ConnectionClosed:
            pass
        finally:
            with self._news:
                self._connections.remove(connection)
                self._news.notify_all()

    def __enter__(self) -> SocketStandIn:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        for connection in list(self._connections):
            connection.close_socket()
        self._thread.join()
