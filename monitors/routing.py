"""The routes of routes.yaml as a tree: which of them a message comes to, and why. Pure.

At the top every route that matches sends. Below a route, the first child that matches takes the message instead of it, and the
one after that only where it says `continue`; no child matches: the route takes it itself. A child inherits what it does not say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, model_validator

from monitors.documents import Document
from monitors.feed_model import Name
from monitors.records import Severity

Kind = Literal["alert", "digest", "operations", "feedback"]
LABELS: dict[Kind, tuple[str, ...]] = {  # what a message has that a route can ask for
    "alert": ("units", "severities", "groups"), "digest": ("units",), "feedback": ("units", "owners"), "operations": (),
}  # fmt: skip


class Child(Document):
    """A route below another one. What is left out is as the route above it says; it never takes more than that one does.

    A child that asks for severities, groups, units or owners and names no messages is about those that have them: a morning list
    has no severity, an operations message no unit.
    """

    to: list[Name] | None = Field(None, min_length=1)
    messages: list[Kind] | None = None
    units: list[str] | None = None
    severities: list[Severity] | None = None
    groups: list[str] | None = None
    owners: list[str] | None = None
    goes_on: bool = Field(False, alias="continue", description="where it took a message, the next ones are asked, too")
    routes: list[Child] = []


class Route(Document):
    """Who gets what. A list left out means all; every route that matches sends, or the routes below it do."""

    to: list[Name] = Field(min_length=1)
    messages: list[Kind] = ["alert"]
    units: list[str] | None = None
    severities: list[Severity] = [Severity.HIGH, Severity.CRITICAL]
    groups: list[str] | None = None
    owners: list[str] | None = Field(None, description="of feedback: owner roles of the rules it is about")
    routes: list[Child] = Field([], description="the first that matches takes a message instead of this one")

    @model_validator(mode="after")
    def _owners_are_of_feedback(self) -> Route:
        if self.owners is not None and self.messages != ["feedback"]:
            raise ValueError("owners go with messages: [feedback] only")
        return self


@dataclass(frozen=True)
class Asked:
    """A message looking for its way. What it does not have is None."""

    message: Kind
    units: str | None = None
    severities: str | None = None
    groups: str | None = None
    owners: str | None = None


@dataclass(frozen=True)
class Node:
    """A route with all it says and inherits. path: its number at the top, then below that, from 1."""

    path: tuple[int, ...]
    to: tuple[str, ...]
    messages: tuple[Kind, ...]
    units: Sequence[str] | None
    severities: Sequence[str] | None
    groups: Sequence[str] | None
    owners: Sequence[str] | None
    goes_on: bool
    below: Sequence[Child]

    @property
    def name(self) -> str:
        return ".".join(map(str, self.path))

    def children(self) -> Iterator[Node]:
        for number, child in enumerate(self.below, start=1):
            asks = {label for label in ("units", "severities", "groups", "owners") if getattr(child, label) is not None}
            inherited = tuple(kind for kind in self.messages if asks <= {*LABELS[kind]})
            yield Node(
                (*self.path, number), tuple(child.to or self.to), inherited if child.messages is None else tuple(child.messages),
                _or(child.units, self.units), _or(child.severities, self.severities), _or(child.groups, self.groups),
                _or(child.owners, self.owners), child.goes_on, child.routes,
            )  # fmt: skip

    def all(self) -> Iterator[Node]:
        """This route and every one below it, as they stand in the file."""
        yield self
        for child in self.children():
            yield from child.all()

    def lacks(self, asked: Asked) -> str:
        """The first thing it asks for that a message is not or does not have; '' where it matches."""
        if asked.message not in self.messages:
            return "messages"
        for label in LABELS[asked.message]:
            wanted = getattr(self, label)
            if wanted is not None and getattr(asked, label) not in wanted:
                return label
        return ""

    def way(self, asked: Asked) -> list[Seen]:
        """What each route from here on down does with a message, as they stand in the file."""
        if lacking := self.lacks(asked):
            return [Seen(self, lacking)]
        below: list[Seen] = []
        before: Node | None = None
        gone = False
        for child in self.children():
            if gone and before is not None:
                below.append(Seen(child, "before", before))
                continue
            seen = child.way(asked)
            below += seen
            if not seen[0].refused or seen[0].refused == "below":
                before, gone = child, not child.goes_on
        return [Seen(self, "below" if before else ""), *below]


@dataclass(frozen=True)
class Seen:
    """What a route did with a message. refused: '' it takes it; a label it asks for and the message does not have; `below`: a
    route below takes it; `before`: an earlier route took it and does not say continue."""

    node: Node
    refused: str
    before: Node | None = None


def _or(said: Sequence[str] | None, inherited: Sequence[str] | None) -> Sequence[str] | None:
    return inherited if said is None else said


def reached(top: Node, messages: Iterable[Asked]) -> set[tuple[int, ...]]:
    """Paths of the routes from here on down that any of these messages comes to."""
    found: set[tuple[int, ...]] = set()
    for asked in messages:
        found |= {seen.node.path for seen in top.way(asked) if seen.refused in ("", "below")}
    return found


def narrowed(node: Node, parent: Node) -> tuple[str, list[str]]:
    """What a child asks for that the route above it does not take: the label, and the names; ('', []) where there is none."""
    for label in ("messages", "units", "severities", "groups", "owners"):
        above, asked = getattr(parent, label), getattr(node, label)
        if above is not None and (beyond := sorted({str(name) for name in asked or ()} - {str(name) for name in above})):
            return label, beyond
    return "", []
