"""One message to a pager's web hook: signed, with an idempotency key, and without any patient's data.

The signature is HMAC-SHA256 over `<timestamp>.<body>`; the receiver refuses old time stamps, and takes a key it has seen
for one it has paged already.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import ssl
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from monitors.delivery.message import Message
from monitors.destinations import WebhookDestination
from monitors.errors import DeliveryError

TIMEOUT = 15.0


class Pager:
    """A configured web hook. secret: the signing key."""

    def __init__(self, destination: WebhookDestination, secret: str, timeout: float = TIMEOUT) -> None:
        self._url, self._secret, self._timeout = urlsplit(destination.url), secret.encode(), timeout

    def send(self, message: Message, now: datetime) -> dict[str, Any]:
        """Send it once. Returns the receipt {status}. Raises DeliveryError with its outcome class."""
        body = json.dumps({
            "id": message.delivery_id, "subject": message.subject, "text": message.text, "labels": dict(message.labels),
        }, sort_keys=True).encode()  # fmt: skip
        stamp = str(int(now.timestamp()))
        headers = {
            "Content-Type": "application/json", "Idempotency-Key": message.delivery_id, "X-Nephrowatch-Timestamp": stamp,
            "X-Nephrowatch-Signature": "v1=" + signature(self._secret, stamp, body),
        }  # fmt: skip
        connection = self._connection()
        try:
            connection.connect()
        except (OSError, ssl.SSLError) as problem:
            connection.close()
            raise DeliveryError("deferred", f"The web hook could not be reached ({type(problem).__name__}).") from None
        try:
            target = self._url._replace(scheme="", netloc="", fragment="").geturl() or "/"
            connection.request("POST", target, body, headers)
            answer = connection.getresponse()
            answer.read(65536)
        except (OSError, http.client.HTTPException) as problem:
            raise DeliveryError("ambiguous", f"The connection to the web hook broke off ({type(problem).__name__}).") from None
        finally:
            connection.close()
        return _verdict(answer.status, answer.getheader("Retry-After"))

    def find(self, delivery_id: str, since: datetime) -> dict[str, Any] | None:
        """A pager cannot be asked: None. The idempotency key makes a repeat harmless there."""
        return None

    def probe(self) -> None:
        """Whether a connection can be made; pages nobody. Raises DeliveryError as `send` does."""
        connection = self._connection()
        try:
            connection.connect()
        except (OSError, ssl.SSLError) as problem:
            raise DeliveryError("deferred", f"The web hook could not be reached ({type(problem).__name__}).") from None
        finally:
            connection.close()

    def prepared(self, message: Message, wait: Callable[[float], None]) -> Message:
        """As it is: a pager gets no picture."""
        return message

    def may_show(self) -> str:
        """A pager never shows details."""
        return "pager"

    def audience(self) -> list[str]:
        return [self._url.hostname or ""]

    def _connection(self) -> http.client.HTTPConnection:
        host = self._url.hostname or ""
        if self._url.scheme == "https":
            return http.client.HTTPSConnection(host, self._url.port, timeout=self._timeout, context=ssl.create_default_context())
        return http.client.HTTPConnection(host, self._url.port, timeout=self._timeout)


def signature(secret: bytes, stamp: str, body: bytes) -> str:
    return hmac.new(secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _verdict(status: int, retry_after: str | None) -> dict[str, Any]:
    if 200 <= status < 300:
        return {"status": status}
    if status in (429, 503):
        seconds = float(retry_after) if retry_after and retry_after.isdigit() else None
        raise DeliveryError("deferred", f"The web hook asks to wait (HTTP {status}).", retry_after=seconds)
    if status >= 500 or status == 408:
        raise DeliveryError("ambiguous", f"The web hook failed (HTTP {status}).")
    raise DeliveryError("permanent", f"The web hook refused the message (HTTP {status}).")
