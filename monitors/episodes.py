"""From findings to recorded changes: reads, asks `alerts.reconcile`, writes. One transaction a chunk.

Each transaction takes one lock, reads the episodes again, decides, and writes episode, limbs, change, outbox
rows and, last, the ledger entries: all of it or nothing. Running it twice, or twice at once, finds nothing
left to change the second time. The ledger and the outbox come in as functions (`append`, `enqueue`).
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from monitors.alerts import Standing, reconcile
from monitors.config import Config, RulesetBody
from monitors.database import Database, Role, sql
from monitors.episode_mutes import keep, mutes
from monitors.episode_pages import Names, Page, Reconciling, opened, read, refreshed
from monitors.episode_records import content, ledger_body, limb_json, limb_row, message_kind, patterns
from monitors.errors import NephrowatchError, NotReadyError
from monitors.muting import silence_of
from monitors.records import Change, Severity, Telling
from monitors.rule_status import RuleBook

Append = Callable[[Connection, Sequence[tuple[str, dict[str, Any]]]], Any]
Enqueue = Callable[..., Any]

MOST_CHANGES = 200  # a transaction holds the head of the ledger for as long as it lasts
_RETRIES = 5
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class _ChangedMeanwhile(Exception):
    """Another writer changed an episode between our reading and our writing it."""


def reconcile_judgement(
    db: Database,
    config: Config,
    judgement_id: int,
    now: datetime,
    append: Append,
    enqueue: Enqueue,
    crash: Callable[[str], None] = lambda point: None,
    book: RuleBook | None = None,
) -> Counter[str]:
    """Bring every open episode up to one judgement. Returns how many changes of each kind were made.

    A judgement that is not live, or whose night lies behind the frontier of a unit, touches no episode there.
    book: what people decided about the rules; None where nobody asked, then every rule tells.
    Raises NotReadyError if there is no such judgement. `crash` is called with a name at each point where a
    kill must do no harm.
    """
    with db.begin(Role.PIPELINE) as connection:
        context = _start(connection, config, judgement_id, now, append, book)
    crash("reconcile_started")
    made: Counter[str] = Counter()
    after: int | None = -1
    while context is not None and after is not None:
        after, kinds = _chunk(db, context, after, now, append, enqueue, crash)
        made += kinds
    with db.begin(Role.PIPELINE) as connection:
        connection.execute(sql("reconcile/mark_reconciled"), {"judgement_id": judgement_id, "now": now})
    return made


def _chunk(
    db: Database, context: Reconciling, after: int, now: datetime, append: Append, enqueue: Enqueue,
    crash: Callable[[str], None],
) -> tuple[int | None, Counter[str]]:  # fmt: skip
    """The next patients, in one transaction: the last one done (None: none are left) and what changed."""
    for _ in range(_RETRIES):
        try:
            with db.begin(Role.PIPELINE) as connection:
                connection.execute(sql("reconcile/lock"))
                page = read(connection, refreshed(connection, context), after)
                last, changes = _decide(page, context)
                apply(connection, changes, context, page, now, append, enqueue)
                crash("reconcile_applied")
            crash("reconcile_committed")
        except _ChangedMeanwhile:
            continue
        return last, Counter(str(change.kind) for change in changes)
    raise NephrowatchError(f"Episodes after patient {after} kept changing meanwhile: run the night again.")


def _start(
    connection: Connection, config: Config, judgement_id: int, now: datetime, append: Append, book: RuleBook | None
) -> Reconciling | None:
    """Move the frontiers, note what goes live; None when this judgement may tell nobody anything."""
    connection.execute(sql("reconcile/lock"))
    frozen = connection.execute(sql("reconcile/judgement"), {"judgement_id": judgement_id}).one_or_none()
    if frozen is None:
        raise NotReadyError(f"There is no judgement {judgement_id} here: freeze and judge the night first.")
    key = {"judgement_id": judgement_id, "night": frozen.night}
    known_units = connection.execute(sql("reconcile/units"), key).all()
    units = [row for row in known_units if row.patients]
    behind = [row.unit for row in units if row.judged_through and row.judged_through > frozen.night]
    if behind or not frozen.live:
        untouched = behind if frozen.live else [row.unit for row in units]
        _note_retrospective(connection, frozen, untouched, append)
    if not frozen.live:
        return None
    connection.execute(sql("reconcile/move_frontier"), key)
    for rule in RulesetBody.model_validate_json(frozen.body).rules:
        connection.execute(sql("reconcile/go_live"), {**key, "rule": rule.id, "limits": rule.limits})
    return context_of(connection, config, frozen, [row.unit for row in known_units], book, now)


def context_of(
    connection: Connection, config: Config, frozen: Any, units: Sequence[str], book: RuleBook | None, now: datetime
) -> Reconciling:
    """What the changes of a judgement are decided by at `now`. frozen: judgement_id, night, known, ruleset and its
    body."""
    rules = RulesetBody.model_validate_json(frozen.body).rules
    limits = {(rule.id, rule.limits) for rule in rules}
    tonight = connection.execute(sql("reconcile/baseline"), {"night": frozen.night})
    return refreshed(connection, Reconciling(
        frozen.judgement_id, frozen.night, frozen.known, frozen.ruleset, config, {rule.id: rule for rule in rules},
        frozenset((row.unit, row.rule) for row in tonight if (row.rule, row.limits) in limits),
        book.quiet(rules, units, frozen.night) if book else {},
        {rule.id: book.review(rule) for rule in rules} if book else {}, mutes(connection, config, now),
    ))  # fmt: skip


def _note_retrospective(connection: Connection, frozen: Any, units: list[str], append: Append) -> None:
    """Say in the ledger, once, that this judgement touched no episode of these units."""
    key = {"judgement_id": frozen.judgement_id}
    if not connection.execute(sql("reconcile/retrospective_noted"), key).scalar_one():
        append(connection, [("night_retrospective", {
            "night": frozen.night, "judgement": frozen.judgement_id, "known": frozen.known,
            "ruleset": frozen.ruleset, "live": frozen.live, "units": units})])  # fmt: skip


def _decide(page: Page, context: Reconciling) -> tuple[int | None, list[Change]]:
    """Changes of as many whole patients as fit one transaction, and the last patient they cover."""
    changes: list[Change] = []
    last = None
    for standing, _ in page.patients:
        patient = standing.patient_id
        made = _of(standing, page, context)
        if changes and len(changes) + len(made) > MOST_CHANGES:
            return last, changes
        changes.extend(made)
        last = patient
    return page.last, changes


def _of(standing: Standing, page: Page, context: Reconciling) -> list[Change]:
    patient = standing.patient_id
    return reconcile(
        standing, page.findings.get(patient, {}), page.episodes.get(patient, ()), context.rules,
        context.night, context.baseline, context.config.routes.alert, context.quiet, context.config.site.endings,
        context.mutes,
    )  # fmt: skip


def decide_page(page: Page, context: Reconciling) -> list[Change]:
    """Every change tonight makes to a page's patients; writes nothing."""
    return [change for standing, _ in page.patients for change in _of(standing, page, context)]


