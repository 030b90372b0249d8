"""Presses on Slack cards, heard over Socket Mode: a connection from here to Slack, so nothing listens to the outside.

A press is acted on first and acknowledged then. Slack waits three seconds; where the database takes longer, the envelope is
acknowledged after `patience`, the presser is told that it is not yet recorded, and told again how it ended. Where it cannot be
recorded, they are told that; where not even this can be said, nothing is acknowledged and Slack shows them its own warning.
"""

from __future__ import annotations

import logging
import re
import threading
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from slack_sdk import WebClient
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from monitors.config import Config
from monitors.delivery import forms, slack
from monitors.delivery.press import Nothing, Press, Said, read
from monitors.destinations import SlackDestination
from monitors.errors import DeliveryError, UserError
from monitors.settings import Settings

PATIENCE = 2.0  # seconds until an envelope is acknowledged although the database has not answered
TIMEOUT = 10  # seconds of a call to Slack
PING = 2.0  # seconds between pings; a connection that is dead without a word is found out after about five of them
AGAIN = 5.0  # seconds between attempts to connect at the start; afterwards the SDK's own pings see to it
AT_ONCE = 4  # presses being recorded
LOST = "NOT recorded: Nephrowatch could not write it down. Please open the page and take it there; what it shows is what counts."
SLOW = ("Not recorded yet: the database is slow. You will be told here how it ended. If nothing follows within a minute, "
        "open the page; what it shows is what counts.")  # fmt: skip
NOT_ASKED = "The form could not be opened, and nothing was changed. Please press again, or open the page and do it there."
SAID_OF = {
    "unknown_action": "This button is not known here, so nothing was recorded. Please open the page.",
    "malformed": "This press could not be read, so nothing was recorded. Please open the page.",
}

_QUOTED = re.compile(r"[(:{\[]")


def _without_what_it_quotes(record: logging.LogRecord) -> bool:
    record.msg, record.args, record.exc_info = _QUOTED.split(record.getMessage())[0].strip(), (), None
    return True


# Of its own, and never below INFO: at DEBUG the SDK writes every envelope, with who pressed what; and above that it quotes what
# it could not read.
_logger = logging.getLogger("monitors.delivery.listen.client")
_logger.setLevel(logging.INFO)
_logger.addFilter(_without_what_it_quotes)

Record = Callable[[Press], Said]
Ack = Mapping[str, Any] | None  # what an envelope is acknowledged with; None: not at all, or already
Note = Callable[[str], None]  # an outcome, by name: for the log


@dataclass
class Ears:
    """One Slack app: the connection that hears its presses, and the client that answers those who pressed."""

    name: str
    app_token: str
    web: WebClient
    ping: float = PING
    client: SocketModeClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = SocketModeClient(self.app_token, logger=_logger, web_client=self.web, ping_interval=self.ping)
        self.client.proxy = _proxy(self.web.base_url)  # urllib's rules, which heed NO_PROXY; the SDK's do not

    def connect(self) -> None:
        """Raises DeliveryError with its outcome class."""
        try:
            self.client.connect()
        except Exception as problem:
            raise slack.classify(problem) from None


def ears(config: Config, settings: Settings, ping: float = PING) -> list[Ears]:
    """One for each app token of routes.yaml. Raises UserError when there is none, or a secret is missing."""
    found: dict[tuple[str, str], Ears] = {}
    for name, to in config.routes.destinations.items():
        if isinstance(to, SlackDestination) and to.app_token and (to.app_token, to.api_url) not in found:
            found[to.app_token, to.api_url] = Ears(name, secret(settings, to.app_token), _web(to, settings), ping)
    if not found:
        raise UserError("No Slack destination of routes.yaml has an app_token, so no card has a button to press: give one the "
                        "name of the variable that holds the app-level token, e.g. app_token: SLACK_APP_TOKEN.")  # fmt: skip
    return list(found.values())


def secret(settings: Settings, name: str) -> str:
    """An app-level token. Raises UserError where it is none."""
    token = settings.secret(name).strip()
    if not (token.startswith("xapp-") and token.isascii() and token.isprintable()):
        raise UserError(f"The secret {name} is no app-level token of Slack (they begin with xapp-): correct it.")
    return token


def probe(to: SlackDestination, settings: Settings) -> None:
    """Whether a listener could connect; hears nothing. Raises UserError, or DeliveryError with its outcome class."""
    token = secret(settings, to.app_token or "")
    try:
        _web(to, settings).apps_connections_open(app_token=token)
    except Exception as problem:
        raise slack.classify(problem) from None


