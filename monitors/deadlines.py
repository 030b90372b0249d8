"""A morning list that is due and not there: its readers and operations are told, once a night."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from monitors.config import Config
from monitors.database import sql
from monitors.delivery import outbox
from monitors.records import night_of, utc_text

TOO_LATE = timedelta(hours=18)  # then the next night is the news


def look(connection: Connection, config: Config, now: datetime) -> list[str]:
    """Units whose list of the newest night is due and not made. A site that never ran a live night is told nothing."""
    newest = connection.execute(sql("watch/newest_sealed")).scalar_one()
    found: list[str] = []
    if newest is None:
        return found
    for unit in config.site.units:
        nights = (night_of(now) - timedelta(days=back) for back in (0, 1))
        night = next((night for night in nights if unit.list_due(night) <= now), None)
        due = unit.list_due(night) if night else now
        if night is None or newest >= night or now - due > TOO_LATE:
            continue
        found.append(unit.code)
        content = {"unit": unit.code, "unit_name": unit.name, "zone": unit.zone, "due": utc_text(due),
                   "newest_night": newest.isoformat()}  # fmt: skip
        for kind, to, body in (
            *(("unfinished", to, content) for to in config.routes.digest(unit.code)),
            *(("operations", to, {"event": "night_unfinished", "unit": unit.code}) for to in config.routes.operations()),
        ):
            outbox.enqueue(
                connection, dedup_key=f"unfinished/{unit.code}/{night}/{kind}/{to}", kind=kind, destination=to, severity=None,
                unit=unit.code, night=night, episode_id=None, change_seq=None, content=body, now=now,
            )  # fmt: skip
    return found
