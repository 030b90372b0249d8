"""`nephrowatch doctor`: what is wrong with this installation, and what to do about it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from monitors import settings
from monitors.cli_words import Json, out, print_json
from monitors.doctor import State, examine

_MARKS = {State.FAULT: "FAULT", State.NOTE: "note ", State.FINE: "fine "}


def doctor(
    network: Annotated[bool, typer.Option(help="Also ask mail servers, Slack and the heartbeat's host.")] = True,
    everything: Annotated[bool, typer.Option("--all", help="What is in order, too.")] = False,
    as_json: Json = False,
) -> None:
    """Look this installation over: configuration, logins, ledger, clocks, disk, feeds, messages, destinations. Changes nothing.

    Exit code 0: no fault. 1: at least one.
    """
    found = examine(settings.from_process(), lambda: datetime.now(UTC), network=network)
    if as_json:
        print_json([asdict(finding) for finding in found])
    else:
        for finding in found:
            if finding.state is State.FINE and not everything:
                continue
            out.print(f"{_MARKS[finding.state]}  {finding.check}: {finding.says}", markup=False, highlight=False)
            if finding.remedy:
                out.print(f"       {finding.remedy}", markup=False, highlight=False)
        counts = [sum(finding.state is state for finding in found) for state in (State.FAULT, State.NOTE, State.FINE)]
        out.print(f"{counts[0]} faults, {counts[1]} notes, {counts[2]} checks in order.", highlight=False)
    if any(finding.state is State.FAULT for finding in found):
        raise typer.Exit(1)
