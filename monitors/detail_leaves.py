"""People decide where messages may show patients' details: allow with an end, withdraw, see what stands.

    decide(db, config, kind, destination, now, ...) -> Leave      each decision is a row and a ledger entry
    standings(db, config, now) -> list of dicts
    look(connection, config, now) -> refs of leaves that end soon, each told to operations once
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from monitors.config import Config
from monitors.database import Database, Role, sql
from monitors.delivery import leaves, outbox
from monitors.delivery.leaves import Leave
from monitors.errors import UserError
from monitors.history import ledger
from monitors.records import night_of

LONGEST = 366  # days
WARN = timedelta(days=7)  # before the end


def allow(
    db: Database, config: Config, destination: str, now: datetime, *, until: date, approved_by: str, actor: str, reason: str
) -> Leave:
    """Record that a destination may show details through `until`. approved_by: login or e-mail of somebody in people.yaml.

    Raises UserError: an unknown destination or person, one without a role now, a pager, a day that is past or too far off.
    """
    to = _destination(config, destination)
    place = leaves.place_of(to)
    if not place:
        raise UserError(f"{destination} is a pager's web hook; details never go there.")
    days = (until - night_of(now)).days
    if not 0 <= days <= LONGEST:
        raise UserError(f"--until {until}: a leave ends today at the earliest, after {LONGEST} days at the latest.")
    person = config.people.by_login(approved_by)
    roles = person.roles_at(now) if person else ()
    if person is None or not roles:
        raise UserError(f"--approved-by {approved_by!r}: nobody in people.yaml has that login and a role today.")
    return _keep(db, destination, now, kind="allowed", place=place, until=until, actor=actor, reason=reason,
                 approved_by=person.key, approver_name=person.name, approver_role=roles[0])  # fmt: skip


def withdraw(db: Database, config: Config, destination: str, now: datetime, *, actor: str, reason: str) -> Leave:
    """Record that a destination may show details no longer, from the next message on. Raises UserError where it may not."""
    to = config.routes.destinations.get(destination)  # one that is gone from routes.yaml may be withdrawn too
    return _keep(db, destination, now, kind="withdrawn", place=leaves.place_of(to) if to else "", until=None, actor=actor,
                 reason=reason, approved_by=None, approver_name=None, approver_role=None)  # fmt: skip


def standings(db: Database, config: Config, now: datetime) -> list[dict[str, Any]]:
    """Every destination, and those with a decision that are gone from routes.yaml: what was decided, and what holds now:
    allowed | withdrawn | expired | moved | never."""
    with db.begin(Role.WEB) as connection:
        decided = {leave.destination: leave for leave in leaves.newest(connection)}
    found = []
    for name in dict.fromkeys([*config.routes.destinations, *decided]):
        to, leave = config.routes.destinations.get(name), decided.get(name)
        place = leaves.place_of(to) if to else ""
        row: dict[str, Any] = {"destination": name, "place": place, "holds": leave.standing(place, now) if leave else "never"}
        found.append(row | {"decided": asdict(leave) if leave else None})
    return found


def look(connection: Connection, config: Config, now: datetime) -> list[str]:
    """Destinations whose leave ends within a week. Operations is told of each leave once."""
    ending = []
    for leave in leaves.newest(connection):
        to = config.routes.destinations.get(leave.destination)
        holds = to is not None and leave.standing(leaves.place_of(to), now) == "allowed"
        if not holds or leave.ends_at is None or leave.ends_at - now > WARN:
            continue
        ending.append(leave.destination)
        for operations in config.routes.operations():
            outbox.enqueue(
                connection, dedup_key=f"operations/detail_ends/{leave.leave_id}/{operations}", kind="operations",
                destination=operations, severity=None, unit=None, night=night_of(now), episode_id=None, change_seq=None,
                content={"event": "detail_ends", "destination": leave.destination, "until": str(leave.until)}, now=now,
            )  # fmt: skip
    return ending


def _destination(config: Config, name: str) -> Any:
    if name not in config.routes.destinations:
        raise UserError(f"routes.yaml has no destination {name!r}; it has {', '.join(sorted(config.routes.destinations))}.")
    return config.routes.destinations[name]


def _keep(db: Database, destination: str, now: datetime, **row: Any) -> Leave:
    with db.begin(Role.PIPELINE) as connection:
        connection.execute(sql("detail/one_at_a_time"))
        before = leaves.newest(connection, destination)
        if row["kind"] == "withdrawn" and (not before or before[0].kind == "withdrawn"):
            raise UserError(f"{destination} has no leave to show details: there is nothing to withdraw.")
        number = connection.execute(sql("detail/keep"), {"destination": destination, "now": now, **row}).scalar_one()
        leave = Leave(leave_id=number, destination=destination, recorded_at=now, **row)
        ledger.append(connection, [(f"detail_{leave.kind}", asdict(leave))])
        return leave
