"""`nephrowatch routes`: who gets what, when, and what happens while nobody answers. Reads the configuration only."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from monitors import config, settings
from monitors.cli_words import Json, out, print_json, table
from monitors.config import Config, UnitModel
from monitors.errors import UserError
from monitors.records import Severity
from monitors.route_checks import line_of
from monitors.routes import InhibitionModel, Routes
from monitors.routing import Asked, Node, Seen

app = typer.Typer(help="Who is told what, and where (routes.yaml).", no_args_is_help=True)


def _config() -> Config:
    return config.load(settings.from_process().config)


@app.command("check")
def check() -> None:
    """Read the whole configuration; then say what is allowed and still worth a thought. Exit code 2: it is wrong."""
    found = _config()
    for doubt in doubts(found):
        out.print(f"Worth a thought: {doubt}", markup=False)
    out.print(f"{len(list(found.routes.every()))} routes to {len(found.routes.destinations)} destinations are in order.")


def doubts(found: Config) -> list[str]:
    """What a careful site would not leave so."""
    said = []
    groups = sorted({rule.group for rule in found.rules})
    for unit in found.site.units:
        names = dict.fromkeys(name for group in groups for name in found.routes.alert(unit.code, Severity.CRITICAL, group))
        if len({found.routes.destinations[name].kind for name in names}) < 2:
            said.append(f"CRITICAL alerts of unit {unit.code} go one way only; if that is down, they wait.")
        if not all(found.routes.steps(unit.code, Severity.CRITICAL, group) for group in groups):
            said.append(f"Nothing happens while nobody answers a CRITICAL alert of unit {unit.code} (escalations).")
    used = {name for node in found.routes.every() for name in node.to}
    used |= {name for step in found.routes.escalations for name in step.to}
    used |= {destination.fallback for destination in found.routes.destinations.values() if destination.fallback}
    said += [f"Destination {name} gets nothing." for name in sorted(found.routes.destinations.keys() - used)]
    return said


@app.command("show")
def show(
    unit: Annotated[str, typer.Option(help="Only this unit.")] = "",
    as_json: Json = False,
) -> None:
    """The routes as a tree; then every unit and severity: where its alerts go, cause groups alike taken together, and its
    morning list."""
    found = _config()
    lines = []
    for one in found.site.units:
        if unit and one.code != unit:
            continue
        for severity in sorted(Severity, key=lambda severity: -severity.rank):
            by_way: dict[tuple[str, ...], list[str]] = {}
            for group in sorted({rule.group for rule in found.rules}):
                by_way.setdefault(found.routes.alert(one.code, severity, group), []).append(group)
            for way, groups in by_way.items():
                what = "every cause" if len(by_way) == 1 else ", ".join(groups)
                lines.append((one.code, str(severity), what, ", ".join(way) or "the morning list only"))
        lines.append((one.code, "morning list", listed_at(one), ", ".join(found.routes.digest(one.code))))
    if unit and not lines:
        raise UserError(f"Unit {unit!r} is not in site.yaml; there are {', '.join(one.code for one in found.site.units)}.")
    lines.append(("every", "operations", "", ", ".join(found.routes.operations())))
    if as_json:
        print_json([dict(zip(("unit", "what", "causes", "to"), line, strict=True)) for line in lines])
        return
    for text in drawn(found.routes, unit):
        out.print(text, markup=False, highlight=False)
    for inhibition in found.routes.inhibitions:
        out.print(f"muted by {inhibition.name}: {muted(inhibition)}", markup=False, highlight=False)
    out.print()
    table(("unit", "what", "causes", "to"), lines, "No unit.")


def drawn(routes: Routes, unit: str = "") -> list[str]:
    """The routes as a tree, a line each; with unit, those its messages can come to."""
    lines = []
    for top in routes.tops():
        for node in top.all():
            if not unit or node.units is None or unit in node.units:
                deep = len(node.path) - 1
                goes_on = "; goes on" if deep and node.goes_on else ""
                below = " (what no route below takes)" if node.below else ""
                stem = "   " * (deep - 1) + "└─ " if deep else ""
                lines.append(f"{stem}{node.name} {asks(node)} -> {', '.join(node.to)}{below}{goes_on}")
    return lines


def asks(node: Node) -> str:
    """What a route takes, in words."""
    what = [", ".join(node.messages)]
    what += [f"units {', '.join(node.units)}"] if node.units is not None else []
    if "alert" in node.messages:
        what += [", ".join(node.severities or ())] + ([f"causes {', '.join(node.groups)}"] if node.groups is not None else [])
    return "; ".join(what + ([f"owners {', '.join(node.owners)}"] if node.owners is not None else []))


def listed_at(unit: UnitModel) -> str:
    """When a unit's morning list comes, in its own time."""
    due = f"{unit.list_ahead_minutes} min before {min(unit.shifts):%H:%M}" if unit.shifts else f"{unit.deadline:%H:%M}"
    return f"due {due} {unit.zone}{f', not before {unit.list_from:%H:%M}' if unit.list_from else ''}"


