"""`nephrowatch silences ...`: what nobody is told of for a while, who asked for that, and until when."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from monitors import pipeline
from monitors.cli_words import Actor, Json, Reason, out, print_json, said, table

app = typer.Typer(help="Silences: a bounded, reasoned quiet about some alerts; never about CRITICAL ones.", no_args_is_help=True)
FORMATS = ["%Y-%m-%dT%H:%M"]
Several = list[str] | None


@app.command("add")
def add(
    until: Annotated[datetime, typer.Option(formats=FORMATS, help="When it ends, UTC. At most silence_days (site.yaml) long.")],
    reason: Reason, actor: Actor,
    unit: Annotated[Several, typer.Option(help="Only alerts of this unit (several: any of them).")] = None,
    rule: Annotated[Several, typer.Option(help="Only what this rule raised.")] = None,
    group: Annotated[Several, typer.Option(help="Only this cause group, such as phosphate.")] = None,
    destination: Annotated[Several, typer.Option(help="Only messages to this destination.")] = None,
    begins: Annotated[datetime | None, typer.Option("--from", formats=FORMATS, help="When it begins, UTC; now.")] = None,
) -> None:  # fmt: skip
    """Tell nobody of some alerts until a time. They stand on the pages and on the morning list; CRITICAL ones are told as ever.
    When it ends, those that still fire and were not told come as one message."""
    number = pipeline.silence_add(
        units=unit or (), rules=rule or (), groups=group or (), destinations=destination or (),
        begins=begins.replace(tzinfo=UTC) if begins else None, ends=until.replace(tzinfo=UTC), actor=said("actor", actor),
        reason=said("reason", reason),
    )  # fmt: skip
    out.print(f"Silence {number} holds until {until:%Y-%m-%d %H:%M} UTC. CRITICAL alerts are told as ever.", highlight=False)


@app.command("list")
def list_silences(
    everything: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False, as_json: Json = False
) -> None:
    """Silences in force and to come: what they cover, until when, who asked and why, and how many alerts they withheld."""
    found = [one for one in pipeline.silences_list() if everything or one["state"] != "over"]
    if as_json:
        print_json(found)
        return
    table(
        ("silence", "state", "covers", "from", "until", "by", "reason", "withheld", "still waiting"),
        [(one["silence_id"], one["state"], covers(one), _utc(one["begins_at"]), _utc(one["ended_at"] or one["ends_at"]),
          one["actor"], one["reason"], one["withheld"], one["waiting"]) for one in found],
        "No silence is in force.",
    )  # fmt: skip


@app.command("end")
def end(
    silence: Annotated[int, typer.Argument(metavar="SILENCE", help="Its number.")], reason: Reason, actor: Actor
) -> None:
    """End a silence before its time. What still fires and was not told goes out as one message a unit and destination."""
    told = pipeline.silence_end(silence, actor=said("actor", actor), reason=said("reason", reason))
    out.print(f"Silence {silence} is over. Alerts that are told now: {told}.", highlight=False)


def covers(one: dict[str, Any]) -> str:
    """What a silence covers, in words."""
    kinds = (("unit", "units"), ("rule", "rules"), ("cause", "groups"), ("to", "destinations"))
    return "; ".join(f"{word} {' or '.join(one[kind])}" for word, kind in kinds if one[kind])


def _utc(value: datetime) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
