"""START HERE: a night, every stage as one function of a run id.

    receive -> check -> freeze -> judge (a shard at a time) -> reconcile -> seal        then: deliver

Each stage may be run again, twice at once, or after a kill: database keys make it find its own work. The
DAGs call these functions; `nephrowatch run` calls `night`. Each opens this installation by itself, or
works in the one it is handed (`here`).
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from monitors import (
    actions,
    backtest,
    burden,
    config,
    detail_leaves,
    drawn_files,
    erasing,
    judgement,
    knowledge,
    logs,
    messages,
    presses,
    replay,
    review,
    sealing,
    settings,
    silences,
    stages,
    tried,
    why,
)
from monitors.config import Config, RulesetBody
from monitors.database import Database, Role, open_database, sql
from monitors.delivery import outbox
from monitors.delivery.leaves import Leave
from monitors.errors import UserError
from monitors.history import keys, ledger
from monitors.human import Refused
from monitors.people import Person
from monitors.records import Change, is_live, newest_night, night_of
from monitors.replay import Replayed
from monitors.settings import Settings

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Here:
    """This installation: its settings, its checked configuration, its database, its clock and its patience."""

    settings: Settings
    config: Config
    db: Database
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    wait: Callable[[float], None] = field(default=time.sleep)


@contextmanager
def opened(here: Here | None = None, found: Settings | None = None) -> Iterator[Here]:
    """`here` as it is, or this process's own installation, closed again at the end."""
    if here is not None:
        yield here
        return
    found = found or settings.from_process()
    checked = config.load(found.config)
    db = open_database(found)
    db.signer = keys.ensured(found, keys.WRITER, partial(sealing.entries, db))
    try:
        yield Here(found, checked, db)
    finally:
        db.dispose()


def night(
    night: date, *, live: bool | None = None, here: Here | None = None, progress: Progress = lambda stage: None
) -> dict[str, Any]:
    """One whole night, delivery included. Returns what `nephrowatch run --json` prints."""
    with opened(here) as here:
        progress("receive")
        run_id = begin(night, here=here)
        receive(run_id, here=here)
        progress("check")
        files = check(run_id, here=here)
        progress("judge")
        judge(freeze(run_id, live, here=here), here=here)
        progress("reconcile")
        changes = reconcile(run_id, here=here)
        seal(run_id, here=here)
        progress("deliver")
        messages = deliver(here=here)
        return stages.summary(here.db, run_id, files, changes, messages)


def night_of_run(logical_date: datetime | None, run_after: datetime) -> date:
    """The night of an Airflow run: the UTC date of its logical date, else of when it was asked for."""
    return night_of(logical_date or run_after)


@logs.stage
def begin(night: date, *, here: Here | None = None) -> int:
    """The run of a night: made on first asking, found afterwards. Raises UserError for a night still to come."""
    with opened(here) as here, here.db.begin(Role.PIPELINE) as connection:
        if night.year < 1900:
            raise UserError(f"Night {night} lies before any patient's birth; is the year right?")
        if night > newest_night(here.clock()):
            raise UserError(f"Night {night} is still to come; judged now, it would silence every night before it.")
        for unit in here.config.site.units:
            connection.execute(sql("receive/keep_unit"), unit.model_dump())
        connection.execute(sql("receive/begin_run"), {"night": night, "now": here.clock()})
        return int(connection.execute(sql("receive/run_of_night"), {"night": night}).scalar_one())


@logs.stage
def receive(run_id: int, *, here: Here | None = None) -> list[int]:
    """Archive and register every new file of every feed. Returns the files still to be checked."""
    with opened(here) as here:
        return stages.receive(
            here.db, here.config, here.settings, run_id, here.clock(), clock=here.clock, wait=here.wait
        )


@logs.stage
def check(run_id: int, *, here: Here | None = None) -> list[stages.FileCounts]:
    """Parse, check and store every file that waits; split off what cannot be used, with its reason."""
    with opened(here) as here:
        return stages.check(here.db, here.config, here.settings, run_id, here.clock())