def muted(one: InhibitionModel) -> str:
    """An inhibition, in words."""
    source = f"alarms of {', '.join(one.source.feeds)}" if one.source.feeds else (
        f"{', '.join(one.source.severities)} alerts of {', '.join(one.source.groups or ())} of the same patient")  # fmt: skip
    where = f" in {', '.join(one.units)}" if one.units else ""
    return f"{', '.join(one.target.severities)} alerts of {', '.join(one.target.groups)}{where}, while {source} are open"


@app.command("test")
def try_out(
    unit: Annotated[str, typer.Argument(help="Code of the unit.")],
    severity: Annotated[Severity, typer.Argument(help="Of the alert.")],
    group: Annotated[str, typer.Argument(help="Its cause group, such as phosphate.")],
    at: Annotated[datetime | None, typer.Option("--at", formats=["%Y-%m-%dT%H:%M"], help="When it is decided, UTC; now.")] = None,
    as_json: Json = False,
) -> None:
    """What would happen to one alert, step by step. Sends nothing."""
    answer = told(_config(), unit, severity, group, (at or datetime.now(UTC)).replace(tzinfo=UTC))
    if as_json:
        print_json(answer)
        return
    out.print(f"{severity} {group} alert of unit {unit}, decided {answer['at']}:")
    for line in answer["steps"]:
        out.print(f"  {line['when']}: {', '.join(line['to']) or 'the morning list only'}{line['why']}", markup=False)
    for line in answer["muted_by"]:
        out.print(f"  withheld by {line['name']}: {line['why']}", markup=False)
    out.print("Its way through routes.yaml:")
    for line in answer["routes"]:
        to = f" -> {', '.join(line['to'])}" if line["taken"] else ""
        out.print(f"  route {line['route']} (line {line['line']}): {line['why']}{to}", markup=False)


def told(found: Config, unit: str, severity: Severity, group: str, now: datetime) -> dict[str, Any]:
    """An alert's way: when, to whom, why. Raises UserError for a unit or group that is not there."""
    if unit not in {one.code for one in found.site.units}:
        raise UserError(f"Unit {unit!r} is not in site.yaml.")
    if group not in {rule.group for rule in found.rules}:
        raise UserError(f"No rule has the cause group {group!r}; there are {', '.join(sorted({r.group for r in found.rules}))}.")
    zone = found.site.unit(unit).zone
    first = list(found.routes.alert(unit, severity, group))
    wait = found.routes.quiet_until(unit, zone, severity, now)
    steps = [{"when": f"{wait:%Y-%m-%d %H:%M} UTC" if wait else "at once", "to": first,
              "why": " (quiet hours end then)" if wait and first else ""}]  # fmt: skip
    steps += [
        {"when": f"after {step.after_minutes} min", "to": list(step.to or first),
         "why": ", unless somebody took or acknowledged it" + ("" if step.to else " (a reminder)")}
        for step in (found.routes.steps(unit, severity, group) if first else [])
    ]  # fmt: skip
    asked = Asked("alert", unit, severity, group)
    text = (found.folder / "routes.yaml").read_text(encoding="utf-8")
    seen = [
        {"route": one.node.name, "line": line_of(text, one.node), "taken": not one.refused, "why": why(one, asked),
         "to": [] if one.refused else list(one.node.to)}
        for one in found.routes.way(asked)
    ]  # fmt: skip
    may = [
        {"name": one.name, "why": muted(one)} for one in found.routes.inhibitions
        if group in one.target.groups and severity in one.target.severities and (one.units is None or unit in one.units)
    ]  # fmt: skip
    return {"unit": unit, "severity": str(severity), "group": group, "at": f"{now:%Y-%m-%d %H:%M} UTC", "steps": steps,
            "muted_by": may, "routes": seen}


def why(seen: Seen, asked: Asked) -> str:
    """What a route did with a message, and why, in words."""
    if not seen.refused:
        return "takes it" + ("; no route below does" if seen.node.below else "")
    if seen.refused == "below":
        return "matches; a route below takes it"
    if seen.refused == "before":
        return f"not asked: route {seen.before.name if seen.before else ''} took it and does not say continue"
    wanted = ", ".join(getattr(seen.node, seen.refused)) or "nothing"
    has = {"messages": asked.message, "units": asked.units, "severities": asked.severities, "groups": asked.groups}[seen.refused]
    return f"not taken: its {seen.refused} are {wanted}, not {has}"
