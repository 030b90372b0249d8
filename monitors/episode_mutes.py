"""What mutes at the moment changes are decided: the inhibitions of routes.yaml with the alarms that are open then, and the
silences people asked for; and what those withheld, kept as it would have been told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from monitors.config import Config
from monitors.database import sql
from monitors.muting import Mutes, silences_of


def mutes(connection: Connection, config: Config, now: datetime) -> Mutes:
    """Everything that mutes at `now`; the same later, for that moment, as it was then."""
    inhibitions = tuple(one.record() for one in config.routes.inhibitions)
    feeds = sorted({feed for one in inhibitions for feed in one.feeds})
    alarms = connection.execute(sql("mute/alarms"), {"feeds": feeds, "now": now}) if feeds else ()
    silences = silences_of(connection.execute(sql("mute/silences"), {"now": now}))
    return Mutes(inhibitions, frozenset((row.feed, row.unit) for row in alarms), silences)


def keep(
    connection: Connection, silence: int, destination: str, episode_id: int, seq: int, night: date, content: Mapping[str, Any],
    now: datetime,
) -> None:  # fmt: skip
    """Keep what a silence withheld, to be told when it is over. content: as a message's."""
    connection.execute(sql("mute/keep"), {
        "silence_id": silence, "destination": destination, "episode_id": episode_id, "change_seq": seq, "unit": content["unit"],
        "severity": content["severity"], "night": night, "content": json.dumps(content), "now": now})  # fmt: skip