@logs.stage
def freeze(run_id: int, live: bool | None = None, *, here: Here | None = None) -> list[int]:
    """Fix what is known and under which rules the night is judged. Returns the shards to judge.

    live: True tells the care team, False is a back-fill, None asks the clock.
    """
    with opened(here) as here, here.db.begin(Role.PIPELINE) as connection:
        now = here.clock()
        the_night = connection.execute(sql("receive/night_of_run"), {"run_id": run_id}).scalar_one()
        known = knowledge.max_batch(connection)
        live = is_live(the_night, now) if live is None else live
        judgement_id = judgement.freeze(connection, run_id, the_night, known, here.config, live, now)
        ranges = knowledge.plan_shards(connection, known, here.config.site.shard_rows)
        return judgement.add_shards(connection, judgement_id, ranges)


@logs.stage
def judge(shards: int | Sequence[int], *, here: Here | None = None) -> None:
    """Judge every rule for every patient of a shard, or of several, from what was known when the night was frozen."""
    with opened(here) as here:
        stages.judge(here.db, here.config, [shards] if isinstance(shards, int) else shards, here.clock)


@logs.stage
def reconcile(run_id: int, *, here: Here | None = None) -> Counter[str]:
    """Findings and open episodes into changes, each with its ledger entry and its outbox rows."""
    with opened(here) as here:
        return stages.reconcile(here.db, here.config, run_id, here.clock())


@logs.stage
def seal(run_id: int, *, here: Here | None = None) -> None:
    """Record the night's counts in the ledger, and queue each unit's morning list."""
    with opened(here) as here:
        stages.seal(here.db, here.config, run_id, here.clock())
        sealing.seal_now(here.db, here.config, here.settings, Role.PIPELINE, here.clock())


@logs.stage
def deliver(*, here: Here | None = None) -> Counter[str]:
    """Send what waits in the outbox; every attempt is recorded."""
    with opened(here) as here:
        sent = stages.deliver(here.db, here.config, here.settings, here.clock, here.wait)
        sealing.seal_now(here.db, here.config, here.settings, Role.DELIVERY, here.clock())
        return sent


@logs.stage
def watch(*, here: Here | None = None) -> dict[str, Any]:
    """Whether anything is stuck, a feed is silent, and whether the history verifies; what is wrong goes to operations."""
    with opened(here) as here:
        return stages.watch(here.db, here.config, here.settings, here.clock())


def notify_test(destination: str, *, actor: str, here: Here | None = None) -> dict[str, Any]:
    """Send one message marked TEST. Returns its state and what was said of the attempt."""
    with opened(here) as here:
        key = messages.queue_trial(here.db, here.config, destination, actor, here.clock())
        deliver(here=here)
        return messages.became(here.db, key)


def message_preview(episode: str, *, channel: str = "email", here: Here | None = None) -> dict[str, Any]:
    """The newest message of an episode, as it would read now; see `messages.preview`."""
    with opened(here) as here:
        return messages.preview(here.db, here.config, episode, channel, here.clock())


def detail_allow(
    destination: str, *, until: date, approved_by: str, actor: str, reason: str, here: Here | None = None
) -> Leave:
    """Let a destination show patients' details through a day; see `detail_leaves.allow`."""
    with opened(here) as here:
        return detail_leaves.allow(
            here.db, here.config, destination, here.clock(), until=until, approved_by=approved_by, actor=actor, reason=reason
        )


def detail_withdraw(destination: str, *, actor: str, reason: str, here: Here | None = None) -> Leave:
    """From the next message on a destination shows no details."""
    with opened(here) as here:
        return detail_leaves.withdraw(here.db, here.config, destination, here.clock(), actor=actor, reason=reason)


def detail_list(*, here: Here | None = None) -> list[dict[str, Any]]:
    """Every destination and what it may show now; see `detail_leaves.standings`."""
    with opened(here) as here:
        return detail_leaves.standings(here.db, here.config, here.clock())


def quarantine_retry(
    *, file_id: int | None = None, feed: str = "", reason: str = "", actor: str, here: Here | None = None
) -> dict[str, int]:
    """Read open rows of the quarantine again under the mapping of now. Returns files, mended, still_bad."""
    with opened(here) as here:
        done = stages.retry(
            here.db, here.config, here.settings, here.clock(), file_id=file_id, feed=feed, reason=reason, actor=actor
        )
        return asdict(done)


