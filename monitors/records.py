"""The nouns of Nephrowatch. Frozen, free of I/O; every other module speaks these words.

Read after `pipeline.py`. What each word means stands in docs/glossary.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import IntFlag, StrEnum
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo


class Outcome(StrEnum):
    """What one rule says of one patient as of one night."""

    FIRING = "firing"  # the newest evidence raises
    HOLDING = "holding"  # raised earlier, not raised now, not cleared yet
    CLEAR = "clear"
    NOT_ASSESSABLE = "not_assessable"


class Severity(StrEnum):
    WARNING = "WARNING"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"

    @property
    def rank(self) -> int:
        return {"WARNING": 1, "HIGH": 2, "CRITICAL": 3}[self.value]


def rank(severity: Severity | None) -> int:
    """0 for none, then 1 WARNING, 2 HIGH, 3 CRITICAL: for comparing."""
    return severity.rank if severity else 0


class State(StrEnum):
    """Where the life of an episode stands (docs/states.md draws it)."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    DISMISSED = "dismissed"
    STALE = "stale"  # nothing new to judge by; severity kept
    RESOLVED = "resolved"
    RETRACTED = "retracted"  # the evidence was corrected away
    CLOSED = "closed"  # died, transplanted, left

    @property
    def ended(self) -> bool:
        return self in (State.RESOLVED, State.RETRACTED, State.CLOSED)


class ChangeKind(StrEnum):
    """One step in the life of an episode."""

    OPENED = "opened"
    WORSENED = "worsened"  # severity up, or a new limb
    EASED = "eased"  # severity down, or a limb cleared while another goes on
    TOLD_LATE = "told_late"  # nothing changed, but somebody who should know was never told
    STALE = "stale"
    REFRESHED = "refreshed"  # a limb can be judged again, where it could not be
    HANDED_OVER = "handed_over"
    RESOLVED = "resolved"
    RETRACTED = "retracted"
    CLOSED = "closed"
    REOPENED = "reopened"  # what a person had said of it is over: a snooze at its end, a dismissal after its limit
    # by a person
    TAKEN = "taken"
    RELEASED = "released"
    ACKNOWLEDGED = "acknowledged"
    UNACKNOWLEDGED = "unacknowledged"
    SNOOZED = "snoozed"
    DISMISSED = "dismissed"
    OUTCOME = "outcome"


class Flag(IntFlag):
    """Bits stored with each result (results.flags)."""

    SI = 1  # reported in the SI unit; otherwise compared in the conventional one
    BELOW = 2  # "<": the true value is below the number
    AT_MOST = 4  # "<="
    ABOVE = 8  # ">"
    AT_LEAST = 16  # ">="
    PRELIMINARY = 32
    POST_DIALYSIS = 64
    PRE_DIALYSIS = 128
    INPATIENT = 256
    ZONE_ASSUMED = 512  # the source wrote no zone; the feed's was used


class Evidence(NamedTuple):  # rather than a dataclass: a night makes hundreds of thousands
    """One result a finding rests on.

    value: in `unit`, the unit reported; comparator '' or one of < <= > >=; result_id: id of the stored
    version (negative: derived, see `derived_from`).
    """

    analyte: str
    value: float
    unit: str
    collected_at: datetime
    result_id: int
    comparator: str = ""
    role: str = ""  # what it was used for, e.g. "anchor 1", "latest"
    derived_from: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "analyte": self.analyte, "value": self.value, "unit": self.unit, "comparator": self.comparator,
            "collected_at": utc_text(self.collected_at), "result_id": self.result_id, "role": self.role,
            "derived_from": list(self.derived_from),
        }  # fmt: skip


NO_FACTS: Mapping[str, Any] = {}


class Finding(NamedTuple):  # as Evidence is
    """What one rule says of one patient as of one night, and why.

    reason: a code that travels with `sentence`. since: when the evidence first raised after the last clear
    (firing, holding). cleared_at: set on a CLEAR that follows a raise. facts: printable extras for the card
    (drugs with list date, ...); previous, previous_severity: what the previous rule set would have said, on the
    first night of a new one only.
    """

    patient_id: int
    rule: str
    outcome: Outcome
    reason: str
    sentence: str
    severity: Severity | None = None
    since: datetime | None = None
    cleared_at: datetime | None = None
    evidence: tuple[Evidence, ...] = ()
    facts: Mapping[str, Any] = NO_FACTS
    previous: Outcome | None = None
    previous_severity: Severity | None = None


