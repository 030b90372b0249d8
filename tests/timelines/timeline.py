"""Lives told as tables: one line a night, read and lived through `alerts.reconcile` in memory.

    night | how    | R01          | where | then      | changes            | told
    1     |        | firing HIGH  |       |           | opened raised      | mail slack
    2     | missed | cleared      |       |           |                    |

night: nights of April 2026. how: empty (a live night), `missed` (nobody ran it), `again` (run once more).
A rule's column: `firing S`, `holding S`, `cleared` (a newer value cleared it), `gone` (its evidence was
corrected away), a reason such as `no_recent:phosphate` (not assessable), or nothing (plainly clear);
`was X` after it is the outcome under the previous rule set, `fixed` says the draw's result was replaced.
A number at the end of a cell (`firing HIGH 6.8`) is the value it rests on; the limit is 5.5.
where: unit, or a census status. then: what people and the network do afterwards: `acknowledged`, `snoozed` (a year),
`snoozed to 9` (its last day), `dismissed`, or `dead` (the night's messages never arrive). changes, told: what is expected;
`-` is nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from monitors.alerts import Standing, reconcile
from monitors.muting import Mutes
from monitors.records import Change, Episode, Evidence, Finding, Outcome, Said, Severity, State, rank
from monitors.reopening import Endings

FIRST = date(2026, 4, 1)


@dataclass(frozen=True)
class Facts:
    """A rule, as far as reconciling looks at it."""

    group: str = "phosphate"
    opens: bool = True
    shadow: bool = False
    tell_at_baseline: bool = False
    lookback_days: int = 400
    awaits: bool = False
    measures: tuple[str, ...] = ("phosphate",)

    def beyond(self, measure: str, value: float, unit: str) -> float:
        return value / (1.78 if unit == "mmol/L" else 5.5) - 1


def notifies(unit: str, severity: Severity, group: str) -> tuple[str, ...]:
    """HIGH and CRITICAL go to the unit's mailbox and a shared channel; WARNING stands on the list only."""
    return () if severity is Severity.WARNING else (f"mail-{unit}", "slack")


@dataclass
class Life:
    """One patient's episodes in memory: what the database does, without one.

    baseline: (unit, rule) pairs whose first live night is the `baseline_night`.
    """

    rules: dict[str, Facts]
    baseline: frozenset[tuple[str, str]] = frozenset()
    baseline_night: date = FIRST
    episodes: list[Episode] = field(default_factory=list)
    changes: list[tuple[date, Change]] = field(default_factory=list)
    judged_through: date | None = None
    last_night: date | None = None
    endings: Endings = field(default_factory=Endings)
    mutes: Mutes = field(default_factory=Mutes)

    def night(
        self, night: date, findings: dict[str, Finding], unit: str = "N1", status: str = "active"
    ) -> list[Change]:
        """One live night; an earlier one than the frontier is retrospective and touches nothing."""
        if self.judged_through is not None and night < self.judged_through:
            return []
        if self.judged_through != night:
            self.last_night, self.judged_through = self.judged_through, night
        yesterday = night - timedelta(days=1)
        late = self.last_night is not None and self.last_night < yesterday
        missed = datetime(yesterday.year, yesterday.month, yesterday.day, 3, tzinfo=UTC) if late else None
        baseline = self.baseline if night == self.baseline_night else frozenset()
        changes = reconcile(
            Standing(1, unit, status, missed), findings, self.open(), self.rules, night, baseline, notifies,
            endings=self.endings, mutes=self.mutes,
        )
        for change in changes:
            self.write(change, night)
        return changes

    def open(self) -> list[Episode]:
        return [episode for episode in self.episodes if not episode.state.ended]

    def write(self, change: Change, night: date) -> None:
        self.changes.append((night, change))
        if change.episode_id is None:
            before = Episode(
                len(self.episodes), 1, change.group, change.unit, State.OPEN, change.severity, night, night,
                0, {}, baseline=change.baseline,
            )  # fmt: skip
            self.episodes.append(before)
        else:
            before = self.episodes[change.episode_id]
        assert change.version == before.version
        told = {name: dict(limbs) for name, limbs in before.told.items()}
        active = {rule: limb.severity for rule, limb in change.limbs.items() if limb.active}
        for telling in change.tellings:
            known = told.get(telling.destination, {})
            if telling.reason == "withdrawn":
                still = active.keys() & known.keys()
                told[telling.destination] = {rule: min(active[rule], known[rule], key=rank) for rule in still}
            else:
                for rule, severity in active.items():
                    known[rule] = max(severity, known.get(rule, Severity.WARNING), key=rank)
                told[telling.destination] = known
        self.episodes[before.episode_id] = replace(
            before, unit=change.unit, state=change.to_state, severity=change.severity, changed_night=night,
            version=before.version + 1, limbs=change.limbs, told=told,
        )  # fmt: skip

    def human(self, state: State, until: date | None = None) -> None:
        """A person acknowledges, snoozes (for a year, or to a day) or dismisses whatever is open."""
        on = self.judged_through or FIRST
        until = until or on + timedelta(days=365)
        self.episodes = [
            e if e.state.ended else replace(e, state=state, said=Said(state, on, until, e.limbs)) for e in self.episodes
        ]

    def dies(self) -> None:
        """No message of the open episodes ever arrives."""
        self.episodes = [e if e.state.ended else replace(e, told={}) for e in self.episodes]


