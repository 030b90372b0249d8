"""What happens while nobody answers an alert: a reminder to whoever had it, then others, step by step.

The steps were kept with the change that told (`escalations`), so a new routes.yaml changes nothing under way. An alert that was
taken, acknowledged, snoozed or dismissed, that ended, or that a later change told anew, goes no further.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from monitors.database import sql
from monitors.delivery import outbox
from monitors.delivery.outbox import Append
from monitors.records import State


def escalate(connection: Connection, now: datetime, append: Append) -> int:
    """Take every step that is due. Returns how many messages were queued; appends to the ledger, last."""
    entries: list[tuple[str, dict[str, Any]]] = []
    queued = 0
    for row in connection.execute(sql("deliver/escalations"), {"now": now}).all():
        key = {"episode_id": row.episode_id, "change_seq": row.change_seq, "step": row.step}
        outcome = outcome_of(row.state, answered=row.answered, superseded=row.superseded, told=row.content is not None)
        connection.execute(sql("deliver/escalation_ended"), {**key, "outcome": outcome, "now": now})
        if outcome != "sent":
            continue
        reminder = not row.destinations
        to = row.had if reminder else row.destinations
        for destination in to:
            queued += outbox.enqueue(
                connection, dedup_key=f"escalation/{row.episode_id}/{row.change_seq}/{row.step}/{destination}", kind="alert",
                destination=destination, severity=row.severity, unit=row.unit, night=row.night, episode_id=row.episode_id,
                change_seq=row.change_seq, now=now,
                content={**row.content, "escalated": {"minutes": row.minutes, "reminder": reminder}},
            )  # fmt: skip
        entries.append(("escalated", {"episode": row.episode_id, "seq": row.change_seq, "step": row.step, "minutes": row.minutes,
                                      "reminder": reminder, "to": list(to)}))  # fmt: skip
    append(connection, entries)
    return queued


def outcome_of(state: str, *, answered: bool, superseded: bool, told: bool) -> str:
    """What becomes of a step that is due: sent | answered | ended | superseded. Pure."""
    if State(state).ended or not told:
        return "ended"
    if superseded:
        return "superseded"
    return "answered" if answered else "sent"
