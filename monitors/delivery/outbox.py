"""The outbox: messages decided but not yet delivered, and what became of each attempt.

    pending -> claimed -> delivered | permanent | ambiguous | dead, or back to pending
    pending -> bundled -> what becomes of the message it is told by (storms.py, silenced.py)

`enqueue` runs in the transaction that decides (any role that may insert). Everything else runs as
Role.DELIVERY, one short transaction a step, so that a kill between any two steps leaves a state that says
how far it got: claimed without `send_started_at` has sent nothing; with it, nobody can know. docs/adr/0007.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from monitors.database import sql
from monitors.delivery.policy import ATTEMPTS, LONGEST_DELAY, PARENT, SILENCE_OVER, STORM, TELLING, backoff, must_arrive
from monitors.records import utc_text

__all__ = ["ATTEMPTS", "PARENT", "Answer", "Claim", "backoff", "claim", "decide", "enqueue", "finish", "must_arrive", "recover"]

Instead = Callable[[str, "str | None"], "str | None"]  # destination and unit -> the destination that stands in
Append = Callable[[Connection, Sequence[tuple[str, dict[str, Any]]]], Any]

LEASE = timedelta(minutes=5)  # longer than all the time-outs of one send together
NAMESPACE = uuid.UUID("4ad1d4e2-6f0b-5d0a-9a53-0f3a3d0c6b1e")  # of delivery ids; ours, fixed


@dataclass(frozen=True)
class Claim:
    """One outbox row in a worker's hands. attempt counts from 1, this one included. send_started_at is only
    filled in on a claim taken over from a lost worker."""

    outbox_id: int
    dedup_key: str
    kind: str
    destination: str
    severity: str | None
    unit: str | None
    night: date
    episode_id: int | None
    change_seq: int | None
    content: Mapping[str, Any]
    attempt: int
    claim_token: uuid.UUID
    possible_repeat: bool
    created_at: datetime
    send_started_at: datetime | None = None

    @property
    def delivery_id(self) -> str:
        """Opaque, the same for every attempt: what a copy is recognised by (Message-ID, Slack metadata).

        Made of the row's number and instant of birth, not of its dedup_key: that holds a patient's number.
        """
        return str(uuid.uuid5(NAMESPACE, f"{self.outbox_id}|{utc_text(self.created_at)}"))


@dataclass(frozen=True)
class Answer:
    """How a send ended. outcome: delivered | permanent | deferred | ambiguous; retry_after in seconds;
    receipt: what the other side gave as proof (Slack channel and ts, SMTP reply)."""

    outcome: str
    sentence: str
    receipt: Mapping[str, Any] | None = None
    retry_after: float | None = None


@dataclass(frozen=True)
class Next:
    """What becomes of the row after an answer."""

    state: str
    delay: timedelta = field(default=timedelta(0))
    possible_repeat: bool = False


def enqueue(
    connection: Connection, *, dedup_key: str, kind: str, destination: str, severity: str | None,
    unit: str | None, night: date, episode_id: int | None, change_seq: int | None,
    content: Mapping[str, Any], now: datetime, not_before: datetime | None = None,
) -> bool:  # fmt: skip
    """Queue one message, due at once or at the end of quiet hours (`not_before`). False when its dedup_key is there already
    (a re-run)."""
    made = connection.execute(sql("deliver/enqueue"), {
        "dedup_key": dedup_key, "kind": kind, "destination": destination,
        "severity": severity and str(severity), "unit": unit, "night": night, "episode_id": episode_id,
        "change_seq": change_seq, "content": _json(content), "now": now,
        "not_before": not_before,
    })  # fmt: skip
    return made.first() is not None


def claim(connection: Connection, now: datetime, limit: int = 1, lease: timedelta = LEASE) -> list[Claim]:
    """Take up to `limit` due messages, worst first, none that would overtake an earlier one of its episode
    and destination. Commit before sending."""
    parameters = {"now": now, "limit": limit, "lease_until": now + lease}
    claims = [_claim(row) for row in connection.execute(sql("deliver/claim"), parameters)]
    for one in claims:
        connection.execute(
            sql("deliver/begin_attempt"), {"outbox_id": one.outbox_id, "attempt": one.attempt, "now": now}
        )
    return claims


def send_started(
    connection: Connection, one: Claim, payload_sha256: str, now: datetime, detail: Mapping[str, Any] | None = None
) -> bool:
    """Note that the network will now be touched. False when the claim was lost: then do not send. detail: by what
    leave details are shown, or why not; None where no leave holds."""
    held = connection.execute(
        sql("deliver/hold"), {"outbox_id": one.outbox_id, "claim_token": one.claim_token, "now": now}
    )
    if held.first() is None:
        return False
    connection.execute(
        sql("deliver/send_started"),
        {"outbox_id": one.outbox_id, "attempt": one.attempt, "payload_sha256": payload_sha256, "now": now,
         "detail": None if detail is None else _json(detail)},
    )
    return True


def finish(
    connection: Connection, one: Claim, answer: Answer, now: datetime, append: Append,
    *, jitter: float = 0.5, operations: Sequence[str] = (), instead: Instead = lambda destination, unit: None,
) -> str:  # fmt: skip
    """Record how a send ended, in one transaction with the told fact and, last, the ledger entry.

    jitter: 0 to 1, spreads the back-off. operations: destinations to tell when a message (other than one to
    operations) will not go out by itself any more. Returns the new state, or 'overtaken' when the claim was
    lost meanwhile: then only the ledger keeps the answer.
    """
    step = decide(one, answer, jitter)
    parameters = {
        "outbox_id": one.outbox_id, "claim_token": one.claim_token, "state": step.state, "now": now,
        "next_attempt_at": now + step.delay, "possible_repeat": step.possible_repeat, "attempt": one.attempt,
        "outcome": answer.outcome, "sentence": answer.sentence,
        "receipt": None if answer.receipt is None else _json(answer.receipt),
    }  # fmt: skip
    body = {
        "message": one.outbox_id, "dedup_key": one.dedup_key, "kind": one.kind,
        "destination": one.destination, "episode": one.episode_id, "seq": one.change_seq,
        "attempt": one.attempt, "outcome": answer.outcome,
        "sentence": answer.sentence, "receipt": answer.receipt and dict(answer.receipt),
        "possible_repeat": step.possible_repeat,
    }  # fmt: skip
    if connection.execute(sql("deliver/finish"), parameters).rowcount != 1:
        append(connection, [("delivery_overtaken", body)])
        return "overtaken"
    ended_attempt = connection.execute(sql("deliver/end_attempt"), parameters).one()
    if step.state == "delivered" and one.kind in TELLING and one.episode_id is not None and one.severity:
        connection.execute(sql("deliver/told"), {
            "outbox_id": one.outbox_id, "episode_id": one.episode_id, "destination": one.destination,
            "severity": one.severity, "limbs": _json(one.content.get("limbs") or {}), "now": now,
        })  # fmt: skip
    if one.kind in (STORM, SILENCE_OVER) and step.state != "pending":
        ended = {"bundle": one.content["bundle"], "destination": one.destination, "state": step.state, "now": now}
        if step.state == "delivered":
            connection.execute(sql("deliver/bundle_told"), ended)
        connection.execute(sql("deliver/bundle_ended"), ended)
    if step.state == "delivered" and (answer.receipt or {}).get("thread"):
        _bring_up_to_date(connection, one, now)
    if step.state in ("permanent", "dead", "ambiguous") and one.kind not in ("operations", PARENT):
        _tell_operations(connection, one, step.state, operations, now)
        if must_arrive(one.kind, one.severity) and "instead_of" not in one.content:
            _send_elsewhere(connection, one, instead(one.destination, one.unit), now)
    if answer.outcome == "deferred" and answer.retry_after:
        until = now + min(timedelta(seconds=answer.retry_after), LONGEST_DELAY)
        connection.execute(sql("deliver/pause"), {"destination": one.destination, "until": until})
    entry = answer.outcome if step.state == "pending" else step.state
    append(connection, [(f"delivery_{entry}", body | {"state": step.state, **ended_attempt._mapping})])
    return step.state


def recover(
    connection: Connection, now: datetime, append: Append,
    *, jitter: float = 0.5, operations: Sequence[str] = (), instead: Instead = lambda destination, unit: None,
    limit: int = 100,
) -> list[str]:  # fmt: skip
    """Settle claims whose worker has gone: pending again where nothing was sent, else an ambiguous send."""
    states = []
    for row in connection.execute(sql("deliver/expired"), {"now": now, "limit": limit}).all():
        one = _claim(row)
        if one.send_started_at is None:
            answer = Answer("deferred", "The worker went away before anything was sent.", retry_after=0)
        else:
            answer = Answer("ambiguous", "The worker went away while sending.")
        states.append(finish(connection, one, answer, now, append, jitter=jitter, operations=operations, instead=instead))
    return states


def decide(one: Claim, answer: Answer, jitter: float = 0.5) -> Next:
    """The delivery policy, pure. What may not be lost is sent again, marked; the rest is held and shown."""
    if answer.outcome in ("delivered", "permanent"):
        return Next(answer.outcome, possible_repeat=one.possible_repeat)
    doubtful = answer.outcome == "ambiguous" and one.kind != PARENT  # an edit made twice is one edit
    repeat = one.possible_repeat or (doubtful and must_arrive(one.kind, one.severity))
    if answer.outcome == "ambiguous" and not must_arrive(one.kind, one.severity):
        return Next("ambiguous", possible_repeat=one.possible_repeat)
    if one.attempt >= ATTEMPTS:
        return Next("dead", possible_repeat=repeat)
    return Next("pending", backoff(one.attempt, answer.retry_after, jitter), repeat)


def _bring_up_to_date(connection: Connection, one: Claim, now: datetime) -> None:
    """A post went into an episode's thread: the post on top shall say the same. Its own row, for it is a send of its own."""
    enqueue(
        connection, dedup_key=f"{PARENT}/{one.dedup_key}", kind=PARENT, destination=one.destination, severity=one.severity,
        unit=one.unit, night=one.night, episode_id=one.episode_id, change_seq=one.change_seq,
        content={**one.content, "of": one.kind}, now=now,
    )  # fmt: skip


def _send_elsewhere(connection: Connection, one: Claim, destination: str | None, now: datetime) -> None:
    """What could not be delivered goes to the stand-in, marked; once, so that two dead channels do not feed each other."""
    if destination is not None:
        enqueue(
            connection, dedup_key=f"instead/{one.outbox_id}/{destination}", kind=one.kind, destination=destination,
            severity=one.severity, unit=one.unit, night=one.night, episode_id=one.episode_id, change_seq=one.change_seq,
            content={**one.content, "instead_of": one.destination}, now=now,
        )  # fmt: skip


def _tell_operations(
    connection: Connection, one: Claim, state: str, operations: Sequence[str], now: datetime
) -> None:
    for destination in operations:
        enqueue(
            connection, dedup_key=f"operations/undelivered/{one.outbox_id}/{destination}", kind="operations",
            destination=destination, severity=one.severity, unit=one.unit, night=one.night, episode_id=None,
            change_seq=None, now=now,
            content={"event": "undelivered", "unit": one.unit, "destination": one.destination,
                     "message": one.kind, "severity": one.severity, "outcome": state,
                     "outbox_id": one.outbox_id},
        )  # fmt: skip


def _claim(row: Row[Any]) -> Claim:
    return Claim(**row._mapping)


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
