"""The loop: settle lost claims, then claim, note, send and record, one message at a time, until none is due.

Between any two steps the process may be killed; the outbox then says how far it got
(docs/adr/0007-outbox.md).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from monitors.config import Config, SlackDestination
from monitors.database import Database, Role
from monitors.delivery import outbox
from monitors.delivery.email import Mailbox
from monitors.delivery.message import Message, render
from monitors.delivery.outbox import Answer, Append, Claim
from monitors.delivery.slack import SlackChannel
from monitors.errors import DeliveryError, UserError
from monitors.settings import Settings

Clock = Callable[[], datetime]
SLACK_PACE = timedelta(seconds=1)  # Slack takes about one post a second and channel


class Channel(Protocol):
    """Where a message goes: SlackChannel or Mailbox."""

    def send(self, message: Message, now: datetime) -> dict[str, Any]: ...
    def find(self, delivery_id: str, since: datetime) -> dict[str, Any] | None: ...


@dataclass
class Channels:
    """The destinations of a configuration, each opened when first needed."""

    config: Config
    settings: Settings
    opened: dict[str, Channel] = field(default_factory=dict)

    def kind(self, name: str) -> str:
        """'slack' or 'email'. Raises DeliveryError when routes.yaml has no such destination any more."""
        if name not in self.config.routes.destinations:
            raise DeliveryError("permanent", f"Destination {name} is no longer in routes.yaml.")
        return self.config.routes.destinations[name].kind

    def get(self, name: str) -> Channel:
        """Raises DeliveryError (deferred) when a secret is missing."""
        if name not in self.opened:
            to = self.config.routes.destinations[name]
            try:
                if isinstance(to, SlackDestination):
                    self.opened[name] = SlackChannel(to, self.settings.secret(to.token))
                else:
                    login = (
                        (self.settings.secret(to.user), self.settings.secret(to.password or ""))
                        if to.user
                        else None
                    )
                    self.opened[name] = Mailbox(to, self.config.site.mail_domain, login)
            except UserError as problem:
                raise DeliveryError("deferred", str(problem)) from None
        return self.opened[name]


@dataclass
class Pace:
    """Keeps posts to one Slack channel apart. wait: called with seconds."""

    wait: Callable[[float], None]
    last: dict[str, datetime] = field(default_factory=dict)

    def keep(self, key: str, clock: Clock) -> None:
        now = clock()
        if key in self.last and (left := self.last[key] + SLACK_PACE - now) > timedelta(0):
            self.wait(left.total_seconds())
            now += left
        self.last[key] = now


def deliver(
    db: Database, config: Config, settings: Settings, clock: Clock, append: Append,
    *, wait: Callable[[float], None], crash: Callable[[str], None] = lambda point: None,
    jitter: Callable[[], float] = random.random, max_messages: int | None = None,
    channels: Channels | None = None,
) -> Counter[str]:  # fmt: skip
    """Send everything that is due. Returns how many messages ended in which state.

    wait: how to let seconds pass (pacing). crash: called with the name of each point a test may die at:
    after_claim, after_send_started, after_http, after_mark. append: the ledger's.
    """
    channels = channels or Channels(config, settings)
    pace = Pace(wait)
    done: Counter[str] = Counter()
    operations = config.routes.operations()
    with db.begin(Role.DELIVERY) as connection:
        lost = outbox.recover(connection, clock(), append, jitter=jitter(), operations=operations)
    done.update({"recovered": len(lost)} if lost else {})
    taken = 0
    while max_messages is None or taken < max_messages:
        with db.begin(Role.DELIVERY) as connection:
            claims = outbox.claim(connection, clock())
        if not claims:
            break
        one = claims[0]
        taken += 1
        crash("after_claim")
        answer = _attempt(db, config, channels, pace, one, clock, crash)
        if answer is not None:
            with db.begin(Role.DELIVERY) as connection:
                state = outbox.finish(
                    connection, one, answer, clock(), append, jitter=jitter(), operations=operations
                )
            done["deferred" if state == "pending" else state] += 1
            crash("after_mark")
    return done


def _attempt(
    db: Database,
    config: Config,
    channels: Channels,
    pace: Pace,
    one: Claim,
    clock: Clock,
    crash: Callable[[str], None],
) -> Answer | None:
    """One try, as an answer; None when the claim was lost before anything was sent."""
    try:
        channel_kind = channels.kind(one.destination)
        channel = channels.get(one.destination)
        if one.possible_repeat and (earlier := channel.find(one.delivery_id, one.created_at)) is not None:
            return Answer(
                "delivered", "An earlier attempt had arrived; it was found in the channel.", earlier
            )
        message = _rendered(one, config, channel_kind, clock())
    except DeliveryError as problem:
        return Answer(problem.outcome, str(problem), retry_after=problem.retry_after)
    if channel_kind == "slack":
        pace.keep(one.destination, clock)
    with db.begin(Role.DELIVERY) as connection:
        if not outbox.send_started(connection, one, message.sha256, clock()):
            return None
    crash("after_send_started")
    try:
        receipt = channel.send(message, clock())
        answer = Answer("delivered", "Accepted.", receipt)
    except DeliveryError as problem:
        answer = Answer(problem.outcome, str(problem), retry_after=problem.retry_after)
        if (
            problem.outcome == "ambiguous"
            and (found := channel.find(one.delivery_id, one.created_at)) is not None
        ):
            answer = Answer(
                "delivered", "The answer was lost, but the message was found in the channel.", found
            )
    crash("after_http")
    return answer


def _rendered(one: Claim, config: Config, channel_kind: str, now: datetime) -> Message:
    try:
        return render(
            one.kind, one.content, config.site, channel_kind, one.delivery_id,
            possible_repeat=one.possible_repeat, now=now,
        )  # fmt: skip
    except Exception as problem:  # a defect of ours in one message must not keep all others from going out
        raise DeliveryError(
            "deferred", f"The message could not be rendered ({type(problem).__name__})."
        ) from problem
