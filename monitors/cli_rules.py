"""`nephrowatch rules` and `nephrowatch why`: review, the kill switch, what a change would do, and one decision explained."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any

import typer

from monitors import pipeline
from monitors.cli_words import Actor, Json, Reason, out, print_json, said, table
from monitors.errors import UserError

app = typer.Typer(help="Rules: review, silent phase, kill switch, and what a change would do.", no_args_is_help=True)

RuleId = Annotated[str, typer.Argument(metavar="RULE", help="The rule's id, e.g. R01.")]
Unit = Annotated[str, typer.Option(help="Only at this unit. Default: everywhere.")]


@app.command("list")
def list_rules(as_json: Json = False) -> None:
    """Every rule: how it runs here, whether it is reviewed, and where it tells nobody."""
    rules = pipeline.rules_list()
    if as_json:
        print_json(rules)
        return
    table(("rule", "title", "severity", "runs", "review", "tells nobody at"),
          [(f"{r['rule']} v{r['version']}", r["title"], r["severity"], r["runs"], r["review"], quiet_words(r["quiet"]))
           for r in rules], "No rule is configured.")  # fmt: skip


@app.command("sign")
def sign(
    rule: RuleId,
    reviewer: Annotated[str, typer.Option(help="The clinician who reviewed it: kept in the ledger.")],
    role: Annotated[str, typer.Option(help="The reviewer's role, e.g. nephrologist.")],
    note: Annotated[str, typer.Option(help="What was looked at.")] = "reviewed as written",
) -> None:
    """A named clinician reviewed the rule as it is written now. A changed rule is unsigned again."""
    made = pipeline.rules_decide("signed", [rule], actor=said("reviewer", reviewer), role=said("role", role), reason=note)
    out.print(f"{made[0]} is signed, as written today." if made else "It is signed as written today already.")


@app.command("waive")
def waive(
    reason: Reason, actor: Actor, rule: Annotated[str, typer.Argument(metavar="[RULE]", help="The rule's id.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Every rule.")] = False, unit: Unit = "",
) -> None:  # fmt: skip
    """Let a rule tell before its silent phase of two laboratory cycles is over, with the limits it has today."""
    if bool(rule) == everything:
        raise UserError("Name one rule, or --all.")
    made = pipeline.rules_decide("waived", None if everything else [rule], actor=said("actor", actor),
                                 reason=said("reason", reason), unit=unit)  # fmt: skip
    out.print(f"Waived: {', '.join(made)}." if made else "It was waived already.")


@app.command("stop")
def stop(rule: RuleId, reason: Reason, actor: Actor, unit: Unit = "") -> None:
    """The kill switch: from the next reconcile on it tells nobody, and what it had open ends quietly."""
    made = pipeline.rules_decide("stopped", [rule], actor=said("actor", actor), reason=said("reason", reason), unit=unit)
    where = f"at unit {unit}" if unit else "everywhere"
    out.print(f"{made[0]} is stopped {where}; the morning list says so." if made else "It is stopped already.")


@app.command("resume")
def resume(rule: RuleId, reason: Reason, actor: Actor, unit: Unit = "") -> None:
    """Let a stopped rule judge for telling again."""
    made = pipeline.rules_decide("resumed", [rule], actor=said("actor", actor), reason=said("reason", reason), unit=unit)
    out.print(f"{made[0]} runs again{f' at unit {unit}' if unit else ''}.")


def quiet_words(quiet: Mapping[str, Mapping[str, Any]]) -> str:
    """`N1, N2 (silent phase until 2026-06-24)`."""
    texts: dict[str, list[str]] = {}
    for unit, why in quiet.items():
        if why["why"] == "rule_stopped":
            text = f"stopped since {why['since']}: {why['reason']}"
        else:
            text = f"silent phase until {why['until']}" if why["until"] else "silent phase, not live yet"
        texts.setdefault(text, []).append(unit)
    return "; ".join(f"{', '.join(units)} ({text})" for text, units in texts.items())


def quiet_now() -> dict[tuple[str, str], str]:
    """{(unit, rule): why} of every rule that tells nobody at a unit tonight."""
    return {(unit, rule["rule"]): why["why"] for rule in pipeline.rules_list() for unit, why in rule["quiet"].items()}


def review_line(shown: Collection[str]) -> str:
    """Of some rules, which are not clinically reviewed at this site: what every list says."""
    reviews = {rule["rule"]: rule["signed_by"] for rule in pipeline.rules_list()}
    unsigned = sorted(rule for rule in shown if not reviews.get(rule))
    return f"Not clinically reviewed at this site: {', '.join(unsigned)}." if unsigned else "Every rule shown is signed here."
