"""A FHIR server and its token server on this machine that misbehave on demand. Loopback only."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

DATE = "Mon, 02 Mar 2026 03:00:00 GMT"


@dataclass
class StandIn:
    """pages: Observations by page. faults: answers given before the good ones: (status, headers), 'cut' a torn body.
    total, date: what a page says; next_links: page -> another next link; lifetime: of a token, seconds."""

    address: str = ""
    pages: list[list[dict[str, Any]]] = field(default_factory=list)
    faults: deque[tuple[int, dict[str, str]] | str] = field(default_factory=deque)
    token_faults: deque[int] = field(default_factory=deque)
    next_links: dict[int, str] = field(default_factory=dict)
    total: int | None = None
    date: str = DATE
    lifetime: int = 3600
    needs_token: bool = False
    tokens: int = 0
    asked: list[dict[str, list[str]]] = field(default_factory=list)

    def page(self, number: int) -> dict[str, Any]:
        bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "link": []}
        if self.total is not None:
            bundle["total"] = self.total
        here = self.pages[number] if number < len(self.pages) else []
        bundle["entry"] = [{"fullUrl": f"{self.address}/{r['resourceType']}/{r['id']}", "resource": r} for r in here]
        if number in self.next_links or number + 1 < len(self.pages):
            url = self.next_links.get(number, f"{self.address}/Observation?page={number + 1}")
            bundle["link"].append({"relation": "next", "url": url})
        return bundle


@contextmanager
def running() -> Iterator[StandIn]:
    """A stand-in that answers until the block ends."""
    stand_in = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def date_time_string(self, timestamp: float | None = None) -> str:
            return stand_in.date

        def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None, *, cut: bool = False) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": "application/fhir+json", **(headers or {})}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if cut else body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            if stand_in.token_faults:
                self._answer(stand_in.token_faults.popleft(), b"{}")
                return
            stand_in.tokens += 1
            token = {"access_token": f"t{stand_in.tokens}", "expires_in": stand_in.lifetime}
            self._answer(200, json.dumps(token).encode())

        def do_GET(self) -> None:
            asked = parse_qs(urlsplit(self.path).query)
            stand_in.asked.append(asked)
            body = json.dumps(stand_in.page(int(asked.get("page", ["0"])[0]))).encode()
            if stand_in.faults:
                fault = stand_in.faults.popleft()
                if isinstance(fault, str):
                    self._answer(200, body, cut=True)
                    return
                outcome = {"resourceType": "OperationOutcome", "issue": [{"code": "processing", "diagnostics": "Example, Alex"}]}
                self._answer(fault[0], json.dumps(outcome).encode(), fault[1])
                return
            if stand_in.needs_token and self.headers.get("Authorization") != f"Bearer t{stand_in.tokens}":
                self._answer(401, b"{}")
                return
            self._answer(200, body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stand_in.address = f"http://127.0.0.1:{server.server_address[1]}/fhir"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield stand_in
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
