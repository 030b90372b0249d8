"""May a destination show patients' details? Only by a leave: recorded, expiring, and of the very place it was given for.

A leave is never configuration: `nephrowatch destinations detail allow` records who approved it, why and until when. Withdrawn,
expired, or with the destination pointing elsewhere, it does not hold, and the next message is free of details again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Connection

from monitors.database import sql
from monitors.destinations import Destination


@dataclass(frozen=True)
class Leave:
    """What was last decided about one destination. kind: allowed | withdrawn. until: the last day, UTC; None when withdrawn."""

    leave_id: int
    destination: str
    kind: str
    place: str
    until: date | None
    approved_by: str | None
    approver_name: str | None
    approver_role: str | None
    actor: str
    reason: str
    recorded_at: datetime

    @property
    def ends_at(self) -> datetime | None:
        """The first instant at which it does not hold any more."""
        return datetime.combine(self.until + timedelta(days=1), time(), UTC) if self.until else None

    def standing(self, place: str, now: datetime) -> str:
        """allowed | withdrawn | expired | moved (the destination leads elsewhere now). place: where it leads now."""
        if self.kind != "allowed" or self.ends_at is None:
            return "withdrawn"
        if now >= self.ends_at:
            return "expired"
        return "allowed" if self.place == place else "moved"


def place_of(to: Destination) -> str:
    """Where a destination leads, as a leave names it; '' where details never go (a pager)."""
    if to.kind == "slack":
        return f"slack {to.channel} at {to.api_url}"
    return f"mailbox {to.to.casefold()}" if to.kind == "email" else ""


def newest(connection: Connection, destination: str = "") -> list[Leave]:
    """The newest decision about each destination, or about one."""
    return [Leave(**row) for row in connection.execute(sql("detail/newest"), {"destination": destination}).mappings()]


def holding(connection: Connection, destination: str, to: Destination, now: datetime) -> Leave | None:
    """The leave by which a destination may show details at this instant; None: it may not."""
    place = place_of(to)
    found = newest(connection, destination) if place else []
    return found[0] if found and found[0].standing(place, now) == "allowed" else None
