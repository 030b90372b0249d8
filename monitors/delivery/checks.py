"""Are the tokens good, is the bot where it shall post, and may details be seen there? Asked when a worker or a listener starts.

Each destination has an outcome by name. When it changes, the ledger has it; what has to be mended operations is told, once.
Nothing waits for it: a message is tried all the same, and what becomes of it is the outbox's to say. Slack being away is none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from monitors.config import Config
from monitors.database import Database, Role, sql
from monitors.delivery import leaves, outbox
from monitors.delivery.leaves import Leave
from monitors.delivery.outbox import Append
from monitors.delivery.showing import REFUSALS
from monitors.delivery.slack import SlackChannel
from monitors.delivery.words import STANDINGS
from monitors.destinations import SlackDestination
from monitors.errors import DeliveryError, UserError
from monitors.records import night_of, utc_text
from monitors.settings import Settings

EVERY = timedelta(hours=1)
TIMEOUT = 5.0  # seconds of one call: nothing here may keep messages waiting for long
UNREACHABLE = "unreachable"
OUTCOMES = STANDINGS  # by name -> what it says


def outcome(to: SlackDestination, settings: Settings, details: bool) -> str:
    """How a destination stands now: a name of OUTCOMES. details: whether there is leave to show them there. Posts nothing."""
    try:
        channel = SlackChannel(to, settings.secret(to.token), TIMEOUT)
    except (UserError, DeliveryError):
        return "no_token"
    return channel.standing(details)


def look(
    db: Database, config: Config, settings: Settings, clock: Callable[[], datetime], append: Append, *, every: timedelta = EVERY
) -> dict[str, str]:
    """Ask every Slack destination that was not asked for `every`. Returns destination -> outcome of those asked."""
    slack = {name: to for name, to in config.routes.destinations.items() if isinstance(to, SlackDestination)}
    asked: dict[str, str] = {}
    for name in _due(db, slack, clock(), every):
        now, to = clock(), slack[name]
        with db.begin(Role.DELIVERY) as connection:
            leave = leaves.holding(connection, name, to, now)
        asked[name] = outcome(to, settings, leave is not None)
        if asked[name] != UNREACHABLE:
            _keep(db, config, name, to, asked[name], now, append, leave)
    return asked


def _due(db: Database, slack: dict[str, SlackDestination], now: datetime, every: timedelta) -> Iterable[str]:
    if not slack:
        return []
    given = json.dumps([{"destination": name, "place": leaves.place_of(to)} for name, to in slack.items()])
    with db.begin(Role.DELIVERY) as connection:
        rows = connection.execute(sql("deliver/check_due"), {"destinations": given, "since": now - every, "now": now})
        return [row.destination for row in rows]


def _keep(
    db: Database, config: Config, name: str, to: SlackDestination, stands: str, now: datetime, append: Append, leave: Leave | None
) -> None:
    place = leaves.place_of(to)
    with db.begin(Role.DELIVERY) as connection:
        kept: Any = connection.execute(
            sql("deliver/keep_check"), {"destination": name, "place": place, "outcome": stands, "now": now}
        ).one()
        if kept.before == stands or (stands == "ok" and not kept.before):
            return
        event, key = "destination_check", f"operations/check/{name}/{stands}/{utc_text(kept.since)}"
        if leave is not None and stands in REFUSALS:  # a card may have said it first (showing.tell_refusal): it is told once
            event, key = "detail_refused", f"operations/detail_refused/{leave.leave_id}/{stands}"
        for operations in config.routes.operations() if stands != "ok" else ():
            outbox.enqueue(
                connection, dedup_key=f"{key}/{operations}", kind="operations", destination=operations, severity=None, unit=None,
                night=night_of(now), episode_id=None, change_seq=None, now=now,
                content={"event": event, "destination": name, "outcome": stands},
            )  # fmt: skip
        append(connection, [("delivery_check", {"destination": name, "place": place, "outcome": stands, "before": kept.before})])
