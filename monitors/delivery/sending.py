"""What a worker asks and keeps on its way to one send: its second on the channel, the post to hang under, the payload."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from monitors.database import sql
from monitors.delivery import words
from monitors.delivery.outbox import Claim


def slot(connection: Connection, destination: str, now: datetime) -> datetime:
    """Reserve the destination's next free second: the instant to send at."""
    parameters = {"destination": destination, "now": now}
    found: datetime = connection.execute(sql("deliver/pace"), parameters).scalar_one()
    return found


def parent(connection: Connection, one: Claim) -> str:
    """Slack's name (ts) of the first post of the claim's episode in its channel; '' when there is none."""
    parameters = {"episode_id": one.episode_id, "destination": one.destination}
    return str(connection.execute(sql("deliver/parent"), parameters).scalar() or "")


def taken_by(connection: Connection, episode_id: int) -> str:
    """The name of whoever has taken an episode and not given it back; '' for nobody."""
    return str(connection.execute(sql("deliver/taken"), {"episode_id": episode_id}).scalar() or "")


def said(connection: Connection, episode_id: int) -> tuple[str, str]:
    """What a person said of an episode that holds still: its state, and a line for its post; '' for nothing. Reasons are on the
    page."""
    row = connection.execute(sql("deliver/said"), {"episode_id": episode_id}).one_or_none()
    if row is None:
        return "", ""
    until = f" until {words.day(row.until)}: plan in place" if row.until else ""
    return str(row.state), f"{str(row.state).capitalize()} by {words.clean(row.actor_name)}{until}."


def keep_payload(
    connection: Connection, one: Claim, key_id: str, sealed: bytes, audience: Sequence[str], now: datetime
) -> None:
    """Keep what is about to be shown, encrypted, with who can see it."""
    connection.execute(sql("deliver/keep_payload"), {
        "outbox_id": one.outbox_id, "attempt": one.attempt, "key_id": key_id, "sealed": sealed,
        "audience": json.dumps(list(audience)), "now": now,
    })  # fmt: skip
