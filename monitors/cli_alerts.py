"""`nephrowatch alerts take|release|ack|unack|snooze|dismiss|outcome`: what a person does about an episode."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated, Any

import typer

from monitors import pipeline
from monitors.cli_words import Json, out, print_json, rows_of

app = typer.Typer(help="Episodes: who needs a look, and why; and what people do about them.", no_args_is_help=True)

Ref = Annotated[str, typer.Argument(metavar="REF", help="As in the message, e.g. NW-4F7K.")]
As = Annotated[str, typer.Option("--as", help="Who does it: a login or e-mail address of people.yaml.")]
Reason = Annotated[str, typer.Option(help="Why; kept in the history. Never in a message.")]


@app.command("take")
def take(ref: Ref, actor: As, reason: Reason = "", as_json: Json = False) -> None:
    """Say that you are taking this. With a reason, take it over from somebody else."""
    _act(ref, "take", actor, as_json, reason=reason)


@app.command("release")
def release(ref: Ref, actor: As, reason: Reason = "", as_json: Json = False) -> None:
    """Give back what you took."""
    _act(ref, "release", actor, as_json, reason=reason)


@app.command("ack")
def acknowledge(ref: Ref, actor: As, reason: Reason = "", as_json: Json = False) -> None:
    """Acknowledge, after `nephrowatch alerts show REF --as PERSON`."""
    _act(ref, "acknowledge", actor, as_json, reason=reason)


@app.command("unack")
def unacknowledge(ref: Ref, actor: As, reason: Reason = "", as_json: Json = False) -> None:
    """Take back an acknowledgement, a snooze or a dismissal."""
    _act(ref, "unacknowledge", actor, as_json, reason=reason)


@app.command("snooze")
def snooze(
    ref: Ref, actor: As, reason: Reason, until: Annotated[str, typer.Option(help="The last day, e.g. 2026-05-01.")],
    as_json: Json = False,
) -> None:  # fmt: skip
    """A plan is in place until a day. It ends after that day, or as soon as things are worse."""
    try:
        day = date.fromisoformat(until)
    except ValueError:
        raise typer.BadParameter(f"{until!r} is not a date; write it like 2026-05-01") from None
    _act(ref, "snooze", actor, as_json, reason=reason, until=day)


@app.command("dismiss")
def dismiss(ref: Ref, actor: As, reason: Reason, as_json: Json = False) -> None:
    """Not for us; ends on worse evidence, a new cause, or after 90 days. Never for CRITICAL."""
    _act(ref, "dismiss", actor, as_json, reason=reason)


@app.command("outcome")
def outcome(
    ref: Ref, what: Annotated[str, typer.Argument(help=" | ".join(pipeline.actions.OUTCOMES))], actor: As, reason: Reason = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Record what came of it; that a rule is wrong reaches its owner."""
    _act(ref, "outcome", actor, as_json, reason=reason, outcome=what)


def _act(ref: str, action: str, login: str, as_json: bool, **given: Any) -> None:
    with pipeline.opened() as here:
        change = pipeline.act(ref, action, pipeline.person(here, login=login), here=here, **given)
    if as_json:
        print_json({"episode": change.episode_id, "seq": change.version + 1, "kind": change.kind, "reason": change.reason,
                    "state": change.to_state, "sentence": change.sentence})  # fmt: skip
        return
    out.print(f"{change.sentence} It is {change.to_state} now.")


def print_facts(facts: Iterable[Mapping[str, Any]]) -> None:
    """Who was told, saw, opened, acknowledged, and did what else, one line each."""
    out.print("")
    for fact in facts:
        until = f" until {fact['until']}" if fact["until"] else ""
        out.print(f"{fact['fact']} by {fact['who']} {fact['role']}".rstrip() + f", {fact['at']}{until} {fact['reason']}".rstrip())


def for_review(episodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of some episodes that a death closed at HIGH or CRITICAL, and of which nobody has recorded an outcome since."""
    with pipeline.opened() as here:
        wanted = {row["episode_id"] for row in rows_of(here, "read/safety_review")}
    return [episode for episode in episodes if episode["id"] in wanted]


def looked(here: pipeline.Here, episode_id: int, ref: str, actor: str) -> list[dict[str, Any]]:
    """The facts of an episode; that this person (if any is named) opened its evidence is one of them from now on."""
    if actor:
        pipeline.evidence_opened(ref, pipeline.person(here, login=actor), here=here)
    return rows_of(here, "act/facts", episode_id=episode_id)