def quarantine_release(
    *, quarantine_id: int | None = None, file_id: int | None = None, reason: str, actor: str, here: Here | None = None
) -> dict[str, int]:
    """A person vouches for one row, or for a held file. Returns received, stored, known, quarantined."""
    with opened(here) as here:
        done = stages.release(
            here.db, here.config, here.settings, here.clock(),
            quarantine_id=quarantine_id, file_id=file_id, reason=reason, actor=actor,
        )  # fmt: skip
        return asdict(done)


def quarantine_discard(
    *, quarantine_id: int | None = None, file_id: int | None = None, reason: str, actor: str, here: Here | None = None
) -> int:
    """A person rules one row, or a held file, out. Returns how many rows that ended."""
    with opened(here) as here:
        return stages.discard(
            here.db, here.config, here.clock(), quarantine_id=quarantine_id, file_id=file_id, reason=reason, actor=actor
        )


def unmerge(
    *, authority: str, identifier: str, merged: str, reason: str, actor: str, here: Here | None = None
) -> None:
    """A person says that two numbers are two patients after all."""
    with opened(here) as here:
        stages.unmerge(
            here.db, here.config, here.clock(),
            authority=authority, identifier=identifier, merged=merged, reason=reason, actor=actor,
        )  # fmt: skip


def feeds_check(feed: str, path: Path, *, here: Here | None = None) -> dict[str, Any]:
    """What the rows of a file on this machine would become under a feed's description; see `tried.tried`. Needs no
    database and stores nothing. Raises UserError for an unknown feed or a file that is not there."""
    configured = here.config if here else config.load(settings.from_process().config)
    return tried.tried(feed, path, configured, here.clock() if here else datetime.now(UTC))


def feeds_waiting(*, here: Here) -> dict[str, dict[str, Any]]:
    """What lies in each feed's folder now, and why what waits does; see `tried.waiting`."""
    return tried.waiting(here.config, here.settings, here.clock())


def quality_docs(folder: Path, *, here: Here | None = None) -> Path:
    """Write the Data Docs into a folder. Returns their first page."""
    with opened(here) as here:
        return tried.docs(here.db, here.config, here.settings, folder, here.clock())


_ACTS_AS = {"cli": Role.PIPELINE, "web": Role.WEB, "slack": Role.DELIVERY}


def person(here: Here, *, login: str = "", email: str = "", slack: str = "") -> Person:
    """Somebody of people.yaml. Raises Refused `unknown_person`: who is not listed there may do nothing."""
    people = here.config.people
    found = people.by_login(login) if login else people.by_email(email) if email else people.by_slack(slack)
    if found is None:
        raise Refused("unknown_person", f"{login or email or slack!r} is nobody in people.yaml; ask whoever looks after it.")
    return found


def act(
    ref: str, action: str, actor: Person, *, reason: str = "", until: date | None = None, outcome: str = "",
    source: str = "cli", evidence_opened: bool = False, here: Here | None = None,
) -> Change:  # fmt: skip
    """A person takes, releases, acknowledges, snoozes or dismisses an episode, takes that back, or records an outcome; see
    `actions.act`. Raises Refused; that somebody tried is kept in the ledger."""
    with opened(here) as here:
        role = _ACTS_AS[source]
        try:
            with here.db.begin(role) as connection:
                return actions.act(
                    connection, here.config, ref, action, actor, here.clock(), reason=reason, until=until, outcome=outcome,
                    source=source, evidence_opened=evidence_opened,
                )  # fmt: skip
        except Refused as problem:
            with here.db.begin(role) as connection:
                actions.refused(connection, ref, action, actor.key, problem, source)
            raise


def slack_listen(
    stop: threading.Event, *, ready: Callable[[], None] = lambda: None, alive: Path | None = None, most: int | None = None,
    here: Here | None = None,
) -> int:  # fmt: skip
    """Hear presses on Slack cards until `stop` is set, or `most` were recorded; see `presses.listen`. Returns how many were."""
    with opened(here) as here:
        return presses.listen(here.db, here.config, here.settings, here.clock, stop, ready=ready, alive=alive, most=most)


def evidence_opened(ref: str, actor: Person, *, source: str = "cli", here: Here | None = None) -> bool:
    """Record that a person opened an episode's evidence as it stands (hazard 11); see `actions.record_opened`."""
    with opened(here) as here, here.db.begin(_ACTS_AS[source]) as connection:
        return actions.record_opened(connection, here.config, ref, actor, here.clock(), source=source)


