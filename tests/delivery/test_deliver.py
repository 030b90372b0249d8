"""The loop against the stand-ins: faults, kills at every point, two workers. None lost, no silent repeat."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from monitors.database import Database, Role
from monitors.delivery import outbox
from monitors.delivery.deliver import Channels, deliver
from monitors.delivery.email import Mailbox
from monitors.delivery.slack import SlackChannel
from monitors.demo import slack_standin, smtp_standin
from monitors.demo.standins import SlackStandIn, SmtpStandIn
from monitors.history import ledger
from monitors.settings import Settings
from tests.delivery.builders import (
    NOW,
    SITE,
    config,
    episode,
    later,
    ledger_kinds,
    queue,
    rows,
    states,
    with_token,
)  # fmt: skip

POINTS = ("after_claim", "after_send_started", "after_http", "after_mark")
KEYS = tuple(point.replace("_", "-") for point in POINTS)  # also the refs of the messages killed there
REPOSITORY = Path(__file__).resolve().parents[2]


class Killed(BaseException):
    """Stands for a kill inside this process: every step before it is committed, nothing after it runs."""


class World:
    """A database, both stand-ins, and a worker to set going."""

    def __init__(
        self, database: Database, settings: Settings, slack: SlackStandIn, smtp: SmtpStandIn
    ) -> None:
        self.database, self.settings, self.slack, self.smtp = database, with_token(settings), slack, smtp
        self.config = config(slack.api_url, smtp.port)
        self.name = ""
        self.waits: list[float] = []

    def deliver(
        self, minutes: float = 0, crash: Callable[[str], None] = lambda point: None, **changed: Any
    ) -> Counter[str]:
        channels = Channels(self.config, self.settings)
        to = self.config.routes.destinations
        channels.opened["slack"] = SlackChannel(to["slack"], "xoxb-test", 0.3)  # type: ignore[arg-type]
        channels.opened["mail"] = Mailbox(to["mail"], SITE.mail_domain, timeout=5)  # type: ignore[arg-type]
        arguments = {"wait": self.waits.append, "jitter": lambda: 0.5, "channels": channels, **changed}
        return deliver(
            self.database,
            self.config,
            self.settings,
            lambda: later(minutes),
            ledger.append,
            crash=crash,
            **arguments,
        )

    def delivered(self, ref: str) -> list[str]:
        """The texts of every accepted copy of a message, in order."""
        posts = [post["text"] + str(post["blocks"]) for post in self.slack.posts]
        mails = [mail["headers"]["Subject"] + mail["text"] for mail in self.smtp.mails]
        return [text for text in posts + mails if f"Ref {ref} " in text]


@pytest.fixture
def world(database: Database, settings: Settings) -> Iterator[World]:
    with SlackStandIn() as slack, SmtpStandIn() as smtp:
        yield World(database, settings, slack, smtp)


def die_at(point: str) -> Callable[[str], None]:
    def crash(reached: str) -> None:
        if reached == point:
            raise Killed

    return crash


def settle(world: World) -> None:
    """Workers come by until nothing is waiting: first after the lease, then after each back-off."""
    for minutes in (10, 140, 280):
        world.deliver(minutes)


def assert_none_lost_and_no_silent_duplicate(world: World, *refs: str) -> None:
    for ref in refs:
        copies = world.delivered(ref)
        assert copies, f"{ref} was lost"
        assert all("POSSIBLE REPEAT" in copy for copy in copies[1:]), f"{ref} arrived twice in silence"
    assert set(states(world.database).values()) == {"delivered"}
    with world.database.begin(Role.WEB) as connection:
        assert ledger.verify(connection).first_bad is None


def test_what_is_due_goes_out_and_a_second_round_sends_nothing(world: World) -> None:
    number = episode(world.database)
    queue(world.database, "a", episode_id=number)
    queue(world.database, "b", episode_id=number, destination="mail")
    assert world.deliver() == {"delivered": 2}
    assert world.deliver() == {}
    assert (len(world.slack.posts), len(world.smtp.mails)) == (1, 1)
    receipts = rows(world.database, "SELECT receipt FROM nephrowatch.outbox ORDER BY outbox_id")
    assert receipts[0]["receipt"] == {"channel": "C0TEST", "ts": world.slack.posts[0]["ts"]}
    assert receipts[1]["receipt"]["reply"].startswith("250 ")
    assert ledger_kinds(world.database) == ["delivery_delivered"] * 2


# ------------------------------------------------------------- every kill x every fault x every channel
SLACK_FAULTS = ("", *slack_standin.FAULTS)
SMTP_FAULTS = ("", *smtp_standin.FAULTS)
FOR_GOOD = ("reject_sender", "reject_rcpt", "550")


@pytest.mark.parametrize("history", [True, False], ids=["may read the channel", "may not"])
@pytest.mark.parametrize("fault", SLACK_FAULTS)
def test_slack_kills_and_faults_lose_nothing_and_repeat_nothing_in_silence(
    world: World, fault: str, history: bool
) -> None:
    world.slack.history = history
    for point, key in zip(POINTS, KEYS, strict=True):
        queue(world.database, key)
        world.slack.fault(*filter(None, [fault]))
        with pytest.raises(Killed):
            world.deliver(crash=die_at(point))
    settle(world)
    assert_none_lost_and_no_silent_duplicate(world, *KEYS)
    if history:
        assert len(world.slack.posts) == len(KEYS)


@pytest.mark.parametrize("fault", SMTP_FAULTS)
def test_mail_kills_and_faults_lose_nothing_and_repeat_nothing_in_silence(world: World, fault: str) -> None:
    for point, key in zip(POINTS, KEYS, strict=True):
        queue(world.database, key, destination="mail")
        world.smtp.fault(*filter(None, [fault]))
        with pytest.raises(Killed):
            world.deliver(crash=die_at(point))
    settle(world)
    if fault not in FOR_GOOD:
        assert_none_lost_and_no_silent_duplicate(world, *KEYS)
        return
    ended = rows(world.database, "SELECT state FROM nephrowatch.outbox WHERE kind = 'alert'")
    assert Counter(row["state"] for row in ended)["permanent"] >= 1
    assert {row["state"] for row in ended} <= {"permanent", "delivered"}


@pytest.mark.crash
@pytest.mark.parametrize(
    ("point", "destination"),
    [
        ("after_claim", "slack"),
        ("after_send_started", "mail"),
        ("after_http", "slack"),
        ("after_http", "mail"),
        ("after_mark", "slack"),
    ],
)
def test_a_worker_process_killed_for_real_loses_nothing(world: World, point: str, destination: str) -> None:
    world.slack.history = False
    queue(world.database, "a", destination=destination)
    found = subprocess.run(
        [sys.executable, "-m", "tests.delivery.worker", point, world.slack.api_url, str(world.smtp.port)],
        env={**os.environ, **world.settings.environment, "PYTHONPATH": str(REPOSITORY)}, cwd=REPOSITORY,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert found.returncode == 137, found.stderr
    settle(world)
    assert_none_lost_and_no_silent_duplicate(world, "a")
    assert len(world.delivered("a")) == (2 if point == "after_http" else 1)


def test_two_workers_at_once_send_every_message_once(world: World) -> None:
    keys = [f"m{number}" for number in range(12)]
    for number, key in enumerate(keys):
        queue(world.database, key, destination=("slack", "mail")[number % 2])
    together = threading.Barrier(2)
    counts: list[Counter[str]] = []

    def meet(point: str) -> None:
        if point == "after_claim" and not meeting.is_set():
            together.wait(timeout=30)
            meeting.set()

    meeting = threading.Event()
    workers = [threading.Thread(target=lambda: counts.append(world.deliver(crash=meet))) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(count["delivered"] for count in counts) == len(keys)
    assert [len(world.delivered(key)) for key in keys] == [1] * len(keys)


# ------------------------------------------------------------------------------------------ single answers
def test_an_ambiguous_post_that_did_arrive_is_found_and_not_repeated(world: World) -> None:
    queue(world.database, "a")
    world.slack.fault("accept_then_drop")
    assert world.deliver() == {"delivered": 1}
    assert len(world.slack.posts) == 1


def test_an_ambiguous_warning_is_held_and_operations_are_told(world: World) -> None:
    queue(world.database, "a", severity="WARNING", destination="mail")
    world.smtp.fault("drop_after_data")
    assert world.deliver() == {"ambiguous": 1, "delivered": 1}
    told = world.smtp.mails[-1]
    assert told["recipient"] == "ops@renal.example"
    assert "Outcome: ambiguous" in told["text"]
    assert world.deliver(500) == {}


def test_retry_after_is_honoured_to_the_second(world: World) -> None:
    queue(world.database, "a")
    world.slack.fault("429")
    assert world.deliver() == {"deferred": 1}
    assert world.deliver(6.9 / 60) == {}
    assert world.deliver(7 / 60) == {"delivered": 1}


def test_a_refusal_for_good_is_not_tried_again_operations_are_told_and_it_goes_elsewhere(world: World) -> None:
    queue(world.database, "a")
    world.slack.fault("ok_false:channel_not_found")
    assert world.deliver() == {"permanent": 1, "delivered": 2}
    to = {mail["recipient"]: mail for mail in world.smtp.mails}
    assert "A message could not be delivered" in to["ops@renal.example"]["text"]
    assert "SENT HERE INSTEAD: it could not be delivered to slack." in to["team@renal.example"]["text"]
    assert world.deliver(500) == {}


def test_posts_to_one_channel_keep_a_second_apart(world: World) -> None:
    for key in "abc":
        queue(world.database, key)
        queue(world.database, f"{key}-mail", destination="mail")
    world.deliver()
    assert world.waits == [1.0, 2.0]


def test_a_destination_that_left_the_routes_and_a_missing_secret_are_said_in_words(
    world: World, settings: Settings
) -> None:
    queue(world.database, "gone", destination="old-channel")
    queue(world.database, "no token")
    world.settings = settings
    deliver(
        world.database,
        world.config,
        settings,
        lambda: NOW,
        ledger.append,
        wait=world.waits.append,
        max_messages=2,
    )
    said = {row["sentence"] for row in rows(world.database, "SELECT sentence FROM nephrowatch.attempts")}
    assert said == {
        "Destination old-channel is no longer in routes.yaml.",
        (
            "The secret SLACK_BOT_TOKEN is not set: "
            "set SLACK_BOT_TOKEN, or SLACK_BOT_TOKEN_FILE to a file that holds it."
        ),
    }
    assert {states(world.database)[key] for key in ("gone", "no token")} == {"permanent", "pending"}


def test_a_message_that_cannot_be_rendered_does_not_keep_others_from_going_out(world: World) -> None:
    with world.database.begin(Role.PIPELINE) as connection:
        outbox.enqueue(
            connection, dedup_key="odd", kind="a kind nobody knows", destination="mail", severity="CRITICAL",
            unit=None, night=NOW.date(), episode_id=None, change_seq=None, content={}, now=NOW,
        )  # fmt: skip
    queue(world.database, "a", destination="mail")
    assert world.deliver() == {"deferred": 1, "delivered": 1}


def test_what_was_sent_is_kept_as_a_hash_with_the_attempt(world: World) -> None:
    queue(world.database, "a")
    world.deliver()
    attempt = rows(world.database, "SELECT payload_sha256, outcome FROM nephrowatch.attempts")[0]
    assert len(attempt["payload_sha256"]) == 64
    assert attempt["outcome"] == "delivered"
