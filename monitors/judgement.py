"""One judgement: what is frozen before judging, and what judging leaves behind.

A judgement is keyed by (run, known, ruleset, live). Freezing twice finds the same row; judging a shard
twice writes nothing the second time.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from operator import attrgetter

import pandas as pd
from sqlalchemy import Connection

from monitors.config import Config, hash_of
from monitors.database import copy_frame, sql
from monitors.errors import NotReadyError
from monitors.records import Finding

JSON, SORTED_JSON = json.JSONEncoder(), json.JSONEncoder(sort_keys=True)  # made once, not for each of a million texts


@dataclass(frozen=True)
class Shard:
    """A range of patient ids to judge, and under what. bodies: canonical rule set texts."""

    shard_id: int
    judgement_id: int
    first: int
    last: int
    judged: bool
    known: int
    night: date
    body: str
    previous_body: str | None


def freeze(
    connection: Connection, run_id: int, night: date, known: int, config: Config, live: bool, now: datetime
) -> int:
    """The judgement of this run from what is known now; made once, found again by every retry."""
    connection.execute(sql("judge/keep_ruleset"), {"ruleset": config.ruleset, "body": config.ruleset_body, "now": now})
    previous = connection.execute(sql("judge/previous_ruleset"), {"night": night}).scalar_one_or_none()
    key = {"run_id": run_id, "known": known, "ruleset": config.ruleset, "live": live}
    site = config.site_body
    connection.execute(sql("judge/keep_site"), {"site": hash_of(site), "body": site, "now": now})
    connection.execute(
        sql("judge/freeze"),
        {**key, "previous_ruleset": previous if previous != config.ruleset else None, "now": now, "site": hash_of(site)},
    )
    return int(connection.execute(sql("judge/frozen"), key).one().judgement_id)


def add_shards(connection: Connection, judgement_id: int, ranges: Sequence[tuple[int, int]]) -> list[int]:
    """Ids of the judgement's shards; the first call lays them out, later ones find them."""
    made = connection.execute(sql("judge/shards"), {"judgement_id": judgement_id}).all()
    if not made:
        for first, last in ranges:
            connection.execute(
                sql("judge/add_shard"),
                {"judgement_id": judgement_id, "first_patient": first, "last_patient": last},
            )
        made = connection.execute(sql("judge/shards"), {"judgement_id": judgement_id}).all()
    return [int(row.shard_id) for row in made]


def shard(connection: Connection, shard_id: int) -> Shard:
    row = connection.execute(sql("judge/shard"), {"shard_id": shard_id}).one_or_none()
    if row is None:
        raise NotReadyError(f"There is no shard {shard_id} in this database: freeze the night first.")
    return Shard(
        row.shard_id, row.judgement_id, row.first_patient, row.last_patient, row.judged_at is not None,
        row.known, row.night, row.body, row.previous_body,
    )  # fmt: skip


def save(
    connection: Connection, shard: Shard, findings: Sequence[Finding], counts: pd.DataFrame, standings: pd.DataFrame,
    now: datetime,
) -> bool:  # fmt: skip
    """Keep one shard's findings, counts and standings; False when another worker already has.

    counts: unit, rule, outcome, reason, patients. standings: patient_id, unit, status, newest_result (UTC).
    """
    if connection.execute(sql("judge/lock_shard"), {"shard_id": shard.shard_id}).scalar_one() is not None:
        return False
    for staging in ("judge/staging", "judge/staging_counts", "judge/staging_standings"):
        connection.execute(sql(staging))
    ids = {"judgement_id": shard.judgement_id, "shard_id": shard.shard_id}
    units = dict(zip(standings["patient_id"].tolist(), standings["unit"].tolist(), strict=True))
    together = sorted(findings, key=attrgetter("patient_id"))  # as they are read: a page of patients touches few blocks
    copy_frame(connection, "judged_findings", finding_rows(together, units))
    copy_frame(connection, "judged_counts", counts[["unit", "rule", "outcome", "reason", "patients"]])
    copy_frame(connection, "judged_standings", standings[["patient_id", "unit", "status", "newest_result"]])
    connection.execute(sql("judge/save_findings"), {"judgement_id": shard.judgement_id})
    connection.execute(sql("judge/save_counts"), ids)
    connection.execute(sql("judge/save_standings"), {"judgement_id": shard.judgement_id})
    connection.execute(sql("judge/mark_judged"), {"shard_id": shard.shard_id, "now": now})
    return True


def finding_rows(findings: Sequence[Finding], units: dict[int, str]) -> pd.DataFrame:
    """Findings as they are stored. units: {patient: unit}."""
    columns = ["patient_id", "rule", "unit", "outcome", "reason", "sentence", "severity", "since", "cleared_at",
               "evidence", "facts", "previous", "previous_severity"]  # fmt: skip
    rows = [
        (f.patient_id, f.rule, units[f.patient_id], str(f.outcome), f.reason, f.sentence,
         f.severity and str(f.severity), f.since, f.cleared_at,
         JSON.encode([e.to_json() for e in f.evidence]), SORTED_JSON.encode(f.facts), f.previous and str(f.previous),
         f.previous_severity and str(f.previous_severity))
        for f in findings
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns)
    for column in ("since", "cleared_at"):
        frame[column] = pd.to_datetime(frame[column], utc=True)
    return frame
