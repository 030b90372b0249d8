"""routes.yaml: who is told what and where, when readers are left in peace, what happens while nobody answers. Pure."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator

from pydantic import Field, model_validator

from monitors import hours
from monitors.destinations import Destination
from monitors.documents import Document
from monitors.feed_model import Name
from monitors.muting import Inhibition
from monitors.records import Severity
from monitors.routing import Asked, Node, Route, Seen


class QuietHours(Document):
    """When readers are left in peace, in the unit's zone: messages about episodes wait for the end. CRITICAL ones never do."""

    start: dt.time
    end: dt.time
    units: list[str] | None = None

    @model_validator(mode="after")
    def _not_all_day(self) -> QuietHours:
        if self.start == self.end:
            raise ValueError("quiet hours that end when they start would last all day")
        return self


class Escalation(Document):
    """What happens when nobody has taken or acknowledged an alert after so long. to left out: a reminder to whoever had it."""

    after_minutes: int = Field(ge=1)
    to: list[Name] = []
    units: list[str] | None = None
    severities: list[Severity] = [Severity.CRITICAL]
    groups: list[str] | None = None


class Source(Document):
    """What mutes while it is open: alerts of the patient with these causes, or an alarm of these feeds at the unit."""

    groups: list[str] | None = Field(None, min_length=1)
    severities: list[Severity] = Field(list(Severity), min_length=1, description="of those alerts")
    feeds: list[Name] | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _one_of_two(self) -> Source:
        if (self.groups is None) == (self.feeds is None):
            raise ValueError("a source says either groups or feeds: what is left out would match everything")
        return self


class Target(Document):
    """What is muted. CRITICAL never is."""

    groups: list[str] = Field(min_length=1)
    severities: list[Severity] = Field([Severity.HIGH, Severity.WARNING], min_length=1)

    @model_validator(mode="after")
    def _critical_is_told(self) -> Target:
        if Severity.CRITICAL in self.severities:
            raise ValueError("CRITICAL is never muted")
        return self


class InhibitionModel(Document):
    """While its source is open and a destination knows of it, that destination is not told of the target. It is told once the
    source has ended, if it still fires, and after so many days all the same."""

    name: Name
    source: Source
    target: Target
    units: list[str] | None = Field(None, min_length=1)
    days: int = Field(30, ge=1, description="counted from the night the muted episode was opened")

    def record(self) -> Inhibition:
        return Inhibition(
            self.name, frozenset(self.source.groups or ()), frozenset(self.source.severities), frozenset(self.source.feeds or ()),
            frozenset(self.target.groups), frozenset(self.target.severities),
            None if self.units is None else frozenset(self.units), self.days,
        )  # fmt: skip


class Routes(Document):
    """The whole file."""

    destinations: dict[Name, Destination] = Field(min_length=1)
    routes: list[Route] = Field(min_length=1)
    quiet_hours: list[QuietHours] = []
    escalations: list[Escalation] = []
    inhibitions: list[InhibitionModel] = []

    def quiet_until(self, unit: str, zone: str, severity: Severity, now: dt.datetime) -> dt.datetime | None:
        """Until when a message about an episode waits; None: it goes now."""
        if severity is Severity.CRITICAL:
            return None
        asked = (quiet for quiet in self.quiet_hours if quiet.units is None or unit in quiet.units)
        return max(filter(None, (hours.quiet_until(quiet.start, quiet.end, zone, now) for quiet in asked)), default=None)

    def steps(self, unit: str, severity: Severity, group: str) -> list[Escalation]:
        """What happens in turn while an alert is not answered, the soonest first."""
        return sorted((
            step for step in self.escalations
            if severity in step.severities and (step.units is None or unit in step.units)
            and (step.groups is None or group in step.groups)
        ), key=lambda step: step.after_minutes)  # fmt: skip

    def tops(self) -> Iterator[Node]:
        """The routes at the top."""
        for number, route in enumerate(self.routes, start=1):
            yield Node(
                (number,), tuple(route.to), tuple(route.messages), route.units, route.severities, route.groups, route.owners,
                True, route.routes,
            )  # fmt: skip

    def every(self) -> Iterator[Node]:
        """Every route, those below others too, as they stand in the file."""
        for top in self.tops():
            yield from top.all()

    def way(self, asked: Asked) -> Iterator[Seen]:
        """What every route does with a message."""
        for top in self.tops():
            yield from top.way(asked)

    def alert(self, unit: str, severity: Severity, group: str) -> tuple[str, ...]:
        """Destinations of one alert, in the order of the routes, each once."""
        return self._to(Asked("alert", unit, severity, group))

    def digest(self, unit: str) -> tuple[str, ...]:
        return self._to(Asked("digest", unit))

    def instead(self, destination: str, unit: str | None) -> str | None:
        """Where a message goes that cannot reach its destination: what that names as `fallback`, else the first destination
        of another kind that gets the unit's alerts; None when there is none."""
        if destination not in self.destinations:
            return None
        named = self.destinations[destination]
        if named.fallback:
            return named.fallback
        told = (node for node in self.every() if "alert" in node.messages and (node.units is None or unit in node.units))
        return next((name for node in told for name in node.to if self.destinations[name].kind != named.kind), None)

    def feedback(self, unit: str, owner: str | None) -> tuple[str, ...]:
        """Who hears that a rule is wrong: whoever answers for it, else operations, so that it is never said to nobody."""
        return self._to(Asked("feedback", unit, owners=owner)) or self.operations()

    def operations(self) -> tuple[str, ...]:
        return self._to(Asked("operations"))

    @model_validator(mode="after")
    def _fallbacks_are_there(self) -> Routes:
        for name, destination in self.destinations.items():
            if destination.fallback and (destination.fallback not in self.destinations or destination.fallback == name):
                raise ValueError(f"destination {name} falls back to {destination.fallback}, which is no other destination")
        return self

    def _to(self, asked: Asked) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for seen in self.way(asked) if not seen.refused for name in seen.node.to))


def schema() -> str:
    """The JSON Schema of routes.yaml for editors, stable: sorted keys, a line feed at the end."""
    made = Routes.model_json_schema(by_alias=True)
    made |= {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "routes.yaml of Nephrowatch"}
    return json.dumps(made, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
