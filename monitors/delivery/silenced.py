"""What a silence withheld is told when it is over: one message a unit and destination, however many alerts that are.

The alerts themselves become rows told by that message, as those of a storm are (storms.py): the readers know of each when it
arrives. Of what ended, eased, was answered by a person or told by something later, nothing is said.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import Connection

from monitors.config import Config
from monitors.database import sql
from monitors.delivery import outbox, storms
from monitors.delivery.outbox import Append
from monitors.delivery.policy import SILENCE_OVER
from monitors.muting import Mutes, silences_of
from monitors.records import Severity, State, rank
from monitors.reopening import BY_PEOPLE


def release(connection: Connection, config: Config, now: datetime, append: Append) -> int:
    """Settle whatever no silence covers any more. Returns how many alerts will be told; appends to the ledger, last."""
    rows = connection.execute(sql("deliver/silenced")).all()
    if not rows:
        return 0
    mutes = Mutes(silences=silences_of(connection.execute(sql("mute/silences"), {"now": now})))
    due = []
    for row in rows:
        outcome = outcome_of(row, config, mutes)
        if outcome == "waits":
            continue
        connection.execute(sql("deliver/silenced_ended"), {
            "episode_id": row.episode_id, "change_seq": row.change_seq, "destination": row.destination, "outcome": outcome,
            "now": now})  # fmt: skip
        if outcome == "told":
            due.append(row)
    told = [list(some) for _, some in groupby(due, key=lambda row: (row.destination, row.unit))]
    append(connection, [_tell(connection, config, some, now) for some in told])
    return len(due)


def outcome_of(row: Any, config: Config, mutes: Mutes) -> str:
    """What becomes of a withheld telling: told | waits | ended | eased | answered | superseded. Pure."""
    state = State(row.state)
    if state.ended:
        return "ended"
    if row.superseded:
        return "superseded"
    if state in BY_PEOPLE:
        return "answered"
    owed = sorted(row.firing.keys() & row.content["limbs"].keys())
    if not owed or row.destination not in config.routes.alert(row.unit, _worst(row, owed), row.cause_group):
        return "eased"
    covered = all(mutes.silenced(row.unit, rule, row.cause_group, row.destination) for rule in owed)
    return "waits" if covered and row.severity_now != Severity.CRITICAL else "told"


def _worst(row: Any, owed: Sequence[str]) -> Severity:
    return max((Severity(row.firing[rule]) for rule in owed), key=rank)


def _tell(connection: Connection, config: Config, rows: Sequence[Any], now: datetime) -> tuple[str, dict[str, Any]]:
    """Queue one message and the alerts it tells of. Returns the ledger's entry."""
    first = rows[0]
    bundle = f"silence/{first.unit}/{first.destination}/{first.episode_id}/{first.change_seq}"
    told = []
    for row in rows:
        known = {rule: min(Severity(at), Severity(row.standing[rule]), key=rank).value
                 for rule, at in row.content["limbs"].items() if rule in row.standing}  # fmt: skip
        worst = _worst(row, sorted(row.firing.keys() & row.content["limbs"].keys())).value
        content = {**row.content, "severity": worst, "limbs": known, "silence": row.silence_id, "late": True}
        told.append((worst, content))
        connection.execute(sql("deliver/enqueue_bundled"), {
            "dedup_key": f"{bundle}/{row.episode_id}/{row.change_seq}", "destination": row.destination, "severity": worst,
            "unit": row.unit, "night": row.night, "episode_id": row.episode_id, "change_seq": row.change_seq,
            "content": json.dumps(content), "bundle": bundle, "now": now})  # fmt: skip
        _plan(connection, config, row, Severity(worst), now)
    content = storms.told(told, 0) | {"bundle": bundle, "silences": sorted({row.silence_id for row in rows}), "late": False}
    severity = Severity(content["severity"])
    outbox.enqueue(
        connection, dedup_key=bundle, kind=SILENCE_OVER, destination=first.destination, severity=severity, unit=first.unit,
        night=max(row.night for row in rows), episode_id=None, change_seq=None, content=content, now=now,
        not_before=config.routes.quiet_until(first.unit, str(content["zone"]), severity, now),
    )  # fmt: skip
    return "delivery_silence_over", {
        "silences": content["silences"], "unit": first.unit, "destination": first.destination, "as": bundle,
        "changes": [{"episode": row.episode_id, "seq": row.change_seq} for row in rows],
    }  # fmt: skip


def _plan(connection: Connection, config: Config, row: Any, severity: Severity, now: datetime) -> None:
    """What happens while nobody answers, counted from now."""
    for number, step in enumerate(config.routes.steps(row.unit, severity, row.cause_group), start=1):
        connection.execute(sql("reconcile/plan_escalation"), {
            "episode_id": row.episode_id, "seq": row.change_seq, "step": number, "minutes": step.after_minutes,
            "due_at": now + timedelta(minutes=step.after_minutes), "destinations": json.dumps(step.to)})  # fmt: skip
