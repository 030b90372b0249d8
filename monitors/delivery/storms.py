"""Many alerts of one unit and night become one message that says so: nobody reads the hundredth.

    pending alerts -> bundled, and one `storm` message; what becomes of that becomes of them

Done in one transaction before anything is claimed. A CRITICAL alert always goes out on its own, as does one whose sending has
begun. The readers are told of each bundled episode when the message arrives (`told`), and not before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from monitors.database import sql
from monitors.delivery import outbox
from monitors.delivery.outbox import Append
from monitors.records import Severity

WORST_FIRST = tuple(sorted(Severity, key=[Severity.CRITICAL, Severity.HIGH, Severity.WARNING].index))


def gather(connection: Connection, limit: int, now: datetime, append: Append) -> int:
    """Bundle what waits where a unit has more than `limit` alerts in a night for one destination. Returns how many were bundled.

    Appends to the ledger, last: which messages went into which.
    """
    connection.execute(sql("deliver/one_gatherer"))
    entries: list[tuple[str, dict[str, Any]]] = []
    bundled = 0
    for storm in connection.execute(sql("deliver/storms"), {"limit": limit}).mappings().all():
        rows = connection.execute(sql("deliver/storm_rows"), dict(storm)).all()
        if len(rows) < 2:
            continue
        ids = [row.outbox_id for row in rows]
        bundle = f"storm/{storm['unit']}/{storm['night']}/{storm['destination']}/{ids[0]}"
        content = told([(row.severity, row.content) for row in rows], limit) | {"bundle": bundle}
        outbox.enqueue(
            connection, dedup_key=bundle, kind="storm", destination=storm["destination"], severity=content["severity"],
            unit=storm["unit"], night=storm["night"], episode_id=None, change_seq=None, content=content, now=now,
            not_before=max((row.not_before for row in rows if row.not_before), default=None),
        )  # fmt: skip
        connection.execute(sql("deliver/bundle"), {"bundle": bundle, "messages": ids})
        entries.append(("delivery_bundled", {"unit": storm["unit"], "night": storm["night"].isoformat(), "limit": limit,
                                           "destination": storm["destination"], "as": bundle, "messages": ids}))  # fmt: skip
        bundled += len(ids)
    append(connection, entries)
    return bundled


def told(alerts: Sequence[tuple[str, Mapping[str, Any]]], limit: int) -> dict[str, Any]:
    """The content of a storm message from (severity, content) of its alerts. Pure.

    Counts by severity and cause; the earliest deadline, the oldest of their newest results, the last state of the unit.
    """
    last = alerts[-1][1]
    counted = Counter((severity, content.get("group")) for severity, content in alerts)
    ordered = sorted(counted.items(), key=lambda one: (WORST_FIRST.index(Severity(one[0][0])), -one[1], str(one[0][1])))
    lines = [{"severity": severity, "group": group, "episodes": number} for (severity, group), number in ordered]
    return {
        **{name: last.get(name) for name in ("unit", "unit_name", "zone", "as_of", "not_assessed", "active", "ruleset")},
        "severity": lines[0]["severity"], "episodes": len(alerts), "limit": limit, "lines": lines,
        "owners": sorted({str(content["owner"]) for _, content in alerts if content.get("owner")}),
        "acknowledge_by": _least(content.get("acknowledge_by") for _, content in alerts),
        "newest_result_at": _least(content.get("newest_result_at") for _, content in alerts),
        "late": any(content.get("late") for _, content in alerts),
        "rules": list({rule["id"]: rule for _, content in alerts for rule in content.get("rules") or []}.values()),
    }  # fmt: skip


def _least(texts: Iterable[Any]) -> str | None:
    """ISO 8601 in UTC sorts as it is read."""
    return min((text for text in texts if isinstance(text, str)), default=None)
