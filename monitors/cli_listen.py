"""`nephrowatch slack-listen`: hear presses on Slack cards until told to stop."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from monitors import pipeline
from monitors.cli_words import out


def slack_listen(
    alive: Annotated[Path | None, typer.Option(help="Touch this file every few seconds while every connection stands.")] = None,
    once: Annotated[bool, typer.Option("--once", help="End after the first press.")] = False,
) -> None:
    """Let "I am taking this" on Slack cards count. Runs until stopped; needs an app_token in routes.yaml (docs/slack.md)."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    most = 1 if once else None
    pressed = pipeline.slack_listen(stop, ready=lambda: out.print("Listening for presses."), alive=alive, most=most)
    out.print(f"Stopped; presses answered: {pressed}.", highlight=False)
