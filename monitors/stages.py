"""What `pipeline` calls: each stage put together from its room, with the database and the time handed in.

Rooms never know each other; this module and `pipeline` are the only places that do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from monitors import alarms, checking, deadlines, detail_leaves, episodes, judgement, knowledge, night_list, review, sealing
from monitors.checking import FileCounts, check_file
from monitors.config import Config, RulesetBody
from monitors.database import Database, Role, sql
from monitors.delivery import deliver as delivery
from monitors.delivery import heartbeat, outbox, silenced
from monitors.history import ledger
from monitors.memory import uncollected
from monitors.mending import Retried, discard, release, resolve, retry, unmerge
from monitors.receiving import archive_url, receive
from monitors.records import night_of, utc_text
from monitors.rules import judge as engine
from monitors.rules.judged import Judged
from monitors.settings import Settings

__all__ = [
    "FileCounts", "Retried", "archive_url", "check", "check_file", "deliver", "discard", "judge", "receive", "reconcile",
    "release", "retry", "seal", "summary", "uncollected", "unmerge", "verify", "watch",
]  # fmt: skip


def check(db: Database, config: Config, settings: Settings, run_id: int, now: datetime) -> list[FileCounts]:
    """Every waiting file, then what waited for resources that have come; see checking.check and mending.resolve."""
    counts = checking.check(db, config, settings, run_id, now)
    resolve(db, config, settings, run_id, now)
    return counts


def judge(db: Database, config: Config, shard_ids: Iterable[int], now: Callable[[], datetime]) -> None:
    """Shards under the rule set their judgement froze; on a rule change, under the previous one as well. The next one is read
    while one is judged: reading is mostly waiting for the database."""
    shards = [shard for shard in (_shard(db, shard_id) for shard_id in shard_ids) if not shard.judged]
    wanted = [(shard.known, shard.night, shard.first, shard.last) for shard in shards]
    for shard, read in zip(shards, knowledge.read_shards(db, config, wanted), strict=True):
        with uncollected():
            _judge_and_save(db, shard, read, now())


def _shard(db: Database, shard_id: int) -> judgement.Shard:
    with db.begin(Role.PIPELINE) as connection:
        return judgement.shard(connection, shard_id)


def _judge_and_save(db: Database, shard: judgement.Shard, read: knowledge.Knowledge, now: datetime) -> None:
    """What it makes is gone when it returns: the collector has nothing to look through."""
    judged = judged_of(read, shard)
    with db.begin(Role.PIPELINE) as connection:
        judgement.save(connection, shard, judged.findings, judged.counts, read.standings, now)


def judged_of(read: knowledge.Knowledge, shard: judgement.Shard) -> Judged:
    """A shard judged, and held against the previous rule set where there was another."""
    judged = _judged(read, shard.body)
    return judged if shard.previous_body is None else judged.against(_judged(read, shard.previous_body))


def _judged(read: knowledge.Knowledge, body: str) -> Judged:
    """A shard judged by the rule set as it was frozen, not by the files of today."""
    frozen = RulesetBody.model_validate_json(body)
    return engine.judge(
        *read.frames, frozen.rules, frozen.analytes.analytes, frozen.calcium_basis, read.facts, frozen.lacking
    )


def reconcile(db: Database, config: Config, run_id: int, now: datetime) -> Counter[str]:
    """Decide by the newest judgement that is complete. One reconcile at a time, so knowledge only grows."""
    with db.begin(Role.PIPELINE) as lock:
        lock.execute(sql("reconcile/one_at_a_time"))
        chosen = lock.execute(sql("judge/complete"), {"run_id": run_id}).one_or_none()
        if chosen is None:
            return Counter()
        with db.begin(Role.PIPELINE) as connection:  # what a silence withheld that is over is one message, not many late ones
            silenced.release(connection, config, now, ledger.append)
        return episodes.reconcile_judgement(
            db, config, chosen.judgement_id, now, ledger.append, outbox.enqueue, book=review.book(lock, config)
        )


def seal(db: Database, config: Config, run_id: int, now: datetime) -> None:
    """The counts of what was decided by into the ledger, each unit's morning list into the outbox; once a judgement."""
    with db.begin(Role.PIPELINE) as connection:
        connection.execute(sql("reconcile/one_at_a_time"))
        for decided in connection.execute(sql("judge/reconciled"), {"run_id": run_id}).all():
            key = {"judgement_id": decided.judgement_id}
            if decided.live:
                _queue_lists(connection, config, decided.judgement_id, decided.night, now)
            counts = [list(row) for row in connection.execute(sql("judge/counts"), key)]
            connection.execute(sql("judge/mark_sealed"), {**key, "now": now})
            ledger.append(connection, [("night_sealed", {
                "night": decided.night.isoformat(), "judgement": decided.judgement_id, "known": decided.known,
                "ruleset": decided.ruleset, "live": decided.live, "counts": counts})])  # fmt: skip