def apply(
    connection: Connection, changes: Sequence[Change], context: Reconciling, page: Page, now: datetime,
    append: Append, enqueue: Enqueue,
) -> None:  # fmt: skip
    """Write changes in the connection's transaction: episode, limbs, change, outbox rows; the ledger last."""
    newest = {standing.patient_id: at for standing, at in page.patients}
    before = {episode.episode_id: episode for episodes in page.episodes.values() for episode in episodes}
    entries = []
    for change in changes:
        names, seq = _save_episode(connection, change, context, page), change.version + 1
        _save_change(connection, change, names, context, now)
        was, result_at = before.get(names.episode_id), newest.get(change.patient_id)
        seen = patterns(page.findings.get(change.patient_id, {}), context.rules)
        for telling in change.tellings:
            filled = content(change, names, telling, context, was, result_at, now, seen)
            enqueue(
                connection, kind=message_kind(change, telling), destination=telling.destination,
                dedup_key=f"{change.patient_id}/{change.group}/{names.opened}/{seq}/{telling.destination}",
                severity=filled["severity"], unit=change.unit, night=context.night,
                episode_id=names.episode_id, change_seq=seq, content=filled, now=now,
                not_before=context.config.routes.quiet_until(
                    change.unit, context.units[change.unit].unit.zone, Severity(filled["severity"]), now),
            )  # fmt: skip
        for item in change.withheld:
            if (silence := silence_of(item.reason)) is not None:
                filled = content(change, names, Telling(item.destination, change.reason), context, was, result_at, now, seen)
                keep(connection, silence, item.destination, names.episode_id, seq, context.night, filled, now)
        _plan_escalations(connection, change, names, context, now)
        entries.append((f"episode_{change.kind.value}", ledger_body(change, names, context)))
    append(connection, entries)