def emergency_opened(unit: str, who: str, role: str, *, here: Here | None = None) -> None:
    """Tell operations that somebody opens a foreign unit. The reason stays in the ledger: it may name a patient."""
    with opened(here) as here, here.db.begin(Role.WEB) as connection:
        now = here.clock()
        for destination in here.config.routes.operations():
            outbox.enqueue(
                connection, dedup_key=f"operations/emergency/{unit}/{now.isoformat()}/{destination}", kind="operations",
                destination=destination, severity=None, unit=unit, night=now.astimezone(UTC).date(), episode_id=None,
                change_seq=None, content={"event": "emergency_access", "unit": unit, "who": f"{who}, {role}"}, now=now,
            )  # fmt: skip


def rules_decide(
    kind: str, rules: Sequence[str] | None, *, actor: str, reason: str, role: str = "", unit: str = "", here: Here | None = None
) -> list[str]:
    """A person's decision about some rules (None: every one): signed | waived | stopped | resumed. Returns the rules for which
    it was new; see `review.decide`."""
    with opened(here) as here:
        chosen = [rule.id for rule in here.config.rules] if rules is None else rules
        made = review.decide(
            here.db, here.config, kind, chosen, here.clock(), actor=actor, reason=reason, role=role, unit=unit
        )
        return [event.rule for event in made]


def silence_add(
    *, units: Sequence[str] = (), rules: Sequence[str] = (), groups: Sequence[str] = (), destinations: Sequence[str] = (),
    begins: datetime | None = None, ends: datetime, actor: str, reason: str, here: Here | None = None,
) -> int:  # fmt: skip
    """A person asks for silence about some alerts; its number. See `silences.add`. Raises UserError."""
    with opened(here) as here:
        return silences.add(
            here.db, here.config, here.clock(), units=units, rules=rules, groups=groups, destinations=destinations, begins=begins,
            ends=ends, actor=actor, reason=reason,
        )  # fmt: skip


def silence_end(silence: int, *, actor: str, reason: str, here: Here | None = None) -> int:
    """A silence is over before its time; how many alerts are told now. See `silences.end`. Raises UserError."""
    with opened(here) as here:
        return silences.end(here.db, here.config, here.clock(), silence, actor=actor, reason=reason)


def silences_list(*, here: Here | None = None) -> list[dict[str, Any]]:
    """Every silence, and what it withheld; see `silences.listed`."""
    with opened(here) as here:
        return silences.listed(here.db, here.clock())


def rules_list(*, here: Here | None = None) -> list[dict[str, Any]]:
    """Every rule: how it runs, its review status, and where it tells nobody; see `review.standings`."""
    with opened(here) as here:
        return review.standings(here.db, here.config, night_of(here.clock()))


def explain(
    patient: str, *, rules: Sequence[str] = (), night: date | None = None, known_at: datetime | None = None,
    here: Here | None = None,
) -> dict[str, Any]:
    """Why a patient was told about on a night, or was not: one decision a rule, step by step; see `why.why`."""
    with opened(here) as here:
        return why.why(here.db, here.config, patient, rules, night, known_at, night_of(here.clock()))


def rules_backtest(rules: str, first: date, last: date, *, every: int = 1, here: Here | None = None) -> dict[str, Any]:
    """What the rules of a folder, a file or a stored rule set would have done from first to last, against today's; nothing is
    written. See `backtest.compared`."""
    with opened(here) as here:
        tried = backtest.body_of(here.db, here.config, rules)
        before = RulesetBody.model_validate_json(here.config.ruleset_body)
        return backtest.compared(here.db, backtest.trial(here.db, here.config, before, tried, first, last, every))


def rules_test(path: Path, *, here: Here | None = None) -> list[drawn_files.Tried]:
    """The drawn cases of one YAML file, judged by the rules of the configuration. Needs no database. Raises UserError."""
    configured = here.config if here else config.load(settings.from_process().config)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise UserError(f"{path} cannot be read: {getattr(problem, 'strerror', None) or 'it is not UTF-8 text'}.") from None
    body = RulesetBody.model_validate_json(configured.ruleset_body)
    cases = drawn_files.read(text, path.name, [rule.id for rule in body.rules])
    given = body.rules, body.analytes.analytes, body.drugs
    return [drawn_files.tried(case, *given, path.name, body.calcium_basis) for case in cases]


