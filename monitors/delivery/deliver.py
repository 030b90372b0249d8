"""The loop: settle lost claims, then claim, note, send and record, one message at a time, until none is due.

Between any two steps the process may be killed; the outbox then says how far it got
(docs/adr/0007-outbox.md).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from monitors.config import Config
from monitors.database import Database, Role
from monitors.delivery import checks, escalating, outbox, sending, silenced, storms
from monitors.delivery.email import Mailbox
from monitors.delivery.message import Message, render
from monitors.delivery.outbox import Answer, Append, Claim
from monitors.delivery.showing import Showing, Shown, tell_refusal
from monitors.delivery.slack import SlackChannel
from monitors.delivery.vault import Vault, vault
from monitors.delivery.webhook import Pager
from monitors.destinations import SlackDestination, WebhookDestination
from monitors.errors import DeliveryError, UserError
from monitors.settings import Settings

Clock = Callable[[], datetime]
Standing = Mapping[str, str]  # taken_by, state, said: what stands on an episode's first post besides its newest message
POINTS = (  # where a kill is tried: before and after every commit and every step on the network
    "before_recover_commit", "after_recover", "after_check", "before_release_commit", "after_release",
    "before_escalate_commit", "before_gather_commit", "after_gather",
    "before_claim_commit", "after_claim", "before_find", "after_find",
    "after_upload", "before_pace_commit", "after_pace", "before_send_started_commit", "after_send_started", "after_http",
    "before_mark_commit", "after_mark",
)  # fmt: skip


class Channel(Protocol):
    """Where a message goes: SlackChannel, Mailbox or Pager. audience: who can see it there now; probe: would it be
    taken, without sending one; may_show: '' where details may be seen there, else why not; prepared: the message with what has to
    be there before it is sent."""

    def may_show(self) -> str: ...
    def prepared(self, message: Message, wait: Callable[[float], None]) -> Message: ...
    def send(self, message: Message, now: datetime) -> dict[str, Any]: ...
    def find(self, delivery_id: str, since: datetime) -> dict[str, Any] | None: ...
    def audience(self) -> list[str]: ...
    def probe(self) -> None: ...


@dataclass
class Channels:
    """The destinations of a configuration, each opened when first needed."""

    config: Config
    settings: Settings
    opened: dict[str, Channel] = field(default_factory=dict)

    def kind(self, name: str) -> str:
        """'slack', 'email' or 'webhook'. Raises DeliveryError when routes.yaml has no such destination any more."""
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
                elif isinstance(to, WebhookDestination):
                    self.opened[name] = Pager(to, self.settings.secret(to.secret))
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


def deliver(
    db: Database, config: Config, settings: Settings, clock: Clock, append: Append,
    *, wait: Callable[[float], None], crash: Callable[[str], None] = lambda point: None,
    jitter: Callable[[], float] = random.random, max_messages: int | None = None,
    channels: Channels | None = None,
) -> Counter[str]:  # fmt: skip
    """Send everything that is due. Returns how many messages ended in which state.

    wait: how to let seconds pass (pacing). crash: called with the name of each of POINTS, where a test may die.
    append: the ledger's.
    """
    work = _Work(db, config, channels or Channels(config, settings), vault(settings), clock, wait, crash)
    done: Counter[str] = Counter()
    operations, instead = config.routes.operations(), config.routes.instead
    with db.begin(Role.DELIVERY) as connection:
        lost = outbox.recover(connection, clock(), append, jitter=jitter(), operations=operations, instead=instead)
        crash("before_recover_commit")
    crash("after_recover")
    done.update({"recovered": len(lost)} if lost else {})
    checks.look(db, config, settings, clock, append)
    crash("after_check")
    with db.begin(Role.DELIVERY) as connection:
        silenced.release(connection, config, clock(), append)
        crash("before_release_commit")
    crash("after_release")
    with db.begin(Role.DELIVERY) as connection:
        escalating.escalate(connection, clock(), append)
        crash("before_escalate_commit")
    with db.begin(Role.DELIVERY) as connection:
        bundled = storms.gather(connection, config.site.storm_limit, clock(), append)
        crash("before_gather_commit")
    crash("after_gather")
    done.update({"bundled": bundled} if bundled else {})
    taken = 0
    while max_messages is None or taken < max_messages:
        with db.begin(Role.DELIVERY) as connection:
            claims = outbox.claim(connection, clock())
            crash("before_claim_commit")
        if not claims:
            break
        one = claims[0]
        taken += 1
        crash("after_claim")
        answer = work.attempt(one)
        if answer is not None:
            with db.begin(Role.DELIVERY) as connection:
                state = outbox.finish(
                    connection, one, answer, clock(), append, jitter=jitter(), operations=operations, instead=instead
                )
                crash("before_mark_commit")
            done["deferred" if state == "pending" else state] += 1
            crash("after_mark")
    return done


@dataclass
class _Work:
    """One worker's tools. attempt: one try, as an answer; None when the claim was lost before anything was sent."""

    db: Database
    config: Config
    channels: Channels
    vault: Vault | None
    clock: Clock
    wait: Callable[[float], None]
    crash: Callable[[str], None]
    audiences: dict[str, list[str]] = field(default_factory=dict)
    showing: Showing = field(init=False)

    def __post_init__(self) -> None:
        self.showing = Showing(self.db, self.config)

    def attempt(self, one: Claim) -> Answer | None:
        try:
            kind = self.channels.kind(one.destination)
            channel = self.channels.get(one.destination)
            if one.possible_repeat and one.kind != outbox.PARENT and (earlier := self._found(channel, one)) is not None:
                return Answer("delivered", "An earlier attempt had arrived; it was found in the channel.", earlier)
            parent, standing = self._standing(one, kind)
            shown = self.showing.of(one, channel, self.clock())
            message = channel.prepared(_rendered(one, self.config, kind, self.clock(), standing, shown), self.wait)
            self.crash("after_upload")
        except DeliveryError as problem:
            return Answer(problem.outcome, str(problem), retry_after=problem.retry_after)
        audience = self._audience(one.destination, channel)
        if kind == "slack":
            self._keep_pace(one.destination)
        now = self.clock()
        with self.db.begin(Role.DELIVERY) as connection:
            if not self.showing.holds_still(connection, one, shown, now):
                return Answer("deferred", "The leave to show details ended while this was made.", retry_after=0)
            if shown.picture[0] and not message.picture:
                shown = replace(shown, picture_state="not_uploaded")
            if not outbox.send_started(connection, one, message.sha256, now, shown.kept):
                return None
            tell_refusal(connection, one, shown, self.config.routes.operations(), now)
            if self.vault is not None:
                sending.keep_payload(connection, one, self.vault.key_id, self.vault.seal(message), audience, now)
            self.crash("before_send_started_commit")
        self.crash("after_send_started")
        try:
            answer = Answer("delivered", "Accepted.", channel.send(replace(message, parent=parent), self.clock()))
        except DeliveryError as problem:
            answer = Answer(problem.outcome, str(problem), retry_after=problem.retry_after)
            ambiguous = problem.outcome == "ambiguous" and one.kind != outbox.PARENT  # an edit may simply be made again
            if ambiguous and (found := self._found(channel, one)) is not None:
                answer = Answer("delivered", "The answer was lost, but the message was found in the channel.", found)
        self.crash("after_http")
        return answer

    def _standing(self, one: Claim, kind: str) -> tuple[str, Standing]:
        """The episode's first post in the channel ('' for none): what a later one hangs under, or what is brought up to date; and
        who has taken the episode, and what was said of it, as that shall say."""
        if kind != "slack" or one.episode_id is None:
            return "", {}
        with self.db.begin(Role.DELIVERY) as connection:
            taken, (state, said) = sending.taken_by(connection, one.episode_id), sending.said(connection, one.episode_id)
            return sending.parent(connection, one), {"taken_by": taken, "state": state, "said": said}

    def _found(self, channel: Channel, one: Claim) -> dict[str, Any] | None:
        self.crash("before_find")
        earlier = channel.find(one.delivery_id, one.created_at)
        self.crash("after_find")
        return earlier

    def _audience(self, name: str, channel: Channel) -> list[str]:
        """Who can see the destination; asked once a run, for a run lasts minutes."""
        if self.vault is None:
            return []
        if name not in self.audiences:
            self.audiences[name] = channel.audience()
        return self.audiences[name]

    def _keep_pace(self, destination: str) -> None:
        """One post a second and channel, over all workers together."""
        now = self.clock()
        with self.db.begin(Role.DELIVERY) as connection:
            slot = sending.slot(connection, destination, now)
            self.crash("before_pace_commit")
        self.crash("after_pace")
        if (left := (slot - now).total_seconds()) > 0:
            self.wait(left)


def _rendered(
    one: Claim, config: Config, channel_kind: str, now: datetime, standing: Standing, shown: Shown
) -> Message:
    to = config.routes.destinations[one.destination]
    content = {**one.content, **standing} if one.kind == outbox.PARENT else one.content
    try:
        return render(
            one.kind, content, config.site, channel_kind, one.delivery_id, possible_repeat=one.possible_repeat, now=now,
            pressable=isinstance(to, SlackDestination) and to.app_token is not None,
            detail=shown.detail, picture=shown.picture,
        )  # fmt: skip
    except Exception as problem:  # a defect of ours in one message must not keep all others from going out
        raise DeliveryError(
            "deferred", f"The message could not be rendered ({type(problem).__name__})."
        ) from problem
