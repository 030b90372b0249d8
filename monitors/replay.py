"""Every past alert made again: judged from what was known then, under the rule set of then, and decided again with the
episodes, tellings, human actions, routes and rule decisions of then.

    replay(db, config, first, last) -> Replayed

Findings, counts and standings are recomputed and held against those stored; then the code that decided is run again in the
world of that moment: temporary tables with the names of the real ones (sql/replay), which its statements are pointed to. It
reads only. Every difference names its cause:

    erased            the patient was erased since
    engine_version    the judgement was made by another engine (config.ENGINE)
    site_not_kept     it was made before the site's settings were kept with it, and was decided by those of today
    defect            none of these: two answers to one question
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy import Connection

from monitors import episodes, judgement, knowledge, review, stages
from monitors.config import ENGINE, Config, RulesetBody
from monitors.database import Database, Role, sql
from monitors.delivery import outbox
from monitors.episode_pages import read
from monitors.episode_records import limb_json
from monitors.records import Change

WORLD = ("changes", "episodes", "limbs", "outbox", "told", "human_actions", "unit_rules", "rule_events", "judgements", "units")
POINTED = re.compile(rf"\bnephrowatch\.({'|'.join(WORLD)})\b")


@dataclass
class Replayed:
    """decisions: moments replayed; findings, changes, tellings: how many were compared. differences: night, judgement, patient
    (a number of ours), what (never a value) and cause."""

    decisions: int = 0
    findings: int = 0
    changes: int = 0
    tellings: int = 0
    differences: list[dict[str, Any]] = field(default_factory=list)

    @property
    def causes(self) -> dict[str, int]:
        return dict(Counter(one["cause"] for one in self.differences))


def replay(
    db: Database, config: Config, first: date, last: date, *, sample: int | None = None, seed: int = 0, findings: bool = True
) -> Replayed:
    """Make again what was decided on the nights from `first` to `last`; with sample, on so many of these moments. findings:
    whether judging is made again, too."""
    with db.begin(Role.PIPELINE) as connection:
        moments = list(connection.execute(sql("replay/decisions"), {"first": first, "last": last}).all())
        erased = {row.patient_id for row in connection.execute(sql("replay/erased"))}
    if sample is not None and len(moments) > sample:
        chosen = set(random.Random(seed).sample(range(len(moments)), sample))
        moments = [moment for number, moment in enumerate(moments) if number in chosen]
    found = Replayed()
    judged: set[int] = set()
    for place in moments:
        with db.begin(Role.PIPELINE) as connection:
            moment = connection.execute(sql("replay/decision"), dict(place._mapping)).one()
        then = config.at(moment.site_body) if moment.site_body else config
        case = _Case(db, then, moment, erased, found)
        if findings and moment.judgement_id not in judged:
            judged.add(moment.judgement_id)
            case.judge()
        case.decide()
        found.decisions += 1
    return found


def told(db: Database, config: Config, found: Replayed, now: datetime) -> None:
    """Tell operations of defects, once a day."""
    defects = found.causes.get("defect", 0)
    if not defects:
        return
    night = now.astimezone(UTC).date()
    with db.begin(Role.PIPELINE) as connection:
        for to in config.routes.operations():
            outbox.enqueue(
                connection, dedup_key=f"operations/replay/{night}/{to}", kind="operations", destination=to, severity=None,
                unit=None, night=night, episode_id=None, change_seq=None,
                content={"reason": "replay_differs", "sentence": f"{defects} past answers came out otherwise."}, now=now,
            )  # fmt: skip


@dataclass(frozen=True)
class _Case:
    """One moment of one judgement."""

    db: Database
    config: Config
    moment: Any
    erased: set[int]
    found: Replayed

    def judge(self) -> None:
        """Findings, counts and standings, recomputed and compared."""
        key = {"judgement_id": self.moment.judgement_id}
        fresh, counts, standings = self._judged()
        with self.db.begin(Role.PIPELINE) as connection:
            stored = {(row.patient_id, row.rule): _plain(row._mapping) for row in connection.execute(sql("replay/findings"), key)}
            counted = Counter({tuple(row[:4]): int(row.patients) for row in connection.execute(sql("judge/counts"), key)})
            stood = {row.patient_id: _plain(row._mapping) for row in connection.execute(sql("replay/standings"), key)}
        self.found.findings += len(stored)
        for place in sorted(stored.keys() | fresh.keys()):
            self._compare(place[0], f"finding {place[1]}", stored.get(place), fresh.get(place))
        for patient in sorted(stood.keys() | standings.keys()):
            self._compare(patient, "standing", stood.get(patient), standings.get(patient))
        if not self.erased & stood.keys():  # a count cannot be told apart by patient
            for name in sorted(name for name in counted.keys() | counts.keys() if counted[name] != counts[name]):
                self._differs(None, f"count of {' '.join(name)}")

    def _judged(self) -> tuple[dict[tuple[int, str], Any], Counter[tuple[str, ...]], dict[int, Any]]:
        fresh: dict[tuple[int, str], Any] = {}
        counts: Counter[tuple[str, ...]] = Counter()
        standings: dict[int, Any] = {}
        with self.db.begin(Role.PIPELINE) as connection:
            rows = connection.execute(sql("judge/shards"), {"judgement_id": self.moment.judgement_id}).all()
            shards = [judgement.shard(connection, row.shard_id) for row in rows]
        for shard in shards:
            known = knowledge.read_shard(self.db, self.config, shard.known, shard.night, shard.first, shard.last)
            judged = stages.judged_of(known, shard)
            unit = dict(zip(known.standings["patient_id"].tolist(), known.standings["unit"].tolist(), strict=True))
            for row in _records(judgement.finding_rows(judged.findings, unit)):
                fresh[row["patient_id"], row["rule"]] = row | {name: json.loads(row[name]) for name in ("evidence", "facts")}
            for row in _records(judged.counts):
                counts[row["unit"], row["rule"], row["outcome"], row["reason"]] += int(row["patients"])
            standings |= {row["patient_id"]: row for row in _records(known.standings)}
        return fresh, counts, standings

    def decide(self) -> None:
        """The changes made at this moment, decided again from the world as it was."""
        key = {"judgement_id": self.moment.judgement_id, "night": self.moment.night, "at": self.moment.at}
        with self.db.begin(Role.PIPELINE) as connection:
            rows = connection.execute(sql("replay/recorded"), key).all()
            recorded = {(row.patient_id, row.cause_group): _recorded(row) for row in rows}
            again = {(change.patient_id, change.group): _decided(change) for change in self._again(connection, key)}
        self.found.changes += len(recorded)
        self.found.tellings += sum(len(change["told"]) for change in recorded.values())
        for place in sorted(recorded.keys() | again.keys() if self.moment.complete else recorded.keys()):
            self._compare(place[0], f"change of {place[1]}", recorded.get(place), again.get(place))

    def _again(self, connection: Connection, key: Mapping[str, Any]) -> Iterator[Change]:
        connection.execute(sql("replay/moment"))
        connection.execute(sql("replay/set_moment"), key)
        for table in WORLD:
            connection.execute(sql(f"replay/{table}"))
        sa.event.listen(connection, "before_cursor_execute", _pointed, retval=True)
        try:
            units = [row.unit for row in connection.execute(sql("reconcile/units"), key)]
            book = review.book(connection, self.config)
            context = episodes.context_of(connection, self.config, self.moment, units, book, self.moment.at)
            after: int | None = -1
            while after is not None:
                page = read(connection, context, after)
                yield from episodes.decide_page(page, context)
                after = page.last
        finally:
            sa.event.remove(connection, "before_cursor_execute", _pointed)

    def _compare(self, patient: int, what: str, stored: Any, fresh: Any) -> None:
        if stored == fresh:
            return
        if stored is None or fresh is None:
            self._differs(patient, f"{what}: {'not recorded' if stored is None else 'not made again'}")
        else:
            unlike = sorted(name for name in stored if stored[name] != fresh.get(name))
            self._differs(patient, f"{what}: {', '.join(unlike)}")

    def _differs(self, patient: int | None, what: str) -> None:
        self.found.differences.append({
            "night": self.moment.night.isoformat(), "judgement": self.moment.judgement_id, "patient": patient, "what": what,
            "cause": self._cause(patient),
        })  # fmt: skip

    def _cause(self, patient: int | None) -> str:
        if patient in self.erased:
            return "erased"
        if RulesetBody.model_validate_json(self.moment.body).engine != ENGINE:
            return "engine_version"
        return "defect" if self.moment.site_body else "site_not_kept"


def _pointed(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> tuple[str, Any]:
    """A statement of today, pointed to the tables of then."""
    return POINTED.sub(r"pg_temp.\1", statement), parameters


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [_plain(row) for row in frame.to_dict("records")]


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row as it compares: absent is None, an instant is a datetime."""
    return {str(name): None if value is None or value is pd.NaT or value != value else
            value.to_pydatetime() if isinstance(value, pd.Timestamp) else value for name, value in row.items()}  # fmt: skip


def _recorded(row: Any) -> dict[str, Any]:
    named = {name: row._mapping[name] for name in ("kind", "reason", "sentence", "from_state", "to_state", "severity", "limbs")}
    return named | {"told": sorted(row.told), "withheld": sorted((one["destination"], one["reason"]) for one in row.withheld)}


def _decided(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind.value, "reason": change.reason, "sentence": change.sentence,
        "from_state": change.from_state and change.from_state.value, "to_state": change.to_state.value,
        "severity": change.severity.value,
        "limbs": json.loads(json.dumps({rule: limb_json(limb) for rule, limb in change.limbs.items()})),
        "told": sorted(telling.destination for telling in change.tellings),
        "withheld": sorted((one.destination, one.reason) for one in change.withheld),
    }  # fmt: skip