def fires(rule: str, severity: Severity, at: datetime, result_id: int = 1, value: float = 6.8) -> Finding:
    evidence = (Evidence("phosphate", value, "mg/dL", at, result_id, role="latest"),)
    return Finding(1, rule, Outcome.FIRING, "persistent", "above the limit", severity, at, None, evidence)


def live(table: str, life: Life) -> Life:
    """Live through a table and hold every night against what it expects."""
    header, *lines = [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]
    draws: dict[str, tuple[str, datetime]] = {}
    for cells in lines:
        row = dict(zip(header, cells, strict=True))
        night = FIRST + timedelta(days=int(row["night"]) - 1)
        findings = findings_of(row, [name for name in header if name.startswith("R")], draws, night)
        if row.get("how") == "missed":
            continue
        where = row.get("where", "")
        unit = where if where.startswith("N") else next((e.unit for e in life.open()), "N1")
        status = where if where and not where.startswith("N") else "active"
        changes = life.night(night, findings, unit, status)
        assert told_of(changes) == (row["changes"] or "-", row["told"] or "-"), f"night {row['night']}"
        if row.get("then") == "dead":
            life.dies()
        elif row.get("then"):
            state, _, last = row["then"].partition(" to ")
            life.human(State(state), FIRST + timedelta(days=int(last) - 1) if last else None)
    return life


def told_of(changes: Sequence[Change]) -> tuple[str, str]:
    said = "; ".join(f"{change.kind} {change.reason}" for change in changes) or "-"
    names = [
        telling.destination + (" late" if telling.reason == "late" else "")
        for change in changes for telling in change.tellings
    ]  # fmt: skip
    return said, ", ".join(names) or "-"


def findings_of(
    row: dict[str, str], rules: list[str], draws: dict[str, tuple[str, datetime]], night: date
) -> dict[str, Finding]:
    """Tonight's findings. A cell that stays the same rests on the draw of the night it first stood there."""
    findings = {}
    for rule in rules:
        cell, _, previous = row[rule].partition(" was ")
        cell = cell.removesuffix(" fixed")
        words = cell.split()
        drawn = datetime(night.year, night.month, night.day, tzinfo=UTC) - timedelta(hours=17)
        before, at = draws.get(rule, ("", drawn))
        if before != cell and not row[rule].endswith("fixed"):
            at = drawn
        draws[rule] = (cell, at)
        was = Outcome(previous) if previous else None
        number = int(at.timestamp()) + row[rule].endswith("fixed")
        if not cell or cell == "gone":
            if was is None:
                continue
            finding = Finding(1, rule, Outcome.CLEAR, "clear", "not raised")
        elif cell == "cleared":
            finding = Finding(1, rule, Outcome.CLEAR, "clear", "cleared", cleared_at=at)
        elif words[0] in ("firing", "holding"):
            value = float(words[2]) if len(words) > 2 else 6.8
            finding = fires(rule, Severity(words[1]), at, number, value)._replace(outcome=Outcome(words[0]))
        else:
            finding = Finding(1, rule, Outcome.NOT_ASSESSABLE, cell, "no recent value")
        findings[rule] = finding._replace(previous=was)
    return findings
