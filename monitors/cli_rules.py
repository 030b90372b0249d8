"""`nephrowatch rules` and `nephrowatch why`: review, the kill switch, what a change would do, and one decision explained."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any

import typer

from monitors import cli_rule_tests, pipeline
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
    out.print(f"\n{found['patient_months']:g} patient months; episodes: {found['episodes']}")
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


def why(
    patient: Annotated[str, typer.Argument(metavar="PATIENT", help="authority|identifier, or the identifier alone.")],
    rule: Annotated[list[str] | None, typer.Option(help="Only this rule; may be repeated.")] = None,
    night: Annotated[str, typer.Option(help="The night's date. Default: the newest that was judged.")] = "",
    known_at: Annotated[
        str, typer.Option(help="What was known at this time, e.g. 2026-04-15T06:00Z. Default: when it was judged.")
    ] = "",
    as_json: Json = False,
) -> None:
    """One decision step by step: values used and not used, each test with its numbers, and who was told or why nobody was."""
    found = pipeline.explain(patient, rules=rule or (), night=day_of(night) if night else None,
                             known_at=instant_of(known_at) if known_at else None)  # fmt: skip
    if as_json:
        print_json(found)
        return
    out.print(f"{found['patient']} · unit {found['unit']} ({found['status']}) · night {found['night']} · knowledge up to batch "
              f"{found['known']} · rules {found['ruleset']}", markup=False)  # fmt: skip
    if found.get("not_judged"):
        out.print(f"Nothing was judged: {found['not_judged']}.", markup=False)
    for one in found["decisions"]:
        _decision(one, brief=not rule)
    for title, rows in (("Versions not used", found.get("versions_not_used")), ("In quarantine", found.get("quarantined"))):
        if rows and rule:
            out.print(f"\n{title}:", markup=False)
            table(tuple(rows[0]), [tuple(row.values()) for row in rows], "")
    if not rule and found["decisions"]:
        out.print("\nEvery step of one of them: --rule RULE", markup=False)


def _decision(one: Mapping[str, Any], brief: bool) -> None:
    severity = f" {one['severity']}" if one["severity"] else ""
    said_so = f": {one['sentence']}" if one["sentence"] else ""
    name = f"{one['rule']} v{one['version']} {one['title']}"
    out.print(f"\n{name} · {one['outcome']}{severity} ({one['reason']}){said_so}", markup=False)
    if one["recorded"] not in (None, one["outcome"]):
        out.print(f"  That night it was recorded as {one['recorded']}: knowledge or rules were others then.", markup=False)
    out.print(f"  Told: {one['told']}", markup=False)
    if brief:
        return
    quiet = f" · {one['quiet']}" if one["quiet"] else ""
    out.print(f"  Runs as {one['runs']} · {one['review']}{quiet}", markup=False)
    out.print("\nValues:", markup=False)
    table(("measure", "value", "collected", "used", "why"),
          [(v["measure"], f"{v['comparator']}{v['value']:g} {v['unit']}", v["collected_at"], "yes" if v["used"] else "no",
            v["why"])
           for v in one["values"]], "none")  # fmt: skip
    out.print("\nTests:", markup=False)
    table(("about", "kind", "asks", "answer", "numbers"),
          [(t["about"], t["kind"], t["asks"], t["answer"], t["numbers"]) for t in one["tests"]], "none")  # fmt: skip
    if episode := one["episode"]:
        out.print(f"\nEpisode {episode['ref']}: {episode['state']}, {episode['severity']}, unit {episode['unit']}, "
                  f"opened on night {episode['opened_night']}", markup=False)  # fmt: skip
        for change in episode["changes"]:
            out.print(f"  night {change['night']}: {change['kind']} ({change['reason']}): {change['sentence']}", markup=False)
            for text in change["told"]:
                out.print(f"     told {text}", markup=False)
            for text in change["withheld"]:
                out.print(f"     not told, {text}", markup=False)
    else:
        out.print("\nEpisode: none of this rule by this night.", markup=False)


def day_of(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date; write it like 2026-04-15") from None


def instant_of(text: str) -> datetime:
    """A time with its zone; without one it is UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a time; write it like 2026-04-15T06:00Z") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
