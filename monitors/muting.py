"""Why somebody is not told of what fires: an alert of the same patient that they know, or a silent feed, explains it; or a person
asked for silence. Pure.

CRITICAL is never muted. What a message does not have never matches: an alarm of a whole feed has no unit, and mutes only in the
units an inhibition names. What inhibits is known to the very reader it keeps another message from.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from monitors.records import Change, Episode, Limb, Severity, State

INHIBITED, SILENCED = "inhibited", "silenced"  # heads of reasons; the inhibition's name or the silence's number follows


@dataclass(frozen=True)
class Inhibition:
    """While a source is open, its targets are not told. groups, severities: of episodes of the same patient; feeds: of open
    alarms at the same unit; one of the two is empty. units: where it holds (None: everywhere). days: how long it keeps an
    episode from being told, at most."""

    name: str
    groups: frozenset[str]
    severities: frozenset[Severity]
    feeds: frozenset[str]
    target_groups: frozenset[str]
    target_severities: frozenset[Severity]
    units: frozenset[str] | None
    days: int


@dataclass(frozen=True)
class Silence:
    """What a person asked to hear nothing of. An empty set matches anything; at least one is not empty."""

    silence_id: int
    units: frozenset[str]
    rules: frozenset[str]
    groups: frozenset[str]
    destinations: frozenset[str]

    def covers(self, unit: str, rule: str, group: str, destination: str) -> bool:
        asked = ((self.units, unit), (self.rules, rule), (self.groups, group), (self.destinations, destination))
        return all(not named or one in named for named, one in asked)


@dataclass(frozen=True)
class Known:
    """One open episode as others of the patient see it. severities: of the limbs that stand; told: destinations that know of it,
    tonight's messages included."""

    severities: frozenset[Severity]
    told: frozenset[str]


@dataclass(frozen=True)
class Muted:
    """Something that fires and would be told."""

    unit: str
    group: str
    severity: Severity
    destination: str
    days: int  # since its episode was opened


@dataclass(frozen=True)
class Mutes:
    """Everything that mutes at a moment. alarms: (feed, unit) of the open ones; unit '' of a whole feed."""

    inhibitions: tuple[Inhibition, ...] = ()
    alarms: frozenset[tuple[str, str]] = field(default_factory=frozenset)
    silences: tuple[Silence, ...] = ()

    def silenced(self, unit: str, rule: str, group: str, destination: str) -> str:
        """`silenced:NUMBER` of the first silence that covers a message that is not CRITICAL; '' where none does."""
        found = (one for one in self.silences if one.covers(unit, rule, group, destination))
        return next((f"{SILENCED}:{one.silence_id}" for one in found), "")

    def inhibits(self, asked: Muted, known: Mapping[str, Known]) -> str:
        """`inhibited:NAME` of the first inhibition that mutes it; '' where none does. known: open episodes of the patient, by
        cause group."""
        if asked.severity is Severity.CRITICAL:
            return ""
        for one in self.inhibitions:
            if asked.group not in one.target_groups or asked.severity not in one.target_severities or asked.days >= one.days:
                continue
            if one.units is not None and asked.unit not in one.units:
                continue
            if self._silent(one, asked.unit) or _covered(one, asked, known):
                return f"{INHIBITED}:{one.name}"
        return ""

    def _silent(self, one: Inhibition, unit: str) -> bool:
        where = {unit, ""} if one.units is not None else {unit}
        return any(feed in one.feeds and at in where for feed, at in self.alarms)

    def in_order(self, groups: Iterable[str]) -> list[str]:
        """Cause groups with those that may mute before those they mute; else by name. Raises ValueError for a circle."""
        left, done = sorted(groups), list[str]()
        while left:
            ready = next((group for group in left if not (self.sources(group) & {*left} - {group})), None)
            if ready is None:
                raise ValueError(f"inhibitions among {', '.join(left)} go in a circle")
            done.append(ready)
            left.remove(ready)
        return done

    def sources(self, group: str) -> set[str]:
        """Cause groups that may mute this one."""
        return {source for one in self.inhibitions if group in one.target_groups for source in one.groups}


def known_of(episode: Episode | None, change: Change | None) -> Known | None:
    """What others see of an episode after tonight's change; None where nothing of it stands, or a person dismissed it."""
    state = change.to_state if change else episode.state if episode else State.CLOSED
    limbs: Mapping[str, Limb] = change.limbs if change else episode.limbs if episode else {}
    standing = frozenset(limb.severity for limb in limbs.values() if limb.active)
    if state.ended or state is State.DISMISSED or not standing:
        return None
    told = {name for name, known in (episode.told if episode else {}).items() if known}
    if change is not None:
        told -= {telling.destination for telling in change.tellings if telling.reason == "withdrawn"}
        told |= {telling.destination for telling in change.tellings if telling.reason != "withdrawn"}
    return Known(standing, frozenset(told))


def silences_of(rows: Iterable[Any]) -> tuple[Silence, ...]:
    """Silences as they are stored."""
    return tuple(
        Silence(row.silence_id, *(frozenset(named) for named in (row.units, row.rules, row.groups, row.destinations)))
        for row in rows
    )


def silence_of(reason: str) -> int | None:
    """The number of the silence a telling was withheld by; None where it was something else."""
    head, _, number = reason.partition(":")
    return int(number) if head == SILENCED else None


def circle(inhibitions: Collection[Inhibition]) -> str:
    """The name of an inhibition that closes a circle of cause groups; '' where there is none."""
    for number, one in enumerate(inhibitions, start=1):
        if one.groups & one.target_groups:
            return one.name
        try:
            some = list(inhibitions)[:number]
            Mutes(tuple(some)).in_order({group for other in some for group in other.groups | other.target_groups})
        except ValueError:
            return one.name
    return ""


def _covered(one: Inhibition, asked: Muted, known: Mapping[str, Known]) -> bool:
    """Whether the destination knows of an open episode of the patient that explains it."""
    return any(
        group in one.groups and group != asked.group and bool(seen.severities & one.severities) and asked.destination in seen.told
        for group, seen in known.items()
    )
