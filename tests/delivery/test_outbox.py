"""The outbox: keys, claims, order, fencing, back-off, and what each answer makes of a row."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from monitors.database import Database, Role
from monitors.delivery import outbox
from monitors.delivery.outbox import ATTEMPTS, Answer, Claim, backoff, decide
from monitors.history import ledger
from tests.delivery.builders import ALERT, NIGHT, NOW, episode, later, ledger_kinds, queue, rows, states

DELIVERED = Answer("delivered", "Accepted.", {"ts": "1.0"})
DEFERRED = Answer("deferred", "Later.")
AMBIGUOUS = Answer("ambiguous", "Broke off.")


def a_claim(
    kind: str = "alert", severity: str | None = "HIGH", attempt: int = 1, *, possible_repeat: bool = False
) -> Claim:
    return Claim(
        1,
        "k",
        kind,
        "slack",
        severity,
        "N3",
        NIGHT,
        None,
        None,
        ALERT,
        attempt,
        uuid4(),
        possible_repeat,
        NOW,
    )


def claim(database: Database, minutes: float = 0, limit: int = 10) -> list[Claim]:
    with database.begin(Role.DELIVERY) as connection:
        return outbox.claim(connection, later(minutes), limit)


def finish(database: Database, one: Claim, answer: Answer, minutes: float = 0) -> str:
    with database.begin(Role.DELIVERY) as connection:
        return outbox.finish(connection, one, answer, later(minutes), ledger.append, operations=("ops",))


# ------------------------------------------------------------------------------------------------ policy
@pytest.mark.parametrize(
    ("kind", "severity", "outcome", "attempt", "state", "repeat"),
    [
        ("alert", "HIGH", "delivered", 1, "delivered", False),
        ("alert", "HIGH", "permanent", 1, "permanent", False),
        ("alert", "HIGH", "deferred", 1, "pending", False),
        ("alert", "HIGH", "deferred", ATTEMPTS, "dead", False),
        ("alert", "HIGH", "ambiguous", 1, "pending", True),
        ("alert", "CRITICAL", "ambiguous", 1, "pending", True),
        ("alert", "CRITICAL", "ambiguous", ATTEMPTS, "dead", True),
        ("alert", "WARNING", "ambiguous", 1, "ambiguous", False),
        ("withdrawn", "WARNING", "ambiguous", 1, "pending", True),
        ("handed_over", "HIGH", "ambiguous", 1, "pending", True),
        ("digest", None, "ambiguous", 1, "pending", True),
        ("operations", None, "ambiguous", 1, "ambiguous", False),
        ("digest", None, "deferred", 1, "pending", False),
    ],
)
def test_what_an_answer_makes_of_a_message(
    kind: str, severity: str | None, outcome: str, attempt: int, state: str, repeat: bool
) -> None:
    step = decide(a_claim(kind, severity, attempt), Answer(outcome, ""))
    assert (step.state, step.possible_repeat) == (state, repeat)


def test_once_a_possible_repeat_always_one() -> None:
    assert decide(a_claim(possible_repeat=True), DEFERRED).possible_repeat
    assert decide(a_claim(possible_repeat=True), DELIVERED).possible_repeat


def test_back_off_grows_to_a_cap_and_heeds_what_the_other_side_asked_for() -> None:
    minutes = [backoff(attempt, None, 0.5) / timedelta(minutes=1) for attempt in range(1, ATTEMPTS)]
    assert minutes == [1, 3, 9, 27, 81, 120, 120]
    assert backoff(2, None, 0.0) < backoff(2, None, 0.5) < backoff(2, None, 1.0)
    assert backoff(8, None, 1.0) == timedelta(hours=2)
    assert backoff(1, 7.0, 0.5) == timedelta(seconds=7)
    assert backoff(1, 1e9, 0.5) == timedelta(hours=2)
    assert backoff(1, -5, 0.5) == timedelta(0)


def test_a_delivery_id_is_opaque_and_the_same_for_every_attempt() -> None:
    first, second = a_claim(attempt=1), a_claim(attempt=2)
    assert first.delivery_id == second.delivery_id
    assert len(first.delivery_id) == 36


# ------------------------------------------------------------------------------------------------- rows
def test_the_same_message_queued_again_changes_nothing(database: Database) -> None:
    queue(database, "a")
    with database.begin(Role.PIPELINE) as connection:
        assert not outbox.enqueue(
            connection, dedup_key="a", kind="digest", destination="mail", severity=None, unit=None,
            night=NIGHT, episode_id=None, change_seq=None, content={}, now=later(5),
        )  # fmt: skip
    assert [row["kind"] for row in rows(database, "SELECT kind FROM nephrowatch.outbox")] == ["alert"]


def test_the_worst_goes_first(database: Database) -> None:
    for key, severity in (("w", "WARNING"), ("d", None), ("h", "HIGH"), ("c", "CRITICAL")):
        queue(database, key, severity=severity, kind="digest" if severity is None else "alert")
    order = [claim(database, limit=1)[0].dedup_key for _ in range(4)]
    assert order == ["c", "h", "w", "d"]
    assert claim(database) == []


def test_nothing_overtakes_within_an_episode_and_destination(database: Database) -> None:
    one, other = episode(database, 1), episode(database, 2)
    queue(database, "opened", episode_id=one, severity="WARNING")
    queue(database, "withdrawn", episode_id=one, severity="HIGH", kind="withdrawn")
    queue(database, "by mail", episode_id=one, destination="mail")
    queue(database, "other", episode_id=other)
    claims = {taken.dedup_key: taken for taken in claim(database)}
    assert sorted(claims) == ["by mail", "opened", "other"]
    assert finish(database, claims["opened"], DEFERRED) == "pending"
    assert claim(database) == []
    again = claim(database, minutes=3)
    assert [taken.dedup_key for taken in again] == ["opened"]
    finish(database, again[0], DELIVERED, minutes=3)
    assert [taken.dedup_key for taken in claim(database, minutes=3)] == ["withdrawn"]


def test_delivery_leaves_the_episode_told_and_the_ledger_last(database: Database) -> None:
    number = episode(database)
    queue(database, "a", episode_id=number)
    queue(database, "b", episode_id=number, kind="withdrawn", destination="mail")
    for one in claim(database):
        assert finish(database, one, DELIVERED) == "delivered"
    told = rows(database, "SELECT episode_id, destination, severity, limbs, told_at FROM nephrowatch.told")
    assert [dict(row) for row in told] == [
        {
            "episode_id": 1,
            "destination": "slack",
            "severity": "HIGH",
            "limbs": {"R01": "HIGH"},
            "told_at": NOW,
        }
    ]
    assert ledger_kinds(database) == ["delivery_delivered", "delivery_delivered"]
    with database.begin(Role.WEB) as connection:
        assert ledger.verify(connection).first_bad is None


def test_a_lost_claim_can_neither_send_nor_record(database: Database) -> None:
    queue(database, "a")
    slow = claim(database)[0]
    with database.begin(Role.DELIVERY) as connection:
        assert outbox.recover(connection, later(6), ledger.append) == ["pending"]
    quick = claim(database, minutes=6)[0]
    with database.begin(Role.DELIVERY) as connection:
        assert not outbox.send_started(connection, slow, "hash", later(6))
        assert outbox.send_started(connection, quick, "hash", later(6))
    assert finish(database, slow, DELIVERED, minutes=6) == "overtaken"
    assert finish(database, quick, DELIVERED, minutes=6) == "delivered"
    assert ledger_kinds(database) == ["delivery_deferred", "delivery_overtaken", "delivery_delivered"]


def test_a_claim_within_its_lease_is_left_alone(database: Database) -> None:
    queue(database, "a")
    claim(database)
    with database.begin(Role.DELIVERY) as connection:
        assert outbox.recover(connection, later(4.9), ledger.append) == []


def test_a_lost_worker_that_had_begun_to_send_makes_the_send_doubtful(database: Database) -> None:
    queue(database, "high")
    queue(database, "warning", severity="WARNING")
    for one in claim(database):
        with database.begin(Role.DELIVERY) as connection:
            assert outbox.send_started(connection, one, "hash", NOW)
    with database.begin(Role.DELIVERY) as connection:
        assert sorted(outbox.recover(connection, later(6), ledger.append)) == ["ambiguous", "pending"]
    again = claim(database, minutes=10)
    assert [(one.dedup_key, one.possible_repeat, one.attempt) for one in again] == [("high", True, 2)]
    assert states(database)["warning"] == "ambiguous"


def test_a_message_that_kills_its_worker_every_time_ends_dead_and_operations_hear_of_it(
    database: Database,
) -> None:
    queue(database, "poison")
    for number in range(ATTEMPTS):
        assert [one.dedup_key for one in claim(database, minutes=10 * number, limit=1)] == ["poison"]
        with database.begin(Role.DELIVERY) as connection:
            outbox.recover(connection, later(10 * number + 6), ledger.append, operations=("ops",))
    assert states(database)["poison"] == "dead"
    told = [one for one in claim(database, minutes=200) if one.kind == "operations"]
    assert [(one.destination, one.content["event"], one.content["outcome"]) for one in told] == [
        ("ops", "undelivered", "dead")
    ]
    assert finish(database, told[0], Answer("permanent", "No."), minutes=200) == "permanent"
    assert claim(database, minutes=10_000) == []


def test_every_attempt_keeps_its_times_outcome_and_payload_hash(database: Database) -> None:
    queue(database, "a")
    one = claim(database)[0]
    with database.begin(Role.DELIVERY) as connection:
        outbox.send_started(connection, one, "abc", later(1))
    finish(database, one, DEFERRED, minutes=2)
    attempt = rows(database, "SELECT * FROM nephrowatch.attempts")[0]
    assert dict(attempt) == {
        "outbox_id": one.outbox_id, "attempt": 1, "claimed_at": NOW, "send_started_at": later(1),
        "finished_at": later(2), "outcome": "deferred", "sentence": "Later.", "payload_sha256": "abc", "detail": None,
    }  # fmt: skip
