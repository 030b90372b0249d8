"""`nephrowatch destinations detail ...`: which destinations may show patients' details, by whose approval, until when."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from monitors import pipeline
from monitors.cli_words import Actor, Json, Reason, out, print_json, said, table
from monitors.errors import UserError

app = typer.Typer(help="Destinations: what they may show.", no_args_is_help=True)
detail_app = typer.Typer(help="Leave to show patients' details: recorded, expiring, and never by configuration.",
                         no_args_is_help=True)  # fmt: skip
app.add_typer(detail_app, name="detail")
Name = Annotated[str, typer.Argument(metavar="DESTINATION", help="Its name in routes.yaml.")]
HOLDS = {
    "allowed": "details", "never": "no details", "withdrawn": "no details (withdrawn)", "expired": "no details (expired)",
    "moved": "no details (it leads elsewhere than when that was approved)",
}  # fmt: skip


@detail_app.command("allow")
def allow(
    destination: Name, reason: Reason, actor: Actor,
    until: Annotated[str, typer.Option(help="The last day (UTC), e.g. 2026-12-31; a year off at most.")],
    approved_by: Annotated[str, typer.Option(help="Who approved it: login or e-mail of people.yaml.")],
) -> None:  # fmt: skip
    """Let its messages show who the patient is, values and drugs, through a day. A Slack channel has to be private and not
    shared, which is asked of Slack before each run; else cards stay free of details."""
    try:
        last = date.fromisoformat(until)
    except ValueError:
        raise UserError(f"--until {until!r} is not a date; write it like 2026-12-31.") from None
    leave = pipeline.detail_allow(destination, until=last, approved_by=said("approved-by", approved_by),
                                  actor=said("actor", actor), reason=said("reason", reason))  # fmt: skip
    out.print(f"{destination} may show details through {leave.until} (UTC), approved by {leave.approver_name}, "
              f"{leave.approver_role}. It counts from the next message on.", markup=False, highlight=False)  # fmt: skip


@detail_app.command("withdraw")
def withdraw(destination: Name, reason: Reason, actor: Actor) -> None:
    """From the next message on it shows no details. What was posted or mailed before stays where it is."""
    pipeline.detail_withdraw(destination, actor=said("actor", actor), reason=said("reason", reason))
    out.print(f"{destination} shows no details from the next message on. What it showed before stays there: delete it there.",
              markup=False, highlight=False)  # fmt: skip


@detail_app.command("list")
def list_leaves(as_json: Json = False) -> None:
    """Every destination: what it may show now, by whose approval, until when, and why."""
    found = pipeline.detail_list()
    if as_json:
        print_json(found)
        return
    rows = []
    for one in found:
        decided = one["decided"] or {}
        approved = f"{decided['approver_name']}, {decided['approver_role']}" if decided.get("approved_by") else ""
        rows.append((one["destination"], HOLDS[one["holds"]], decided.get("until"), approved, decided.get("actor"),
                     decided.get("reason")))  # fmt: skip
    table(("destination", "shows", "until", "approved by", "recorded by", "reason"), rows, "There is no destination.")
