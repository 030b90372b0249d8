"""`nephrowatch why`: one decision explained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Annotated, Any

import typer

from monitors import pipeline
from monitors.cli_words import Json, day_of, instant_of, out, print_json, table

FEW = 3
"""So many unused values of one measure in a row, for one reason, are each a line; more are one line (all are in --json)."""


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
    table(("measure", "value", "collected", "used", "why"), list(_values(one["values"])), "none")
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


def _values(values: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    """The rows of the table of values; a long run of values not used, for one reason, is one row."""
    for (measure, used, why), run in groupby(values, key=lambda v: (v["measure"], v["used"], v["why"])):
        rows = list(run)
        if used or len(rows) <= FEW:
            yield from ((measure, _value(v), v["collected_at"], "yes" if used else "no", why) for v in rows)
        else:
            low, high = (choose(rows, key=lambda v: v["value"]) for choose in (min, max))
            span = f"{rows[-1]['collected_at'][:10]} to {rows[0]['collected_at'][:10]}"
            yield measure, f"{_value(low)} to {_value(high)}", span, "no", f"{len(rows)} values: {why}"


def _value(v: Mapping[str, Any]) -> str:
    return f"{v['comparator']}{v['value']:g} {v['unit']}"
