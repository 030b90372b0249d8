"""A stand-in for Slack's Web API on this machine: the methods chat.postMessage, chat.update, chat.postEphemeral,
conversations.history, .members and .info, auth.test, views.open, uploads (`slack_files`), and apps.connections.open (its socket:
`socket_standin`)."""

from __future__ import annotations

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs

from monitors.demo.accepted import Accepted
from monitors.demo.slack_files import STEPS, Uploads

HOST = "127.0.0.1"
HANG = 10.0  # seconds an answer is held back at most; closing the stand-in ends it at once
FAULTS = (
    "drop", "hang", "429", "500", "bad_json",  # nothing is accepted
    "accept_then_drop", "accept_then_hang", "accept_then_500", "slow",  # the post is accepted
)  # fmt: skip
SAY_NOTHING = ("drop", "hang", "accept_then_drop", "accept_then_hang")


class SlackStandIn:
    """Answers like Slack. A context manager.

    api_url: base for WebClient(base_url=...). posts: what was accepted, in order, as {channel, text, blocks,
    metadata, ts, ...}. requests: the method of every request. history False: the token may not read the
    channel. port 0: the system chooses. host: the address to listen at.
    """

    def __init__(
        self, port: int = 0, ledger: Path | None = None, *, history: bool = True, host: str = HOST
    ) -> None:
        self.accepted = Accepted(ledger)
        self.history = history
        self.about: dict[str, Any] = {}  # what conversations.info says of every channel, beside a healthy answer
        self.requests: list[str] = []
        self.uploads = Uploads()
        self.info_fault = ""  # what conversations.info answers for an error
        self.signed_out = ""  # what auth.test answers for an error; '' for a good token
        self.socket_url = ""  # what apps.connections.open answers; '' refuses
        self.closing = threading.Event()
        handler = type("Handler", (_Handler,), {"stand_in": self})
        self._server = ThreadingHTTPServer((host, port), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def api_url(self) -> str:
        return f"http://{HOST}:{self.port}/api/"

    @property
    def posts(self) -> list[dict[str, Any]]:
        return [entry for entry in self.accepted.entries if entry["method"] == "chat.postMessage"]

    @property
    def views(self) -> list[dict[str, Any]]:
        """The forms that were opened, in order."""
        return [json.loads(entry["view"]) if isinstance(entry["view"], str) else entry["view"]
                for entry in self.accepted.entries if entry["method"] == "views.open"]  # fmt: skip

    @property
    def whispers(self) -> list[dict[str, Any]]:
        """What was said to one person alone, in order."""
        return [entry for entry in self.accepted.entries if entry["method"] == "chat.postEphemeral"]

    def fault(self, *names: str) -> None:
        """Treat the next posts with these faults, one each: one of FAULTS, or ok_false:<error>."""
        for name in names:
            if name not in FAULTS and not name.startswith("ok_false:"):
                raise ValueError(f"'{name}' is no Slack fault; known: {', '.join(FAULTS)}, ok_false:<error>")
        self.accepted.fault(*names)

    def __enter__(self) -> SlackStandIn:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    stand_in: SlackStandIn

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: bodies and tokens stay out of every log."""

    def do_POST(self) -> None:
        method = self.path.rpartition("/")[2].partition("?")[0]
        if "/upload/" in self.path:
            self._upload(method)
            return
        body = self._body()
        if body is None:  # the sender died between its headers and its words: nothing was said
            self.close_connection = True
            return
        self.stand_in.requests.append(method)
        if not self.headers.get("Authorization", "").startswith("Bearer "):
            self._answer({"ok": False, "error": "not_authed"})
        elif method == "apps.connections.open":
            allowed = self.stand_in.socket_url and self.headers["Authorization"].startswith("Bearer xapp-")
            self._answer({"ok": True, "url": self.stand_in.socket_url} if allowed else {"ok": False, "error": "invalid_auth"})
        elif method in STEPS:
            self._answer(self.stand_in.uploads.answer(method, body, f"{self.stand_in.api_url}upload/"))
        elif method == "auth.test" and self.stand_in.signed_out:
            self._answer({"ok": False, "error": self.stand_in.signed_out})
        elif method == "auth.test":
            self._answer({"ok": True, "user_id": "U0STANDIN", "team_id": "T0STANDIN", "bot_id": "B0STANDIN"})
        elif method == "conversations.members":
            self._answer({"ok": True, "members": ["U0NURSE", "U0STANDIN"], "response_metadata": {"next_cursor": ""}})
        elif method == "conversations.info" and self.stand_in.info_fault:
            self._answer({"ok": False, "error": self.stand_in.info_fault})
        elif method == "conversations.info":
            healthy = {"is_member": True, "is_archived": False, "is_private": True, "is_ext_shared": False}
            self._answer({"ok": True, "channel": {"id": body.get("channel"), **healthy, **self.stand_in.about}})
        elif method == "conversations.history":
            self._history(body)
        elif method in ("chat.postMessage", "chat.update") and self.stand_in.uploads.wrong(body.get("blocks")):
            self._answer({"ok": False, "error": "invalid_blocks", "errors": ["invalid slack file"]})
        elif method in ("chat.postMessage", "chat.update", "chat.postEphemeral", "views.open"):
            self._post(method, body, self.stand_in.accepted.next_fault())
        else:
            self._answer({"ok": False, "error": "unknown_method"})

    def _upload(self, number: str) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.stand_in.requests.append("upload")
        if error := self.stand_in.uploads.refuse.get("upload"):
            self._answer(error.encode(), 500)
            return
        self.stand_in.uploads.files[number].content = content
        self._answer(b"OK - " + str(len(content)).encode())

    def _body(self) -> dict[str, Any] | None:
        """What was sent; None where less came than was announced."""
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        if len(raw) < length:
            return None
        if "json" in (self.headers.get("Content-Type") or ""):
            return dict(json.loads(raw or b"{}"))
        return {key: values[-1] for key, values in parse_qs(raw.decode()).items()}

    def _post(self, method: str, body: dict[str, Any], fault: str) -> None:
        accepts = fault in ("", "slow") or fault.startswith("accept_")
        ts = body.get("ts") or f"{1_700_000_000 + len(self.stand_in.accepted.entries)}.000100"
        if accepts:
            self.stand_in.accepted.add({"to": "slack", "method": method, **body, "ts": ts})
        if fault in SAY_NOTHING:
            if fault.endswith("hang"):
                self.stand_in.closing.wait(HANG)
            self.close_connection = True
        elif fault == "429":
            self._answer({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": "7"})
        elif fault.endswith("500"):
            self._answer(b"upstream is unwell", 500)
        elif fault == "bad_json":
            self._answer(b"<html>a proxy speaks</html>")
        elif fault.startswith("ok_false:"):
            self._answer({"ok": False, "error": fault.partition(":")[2]})
        else:
            if fault == "slow":
                self.stand_in.closing.wait(0.05)
            self._answer({"ok": True, "channel": body.get("channel"), "ts": ts})

    def _history(self, body: dict[str, Any]) -> None:
        if not self.stand_in.history:
            self._answer({"ok": False, "error": "missing_scope", "needed": "channels:history"})
            return
        found = [post for post in reversed(self.stand_in.posts) if post.get("channel") == body.get("channel")]
        messages = [{key: post.get(key) for key in ("ts", "text", "metadata", "thread_ts")} for post in found]
        self._answer({"ok": True, "messages": messages[: int(body.get("limit") or 100)], "has_more": False})

    def _answer(
        self, body: dict[str, Any] | bytes, status: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json; charset=utf-8", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        with contextlib.suppress(ConnectionError):  # whoever asked may be dead by now
            self.end_headers()
            self.wfile.write(data)
