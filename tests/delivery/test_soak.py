"""`make soak`: thousands of episodes, one answer in ten a fault, a worker killed every few seconds, two at work."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa

from monitors.database import Database, Role
from monitors.demo import slack_standin, smtp_standin
from monitors.history import ledger
from monitors.settings import Settings
from tests.delivery.builders import ALERT, NIGHT, NOW, rows, with_token
from tests.delivery.fire import Range

EPISODES = int(os.environ.get("EPISODES", "10000"))
CHANNELS = 20
SHARE = 0.1  # of answers that are a fault
HANGS = ("hang", "accept_then_hang")  # cost a quarter of a second each: drawn less often


def fill(database: Database) -> None:
    """EPISODES episodes with one message each, to a Slack channel or a mailbox by turns."""
    with database.begin(Role.PIPELINE) as connection:
        for statement in (
            "INSERT INTO nephrowatch.batches VALUES (1, :now, 'test') ON CONFLICT DO NOTHING",
            "INSERT INTO nephrowatch.units VALUES ('N3', 'North Unit', 'Europe/London', '04:00') ON CONFLICT DO NOTHING",
            ("INSERT INTO nephrowatch.subjects (subject_id, authority, identifier, batch) "
            "SELECT n, 'TEST', 'SOAK-' || n, 1 FROM generate_series(1, :many) n"),
            ("INSERT INTO nephrowatch.episodes (episode_id, ref, patient_id, cause_group, unit, state, severity, opened_night, "
            "changed_night) SELECT n, 'NW-S' || n || 'X', n, 'phosphate', 'N3', 'open', 'HIGH', :night, :night "
            "FROM generate_series(1, :many) n"),
            ("INSERT INTO nephrowatch.outbox (dedup_key, kind, destination, severity, unit, night, episode_id, change_seq, "
            "content, next_attempt_at, created_at) SELECT 'soak/' || n, 'alert', "
            "CASE WHEN n % 2 = 0 THEN 'slack' || (n / 2 % :channels) ELSE 'mail' END, 'HIGH', 'N3', :night, n, 1, "
            "CAST(:content AS jsonb) || jsonb_build_object('ref', 'NW-S' || n || 'X'), :now, :now "
            "FROM generate_series(1, :many) n"),
        ):
            connection.execute(sa.text(statement), {
                "now": NOW, "night": NIGHT, "many": EPISODES, "channels": CHANNELS, "content": json.dumps(ALERT),
            })  # fmt: skip
    with database.begin(Role.MIGRATOR) as connection:
        connection.execute(sa.text("ANALYZE"))


@pytest.mark.long
@pytest.mark.crash
def test_soak(database: Database, settings: Settings, tmp_path: Path) -> None:
    fill(database)
    chance = random.Random(1)

    def draw(faults: tuple[str, ...]) -> str:
        if chance.random() >= SHARE:
            return ""
        fault = chance.choice(faults)
        return "" if fault in HANGS and chance.random() < 0.8 else fault

    order = {"loop": str(tmp_path / "clock"), "channels": CHANNELS}
    started, killed, done = time.monotonic(), 0, False
    with Range(database, with_token(settings)) as field:
        field.slack.accepted.draw = lambda: draw(slack_standin.FAULTS)
        field.smtp.accepted.draw = lambda: draw(smtp_standin.FAULTS)
        while not done:
            pids = field.start([order, order])
            field.go()
            time.sleep(chance.uniform(2, 5))  # the soak alone waits in real time: for something to be killed
            for pid in pids if chance.random() < 0.5 else pids[:1]:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            if len(pids) > 1:
                time.sleep(chance.uniform(0.5, 1.5))
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pids[1], signal.SIGKILL)
            ends = field.ended()
            killed += ends.count(-signal.SIGKILL)
            left = rows(database, "SELECT count(*) AS n FROM nephrowatch.outbox WHERE state IN ('pending', 'claimed')")[0]["n"]
            print(f"{time.monotonic() - started:6.0f} s  {left} left  {killed} killed", flush=True)
            done = left == 0
            assert time.monotonic() - started < 3 * 3600, f"{left} messages are left"
        posts = [(post["text"] + str(post["blocks"])) for post in field.slack.posts]
        mails = [mail["headers"]["Subject"] + mail["text"] for mail in field.smtp.mails]
    copies: dict[str, list[str]] = {}
    for text in posts + mails:
        if "Ref NW-S" in text:
            copies.setdefault(text.split("Ref NW-S")[1].split("X")[0], []).append(text)
    tally: Counter[str] = Counter(episodes=EPISODES, killed=killed, seconds=int(time.monotonic() - started))
    for number in range(1, EPISODES + 1):
        here = [text for text in copies.get(str(number), []) if "SENT HERE INSTEAD" not in text]
        marked = sum("POSSIBLE REPEAT" in text for text in here)
        tally["lost"] += str(number) not in copies
        tally["silent duplicates"] += max(0, len(here) - marked - 1)
        tally["marked possible repeats"] += marked
    print("\nThe soak: " + ", ".join(f"{name} {count}" for name, count in tally.items()))
    assert (tally["lost"], tally["silent duplicates"]) == (0, 0)
    with database.begin(Role.WEB) as connection:
        assert ledger.verify(connection).first_bad is None
