"""People ask to hear nothing of some alerts for a while: with a reason, an end, and never of CRITICAL ones.

    add(db, config, now, ...) -> Silence      end(db, config, now, ...) -> how many alerts are told now
    listed(db, now) -> list of dicts

A silence counts for what is decided while it lasts; what was told or queued before goes its way.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from monitors.config import Config
from monitors.database import Database, Role, sql
from monitors.delivery import silenced
from monitors.errors import UserError
from monitors.history import ledger
from monitors.records import utc_text


def add(
    db: Database, config: Config, now: datetime, *, units: Sequence[str], rules: Sequence[str], groups: Sequence[str],
    destinations: Sequence[str], begins: datetime | None, ends: datetime, actor: str, reason: str,
) -> int:  # fmt: skip
    """Record a silence; everything it names has to match, several of a kind are alternatives. Returns its number.

    Raises UserError: nothing is named, or something there is not; it is over before it begins, or longer than `silence_days`.
    """
    known = {
        "unit": {one.code for one in config.site.units}, "rule": {one.id for one in config.rules},
        "group": {one.group for one in config.rules}, "destination": set(config.routes.destinations),
    }  # fmt: skip
    named = dict(zip(known, (list(units), [one.upper() for one in rules], list(groups), list(destinations)), strict=True))
    for kind, names in named.items():
        if unknown := sorted({*names} - known[kind]):
            raise UserError(f"--{kind} {unknown[0]!r} is not known here; there are {', '.join(sorted(known[kind]))}.")
    if not any(named.values()):
        raise UserError("Name at least a --unit, --rule, --group or --destination: nobody silences everything.")
    begins_at = max(begins or now, now)
    longest = timedelta(days=config.site.silence_days)
    if ends <= begins_at:
        raise UserError(f"--until {utc_text(ends)} lies before it begins ({utc_text(begins_at)}).")
    if ends - begins_at > longest or begins_at - now > longest:
        days = config.site.silence_days
        raise UserError(f"A silence begins within {days} days and lasts {days} days at most (silence_days in site.yaml).")
    row: dict[str, Any] = {f"{kind}s": names for kind, names in named.items()}
    row |= {"begins_at": begins_at, "ends_at": ends, "actor": actor, "reason": reason}
    with db.begin(Role.PIPELINE) as connection:
        connection.execute(sql("reconcile/lock"))
        number = int(connection.execute(sql("mute/add"), {**row, "now": now}).scalar_one())
        ledger.append(connection, [("silence_added", {
            "silence": number, **row, "begins_at": utc_text(begins_at), "ends_at": utc_text(ends)})])  # fmt: skip
    return number


def end(db: Database, config: Config, now: datetime, silence_id: int, *, actor: str, reason: str) -> int:
    """End a silence before its time. Returns how many alerts that still fire are told now. Raises UserError where it is over."""
    with db.begin(Role.PIPELINE) as connection:
        connection.execute(sql("reconcile/lock"))
        given = {"silence_id": silence_id, "actor": actor, "reason": reason, "now": now}
        if connection.execute(sql("mute/end"), given).first() is None:
            raise UserError(f"There is no silence {silence_id} to end: it is over, or never was (silences list --all).")
        found: list[tuple[str, dict[str, Any]]] = []
        told = silenced.release(connection, config, now, lambda _, entries: found.extend(entries))
        ledger.append(connection, [("silence_ended", {"silence": silence_id, "actor": actor, "reason": reason}), *found])
    return told


def listed(db: Database, now: datetime) -> list[dict[str, Any]]:
    """Every silence, the newest first: state (in force | to come | over), and how many alerts it withheld."""
    with db.begin(Role.WEB) as connection:
        return [dict(row) for row in connection.execute(sql("mute/list"), {"now": now}).mappings()]
