"""Whether this message shows details, and what is kept of that: asked anew for every send.

A leave must hold, and a Slack channel must be private and not shared at that time. Where it is not, or cannot be asked, the card
goes out free of details, with the reason kept beside the attempt, and operations is told once for each leave and reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Connection

from monitors.config import Config
from monitors.database import Database, Role
from monitors.delivery import detail, detail_cards, leaves, outbox
from monitors.delivery.detail import Detail
from monitors.delivery.leaves import Leave
from monitors.delivery.outbox import PARENT, Claim
from monitors.records import night_of

GOOD_FOR = timedelta(minutes=1)
OF_AN_EPISODE = ("alert", "withdrawn", "handed_over")
REFUSALS = {  # why a leave could not be used, by name
    "channel_not_private": "its channel is not private",
    "channel_shared": "its channel is shared with another organisation",
    "channel_not_checked": "whether its channel is private could not be asked",
    "cannot_be_shown": "the details could not be put together",
}


class Shows(Protocol):
    def may_show(self) -> str: ...


@dataclass(frozen=True)
class Shown:
    """What one send shows. kept: what is stored with the attempt; None where no leave holds. refused: a name of REFUSALS."""

    leave: Leave | None = None
    detail: Detail | None = None
    picture: tuple[bytes, str] = (b"", "")
    refused: str = ""
    picture_state: str = "none"

    @property
    def kept(self) -> dict[str, Any] | None:
        if self.leave is None:
            return None
        base = {"leave": self.leave.leave_id, "until": str(self.leave.until), "place": self.leave.place}
        if self.detail is None:
            return base | {"refused": self.refused}
        return base | {"evidence": self.detail.evidence, "approved_by": self.leave.approved_by, "picture": self.picture_state}


NOTHING = Shown()


@dataclass
class Showing:
    """Decides it for one worker. asked: destination -> when its channel was asked last, and what it said; good for a minute."""

    db: Database
    config: Config
    asked: dict[str, tuple[datetime, str]] = field(default_factory=dict)

    def of(self, one: Claim, channel: Shows, now: datetime) -> Shown:
        """What a claimed message may show at this instant."""
        to = self.config.routes.destinations[one.destination]
        kind = one.content.get("of") if one.kind == PARENT else one.kind
        if kind not in OF_AN_EPISODE or one.episode_id is None or not leaves.place_of(to):
            return NOTHING
        with self.db.begin(Role.DELIVERY) as connection:
            leave = leaves.holding(connection, one.destination, to, now)
        if leave is None:
            return NOTHING
        at, refused = self.asked.get(one.destination, (None, ""))
        if at is None or now - at >= GOOD_FOR:
            refused = channel.may_show()
            self.asked[one.destination] = now, refused
        if refused:
            return Shown(leave, refused=refused)
        with self.db.begin(Role.DELIVERY) as connection:
            row = detail.read(connection, one.outbox_id, leave.place, now)
        if row is None:
            return Shown(leave, refused="cannot_be_shown")
        return _put_together(leave, row, one.content, self.config, now, draw=kind != "withdrawn")

    def holds_still(self, connection: Connection, one: Claim, shown: Shown, now: datetime) -> bool:
        """Whether the leave by which something is about to be shown is still the one that holds."""
        if shown.detail is None or shown.leave is None:
            return True
        found = leaves.holding(connection, one.destination, self.config.routes.destinations[one.destination], now)
        return found is not None and found.leave_id == shown.leave.leave_id


def _put_together(
    leave: Leave, row: Mapping[str, Any], content: Mapping[str, Any], config: Config, now: datetime, draw: bool
) -> Shown:
    try:
        made = detail.detail_of(row, content, config, leave.until)
    except Exception:  # a defect of ours in the details must not keep the alert from going out
        return Shown(leave, refused="cannot_be_shown")
    if not draw:
        return Shown(leave, made)
    try:
        return Shown(leave, made, detail_cards.drawn(made, content, now), picture_state="drawn")
    except Exception:  # nor one in the picture
        return Shown(leave, made, picture_state="not_drawn")


def tell_refusal(connection: Connection, one: Claim, shown: Shown, operations: Sequence[str], now: datetime) -> None:
    """Tell operations that a leave could not be used, once for each leave and reason."""
    if shown.leave is None or not shown.refused:
        return
    for destination in operations:
        outbox.enqueue(
            connection, dedup_key=f"operations/detail_refused/{shown.leave.leave_id}/{shown.refused}/{destination}",
            kind="operations", destination=destination, severity=None, unit=one.unit, night=night_of(now), episode_id=None,
            change_seq=None, now=now,
            content={"event": "detail_refused", "destination": one.destination, "outcome": shown.refused, "unit": one.unit},
        )  # fmt: skip