def _plan_escalations(connection: Connection, change: Change, names: Names, context: Reconciling, now: datetime) -> None:
    """What happens while nobody answers, as the routes are now: kept with the change, whatever the routes become."""
    if all(telling.reason == "withdrawn" for telling in change.tellings):
        return
    for number, step in enumerate(context.config.routes.steps(change.unit, change.severity, change.group), start=1):
        connection.execute(sql("reconcile/plan_escalation"), {
            "episode_id": names.episode_id, "seq": change.version + 1, "step": number, "minutes": step.after_minutes,
            "due_at": now + timedelta(minutes=step.after_minutes), "destinations": json.dumps(step.to),
        })  # fmt: skip


def _save_change(
    connection: Connection, change: Change, names: Names, context: Reconciling, now: datetime
) -> None:
    for limb in change.limbs.values():
        connection.execute(sql("reconcile/save_limb"), {"episode_id": names.episode_id, **limb_row(limb)})
    connection.execute(sql("reconcile/record_change"), {
        "episode_id": names.episode_id, "seq": change.version + 1, "night": context.night, "now": now,
        "judgement_id": context.judgement_id, "kind": change.kind.value, "reason": change.reason,
        "sentence": change.sentence, "from_state": change.from_state and change.from_state.value,
        "to_state": change.to_state.value, "severity": change.severity.value,
        "limbs": json.dumps({rule: limb_json(limb) for rule, limb in change.limbs.items()}),
        "withheld": json.dumps([{"destination": w.destination, "reason": w.reason} for w in change.withheld]),
    })  # fmt: skip


def _save_episode(connection: Connection, change: Change, context: Reconciling, page: Page) -> Names:
    row: dict[str, Any] = {
        "unit": change.unit, "state": change.to_state.value, "severity": change.severity.value,
        "night": context.night,
    }  # fmt: skip
    if change.episode_id is not None:
        row |= {"episode_id": change.episode_id, "version": change.version}
        if connection.execute(sql("reconcile/change_episode"), row).rowcount != 1:
            raise _ChangedMeanwhile
        return page.names[change.episode_id]
    key = {"patient_id": change.patient_id, "group": change.group}
    fresh = connection.execute(sql("reconcile/next_episode"), {**key, "night": context.night}).one()
    taken = sql("reconcile/ref_taken")
    ref = next(ref for ref in _refs() if not connection.execute(taken, {"ref": ref}).scalar_one())
    names = Names(fresh.episode_id, ref, opened(context.night, fresh.earlier))
    row |= {**key, "episode_id": names.episode_id, "ref": ref, "baseline": change.baseline}
    connection.execute(sql("reconcile/open_episode"), row)
    return names


def _refs() -> Iterator[str]:
    """Opaque names, 'NW-4F7K'; longer ones once the short ones run out."""
    attempt = 0
    while True:
        yield "NW-" + "".join(secrets.choice(_CROCKFORD) for _ in range(4 + attempt // 8))
        attempt += 1
