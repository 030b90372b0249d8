"""One FHIR server over HTTP: asked politely, believed little.

Every answer is read up to a cap, waited for up to a limit, and asked for again when the server says later. Tokens
come from the OAuth2 client credentials grant, are renewed before they end and once when the server refuses them.
"""

from __future__ import annotations

import email.utils
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx

from monitors.config import Feed
from monitors.errors import FeedError, UserError

TIMEOUT = httpx.Timeout(60.0, connect=10.0)  # seconds
LONGEST_WAIT = 300.0  # seconds; a server that asks for more is tried again next night
EARLY = timedelta(seconds=30)  # a token is renewed that long before it ends
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Secrets:
    """OAuth2 client credentials. Never printed."""

    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)


@dataclass(frozen=True)
class Answer:
    """A page as it came. date: the server's own clock, None when it does not say."""

    raw: bytes = field(repr=False)
    date: datetime | None


def secrets_of(feed: Feed, secret: Callable[[str], str]) -> Secrets | None:
    """The credentials a feed names, by `Settings.secret`; None when it needs none. Raises UserError."""
    pull = feed.pull
    if pull is None or pull.token_url is None:
        return None
    if not pull.client_id or not pull.client_secret:
        raise UserError("A feed with pull.token_url needs pull.client_id and pull.client_secret: names of variables.")
    return Secrets(secret(pull.client_id), secret(pull.client_secret))


def origin(url: str) -> tuple[str, str, int | None]:
    """(scheme, host, port) of an address. Raises ValueError."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").casefold(), parts.port or {"https": 443, "http": 80}.get(parts.scheme)


class Server(AbstractContextManager["Server"]):
    """An open connection to the server of a feed. clock: aware now; wait: sleeps the given seconds."""

    def __init__(
        self, feed: Feed, secrets: Secrets | None, *, clock: Callable[[], datetime], wait: Callable[[float], None],
        transport: httpx.BaseTransport | None = None,
    ) -> None:  # fmt: skip
        if feed.pull is None:
            raise ValueError("this feed is not pulled")
        self._pull, self._secrets, self._clock, self._wait = feed.pull, secrets, clock, wait
        self._largest = feed.caps.bytes
        self._token: tuple[str, datetime] | None = None
        # no proxy or .netrc of the machine, no redirects: patients' data goes where feeds.yaml says and nowhere else
        self._client = httpx.Client(timeout=TIMEOUT, follow_redirects=False, trust_env=False, transport=transport)

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, url: str) -> Answer:
        """One page. Raises FeedError: unreachable, refused_login, server_refused, too_large."""
        renewed = False
        attempt = 1
        while True:
            headers = {"Accept": "application/fhir+json"}
            if self._secrets is not None:
                headers["Authorization"] = f"Bearer {self._valid_token()}"
            status, raw, answered = self._try("GET", url, headers, None)
            if status == 200:
                return Answer(raw, _date(answered.get("date")))
            if status == 401 and self._secrets is not None and not renewed:
                renewed, self._token = True, None
                continue
            if status in (401, 403):
                raise FeedError("refused_login", f"The FHIR server refuses us ({status}); mend the feed's client or its scope.")
            if status not in AGAIN and status != 0:
                raise FeedError("server_refused", f"The FHIR server answered {status}{_outcome(raw)}; ask who runs it.")
            attempt = self._later(attempt, status, answered)

    def _later(self, attempt: int, status: int, headers: httpx.Headers) -> int:
        """Wait before the next attempt; gives its number."""
        if attempt >= self._pull.attempts:
            said = f"answered {status}" if status else "did not answer whole"
            raise FeedError("unreachable", f"The FHIR server {said} {attempt} times; it is asked again next night.")
        asked = _retry_after(headers.get("retry-after"), self._clock())
        if asked is not None and asked > LONGEST_WAIT:
            raise FeedError("unreachable", f"The FHIR server asks us to wait {asked:.0f} seconds; it is asked again next night.")
        self._wait(asked if asked is not None else min(2.0**attempt, LONGEST_WAIT))
        return attempt + 1

    def _valid_token(self) -> str:
        if self._token is None or self._clock() >= self._token[1] - EARLY:
            self._token = self._new_token()
        return self._token[0]

    def _new_token(self) -> tuple[str, datetime]:
        assert self._secrets is not None
        assert self._pull.token_url is not None
        form = {"grant_type": "client_credentials", "scope": self._pull.scope}
        login = httpx.BasicAuth(self._secrets.client_id, self._secrets.client_secret)
        attempt = 1
        while True:
            asked_at = self._clock()
            status, raw, headers = self._try("POST", self._pull.token_url, {"Accept": "application/json"}, form, login)
            if status == 200:
                break
            if status not in AGAIN and status != 0:
                raise FeedError("refused_login", f"The token server answered {status}; mend the feed's client id and secret.")
            attempt = self._later(attempt, status, headers)
        try:
            found = json.loads(raw)
            token, seconds = found["access_token"], float(found.get("expires_in", 300))
            if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not 0 < seconds < 1e7:
                raise ValueError
        except (ValueError, TypeError, KeyError, RecursionError):
            raise FeedError("refused_login", "The token server's answer holds no token; ask who runs it.") from None
        return token, asked_at + max(timedelta(seconds=seconds), 2 * EARLY)

    def _try(
        self, method: str, url: str, headers: dict[str, str], form: dict[str, str] | None, login: httpx.Auth | None = None
    ) -> tuple[int, bytes, httpx.Headers]:
        """(status, body, headers) of one attempt; status 0 when no whole answer came."""
        try:
            with self._client.stream(method, url, headers=headers, data=form, auth=login) as answer:
                chunks: list[bytes] = []
                size = 0
                for chunk in answer.iter_bytes():
                    size += len(chunk)
                    if size > self._largest:
                        raise FeedError("too_large", f"A page has more than {self._largest} bytes; lower pull.page_size.")
                    chunks.append(chunk)
                return answer.status_code, b"".join(chunks), answer.headers
        except (httpx.TransportError, httpx.DecodingError):
            return 0, b"", httpx.Headers()
        except httpx.InvalidURL:
            raise FeedError("server_refused", "The FHIR server's address is no URL; mend it in feeds.yaml.") from None


def _date(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _retry_after(text: str | None, now: datetime) -> float | None:
    """Seconds a Retry-After asks for, as a number or a date."""
    if text is None:
        return None
    if text.strip().isdecimal() and text.isascii() and len(text) < 10:
        return float(text)
    date = _date(text)
    return None if date is None else max((date - now).total_seconds(), 0.0)


def _outcome(raw: bytes) -> str:
    """Issue codes of an OperationOutcome; never its diagnostics, which may name a patient."""
    try:
        found: Any = json.loads(raw)
        codes = [issue["code"] for issue in found["issue"] if str(issue["code"]).isascii() and len(str(issue["code"])) < 40]
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
    return f" ({', '.join(map(str, codes[:3]))})" if codes else ""
