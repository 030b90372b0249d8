"""One message into one Slack channel, with every answer put into its outcome class.

The SDK's own retries are off (a dropped connection would post twice); the outbox decides what is tried again.
"""

from __future__ import annotations

import errno
import http.client
import logging
import re
import socket
import ssl
import urllib.error
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from monitors.delivery import slack_picture
from monitors.delivery.message import Message
from monitors.destinations import SlackDestination
from monitors.errors import DeliveryError

TIMEOUT = 15  # seconds, to connect and between bytes
FALLBACK = 300  # characters of `text`, which lock screens show
EVENT = "nephrowatch_alert"
# Slack may have posted although it says so.
UNCLEAR = {"internal_error", "fatal_error", "request_timeout", "service_unavailable"}
# A no for now that says nothing about the message or the channel.
FOR_NOW = {"ratelimited", "rate_limited", "message_limit_exceeded", "team_added_to_org"}
STANDING = {  # Slack's word -> how a destination stands; any other word is no answer to that
    **dict.fromkeys(("invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired"), "token_refused"),
    "channel_not_found": "channel_not_found", "missing_scope": "missing_scope",
}  # fmt: skip
SHARED = ("is_shared", "is_ext_shared", "is_org_shared", "is_pending_ext_shared", "pending_shared", "pending_connected_team_ids")
_CODE = re.compile(r"[a-z][a-z0-9_]{1,60}\Z")

# Of its own, and never below WARNING: at DEBUG the SDK writes whole message bodies.
_logger = logging.getLogger("monitors.delivery.slack.client")
_logger.setLevel(logging.WARNING)


class SlackChannel:
    """A configured channel. token: the bot token; it needs chat:write; to look for an earlier copy, channels:history
    or groups:history; for pictures, files:write and files:read."""

    def __init__(self, destination: SlackDestination, token: str, timeout: float = TIMEOUT) -> None:
        token = token.strip()
        if not (token.isascii() and token.isprintable() and token):
            raise DeliveryError("deferred", f"The secret {destination.token} is no Slack token: correct it.")
        self._channel = destination.channel
        self._client = client(token, destination.api_url, timeout)

    def send(self, message: Message, now: datetime) -> dict[str, Any]:
        """Post it once. Returns the receipt {channel, ts}. Raises DeliveryError with its outcome class."""
        try:
            if message.update:
                return self._update(message)
            hung: dict[str, Any] = {"thread_ts": message.parent, "reply_broadcast": True} if message.parent else {}
            answer = self._asked(
                self._client.chat_postMessage, message, unfurl_links=False, unfurl_media=False, link_names=False, mrkdwn=False,
                **hung,
            )  # fmt: skip
        except DeliveryError:
            raise
        except Exception as problem:
            raise classify(problem) from None
        receipt = {"channel": str(answer.get("channel") or self._channel), "ts": str(answer.get("ts") or "")}
        return receipt | ({"thread": message.parent} if message.parent else {}) | _pictureless(answer)

    def prepared(self, message: Message, wait: Callable[[float], None]) -> Message:
        """The message with its picture uploaded, or without it where that fails. Posts nothing."""
        return slack_picture.uploaded(self._client, message, wait)

    def _asked(self, method: Callable[..., Any], message: Message, **more: Any) -> dict[str, Any]:
        """Post or update; once more without the picture where Slack refuses the blocks that show it: then nothing was posted."""
        def asked(shown: Message) -> dict[str, Any]:
            return dict(method(
                channel=self._channel, text=fallback(shown.subject), blocks=list(shown.blocks), parse="none",
                metadata={"event_type": EVENT, "event_payload": {"delivery_id": shown.delivery_id}}, **more,
            ).data)  # fmt: skip

        try:
            return asked(message)
        except SlackApiError as problem:
            if not (message.picture and _error(problem) in slack_picture.REFUSED):
                raise
        return asked(slack_picture.without(message)) | {"without_picture": True}

    def _update(self, message: Message) -> dict[str, Any]:
        """Put the message in the place of the episode's first post. Nobody is notified, so it may be done twice."""
        if not message.parent:
            raise DeliveryError("permanent", "The post to bring up to date is not known.")
        answer = self._asked(self._client.chat_update, message, ts=message.parent)
        return {"channel": self._channel, "updated": message.parent} | _pictureless(answer)

    def find(self, delivery_id: str, since: datetime) -> dict[str, Any] | None:
        """The receipt of an earlier copy found in the channel; None when there is none or we may not look."""
        oldest = (since - timedelta(hours=1)).timestamp()
        try:
            answer = self._client.conversations_history(
                channel=self._channel, include_all_metadata=True, oldest=f"{oldest:.6f}", limit=200
            )
        except Exception:
            return None  # not allowed to look, or Slack is away: the copy stays a possible one
        for post in answer.get("messages") or []:
            payload = ((post.get("metadata") or {}).get("event_payload")) or {}
            if payload.get("delivery_id") == delivery_id:
                receipt = {"channel": self._channel, "ts": str(post.get("ts") or ""), "found": True}
                top = str(post.get("thread_ts") or "")
                return receipt | ({"thread": top} if top and top != receipt["ts"] else {})
        return None

    def audience(self) -> list[str]:
        """The members of the channel now (Slack ids); empty when we may not ask."""
        members: list[str] = []
        cursor = ""
        try:
            while True:
                answer = self._client.conversations_members(channel=self._channel, cursor=cursor, limit=500)
                members += answer.get("members") or []
                cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
                if not cursor or len(members) > 10_000:
                    return sorted(members)
        except Exception:
            return []

    def may_show(self) -> str:
        """'' where the channel is private and not shared, asked now; else why not (a name of showing.REFUSALS)."""
        try:
            about = self._about()
        except DeliveryError:
            return "channel_not_checked"
        if any(about.get(shared) for shared in SHARED):
            return "channel_shared"
        return "" if about.get("is_private") is True or about.get("is_im") is True else "channel_not_private"

    def _about(self) -> dict[str, Any]:
        """What Slack says of the channel. Raises DeliveryError."""
        try:
            found = self._client.conversations_info(channel=self._channel).get("channel")
        except Exception as problem:
            raise classify(problem) from None
        return dict(found) if isinstance(found, dict) else {}

    def standing(self, details: bool) -> str:
        """How the channel stands, a name of checks.OUTCOMES. details: whether cards with details are to go there."""
        try:
            self._client.auth_test()
            about = self._client.conversations_info(channel=self._channel).get("channel") or {}
        except SlackApiError as problem:
            return STANDING.get(_error(problem), "unreachable")
        except Exception:
            return "unreachable"
        if about.get("is_archived"):
            return "archived"
        if about.get("is_member") is False:
            return "not_a_member"
        return self.may_show() or "ok" if details else "ok"

    def probe(self) -> None:
        """Whether the token is good and the bot is in the channel; posts nothing. Raises DeliveryError as `send` does."""
        try:
            self._client.auth_test()
        except Exception as problem:
            raise classify(problem) from None
        about = self._about()
        if about.get("is_archived"):
            raise DeliveryError("permanent", f"Channel {self._channel} is archived.")
        if about.get("is_member") is False:
            raise DeliveryError("permanent", f"The bot is not a member of channel {self._channel}: invite it there.")


