"""Silent feeds: an alarm raised once, told once, cleared once.

A deadline (`feed_model.Deadline`) asks two things of a feed, and the second of single units as well: did anything
usable arrive within its hours, and was it enough. What is asked and answered here depends on the data and the `now`
handed in alone, so any number of watches, nights and repeats come to the same alarms.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from monitors.config import Config
from monitors.database import sql
from monitors.delivery import outbox
from monitors.history import ledger
from monitors.records import night_of, utc_text

WHOLE = ""  # the unit of an alarm that concerns the feed as a whole
SENTENCES = {
    "late": "Nothing that can be used has arrived for {hours} hours or longer.",
    "little": "Fewer than {min_rows} usable rows have arrived within {hours} hours.",
}
UNREACHABLE = "The place it comes from cannot be listed ({reason})."


@dataclass(frozen=True)
class Usable:
    """What a deadline is held against. rows: usable ones within `hours`, of the unit (`''`: of the whole feed, then
    equal to feed_rows). files: all the feed ever sent. watched_for_long: for `hours` at least. newest: last arrival
    with a usable row."""

    feed: str
    unit: str
    hours: int
    min_rows: int
    optional: bool
    rows: int
    feed_rows: int
    files: int
    watched_for_long: bool
    newest: datetime | None

    def silent(self) -> str:
        """The alarm this calls for: 'late', 'little', or '' for none.

        A unit of a feed that is late altogether has no alarm of its own; a feed watched for less than its hours, or
        an optional one that never sent anything, has none yet.
        """
        if not self.watched_for_long or (self.optional and not self.files):
            return ""
        if self.feed_rows == 0:
            return "late" if self.unit == WHOLE else ""
        return "little" if self.rows < self.min_rows else ""

    def goes_on(self, kind: str) -> bool:
        """Whether an alarm that is open stays so: until something usable arrived, or enough of it."""
        return self.feed_rows == 0 if kind == "late" else self.rows < self.min_rows


def look(connection: Connection, config: Config, now: datetime) -> Counter[str]:
    """Raise and clear what the deadlines call for; operations is told of each once. Returns how many were raised and
    cleared, `late` and `little` alike."""
    usable = _usable(connection, config, now)
    alarms = [
        {"feed": u.feed, "unit": u.unit, "kind": kind, "sentence": SENTENCES[kind].format(hours=u.hours, min_rows=u.min_rows)}
        for u in usable if (kind := u.silent())
    ]  # fmt: skip
    asked = {(u.feed, u.unit): u for u in usable}
    ended, why = [], {}
    for alarm in connection.execute(sql("watch/open")).all():
        still = asked.get((alarm.feed, alarm.unit))
        if alarm.kind == "missing":  # ended by `found`, unless nobody looks there any more
            if alarm.feed in config.feeds:
                continue
            still = None
        if still is None or not still.goes_on(alarm.kind):
            ended.append(alarm)
            why[alarm.feed, alarm.unit] = "no_longer_watched" if still is None else "arrived"
    newest = {u.feed: u.newest for u in usable}
    cleared = _clear(connection, config, ended, why, now)
    raised = _raise(connection, alarms, now)
    for alarm in raised:
        deadline = asked[alarm.feed, alarm.unit]
        _tell(connection, config, "alarm", alarm, {
            "hours": deadline.hours, "min_rows": deadline.min_rows, "rows": deadline.rows, "newest_input": newest[alarm.feed],
        }, now)  # fmt: skip
    return Counter(raised=len(raised), cleared=cleared)


def missing(connection: Connection, name: str, reason: str, now: datetime) -> None:
    """Note since when a feed's place cannot be listed; operations hears of it night by night (`tell.operations`)."""
    sentence = UNREACHABLE.format(reason=reason.replace("_", " "))
    _raise(connection, [{"feed": name, "unit": WHOLE, "kind": "missing", "sentence": sentence}], now)


def found(connection: Connection, config: Config, name: str, now: datetime) -> None:
    """A feed's place can be listed: ends its `missing` alarm, if one is open."""
    _clear(connection, config, [_Alarm(name, WHOLE, "missing")], {(name, WHOLE): "listed_again"}, now)


@dataclass(frozen=True)
class _Alarm:
    feed: str
    unit: str
    kind: str


def _usable(connection: Connection, config: Config, now: datetime) -> list[Usable]:
    asked: dict[tuple[str, str], tuple[int, int, bool]] = {}
    for name, feed in config.feeds.items():
        if (deadline := feed.deadline) is not None:
            floors = {WHOLE: deadline.min_rows, **deadline.units}
            asked |= {(name, unit): (deadline.hours, floor, feed.optional) for unit, floor in floors.items()}
    if not asked:
        return []
    deadlines = [
        {"feed": name, "unit": unit, "hours": hours, "repeats": "labs" not in config.feeds[name].takes()}
        for (name, unit), (hours, _, _) in asked.items()
    ]
    return [
        Usable(r.feed, r.unit, *asked[r.feed, r.unit], r.rows, r.feed_rows, r.files, r.watched_for_long, r.newest)
        for r in connection.execute(sql("watch/usable"), {"deadlines": json.dumps(deadlines), "now": now})
    ]


def _raise(connection: Connection, alarms: list[dict[str, str]], now: datetime) -> list[Row[Any]]:
    if not alarms:
        return []
    raised = list(connection.execute(sql("watch/raise"), {"alarms": json.dumps(alarms), "now": now}))
    _record(connection, "feed_alarm_raised", raised)
    return raised


def _clear(
    connection: Connection, config: Config, ended: Iterable[Any], why: Mapping[tuple[str, str], str], now: datetime
) -> int:
    keys = [{"feed": alarm.feed, "unit": alarm.unit, "kind": alarm.kind} for alarm in ended]
    if not keys:
        return 0
    cleared = list(connection.execute(sql("watch/clear"), {"ended": json.dumps(keys), "now": now}))
    for alarm in cleared:
        if alarm.kind == "missing" and alarm.feed in config.feeds and config.feeds[alarm.feed].optional:
            continue  # nobody was told that it was missing
        _tell(connection, config, "alarm_cleared", alarm, {"why": why[alarm.feed, alarm.unit]}, now)
    _record(connection, "feed_alarm_cleared", cleared)
    return len(cleared)


def _record(connection: Connection, kind: str, alarms: Iterable[Row[Any]]) -> None:
    entries = [(kind, {"feed": a.feed, "unit": a.unit, "alarm": a.kind, "raised_at": utc_text(a.raised_at)}) for a in alarms]
    if entries:
        ledger.append(connection, entries)


def _tell(
    connection: Connection, config: Config, kind: str, alarm: Any, more: Mapping[str, Any], now: datetime
) -> None:
    raised_at = utc_text(alarm.raised_at)
    content = {"feed": alarm.feed, "unit": alarm.unit or None, "alarm": alarm.kind, "raised_at": raised_at, **more}
    if isinstance(newest := content.get("newest_input"), datetime):
        content["newest_input"] = utc_text(newest)
    for destination in config.routes.operations():
        outbox.enqueue(
            connection, dedup_key=f"{kind}/{alarm.feed}/{alarm.unit}/{alarm.kind}/{raised_at}/{destination}", kind=kind,
            destination=destination, severity=None, unit=alarm.unit or None, night=night_of(now), episode_id=None,
            change_seq=None, content=content, now=now,
        )  # fmt: skip