@dataclass(frozen=True)
class Limb:
    """One rule inside an episode. listed: the severity that counts as known without a message, because it
    was present at start or came from a rule change (it stands on the digest)."""

    rule: str
    outcome: Outcome
    severity: Severity
    reason: str
    evidence: tuple[dict[str, Any], ...] = ()
    listed: Severity | None = None

    @property
    def active(self) -> bool:
        return self.outcome in (Outcome.FIRING, Outcome.HOLDING)


@dataclass(frozen=True)
class Said:
    """What a person last said of an episode, as long as it holds: acknowledged, snoozed, dismissed. night: the date (UTC) of
    that; until: the last day of a snooze; limbs: what stood then."""

    state: State
    night: date
    until: date | None
    limbs: Mapping[str, Limb]


@dataclass(frozen=True)
class Episode:
    """The life of one alert: one patient, one cause group.

    told: destination -> rule -> highest severity delivered to it or on its way there. said: what its state rests on where
    a person set it.
    """

    episode_id: int
    patient_id: int
    group: str
    unit: str
    state: State
    severity: Severity
    opened_night: date
    changed_night: date
    version: int
    limbs: dict[str, Limb]
    told: dict[str, dict[str, Severity]] = field(default_factory=dict)
    baseline: bool = False
    said: Said | None = None


@dataclass(frozen=True)
class Telling:
    """Send this change to that destination, because of `reason`."""

    destination: str
    reason: str


@dataclass(frozen=True)
class Withheld:
    """A telling that was decided against, and why. destination '*' means everybody."""

    destination: str
    reason: str


@dataclass(frozen=True)
class Change:
    """One decided step: what becomes of the episode, who is told, who is not.

    episode_id is None when the change opens one. `limbs` is the whole new set. Applied with its ledger
    entry and outbox rows in one transaction, or not at all.
    """

    patient_id: int
    group: str
    unit: str
    kind: ChangeKind
    reason: str
    sentence: str
    to_state: State
    severity: Severity
    limbs: dict[str, Limb]
    episode_id: int | None = None
    from_state: State | None = None
    version: int = 0
    baseline: bool = False
    tellings: tuple[Telling, ...] = ()
    withheld: tuple[Withheld, ...] = ()


@dataclass(frozen=True)
class Unit:
    """A dialysis unit. cutoff: local wall time at which its night's evidence ends."""

    code: str
    name: str
    zone: str
    cutoff: time = time(4, 0)


def as_of(night: date, unit: Unit) -> datetime:
    """The instant that ends a unit's evidence for `night`: the night's date at the local cut-off, as UTC.

    Evidence has collected_at < as_of. A cut-off that a clock change skips is read with the offset before
    the change (02:30 becomes 03:30 summer time); one that happens twice means the first.
    """
    local = datetime.combine(night, unit.cutoff, tzinfo=ZoneInfo(unit.zone))
    return local.astimezone(UTC)


def local_day(instant: datetime, zone: str) -> date:
    """The calendar day of an instant in a unit's own zone: laboratory days are cut there, not in UTC."""
    return instant.astimezone(ZoneInfo(zone)).date()


@lru_cache(maxsize=1 << 16)  # one draw is cited by many findings
def utc_text(instant: datetime) -> str:
    """ISO 8601 in UTC with a Z, microseconds only if there are any: the one way times are written."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant!r} has no time zone")
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def night_of(instant: datetime) -> date:
    """The night a run belongs to: the UTC date of the instant it was asked for."""
    return instant.astimezone(UTC).date()


LIVE_FOR = timedelta(days=1)


def is_live(night: date, now: datetime) -> bool:
    """Whether a night is tonight's (today's date in UTC or yesterday's) rather than a back-fill."""
    return (now.astimezone(UTC) - LIVE_FOR).date() <= night <= newest_night(now)


def newest_night(now: datetime) -> date:
    """The last night that may be run: tomorrow's, where it already is tomorrow. A later one would move the frontier
    past every night in between and keep their alerts from being told."""
    return (now.astimezone(UTC) + LIVE_FOR).date()