def _queue_lists(connection: Connection, config: Config, judgement_id: int, night: date, now: datetime) -> None:
    """One morning list a unit, unless a later night was decided there meanwhile: then that night's list is the news. Made too
    soon, it is held as the unit asks; made too late, it goes at once and says so."""
    frontier = {row.unit: row.judged_through for row in connection.execute(sql("read/frontiers")) if row.judged_through}
    newest = max(frontier.values(), default=night)  # for a unit that had no patients on any night
    for content in night_list.lists(connection, config, judgement_id, night, now, review.book(connection, config)):
        unit = content["unit"]
        if frontier.get(unit, newest) > night:
            continue
        model = next(one for one in config.site.units if one.code == unit)
        content |= {"due": utc_text(model.list_due(night)), "late": now > model.list_due(night)}
        for destination in config.routes.digest(unit):
            outbox.enqueue(
                connection, dedup_key=f"digest/{unit}/{night}/{destination}", kind="digest", destination=destination,
                severity=None, unit=unit, night=night, episode_id=None, change_seq=None, content=content, now=now,
                not_before=model.list_held(night, now),
            )  # fmt: skip


def deliver(
    db: Database, config: Config, settings: Settings, clock: Callable[[], datetime],
    wait: Callable[[float], None],
) -> Counter[str]:  # fmt: skip
    """Send everything that is due."""
    return delivery.deliver(db, config, settings, clock, ledger.append, wait=wait)


def verify(db: Database) -> dict[str, Any]:
    """Recompute the ledger."""
    with db.begin(Role.WEB) as connection:
        found = ledger.verify(connection)
    bad = found.first_bad
    return {"entries": found.entries, "head_seq": found.head_seq, "head_hash": found.head_hash,
            "first_bad": {"seq": bad[0], "what": bad[1]} if bad else None}  # fmt: skip


def watch(db: Database, config: Config, settings: Settings, now: datetime) -> dict[str, Any]:
    """Stuck messages, untold episodes and a broken ledger, told to operations once a day and cause. While there are none, a
    sign of life goes to another host."""
    found = sealing.verified(db, config, settings, signatures=False)
    with db.begin(Role.PIPELINE) as connection:
        stuck = connection.execute(sql("read/stuck"), {"now": now}).scalar_one()
        longest = max((one.days for one in config.routes.inhibitions), default=0)
        muted_since = night_of(now) - timedelta(days=longest + 1)
        untold = [row.ref for row in connection.execute(sql("watch/untold"), {"muted_since": muted_since})]
        forgotten = [row.ref for row in connection.execute(sql("watch/silenced"), {"now": now})]
        untold = sorted({*untold, *forgotten})
        problems = {}
        if untold:
            problems["untold_episodes"] = f"{len(untold)} open episodes have been told to nobody."
        if stuck:
            problems["stuck_messages"] = f"{stuck} messages have waited for over an hour or could not be delivered."
        if found["first_bad"]:
            problems["history_broken"] = f"The ledger does not verify at entry {found['first_bad']['seq']}."
        night = now.astimezone(UTC).date()
        for reason, sentence in problems.items():
            for destination in config.routes.operations():
                outbox.enqueue(
                    connection, dedup_key=f"operations/watch/{reason}/{night}/{destination}", kind="operations",
                    destination=destination, severity=None, unit=None, night=night, episode_id=None, change_seq=None,
                    content={"reason": reason, "sentence": sentence}, now=now,
                )  # fmt: skip
        silent = alarms.look(connection, config, now)
        unfinished = deadlines.look(connection, config, now)
        ending = detail_leaves.look(connection, config, now)
    beat = "withheld" if problems or unfinished else heartbeat.ping(settings)
    return {"ledger": found, "stuck": stuck, "untold": untold, "alarms": silent, "unfinished": unfinished,
            "detail_ends": ending, "heartbeat": beat}


def summary(
    db: Database, run_id: int, files: list[FileCounts], changes: Counter[str], messages: Counter[str]
) -> dict[str, Any]:
    """What one invocation did; findings are those of the night's judgement."""
    with db.begin(Role.WEB) as connection:
        found = connection.execute(sql("read/run_summary"), {"run_id": run_id}).one()
        outcomes = {row.outcome: row.patients for row in connection.execute(
            sql("read/outcomes"), {"judgement_id": found.judgement_id})}  # fmt: skip
    return {
        "run_id": run_id,
        "night": found.night.isoformat(),
        "live": found.live,
        "known": found.known,
        "known_at": found.known_at.isoformat() if found.known_at else None,
        "ruleset": found.ruleset,
        "files": len(files),
        "rows": {key: sum(getattr(file, key) for file in files) for key in ("received", "stored", "known", "quarantined")},
        "findings": {key: int(outcomes.get(key, 0)) for key in ("firing", "holding", "clear", "not_assessable")},
        "changes": {key: changes.get(key, 0) for key in (
            "opened", "worsened", "eased", "told_late", "stale", "refreshed", "handed_over", "reopened", "resolved", "retracted",
            "closed")},
        "messages": dict(messages),
    }  # fmt: skip
