"""routes.yaml held against the site and its rules: every name known, every route reachable, every alert with a way.

Raises ConfigError with file and line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path

from monitors import documents
from monitors.errors import ConfigError
from monitors.feed_model import Feed
from monitors.muting import circle
from monitors.records import Severity
from monitors.routes import Escalation, QuietHours, Routes
from monitors.routing import Asked, Node, narrowed, reached
from monitors.rules.model import Rule


def check(
    path: Path, text: str, routes: Routes, units: Sequence[str], rules: Sequence[Rule], feeds: Mapping[str, Feed]
) -> None:
    """Raises ConfigError for the first thing that is wrong."""
    groups = sorted({rule.group for rule in rules})
    _known(path, text, routes, units, groups)
    _timed(path, text, routes, units)
    _inhibitions(path, text, routes, units, groups, feeds)
    messages = list(_messages(routes, units, groups, {rule.owner for rule in rules}))
    for top in routes.tops():
        _tree(path, text, top, messages)
    for unit in sorted(units):
        for severity, group in product((Severity.HIGH, Severity.CRITICAL), groups):
            if not routes.alert(unit, severity, group):
                nobody = f"no route takes a {severity} {group} alert of unit {unit}: it would reach nobody"
                raise ConfigError(str(path), 0, nobody)
        if not routes.digest(unit):
            raise ConfigError(str(path), 0, f"no route takes the morning list of unit {unit}")
    if not routes.operations():
        raise ConfigError(str(path), 0, "no route takes operations messages")


def line_of(text: str, node: Node, *more: str) -> int:
    """The line a route stands in."""
    steps = [step for number in node.path for step in ("routes", number - 1)]
    return documents.line_in(text, *steps, *more)


def _known(path: Path, text: str, routes: Routes, units: Sequence[str], groups: Sequence[str]) -> None:
    for node in routes.every():
        for name in node.to:
            if name not in routes.destinations:
                raise ConfigError(str(path), line_of(text, node), f"route {node.name} sends to '{name}', which is no destination")
        for unit in node.units or ():
            if unit not in units:
                raise ConfigError(str(path), line_of(text, node),
                                  f"route {node.name} names unit '{unit}', which is not in site.yaml")  # fmt: skip
        for group in node.groups or ():
            if group not in groups:
                raise ConfigError(str(path), line_of(text, node),
                                  f"route {node.name} names cause group '{group}', which no rule has")  # fmt: skip


def _timed(path: Path, text: str, routes: Routes, units: Sequence[str]) -> None:
    timed: dict[str, Sequence[QuietHours | Escalation]] = {"quiet_hours": routes.quiet_hours, "escalations": routes.escalations}
    for what, listed in timed.items():
        for number, one in enumerate(listed):
            line = documents.line_in(text, what, number)
            for unit in one.units or ():
                if unit not in units:
                    raise ConfigError(str(path), line, f"{what} {number + 1} names unit '{unit}', which is not in site.yaml")
            for name in getattr(one, "to", ()):
                if name not in routes.destinations:
                    raise ConfigError(str(path), line, f"{what} {number + 1} sends to '{name}', which is no destination")


def _inhibitions(
    path: Path, text: str, routes: Routes, units: Sequence[str], groups: Sequence[str], feeds: Mapping[str, Feed]
) -> None:
    names: set[str] = set()
    for number, one in enumerate(routes.inhibitions):
        def wrong(sentence: str, *place: str, at: int = number, name: str = one.name) -> ConfigError:
            return ConfigError(str(path), documents.line_in(text, "inhibitions", at, *place), f"inhibition '{name}' {sentence}")

        if one.name in names:
            raise wrong("stands here twice", "name")
        names.add(one.name)
        for unit in one.units or ():
            if unit not in units:
                raise wrong(f"names unit '{unit}', which is not in site.yaml", "units")
        for place, named in (("source", one.source.groups or ()), ("target", one.target.groups)):
            for group in named:
                if group not in groups:
                    raise wrong(f"names cause group '{group}', which no rule has", place, "groups")
        for feed in one.source.feeds or ():
            if feed not in feeds:
                raise wrong(f"names feed '{feed}', which is not in feeds.yaml", "source", "feeds")
            deadline = feeds[feed].deadline
            if one.units is None and not (deadline and deadline.units):
                raise wrong(f"mutes nobody: an alarm of feed '{feed}' has no unit; say units: [...] here", "source", "feeds")
    if name := circle([one.record() for one in routes.inhibitions]):
        number = next(number for number, one in enumerate(routes.inhibitions) if one.name == name)
        said = f"inhibition '{name}' closes a circle: a cause group may not mute itself, or what mutes it"
        raise ConfigError(str(path), documents.line_in(text, "inhibitions", number), said)


def _tree(path: Path, text: str, top: Node, messages: Sequence[Asked]) -> None:
    """Every route below another asks for no more than that one takes, and something comes to it."""
    if not top.below:
        return
    parents = {child.path: node for node in top.all() for child in node.children()}
    for node in top.all():
        parent = parents.get(node.path)
        label, beyond = narrowed(node, parent) if parent else ("", [])
        if parent and label:
            said = f"asks for {label} {', '.join(beyond)}, which route {parent.name} above it does not take"
            raise ConfigError(str(path), line_of(text, node, label), f"route {node.name} cannot be reached: it {said}")
    come = reached(top, messages)
    for node in top.all():
        if node.path not in come:
            raise ConfigError(str(path), line_of(text, node), f"route {node.name} cannot be reached: {_why(node, parents)}")


def _why(node: Node, parents: dict[tuple[int, ...], Node]) -> str:
    parent = parents.get(node.path)
    if not node.messages:
        return f"no message that route {parent.name if parent else ''} above it takes has all it asks for"
    earlier = [child.name for child in parent.children() if child.path < node.path and not child.goes_on] if parent else []
    if earlier:
        return f"route {', '.join(earlier)} before it takes all it asks for; `continue: true` there lets it go on"
    return "no message of this site has what it asks for"


def _messages(routes: Routes, units: Sequence[str], groups: Sequence[str], owners: Iterable[str]) -> Iterator[Asked]:
    """Every message of the site, as far as routes can tell them apart."""
    yield Asked("operations")
    named = {owner for node in routes.every() for owner in node.owners or ()}
    for unit in units:
        yield Asked("digest", unit)
        yield from (Asked("feedback", unit, owners=owner) for owner in sorted({*owners, *named}))
        yield from (Asked("alert", unit, severity, group) for severity, group in product(Severity, groups))
