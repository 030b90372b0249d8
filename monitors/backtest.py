"""What another rule set would have done to real history: replayed from what was known then, nothing written.

Every night is judged from what its own judgement was frozen with; a night before the first live one from what that
knew. Several nights go through the engine at once, each as patients of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from monitors import knowledge
from monitors.config import Config, RulesetBody, rules_from
from monitors.database import Database, Role, sql
from monitors.errors import UserError
from monitors.limbs import Standing
from monitors.records import Finding
from monitors.rehearsal import Rehearsal
from monitors.rules.judge import judge

AT_ONCE = 200_000  # rows of the series judged together, at least one night
MONTH = 30.4375
HASH = 6  # characters of a rule set's hash that are enough to name it


@dataclass
class Trial:
    """Two rule sets over the same nights. patient_nights: by unit."""

    before: Rehearsal
    after: Rehearsal
    first: date
    last: date
    nights: int = 0
    patient_nights: dict[str, int] = field(default_factory=dict)


def body_of(db: Database, config: Config, named: str) -> RulesetBody:
    """A rule set by the beginning of its hash, as it is stored; or from a folder, or a file of one rule. Raises UserError."""
    if Path(named).exists():
        return rules_from(config, Path(named))
    with db.begin(Role.WEB) as connection:
        found = connection.execute(sql("backtest/rulesets"), {"start": named}).all() if len(named) >= HASH else []
    if len(found) != 1:
        raise UserError(f"{named!r} names {'no' if not found else 'more than one'} stored rule set, and no file or folder.")
    return RulesetBody.model_validate_json(found[0].body)


def trial(
    db: Database, config: Config, before: RulesetBody, after: RulesetBody, first: date, last: date, every: int = 1
) -> Trial:
    """Both rule sets over every night (or every so many days) from first to last. The first is the baseline night of both."""
    if first > last:
        raise UserError(f"{first} lies after {last}.")
    sides = [
        Rehearsal({rule.id: rule for rule in body.rules}, config.routes.alert) for body in (before, after)
    ]
    done = Trial(sides[0], sides[1], first, last)
    nights = [first + timedelta(days=step) for step in range(0, (last - first).days + 1, every)]
    done.nights = len(nights)
    with db.begin(Role.PIPELINE) as connection:
        known = _known(connection.execute(sql("backtest/knowns")).all(), nights, knowledge.max_batch(connection))
        shards = knowledge.plan_shards(connection, max(known.values()), config.site.shard_rows)
    for shard in shards:
        for batch in _batches(db, config, known, nights, shard):
            for side, body in ((done.before, before), (done.after, after)):
                _rehearse(side, body, batch, first)
            for _, read in batch:
                for unit, patients in read.patients["unit"].value_counts().items():
                    done.patient_nights[str(unit)] = done.patient_nights.get(str(unit), 0) + int(patients) * every
    return done


def _known(rows: Sequence[Any], nights: Sequence[date], newest: int) -> dict[date, int]:
    """What to judge each night from: what was known that night, or on the first live night after it."""
    found = {}
    for night in nights:
        found[night] = next((int(row.known) for row in rows if row.night >= night), newest)
    return found


Batch = list[tuple[date, knowledge.Knowledge]]


def _batches(
    db: Database, config: Config, known: Mapping[date, int], nights: Sequence[date], shard: tuple[int, int]
) -> Iterator[Batch]:
    """Nights of a shard, as many together as are judged at once."""
    batch: Batch = []
    rows = 0
    for night in nights:
        batch.append((night, knowledge.read_shard(db, config, known[night], night, *shard)))
        rows += len(batch[-1][1].series)
        if rows >= AT_ONCE:
            yield batch
            batch, rows = [], 0
    if batch:
        yield batch


def _rehearse(side: Rehearsal, body: RulesetBody, batch: Batch, first: date) -> None:
    """Judge some nights in one go, then live through them one after another."""
    stride = 1 + max((int(read.standings["patient_id"].max()) for _, read in batch if len(read.standings)), default=0)
    moved = [
        [_moved(frame, number * stride) for frame in (*read.frames, read.facts)] for number, (_, read) in enumerate(batch)
    ]
    series, patients, medications, facts = (pd.concat(parts, ignore_index=True) for parts in zip(*moved, strict=True))
    analytes = body.analytes.analytes
    judged = judge(series, patients, medications, body.rules, analytes, body.calcium_basis, facts, body.lacking)
    findings: dict[int, dict[int, dict[str, Finding]]] = {}
    for finding in judged.findings:
        number, patient = divmod(finding.patient_id, stride)
        findings.setdefault(number, {}).setdefault(patient, {})[finding.rule] = finding._replace(patient_id=patient)
    for number, (night, read) in enumerate(batch):
        units = set(read.standings["unit"])
        baseline = {(unit, rule) for unit in units for rule in side.rules} if night == first else set()
        side.night(night, _standings(side, read), findings.get(number, {}), baseline)


def _moved(frame: pd.DataFrame, by: int) -> pd.DataFrame:
    return frame.assign(patient_id=frame["patient_id"] + by) if by else frame


def _standings(side: Rehearsal, read: knowledge.Knowledge) -> dict[int, Standing]:
    """Where everybody stands; corrected: rules whose open limbs rest on a result that is not current any more."""
    current = set(read.series["id"].tolist())
    judged = set(read.patients["patient_id"].tolist())
    found = {}
    for patient, unit, status in zip(*(read.standings[name].tolist() for name in ("patient_id", "unit", "status")), strict=True):
        rests = side.evidence(patient) if patient in judged else {}
        gone = frozenset(rule for rule, ids in rests.items() if not ids <= current)
        found[patient] = Standing(patient, unit, status, None, gone)
    return found


# --------------------------------------------------------------------------------------------------- reports
def compared(db: Database, done: Trial) -> dict[str, Any]:
    """By rule, unit and severity: limbs opened, messages, per 100 patients per month, under both; and who gains or loses."""
    months = {unit: nights / MONTH for unit, nights in done.patient_nights.items()}
    sides = (done.before, done.after)
    keys = sorted({key for side in sides for key in (*side.opened, *side.messages)})
    rows = [
        {"rule": rule, "unit": unit, "severity": severity,
         **{name: {"opened": side.opened[rule, unit, severity], "messages": side.messages[rule, unit, severity],
                   "per_100_patient_months": _per(side.opened[rule, unit, severity], months.get(unit, 0))}
            for name, side in (("before", done.before), ("after", done.after))}}
        for rule, unit, severity in keys
    ]  # fmt: skip
    all_months = sum(months.values())
    totals = {
        name: {"episodes": sum(side.episodes.values()), "limbs": sum(side.opened.values()),
               "messages": sum(side.messages.values()), "present_at_start": sum(side.present.values()),
               "episodes_per_100_patient_months": _per(sum(side.episodes.values()), all_months),
               "messages_per_100_patient_months": _per(sum(side.messages.values()), all_months)}
        for name, side in (("before", done.before), ("after", done.after))
    }  # fmt: skip
    return {
        "from": done.first.isoformat(), "to": done.last.isoformat(), "nights": done.nights,
        "patient_months": round(all_months, 1), "totals": totals, "rows": rows,
        "gain": _only(db, done.after, done.before), "lose": _only(db, done.before, done.after),
    }  # fmt: skip


def looked_back(db: Database, done: Trial) -> dict[str, Any]:
    """Who was alerted by the bad rules and would not have been, and the other way round; and who was in fact told."""
    with db.begin(Role.PIPELINE) as connection:
        rows = connection.execute(sql("backtest/told"), {"first": done.first, "last": done.last}).all()
    told = {
        (row.patient_id, row.rule): {"night": row.night.isoformat(), "destinations": sorted(row.destinations)} for row in rows
    }
    wrongly, missed = _only(db, done.before, done.after), _only(db, done.after, done.before)
    for line in (*wrongly, *missed):
        line["told_in_fact"] = told.get((line["patient_id"], line["rule"]))
    return {"from": done.first.isoformat(), "to": done.last.isoformat(), "nights": done.nights,
            "alerted_by_bad_only": wrongly, "alerted_by_good_only": missed}  # fmt: skip


def in_force(db: Database, ruleset: str) -> tuple[date, date]:
    """The first and last live night decided under a stored rule set. Raises UserError."""
    with db.begin(Role.PIPELINE) as connection:
        nights = [row.night for row in connection.execute(sql("backtest/knowns")) if row.ruleset.startswith(ruleset)]
    if not nights:
        raise UserError(f"No live night was decided under {ruleset!r}: say which nights, --from and --to.")
    return min(nights), max(nights)


def _per(count: int, months: float) -> float:
    return round(100 * count / months, 2) if months else 0.0


def _only(db: Database, side: Rehearsal, other: Rehearsal) -> list[dict[str, Any]]:
    """Limbs that began under one rule set for patients for whom they never began under the other."""
    mine = sorted(side.alerted.keys() - other.alerted.keys())
    with db.begin(Role.PIPELINE) as connection:
        rows = connection.execute(sql("backtest/names"), {"patients": sorted({patient for patient, _ in mine})})
        names = {row.patient_id: f"{row.authority}|{row.identifier}" for row in rows}
    found = []
    for patient, rule in mine:
        night, unit, severity = side.alerted[patient, rule]
        found.append({"patient": names[patient], "patient_id": patient, "rule": rule, "unit": unit, "severity": severity,
                      "night": night.isoformat()})  # fmt: skip
    return found