def rules_lookback(
    bad: str, good: str, first: date | None = None, last: date | None = None, *, every: int = 1, here: Here | None = None
) -> dict[str, Any]:
    """Who was alerted by bad rules, or should have been by good ones, over the nights the bad ones were in force."""
    with opened(here) as here:
        if first is None or last is None:
            began, ended = backtest.in_force(here.db, bad)
            first, last = first or began, last or ended
        bodies = backtest.body_of(here.db, here.config, bad), backtest.body_of(here.db, here.config, good)
        return backtest.looked_back(here.db, backtest.trial(here.db, here.config, *bodies, first, last, every))


def rules_burden(first: date | None = None, last: date | None = None, *, here: Here | None = None) -> dict[str, Any]:
    """What the rules cost their readers, from real history; see `burden.burden`."""
    with opened(here) as here:
        return burden.burden(here.db, first, last)


def verify_all(*, here: Here | None = None) -> dict[str, Any]:
    """The ledger with its signatures, against the checkpoints kept outside the database; see `sealing.verified`."""
    with opened(here) as here:
        return sealing.verified(here.db, here.config, here.settings)


def checkpoint(*, here: Here | None = None) -> dict[str, Any]:
    """Sign what there is, and keep it outside the database; see `sealing.seal_now`."""
    with opened(here) as here:
        return sealing.seal_now(here.db, here.config, here.settings, Role.PIPELINE, here.clock())


def history_proof(seq: int, *, here: Here | None = None) -> dict[str, Any]:
    """That one entry stands in the history; see `sealing.proof`. Raises UserError."""
    with opened(here) as here:
        return sealing.proof(here.db, here.config, here.settings, seq)


def history_export(folder: Path, *, actor: str, here: Here | None = None) -> dict[str, Any]:
    """Everything an outsider needs to verify the history; see `sealing.export`. Raises UserError."""
    with opened(here) as here:
        return sealing.export(here.db, here.config, here.settings, folder, actor, here.clock())


def history_replay(
    first: date = date.min, last: date = date.max, *, sample: int | None = None, seed: int = 0, tell: bool = False,
    here: Here | None = None,
) -> Replayed:  # fmt: skip
    """Make the past alerts of some nights again; see `replay.replay`. tell: a defect goes to operations."""
    with opened(here) as here:
        found = replay.replay(here.db, here.config, first, last, sample=sample, seed=seed)
        if tell:
            replay.told(here.db, here.config, found, here.clock())
        return found


def erase(
    *, authority: str, identifier: str, actor: str, reason: str, raw_files: bool = False, here: Here | None = None
) -> dict[str, Any]:
    """A patient is forgotten, lawfully; see `erasing.erase`. Raises UserError."""
    with opened(here) as here:
        return erasing.erase(here.db, here.config, here.settings, here.clock(), authority=authority, identifier=identifier,
                             actor=actor, reason=reason, raw_files=raw_files)  # fmt: skip


def legal_hold(
    *, authority: str, identifier: str, actor: str, reason: str, lift: bool = False, here: Here | None = None
) -> int:
    """Keep a patient from erasure, or end that; see `erasing.hold`. Raises UserError."""
    with opened(here) as here:
        do = erasing.lift if lift else erasing.hold
        return do(here.db, here.clock(), authority=authority, identifier=identifier, actor=actor, reason=reason)


def history_keys(*, here: Here | None = None) -> list[str]:
    """Every public key of this installation, as notes write them."""
    return keys.public(here.settings if here else settings.from_process())


def history_rotate(use: str, *, here: Here | None = None) -> str:
    """A new key, writer or checkpoint; its public line. Recorded in the ledger, signed by the old one. Raises UserError."""
    if use not in (keys.WRITER, keys.CHECKPOINT):
        raise UserError(f"There is no key {use!r}; there are writer and checkpoint.")
    with opened(here) as here:
        with here.db.begin(Role.PIPELINE) as connection:
            ledger.append(connection, [("key_rotated", {"use": use})])
        return keys.make(here.settings, use).line


def verify(*, here: Here | None = None) -> dict[str, Any]:
    """Recompute the whole ledger and say what was found."""
    with opened(here) as here:
        return stages.verify(here.db)
