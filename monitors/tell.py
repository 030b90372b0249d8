"""What operations and the units are told of files and rows: held files, unverified criticals, what was set aside.

Everything here is queued in the transaction that found it out, under keys made from data, so a repeat tells nothing
twice. No message holds a row, a file's name or a sentence of a feed: they are behind `nephrowatch quarantine show`.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from monitors import quality
from monitors.config import Config
from monitors.database import sql
from monitors.delivery import outbox
from monitors.history import ledger
from monitors.night_list import concerned
from monitors.records import Severity, utc_text

TOO_OLD = timedelta(days=7)  # a sample older than that is listed, not told: nobody can act on it tonight
HELD_TOLD = 3  # files of one feed, night and reason told one by one; where every message is a file, the rest is counted
LATE = timedelta(hours=24)  # older, or of unknown age: told, and marked


def operations(connection: Connection, config: Config, run_id: int, key: str, reason: str, feed: str, now: datetime) -> None:
    """Queue one operations message a night and cause. It names the feed; file names and headers may hold patients."""
    _operations(connection, config, run_id, key, {"reason": reason, "feed": feed}, now)


def lost(connection: Connection, config: Config, run_id: int, file_id: int, feed: str, now: datetime) -> None:
    """The archive has not, or not as it was kept, the bytes of a file that waits."""
    content = {"reason": "archive_lost", "feed": feed, "file": file_id}
    _operations(connection, config, run_id, f"{feed}/archive/{file_id}", content, now)


def after_check(connection: Connection, config: Config, run_id: int, file_id: int, now: datetime) -> None:
    """Tell what one checked file calls for, once: that it is held, and which of its quarantined rows would be critical
    if true (hazards 2 and 3). In the transaction of the check; its ledger entries are appended last."""
    night = connection.execute(sql("receive/night_of_run"), {"run_id": run_id}).scalar_one()
    file = connection.execute(sql("watch/file"), {"file_id": file_id}).one()
    entries: list[tuple[str, dict[str, Any]]] = []
    if file.state in ("held", "unreadable"):
        entries.extend(_held(connection, config, file, night, now))
    if file.criticals:
        entries.extend(_unverified(connection, config, file, night, now))
    if entries:
        ledger.append(connection, entries)


def quarantined(connection: Connection, config: Config, run_id: int, now: datetime) -> None:
    """One operations message a night and feed: how many rows were newly set aside, by reason. Rows kept out as planned
    are none of them; files held or unreadable have messages of their own."""
    by_feed: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(sql("watch/quarantined"), {"planned": sorted(quality.planned_reasons())}):
        by_feed[row.feed].append(row)
    for feed, rows in by_feed.items():
        content = {"reason": "rows_quarantined", "feed": feed, "through": max(row.through for row in rows),
                   "rows": {row.reason: row.rows for row in rows}}  # fmt: skip
        _operations(connection, config, run_id, f"{feed}/rows_quarantined", content, now)


def _held(
    connection: Connection, config: Config, file: Row[Any], night: date, now: datetime
) -> Iterator[tuple[str, dict[str, Any]]]:
    units = concerned(config, file.feed, file.units)
    if file.ordinal > HELD_TOLD:  # counted on the morning list and by `nephrowatch feeds list`
        return
    content = {"reason": file.reason, "feed": file.feed, "file": file.file_id, "state": file.state, "rows": file.rows_received,
               "criticals": file.criticals, "more": file.ordinal == HELD_TOLD}  # fmt: skip
    key = f"held/{file.feed}/{file.sha256[:16]}/{file.reason}"
    told = [_enqueue(connection, f"{key}//{to}", "held", to, content, night, now) for to in config.routes.operations()]
    for unit in units:
        for to in config.routes.digest(unit):
            of_unit = content | _of_unit(config, unit)
            told.append(_enqueue(connection, f"{key}/{unit}/{to}", "held", to, of_unit, night, now, unit))
    if any(told):
        yield "file_held_told", {"file": file.file_id, "feed": file.feed, "reason": file.reason, "units": list(units)}


def _unverified(
    connection: Connection, config: Config, file: Row[Any], night: date, now: datetime
) -> Iterator[tuple[str, dict[str, Any]]]:
    """One message a unit and reading of the file. A row whose unit nobody knows goes to every unit its feed may concern.

    The key names all such rows of the reading, told or not, so that it stays what it is while samples grow old and
    people end rows.
    """
    readings: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(sql("watch/unverified"), {"file_id": file.file_id}):
        readings[row.batch].append(row)
    for rows in readings.values():
        reading = hashlib.sha256(",".join(str(row.row_no) for row in rows).encode()).hexdigest()[:8]
        new = [row for row in rows if not row.repeated]
        old = [row.quarantine_id for row in new if _too_old(row, now)]
        by_unit: dict[str, list[Row[Any]]] = defaultdict(list)
        for row in new:
            if not _too_old(row, now):
                for unit in concerned(config, file.feed, [row.unit] if row.unit else []):
                    by_unit[unit].append(row)
        for unit, told in sorted(by_unit.items()):
            content = _of_unit(config, unit) | {"file": file.file_id, "feed": file.feed} | card(told, now)
            content["acknowledge_by"] = utc_text(now + timedelta(hours=config.site.acknowledge_hours[Severity.CRITICAL]))
            key = f"unverified/{file.feed}/{file.sha256[:16]}/{reading}/{unit}"
            new_to = [
                to for to in _takers(config, unit)
                if _enqueue(connection, f"{key}/{to}", "unverified", to, content, night, now, unit, Severity.CRITICAL)
            ]  # fmt: skip
            if new_to:
                yield "unverified_critical_told", {"file": file.file_id, "feed": file.feed, "unit": unit,
                                                   "rows": content["refs"], "to": new_to}  # fmt: skip
        if old:
            yield "unverified_critical_listed", {"file": file.file_id, "feed": file.feed, "rows": old, "reason": "sample_too_old"}


def _too_old(row: Any, now: datetime) -> bool:
    return row.collected_at is not None and now - row.collected_at > TOO_OLD


def card(rows: Sequence[Any], now: datetime) -> dict[str, Any]:
    """What an `unverified` message says of its rows: counts, codes of ours and numbers to look up; never a value."""
    counted = Counter((row.analyte, row.critical) for row in rows)
    samples = [row.collected_at for row in rows if row.collected_at is not None]
    late = len(samples) < len(rows) or now - min(samples) > LATE
    return {
        "severity": Severity.CRITICAL.value, "results": len(rows), "late": late,
        "counts": [{"analyte": a, "direction": d, "results": n} for (a, d), n in sorted(counted.items(), key=str)],
        "reasons": dict(Counter(row.reason for row in rows if row.reason)),
        "refs": [row.quarantine_id for row in rows],
        "oldest_sample": utc_text(min(samples)) if samples else None,
        "newest_sample": utc_text(max(samples)) if samples else None,
    }  # fmt: skip


def _takers(config: Config, unit: str) -> tuple[str, ...]:
    """Every destination that takes a CRITICAL alert of the unit, of whatever cause group."""
    groups = dict.fromkeys(rule.group for rule in config.rules)
    return tuple(dict.fromkeys(to for group in groups for to in config.routes.alert(unit, Severity.CRITICAL, group)))


def _of_unit(config: Config, code: str) -> dict[str, Any]:
    unit = config.site.unit(code)
    return {"unit": unit.code, "unit_name": unit.name, "zone": unit.zone}


def _operations(
    connection: Connection, config: Config, run_id: int, key: str, content: Mapping[str, Any], now: datetime
) -> None:
    night = connection.execute(sql("receive/night_of_run"), {"run_id": run_id}).scalar_one()
    for destination in config.routes.operations():
        _enqueue(connection, f"operations/{key}/{night}/{destination}", "operations", destination, content, night, now)


def _enqueue(
    connection: Connection, key: str, kind: str, destination: str, content: Mapping[str, Any], night: date, now: datetime,
    unit: str | None = None, severity: Severity | None = None,
) -> bool:  # fmt: skip
    return outbox.enqueue(
        connection, dedup_key=key, kind=kind, destination=destination, severity=severity, unit=unit, night=night,
        episode_id=None, change_seq=None, content=content, now=now,
    )  # fmt: skip
