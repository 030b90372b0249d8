"""`nephrowatch messages ...` and `nephrowatch notify ...`."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from monitors import pipeline
from monitors.cli_words import Json, err, out, print_json

messages_app = typer.Typer(help="Messages: how they read.", no_args_is_help=True)
notify_app = typer.Typer(help="Destinations: can they be reached?", no_args_is_help=True)


@messages_app.command("preview")
def preview(
    episode: Annotated[str, typer.Argument(metavar="EPISODE", help="Number or ref, e.g. NW-4F7K.")],
    channel: Annotated[str, typer.Option(help="slack, email or webhook.")] = "email",
    as_json: Json = False,
) -> None:
    """The newest message of an episode, as it would read now. Sends nothing."""
    shown = pipeline.message_preview(episode, channel=channel)
    if as_json:
        print_json(shown)
        return
    out.print(f"Subject: {shown['subject']}\n\n{shown['text']}", markup=False, highlight=False)


@notify_app.command("test")
def trial(
    destination: Annotated[str, typer.Argument(metavar="DESTINATION", help="Its name in routes.yaml.")],
    actor: Annotated[str, typer.Option(help="Who asks; recorded.")] = "",
    as_json: Json = False,
) -> None:
    """Send one message marked TEST. It is recorded like any other."""
    became = pipeline.notify_test(destination, actor=actor or getpass.getuser())
    if as_json:
        print_json(became)
    elif became["state"] == "delivered":
        out.print(f"{destination} took the message.")
    else:
        err.print(f"nephrowatch: {destination}: {became['state']}. {became['sentence'] or ''}", markup=False)
    if became["state"] != "delivered":
        raise typer.Exit(2)
