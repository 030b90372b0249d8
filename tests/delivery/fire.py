"""The outbox under fire: what one case is, how it is run, and what the stand-ins' ledgers say of it.

A case: one message, one fault of its channel, one point at which the worker's process is killed for good, with another
worker beside it or coming later. Judged by what Slack and the mail server accepted, never by what the outbox believes.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from monitors.database import Database
from monitors.delivery.deliver import POINTS, deliver
from monitors.demo import slack_standin, smtp_standin
from monitors.demo.standins import SlackStandIn, SmtpStandIn
from monitors.history import ledger
from monitors.settings import Settings
from tests.delivery import zygote
from tests.delivery.builders import NOW, SITE, config, queue, rows

REPOSITORY = Path(__file__).resolve().parents[2]
REFUSALS = ("token_revoked", "is_archived", "not_in_channel")
FAULTS = {
    "slack": ("", *slack_standin.FAULTS, *(f"ok_false:{code}" for code in REFUSALS), "down"),
    "mail": ("", *smtp_standin.FAULTS, "down"),
}
KILLS = ("never", *POINTS, "on the network")
KILLED = -signal.SIGKILL


@dataclass(frozen=True)
class Case:
    channel: str
    fault: str
    point: str
    beside: bool  # a second worker at the same time; else one that comes after the lease


def cases() -> list[Case]:
    return [
        Case(channel, fault, point, beside)
        for channel, faults in FAULTS.items() for fault in faults for point in KILLS for beside in (False, True)
    ]  # fmt: skip


class Range:
    """A database, both stand-ins, and the process that makes workers. A context manager."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database, self.settings = database, settings
        self.slack, self.smtp = SlackStandIn(), SmtpStandIn()
        self.tally: Counter[str] = Counter()
        self.pids: list[int] = []

    def __enter__(self) -> Range:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.slack)
            stack.enter_context(self.smtp)
            self.zygote = stack.enter_context(subprocess.Popen(
                [sys.executable, "-m", "tests.delivery.zygote", self.slack.api_url, str(self.smtp.port)],
                env={**os.environ, **self.settings.environment, "PYTHONPATH": str(REPOSITORY)}, cwd=REPOSITORY,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            ))  # fmt: skip
            self._stack = stack.pop_all()
        self.config = config(self.slack.api_url, self.smtp.port)
        return self

    def __exit__(self, *problem: Any) -> None:
        self.zygote.stdin.close()  # type: ignore[union-attr]
        self._stack.close()

    def start(self, orders: Sequence[dict[str, Any]]) -> list[int]:
        self._say(json.dumps(list(orders)))
        self.pids = json.loads(self._hear())
        return self.pids

    def go(self) -> None:
        self._say("go")

    def ended(self) -> list[int]:
        return list(json.loads(self._hear()))

    def kill(self) -> None:
        for pid in self.pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def run(self, number: int, case: Case) -> None:
        """One case, its verdict added to the tally. Raises AssertionError when it ends undecided."""
        ref, start = f"NW-C{number}X", 24 * 60 * number
        self.slack.history = number % 2 == 0  # every other token may not look for an earlier copy
        queue(self.database, ref, destination=case.channel, now=NOW + timedelta(minutes=start))
        stand_in = self.slack if case.channel == "slack" else self.smtp
        down = case.fault == "down"
        if case.fault and not down:
            stand_in.fault(case.fault)
        stand_in.accepted.then = self.kill if case.point == "on the network" else lambda: None
        first = {"point": case.point, "minutes": start, "down": down}
        self.start([first, {"minutes": start, "down": down}] if case.beside else [first])
        self.go()
        killed = KILLED in self.ended()
        stand_in.accepted.then = lambda: None
        for minutes in (10, 140, 280, 420, 560):  # workers come by after the lease, then after each back-off
            self.deliver(start + minutes)
            if not rows(self.database, "SELECT 1 AS n FROM nephrowatch.outbox WHERE state IN ('pending', 'claimed')"):
                break
        else:
            raise AssertionError(f"{case} was never settled")
        stand_in.accepted.no_faults()
        self._judge(ref, killed)

    def deliver(self, minutes: float) -> None:
        now = NOW + timedelta(minutes=minutes)
        deliver(self.database, self.config, self.settings, lambda: now, ledger.append, wait=lambda seconds: None,
                jitter=lambda: 0.5, channels=zygote.channels(self.config, self.settings, SITE.mail_domain))  # fmt: skip

    def copies(self, ref: str) -> list[str]:
        posts = [post["text"] + str(post["blocks"]) for post in self.slack.posts if ref in str(post["blocks"])]
        return posts + [mail["headers"]["Subject"] + mail["text"] for mail in self.smtp.mails if ref in mail["text"]]

    def _judge(self, ref: str, killed: bool) -> None:
        texts = self.copies(ref)
        here = [text for text in texts if "SENT HERE INSTEAD" not in text]
        repeats = [text for text in here if "POSSIBLE REPEAT" in text]
        self.tally["cases"] += 1
        self.tally["killed"] += killed
        self.tally["lost"] += not texts
        self.tally["silent duplicates"] += max(0, len(here) - len(repeats) - 1)
        self.tally["marked possible repeats"] += len(repeats)
        self.tally["sent elsewhere"] += len(texts) > len(here)

    def _say(self, line: str) -> None:
        assert self.zygote.stdin is not None
        self.zygote.stdin.write(line + "\n")
        self.zygote.stdin.flush()

    def _hear(self) -> str:
        assert self.zygote.stdout is not None
        line = self.zygote.stdout.readline()
        assert line, "the process that makes workers has gone"
        return line


def table(tally: Counter[str]) -> str:
    names = ("cases", "killed", "lost", "silent duplicates", "marked possible repeats", "sent elsewhere")
    return "\n".join(["", "The outbox under fire"] + [f"  {name:26}{tally[name]:6}" for name in names])


def chosen(step: int) -> Iterator[tuple[int, Case]]:
    """Every step-th case; a step without a common factor with the points meets every point and fault over the years."""
    yield from list(enumerate(cases()))[::step]
