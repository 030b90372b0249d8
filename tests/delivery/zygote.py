"""Delivery workers as processes of their own, made fast: one process that has imported everything forks them.

    python -m tests.delivery.zygote SLACK_URL SMTP_PORT     (which database: from the environment, as for every process)

Each line on standard input is a JSON list of workers, all at once: {point, minutes, down, loop}. point: where it ends by
SIGKILL. down: nobody listens where it sends. loop: path of a shared clock; it then works until nothing waits. Answers a
line of process ids; a line back lets them go; then, unless they loop, a line of exit statuses.
"""

from __future__ import annotations

import json
import mmap
import os
import signal
import struct
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from monitors.database import Role, open_database
from monitors.delivery.deliver import Channels, deliver
from monitors.delivery.email import Mailbox
from monitors.delivery.slack import SlackChannel
from monitors.destinations import SlackDestination
from monitors.history import ledger
from monitors.settings import from_process
from tests.delivery.builders import NOW, SITE, config

IMPATIENCE = 1.0  # seconds for Slack's answer: long enough on a busy machine; the stand-in hangs for longer


class SharedClock:
    """A clock several processes share: it moves when one of them waits, so that nobody waits in real time."""

    def __init__(self, path: str) -> None:
        file = Path(path)
        if not file.exists():
            file.write_bytes(struct.pack("d", 0.0))
        with file.open("r+b") as handle:
            self._map = mmap.mmap(handle.fileno(), 8)

    def now(self) -> datetime:
        return NOW + timedelta(seconds=struct.unpack("d", self._map[:8])[0])

    def wait(self, seconds: float) -> None:
        self._map[:8] = struct.pack("d", struct.unpack("d", self._map[:8])[0] + seconds)


def channels(work: Any, settings: Any, domain: str) -> Channels:
    found = Channels(work, settings)
    for name, to in work.routes.destinations.items():
        found.opened[name] = (
            SlackChannel(to, "xoxb-test", IMPATIENCE) if isinstance(to, SlackDestination) else Mailbox(to, domain, timeout=5)
        )
    return found


def work(order: dict[str, Any], slack: str, smtp: int) -> None:
    def crash(reached: str) -> None:
        if reached == order.get("point"):
            os.kill(os.getpid(), signal.SIGKILL)

    settings = from_process()
    database = open_database(settings)
    where = ("http://127.0.0.1:9/api/", 9) if order.get("down") else (slack, smtp)
    configured = config(*where, channels=order.get("channels", 1))
    opened = channels(configured, settings, SITE.mail_domain)
    if not order.get("loop"):
        now = NOW + timedelta(minutes=order.get("minutes", 0))
        deliver(database, configured, settings, lambda: now, ledger.append,
                wait=lambda seconds: None, crash=crash, channels=opened)  # fmt: skip
        return
    clock = SharedClock(order["loop"])
    unfinished = sa.text("SELECT count(*) FROM nephrowatch.outbox WHERE state IN ('pending', 'claimed')")
    while True:
        sent = deliver(database, configured, settings, clock.now, ledger.append, wait=clock.wait, channels=opened)
        with database.begin(Role.DELIVERY) as connection:
            if connection.execute(unfinished).scalar_one() == 0:
                return
        if not sent:
            clock.wait(15)
            time.sleep(0.02)  # leave the processor to whoever is at work


def main(slack: str, smtp: str) -> None:
    for line in sys.stdin:
        pids, gates = [], []
        for order in json.loads(line):
            reader, writer = os.pipe()
            pid = os.fork()
            if pid == 0:
                try:
                    os.close(writer)
                    os.read(reader, 1)
                    work(order, slack, int(smtp))
                    os._exit(0)
                except BaseException as problem:
                    print(f"{type(problem).__name__}: {problem}", file=sys.stderr, flush=True)
                    os._exit(1)
            os.close(reader)
            pids.append(pid)
            gates.append(writer)
        print(json.dumps(pids), flush=True)
        sys.stdin.readline()
        for gate in gates:
            os.close(gate)
        print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
