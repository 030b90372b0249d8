"""`nephrowatch rules`: review, the kill switch, and what a change would do."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any

import typer

from monitors import cli_rule_tests, pipeline
from monitors.cli_words import Actor, Json, Reason, day_of, out, print_json, said, table
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


app.command("test")(cli_rule_tests.judge_cases)

First = Annotated[str, typer.Option("--from", help="The first night, e.g. 2026-01-01.")]
Last = Annotated[str, typer.Option("--to", help="The last night.")]
Every = Annotated[int, typer.Option(help="Judge every so many nights only: faster, and coarser.", min=1)]


@app.command("backtest")
def backtest(
    rules: Annotated[str, typer.Option("--rules", help="Folder of rules, one rule file, or the hash of a stored rule set.")],
    first: First, last: Last, every: Every = 1, as_json: Json = False,
) -> None:  # fmt: skip
    """What changed rules would have done to real history, against today's. Nothing is written, nobody is told."""
    found = pipeline.rules_backtest(rules, day_of(first), day_of(last), every=every)
    if as_json:
        print_json(found)
        return
    out.print(f"{found['nights']} nights, {found['patient_months']:g} patient months; the first is the baseline night of both.")
    table(("", "today's rules", "these rules"),
          [(key.replace("_", " "), today, found["totals"]["after"][key]) for key, today in found["totals"]["before"].items()],
          "")  # fmt: skip
    out.print("")
    table(("rule", "unit", "severity", "begun today", "begun then", "messages today", "messages then",
           "per 100 per month today", "then"),
          [(r["rule"], r["unit"], r["severity"], r["before"]["opened"], r["after"]["opened"], r["before"]["messages"],
            r["after"]["messages"], r["before"]["per_100_patient_months"], r["after"]["per_100_patient_months"])
           for r in found["rows"]], "Nothing would have begun under either.")  # fmt: skip
    _people("Gain an alert", found["gain"])
    _people("Lose an alert", found["lose"])


@app.command("lookback")
def lookback(
    bad: Annotated[str, typer.Option(help="The rules that ran: hash of a stored rule set, folder, or one rule file.")],
    good: Annotated[str, typer.Option(help="The rules that should have run: the same choices.")],
    first: First = "", last: Last = "", every: Every = 1, as_json: Json = False,
) -> None:  # fmt: skip
    """Who was alerted by wrong rules, and who should have been: over the nights the wrong ones were in force."""
    found = pipeline.rules_lookback(bad, good, day_of(first) if first else None, day_of(last) if last else None, every=every)
    if as_json:
        print_json(found)
        return
    out.print(f"Nights {found['from']} to {found['to']}, {found['nights']} judged under both.")
    _people("Alerted by the bad rules only", found["alerted_by_bad_only"])
    _people("Should have been alerted: by the good rules only", found["alerted_by_good_only"])


@app.command("burden")
def burden(first: First = "", last: Last = "", as_json: Json = False) -> None:
    """What the rules cost their readers, from real history; a rule dismissed over 60 % for two months is flagged."""
    found = pipeline.rules_burden(day_of(first) if first else None, day_of(last) if last else None)
    if as_json:
        print_json(found)
        return
    table(("month", "rule", "unit", "severity", "begun", "messages", "begun per 100 per month", "messages per 100 per month"),
          [tuple(row.values()) for row in found["burden"]], "Nothing began on these nights.")  # fmt: skip
    begun = found["episodes"]
    out.print(f"\n{found['patient_months']:g} patient months; {begun['opened']} episodes opened, {begun['present_at_start']} "
              f"present at start; {begun['per_100_patient_months']:g} opened per 100 patient months", markup=False)  # fmt: skip
    for key in ("opened_again_within_90_days", "messages_without_news", "retracted", "quarantined"):
        share = found[key]
        out.print(f"{key.replace('_', ' ')}: {share['count']} of {share['of']}")
    table(("severity", "time to", "messages", "median hours", "p90 hours"), [tuple(row.values()) for row in found["times"]], "")
    table(("month", "rule", "answered", "dismissed", "share"), [tuple(row.values()) for row in found["dismissed"]],
          "Nobody has answered any yet.")  # fmt: skip
    out.print(f"Flagged, dismissed over 60 % for two months: {', '.join(found['flagged']) or 'none'}.")


def _people(title: str, lines: Sequence[Mapping[str, Any]]) -> None:
    out.print(f"\n{title}: {len(lines)}")
    if lines:
        shown = [(one["patient"], one["rule"], one["unit"], one["severity"], one["night"], _in_fact(one)) for one in lines]
        table(("patient", "rule", "unit", "severity", "night", "told in fact"), shown, "")


def _in_fact(line: Mapping[str, Any]) -> str:
    told = line.get("told_in_fact")
    return f"{told['night']}: {', '.join(told['destinations'])}" if told else ""


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
