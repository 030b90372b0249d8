"""What people ask of delivery by hand: a trial message, and how an episode's message reads."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from monitors.config import Config
from monitors.database import Database, Role, sql
from monitors.delivery import outbox
from monitors.delivery.message import render
from monitors.errors import UserError
from monitors.history import ledger
from monitors.records import night_of, utc_text


def queue_trial(db: Database, config: Config, destination: str, actor: str, now: datetime) -> str:
    """Queue a message marked TEST, recorded with who asked. Returns its key. Raises UserError for an unknown destination."""
    if destination not in config.routes.destinations:
        known = ", ".join(sorted(config.routes.destinations))
        raise UserError(f"routes.yaml has no destination {destination!r}; it has {known}.")
    key = f"trial/{destination}/{utc_text(now)}"
    content = {"actor": actor, "asked_at": utc_text(now)}
    with db.begin(Role.PIPELINE) as connection:
        outbox.enqueue(
            connection, dedup_key=key, kind="trial", destination=destination, severity=None, unit=None, night=night_of(now),
            episode_id=None, change_seq=None, content=content, now=now,
        )  # fmt: skip
        ledger.append(connection, [("trial_message_asked", {"destination": destination, "actor": actor})])
    return key


def became(db: Database, key: str) -> dict[str, Any]:
    """state and sentence of a message, by its key."""
    with db.begin(Role.WEB) as connection:
        return dict(connection.execute(sql("read/message_state"), {"dedup_key": key}).mappings().one())


def preview(db: Database, config: Config, ref: str, channel: str, now: datetime) -> dict[str, Any]:
    """The newest message of an episode as it would read now: subject, text, html, blocks. Nothing is sent."""
    with db.begin(Role.WEB) as connection:
        row = connection.execute(sql("read/last_message"), {"ref": ref}).one_or_none()
    if row is None:
        raise UserError(f"No message was made of episode {ref!r}: it is on the list only, or there is no such episode.")
    shown = render(row.kind, row.content, config.site, channel, "preview", possible_repeat=row.possible_repeat, now=now,
                   pressable=getattr(config.routes.destinations.get(row.destination), "app_token", None) is not None)
    return {"kind": row.kind, "destination": row.destination, "state": row.state, "subject": shown.subject, "text": shown.text,
            "html": shown.html, "blocks": list(shown.blocks)}  # fmt: skip
