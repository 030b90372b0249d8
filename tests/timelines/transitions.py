"""Every step of a life that the code can make, found by trying; docs/states.md holds the same.

`python -m tests.timelines.transitions` writes the table there.

A night is tried on an episode in each state with each kind of finding, unit, census status and memory; a person presses every
button in each state.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import product
from pathlib import Path

from monitors.alerts import LEFT_FOR_GOOD, Standing, reconcile
from monitors.human import KIND, OUTCOMES, Deed, Refused, Subject, decide
from monitors.muting import Inhibition, Mutes, Silence
from monitors.records import Change, ChangeKind, Episode, Finding, Limb, Outcome, Said, Severity, State
from tests.timelines.timeline import FIRST, Facts, fires, notifies

PAGE = Path(__file__).resolve().parents[2] / "docs" / "states.md"
BEGIN, END = "<!-- transitions: written by tests/timelines/transitions.py -->", "<!-- end of transitions -->"
NIGHT = FIRST + timedelta(days=200)
YESTERDAY = datetime(2026, 10, 17, 9, tzinfo=UTC)
LIVING = (State.OPEN, State.STALE, State.ACKNOWLEDGED, State.SNOOZED, State.DISMISSED)
HUMAN = (State.ACKNOWLEDGED, State.SNOOZED, State.DISMISSED)
RULES = {"R01": Facts(), "R02": Facts(), "R19": Facts(awaits=True), "R03": Facts(lookback_days=30)}
HERE = ("N1", "R01"), ("N1", "R02")
SILENT = Mutes(
    (Inhibition(
        "silent-feed", frozenset(), frozenset(), frozenset({"labs"}), frozenset({"phosphate"}), frozenset({Severity.HIGH}),
        frozenset({"N1"}), 400),),
    frozenset({("labs", "")}),
)  # fmt: skip
HUSHED = Mutes(silences=(Silence(1, frozenset({"N1"}), frozenset(), frozenset(), frozenset({"slack"})),))


@dataclass(frozen=True)
class Step:
    """One edge, as tried. before: None where it opens an episode."""

    before: State | None
    kind: ChangeKind
    reason: str
    after: State
    by_person: bool = False
    withheld: frozenset[str] = frozenset()


@cache
def _episodes() -> tuple[Episode, ...]:
    return tuple(_made())


@cache
def steps() -> frozenset[Step]:
    return frozenset((*_nights(), *_people()))


def _findings() -> Iterator[dict[str, Finding]]:
    at = YESTERDAY + timedelta(hours=12)
    clear = Finding(1, "R01", Outcome.CLEAR, "clear", "", cleared_at=at)
    said = [
        *(fires("R01", severity, YESTERDAY) for severity in Severity), fires("R01", Severity.HIGH, at, 2, 9.9),
        fires("R01", Severity.HIGH, YESTERDAY)._replace(outcome=Outcome.HOLDING),
        fires("R01", Severity.CRITICAL, at)._replace(previous=Outcome.FIRING, previous_severity=Severity.HIGH),
        Finding(1, "R01", Outcome.NOT_ASSESSABLE, "no_recent:phosphate", ""), clear, None,
        clear._replace(previous=Outcome.FIRING), fires("R01", Severity.HIGH, at)._replace(previous=Outcome.NOT_ASSESSABLE),
        fires("R01", Severity.WARNING, at)._replace(previous=Outcome.FIRING, previous_severity=Severity.HIGH),
        Finding(1, "R01", Outcome.NOT_ASSESSABLE, "no_recent:phosphate", "", previous=Outcome.FIRING),
        fires("R01", Severity.HIGH, at)._replace(previous=Outcome.CLEAR),
    ]  # fmt: skip
    others = (None, fires("R02", Severity.WARNING, at), fires("R02", Severity.HIGH, YESTERDAY), clear._replace(rule="R02"))
    for one, other in product(said, others):
        yield {finding.rule: finding for finding in (one, other) if finding}


def _nights() -> Iterator[Step]:
    stopped = dict.fromkeys(HERE, "rule_stopped")
    quiets = [{}, dict.fromkeys(HERE, "silent_phase"), stopped, {HERE[0]: "rule_stopped"}]
    findings = list(_findings())
    tonight = [("N1", "active", found, quiet) for found, quiet in product(findings, quiets)]
    tonight += [("N2", "active", found, {}) for found in findings]
    tonight += [("N1", status, findings[0], {}) for status in LEFT_FOR_GOOD]
    for unit, status, found, quiet in tonight:
        for baseline in ((), HERE):
            yield from _tried(Standing(1, unit, status), found, None, baseline, quiet)
        for episode in _episodes():
            yield from _tried(Standing(1, unit, status), found, episode, (), quiet)


def _made() -> Iterator[Episode]:
    limbs = {name: Limb(name, Outcome.FIRING, Severity.HIGH, "persistent", (
        fires(name, Severity.HIGH, YESTERDAY).evidence[0].to_json(),)) for name in RULES}  # fmt: skip
    told: dict[str, dict[str, Severity]] = {name: {"R01": Severity.HIGH, "R02": Severity.HIGH} for name in ("mail-N1", "slack")}
    for rules in (("R01",), ("R01", "R02"), ("R19",), ("R03",)):
        standing = {name: limbs[name] for name in rules}
        if rules == ("R03",):  # what it rested on is older than it looks back
            old = fires("R03", Severity.HIGH, YESTERDAY - timedelta(days=90)).evidence[0].to_json()
            standing = {"R03": replace(limbs["R03"], evidence=(old,))}
        run_out = {name: replace(limb, outcome=Outcome.NOT_ASSESSABLE) for name, limb in standing.items()}
        half_out = {**standing, rules[0]: run_out[rules[0]]}
        milder = {name: replace(limb, severity=Severity.WARNING) for name, limb in standing.items()}
        listed = {name: replace(limb, listed=Severity.HIGH) for name, limb in standing.items()}
        for state, known, now in product(LIVING, (told, {}), (standing, run_out, listed, half_out)):
            if ((state is State.STALE) != (now is run_out) and state not in HUMAN) or (now is half_out and len(rules) == 1):
                continue
            for ago, seen in ((1, standing), (150, standing), (1, milder), (1, {})):
                looked = NIGHT - timedelta(days=ago)
                said = Said(state, looked, looked + timedelta(days=30), seen) if state in HUMAN else None
                yield Episode(1, 1, "phosphate", "N1", state, Severity.HIGH, FIRST, FIRST, 3, now, known, said=said)
                if said is None:
                    break


def _tried(
    patient: Standing, findings: dict[str, Finding], episode: Episode | None, baseline: tuple[tuple[str, str], ...],
    quiet: dict[tuple[str, str], str],
) -> Iterator[Step]:  # fmt: skip
    known = [episode] if episode else []
    for mutes in (Mutes(), SILENT, HUSHED) if not quiet and not baseline else (Mutes(),):
        for change in reconcile(patient, findings, known, RULES, NIGHT, baseline, notifies, quiet, mutes=mutes):
            yield _step(change)


def _step(change: Change) -> Step:
    reason = "the finding's reason" if change.kind is ChangeKind.STALE and ":" in change.reason else change.reason
    withheld = frozenset(item.reason for item in change.withheld)
    return Step(change.from_state, change.kind, reason, change.to_state, withheld=withheld)


def _people() -> Iterator[Step]:
    today = date(2026, 4, 15)
    for state, action, outcome, mine, active in product(State, KIND, OUTCOMES, ("example", "another", None), (True, False)):
        limbs = {"R01": Severity.HIGH} if active else {}
        subject = Subject("NW-1", state, Severity.HIGH, "N1", limbs, mine, "A", opened=True)
        deed = Deed(action, "example", "nephrologist", True, today, "plan", today + timedelta(days=3), outcome)
        try:
            decided = decide(subject, deed)
        except Refused:
            continue
        yield Step(state, decided.kind, decided.reason, decided.to_state, by_person=True)


def table() -> str:
    """From (rows) to (columns): the changes that lead there; those by a person in italics."""
    cells: dict[tuple[State | None, State], set[str]] = defaultdict(set)
    for step in steps():
        cells[step.before, step.after].add(f"*{step.kind}*" if step.by_person else str(step.kind))
    lines = [f"| from \\ to | {' | '.join(State)} |", "| --- |" + " --- |" * len(State)]
    for before in (None, *State):
        row = [", ".join(sorted(cells[before, after], key=lambda name: name.strip("*"))) or "-" for after in State]
        lines.append(f"| {before or 'none yet'} | {' | '.join(row)} |")
    return "\n".join(lines)


def written(page: str) -> str:
    """The page with the table as it should stand."""
    return re.sub(f"{re.escape(BEGIN)}.*{re.escape(END)}", lambda _: f"{BEGIN}\n{table()}\n{END}", page, flags=re.DOTALL)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