class Listener:
    """Hears every app of a configuration until it is stopped. record: writes a press down and says what became of it; anything
    it raises means not recorded. Stopped, it lets what is being recorded end, and tells the others that theirs is not."""

    def __init__(
        self, heard: list[Ears], record: Record, note: Note, stopped: threading.Event, patience: float = PATIENCE
    ) -> None:
        self._ears, self._record, self._note, self._stopped = heard, record, note, stopped
        self.patience = patience
        self._pool = ThreadPoolExecutor(AT_ONCE, "press")
        self._at_work, self._quiet = 0, threading.Condition()
        for one in heard:
            one.client.socket_mode_request_listeners.append(self._listener(one))

    def connect(self) -> None:
        """Connect them all; try again while Slack is away. Raises DeliveryError when a token is refused."""
        for one in self._ears:
            while not self._stopped.is_set():
                try:
                    one.connect()
                    break
                except DeliveryError as problem:
                    if problem.permanent:
                        raise
                    self._note("no_connection")
                    self._stopped.wait(problem.retry_after or AGAIN)

    def connected(self) -> bool:
        return all(one.client.is_connected() for one in self._ears)

    def close(self) -> None:
        """Stop: end what is at work, answer it, then hang up. Takes seconds at most, for every step of it has its time."""
        self._stopped.set()
        for one in self._ears:
            one.client.auto_reconnect_enabled = one.client.default_auto_reconnect_enabled = False
        self._pool.shutdown(wait=True, cancel_futures=True)
        with self._quiet:
            self._quiet.wait_for(lambda: self._at_work == 0, 2 * TIMEOUT)
        for one in self._ears:
            one.client.close()

    def _listener(self, one: Ears) -> Callable[[BaseSocketModeClient, SocketModeRequest], None]:
        def heard(client: BaseSocketModeClient, request: SocketModeRequest) -> None:
            with self._quiet:
                self._at_work += 1
            try:
                self._heard(one, request)
            except Exception as problem:  # the SDK would log what it says, which may quote the envelope
                self._note(f"defect_{type(problem).__name__}")
            finally:
                with self._quiet:
                    self._at_work -= 1
                    self._quiet.notify_all()

        return heard

    def _heard(self, one: Ears, request: SocketModeRequest) -> None:
        parts = read(request.type, request.envelope_id, request.payload)
        ended = [self._part(one, request.envelope_id, part) for part in parts]  # every part, also after one that failed
        if all(answer is not None for answer in ended):
            self._acknowledge(one, request.envelope_id, next(filter(None, ended), None))

    def _part(self, one: Ears, envelope_id: str, part: Press | Nothing) -> Ack:
        """What the envelope is still to be acknowledged with: None where it is already, or where Slack shall warn the presser."""
        if isinstance(part, Press):
            return self._pressed(one, envelope_id, part)
        self._note(part.why)
        if part.why in SAID_OF:
            self._tell(one, part, SAID_OF[part.why])
        return {}

    def _pressed(self, one: Ears, envelope_id: str, press: Press) -> Ack:
        try:
            work = self._pool.submit(self._record, press)
        except RuntimeError:  # stopped meanwhile
            return self._ended(one, press, None)
        done, _ = wait([work], self.patience)
        if done:
            return self._worked(one, press, work)
        self._acknowledge(one, envelope_id)
        self._tell(one, press, SLOW)
        self._note("slow")
        work.add_done_callback(lambda work: self._worked(one, press, work, late=True))
        return None

    def _worked(self, one: Ears, press: Press, work: Future[Said], late: bool = False) -> Ack:
        problem = CancelledError() if work.cancelled() else work.exception()
        if problem is not None:
            self._note(f"failed_{type(problem).__name__}")
        return self._ended(one, press, None if problem else work.result(), late)

    def _ended(self, one: Ears, press: Press, said: Said | None, late: bool = False) -> Ack:
        """Tell the presser, or open the form that asks them. None when the press is not recorded and nobody could say so. late:
        acknowledged already, so that a form can no longer show what is wrong with it."""
        self._note(said.outcome if said else "not_recorded")
        if said is None:
            return {} if self._tell(one, press, LOST) else None
        if said.ask is not None:
            self._ask(one, press, said.ask)
        elif said.field and not late:
            return forms.errors(said.field, said.sentence)
        elif said.sentence:
            self._tell(one, press, said.sentence)
        return {}

    def _ask(self, one: Ears, press: Press, view: Mapping[str, Any]) -> None:
        try:
            one.web.views_open(trigger_id=press.trigger, view=dict(view))
        except Exception as problem:  # a trigger is good for three seconds
            self._note(f"not_asked_{type(problem).__name__}")
            self._tell(one, press, NOT_ASKED)

    def _acknowledge(self, one: Ears, envelope_id: str, payload: Mapping[str, Any] | None = None) -> None:
        try:
            one.client.send_socket_mode_response(SocketModeResponse(envelope_id=envelope_id, payload=dict(payload or {}) or None))
        except Exception as problem:  # the connection is being replaced: Slack delivers again, and it is one press still
            self._note(f"not_acknowledged_{type(problem).__name__}")

    def _tell(self, one: Ears, to: Press | Nothing, sentence: str) -> bool:
        """Answer whoever pressed, and nobody else. False where that failed."""
        if not (to.user and to.channel):
            return False
        try:
            one.web.chat_postEphemeral(
                channel=to.channel, user=to.user, text=slack.fallback(sentence), link_names=False, parse="none"
            )
        except Exception as problem:
            self._note(f"not_told_{type(problem).__name__}")
            return False
        return True


def _web(to: SlackDestination, settings: Settings) -> WebClient:
    return slack.client(settings.secret(to.token).strip(), to.api_url, TIMEOUT)


def _proxy(address: str) -> str | None:
    host = urlsplit(address).hostname or ""
    return None if urllib.request.proxy_bypass(host) else urllib.request.getproxies().get("https")


__all__ = ["Ears", "Listener", "ears", "probe"]
