"""What mutes at the moment changes are decided: the inhibitions of routes.yaml with the alarms that are open then."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from monitors.config import Config
from monitors.database import sql
from monitors.muting import Mutes


def mutes(connection: Connection, config: Config, now: datetime) -> Mutes:
    """Everything that mutes at `now`; the same later, for that moment, as it was then."""
    inhibitions = tuple(one.record() for one in config.routes.inhibitions)
    feeds = sorted({feed for one in inhibitions for feed in one.feeds})
    alarms = connection.execute(sql("mute/alarms"), {"feeds": feeds, "now": now}) if feeds else ()
    return Mutes(inhibitions, frozenset((row.feed, row.unit) for row in alarms))