def client(token: str, api_url: str, timeout: float) -> WebClient:
    """Slack's Web API, asked once for each call, and silent about what is sent."""
    made = WebClient(token=token, base_url=api_url, retry_handlers=[], logger=_logger)
    made.timeout = timeout  # type: ignore[assignment]  # urllib takes parts of a second as well
    made.proxy = None  # urllib's own proxy rules, which heed NO_PROXY; the SDK's do not
    return made


def _pictureless(answer: dict[str, Any]) -> dict[str, Any]:
    return {"without_picture": True} if answer.get("without_picture") else {}


def fallback(subject: str) -> str:
    """`text` of a post: cut, and with Slack's three control characters escaped, so nothing in it can ping."""
    text = subject if len(subject) <= FALLBACK else subject[: FALLBACK - 1] + "…"
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def classify(problem: Exception) -> DeliveryError:
    """The outcome class of whatever a call raised. Only codes and class names get into the sentence."""
    if isinstance(problem, SlackApiError):
        return _refusal(problem)
    if isinstance(problem, urllib.error.URLError) and _before_sending(problem.reason):
        return DeliveryError("deferred", f"Slack could not be reached ({_name(problem.reason)}).")
    if isinstance(problem, OSError | http.client.HTTPException):
        inner = problem.reason if isinstance(problem, urllib.error.URLError) else problem
        return DeliveryError("ambiguous", f"The connection to Slack broke off ({_name(inner)}).")
    if isinstance(problem, SlackClientError):
        return DeliveryError("permanent", f"The Slack client refused the request ({_name(problem)}).")
    return DeliveryError("ambiguous", f"Slack's answer could not be read ({_name(problem)}).")


def _error(problem: SlackApiError) -> str:
    data = getattr(problem.response, "data", None)
    return str(data.get("error") or "") if isinstance(data, dict) else ""


def _refusal(problem: SlackApiError) -> DeliveryError:
    response = problem.response
    status = getattr(response, "status_code", 200)
    headers = getattr(response, "headers", None) or {}
    error = _error(problem)
    if status == 429 or error in FOR_NOW:
        return DeliveryError("deferred", "Slack asks to wait.", retry_after=_seconds(headers))
    if status >= 500 or status == 408 or error in UNCLEAR:
        return DeliveryError("ambiguous", f"Slack failed ({error if _CODE.match(error) else status}).")
    if _CODE.match(error):
        return DeliveryError("permanent", f"Slack refused: {error}.")
    if status >= 400:
        return DeliveryError("deferred", f"Something before Slack refused the request (HTTP {status}).")
    return DeliveryError("ambiguous", "Slack's answer could not be read.")


def _before_sending(reason: Any) -> bool:
    """Whether a connection failed before any of the request can have been sent."""
    if isinstance(reason, ConnectionRefusedError | socket.gaierror | ssl.SSLCertVerificationError):
        return True
    if isinstance(reason, OSError) and reason.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH):
        return True
    return "Tunnel connection failed" in str(reason)


def _seconds(headers: Any) -> float | None:
    value: Any = next((v for k, v in headers.items() if str(k).lower() == "retry-after"), None)
    try:
        return float(value[0] if isinstance(value, list) else value)
    except (TypeError, ValueError):
        return None


def _name(problem: Any) -> str:
    return type(problem).__name__
