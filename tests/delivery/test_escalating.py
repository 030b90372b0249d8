"""While nobody answers: a reminder, then others; and nothing more once somebody did, or it ended, or was told anew."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from monitors.database import Role
from monitors.delivery import outbox
from tests.delivery.builders import ALERT, NIGHT, NOW, episode, ledger_kinds, queue, rows, states
from tests.delivery.test_deliver import World, world

__all__ = ["world"]
STEPS = ((1, 30, []), (2, 60, ["mail"]))  # a reminder to whoever had it, then the mailbox


def plan(world: World, number: int, seq: int = 1) -> None:
    with world.database.begin(Role.PIPELINE) as connection:
        for step, minutes, to in STEPS:
            connection.execute(sa.text("INSERT INTO nephrowatch.escalations VALUES (:e, :q, :s, :due, :m, CAST(:to AS jsonb))"), {
                "e": number, "q": seq, "s": step, "due": NOW + timedelta(minutes=minutes), "m": minutes, "to": json.dumps(to)})


def acted(world: World, server: Any, number: int, *actions: str) -> None:
    for action in actions:
        server.run(
            "INSERT INTO nephrowatch.human_actions (episode_id, evidence_seq, action, actor, actor_name, role, severity, basis, "
            f"source, recorded_at) VALUES ({number}, 1, '{action}', 'a', 'A', 'nephrologist', 'HIGH', '{{}}', 'web', now())",
            world.name,
        )


LIVES = """
what happened            posts after 40 min   mails after 70 min   outcomes
-                        2                    1                    sent sent
acknowledge              1                    0                    answered answered
take                     1                    0                    answered answered
snooze                   1                    0                    answered answered
take release             2                    1                    sent sent
acknowledge unacknowledge 2                   1                    sent sent
resolved                 1                    0                    ended ended
told anew                1                    0                    superseded superseded

opened                   2                    1                    sent sent
"""


@pytest.mark.hazard(8, 11)
@pytest.mark.parametrize("row", [line for line in LIVES.splitlines()[2:] if line.strip()])
def test_who_is_asked_while_nobody_answers(world: World, server: Any, row: str) -> None:
    what, posts, mails, *outcomes = row[:25].strip(), *row[25:].split()
    world.name = rows(world.database, "SELECT current_database() AS name")[0]["name"]
    number = episode(world.database)
    queue(world.database, "a", episode_id=number)
    plan(world, number)
    world.deliver()
    if what == "resolved":
        server.run("UPDATE nephrowatch.episodes SET state = 'resolved'", world.name)
    elif what == "told anew":
        server.run("INSERT INTO nephrowatch.escalations VALUES (1, 2, 1, '2026-04-16', 30, '[]')", world.name)
    elif what != "-":
        acted(world, server, number, *what.split())
    world.deliver(20)
    assert len(world.slack.posts) == 1
    world.deliver(40)
    assert len(world.slack.posts) == int(posts)
    world.deliver(70)
    world.deliver(700)
    assert len(world.smtp.mails) == int(mails)
    found = rows(world.database, "SELECT outcome FROM nephrowatch.escalations WHERE change_seq = 1 ORDER BY step")
    assert [one["outcome"] for one in found] == outcomes
    assert ledger_kinds(world.database).count("escalated") == outcomes.count("sent")
    if posts == "2":
        assert "REMINDER: nobody has taken or acknowledged this within 30 minutes" in str(world.slack.posts[1]["blocks"])
        assert "ESCALATED: nobody has taken or acknowledged this within 60 minutes" in world.smtp.mails[0]["text"]
        assert "(escalated)" in world.smtp.mails[0]["headers"]["Subject"]


@pytest.mark.hazard(1)
def test_a_message_that_waits_for_the_morning_keeps_no_critical_one_of_its_episode_waiting(world: World) -> None:
    number, other = episode(world.database), episode(world.database, 2)
    for key, severity, of, hours in (("a", "HIGH", number, 8), ("b", "HIGH", other, 8), ("c", "CRITICAL", number, 0)):
        with world.database.begin(Role.PIPELINE) as connection:
            outbox.enqueue(
                connection, dedup_key=key, kind="alert", destination="slack", severity=severity, unit="N3", night=NIGHT,
                episode_id=of, change_seq=1, content=ALERT | {"ref": key, "severity": severity}, now=NOW,
                not_before=NOW + timedelta(hours=hours) if hours else None,
            )  # fmt: skip
    world.deliver()
    assert ["Ref a" in str(post["blocks"]) for post in world.slack.posts] == [True, False]
    assert {key: state for key, state in states(world.database).items() if key in "abc"} == {
        "a": "delivered", "b": "pending", "c": "delivered"}  # fmt: skip
    world.deliver(minutes=8 * 60)
    assert states(world.database)["b"] == "delivered"
