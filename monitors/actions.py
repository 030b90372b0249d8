"""What people do about episodes: one transaction each, whether pressed in Slack, on a page or typed.

    act(connection, config, ref, action, actor, now, ...) -> Change        take release acknowledge unacknowledge snooze
                                                                           dismiss outcome
    record_opened(connection, config, ref, actor, now, source=...) -> bool
    refused(connection, ...)                                               the ledger entry of an action that did not count

The connection may be of Role.PIPELINE, WEB or DELIVERY. The episode changes `where version = n`, and change row, action
row, outbox rows and, last, the ledger entry are one transaction. `human` decides; docs/states.md draws it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from monitors.config import Config
from monitors.database import sql
from monitors.delivery import outbox
from monitors.delivery.policy import PARENT
from monitors.errors import UserError
from monitors.history import ledger
from monitors.human import OUTCOMES, SNOOZE_DAYS, Decided, Deed, Refused, Subject, decide
from monitors.people import Person
from monitors.records import Change, ChangeKind, Severity, State, local_day, night_of, rank

__all__ = ["OUTCOMES", "Offer", "Refused", "act", "facts_of", "offer", "record_opened", "refused", "shown"]

_TRIES = 3


def act(
    connection: Connection, config: Config, ref: str, action: str, actor: Person, now: datetime, *,
    reason: str = "", until: date | None = None, outcome: str = "", source: str = "cli", evidence_opened: bool = False,
) -> Change:  # fmt: skip
    """One action of a person. until: the last day of a snooze, in the unit's zone. source: cli | web | slack.
    evidence_opened: the evidence as it stands was shown to this person where they pressed; recorded as opened.

    Raises Refused (code and sentence; nothing is written) and UserError for an episode that is not there.
    """
    for _ in range(_TRIES):
        row = _episode(connection, ref, actor)
        today = local_day(now, row.zone)
        role = config.people.may(actor, action, owner_of(config, row.active), now)
        deed = Deed(action, actor.key, role, actor.works_in(row.unit), today, reason, until, outcome)
        decided = decide(_subject(row, evidence_opened), deed, {**SNOOZE_DAYS, **config.site.snooze_days})
        key = {"episode_id": row.episode_id, "actor": actor.key, "actor_name": actor.name, "role": role, "source": source,
               "now": now}  # fmt: skip
        version = connection.execute(sql("act/act"), {
            **key, "version": row.version, "night": night_of(now), "action": action, "kind": decided.kind.value,
            "because": decided.reason, "sentence": decided.sentence, "to_state": decided.to_state.value, "reason": reason,
            "until": until, "outcome": outcome or None,
        }).scalar_one()  # fmt: skip
        if version is None:
            continue  # a night or another person was first: look again
        entries = []
        if evidence_opened and connection.execute(sql("act/opened"), key).scalar_one():
            entries.append(("evidence_opened", _body(row, actor, str(role), source)))
        _tell(connection, config, row, decided, version, now)
        entries.append((f"episode_{decided.kind.value}", _body(row, actor, str(role), source) | {
            "seq": version, "reason": decided.reason, "sentence": decided.sentence, "from_state": row.state,
            "to_state": decided.to_state, "severity": row.severity, "limbs": dict(row.active), "until": until,
            "said": reason}))  # fmt: skip
        ledger.append(connection, entries)
        return Change(
            patient_id=row.patient_id, group=row.cause_group, unit=row.unit, kind=decided.kind, reason=decided.reason,
            sentence=decided.sentence, to_state=decided.to_state, severity=Severity(row.severity), limbs={},
            episode_id=row.episode_id, from_state=State(row.state), version=version - 1, baseline=row.baseline,
        )  # fmt: skip
    raise Refused("changed_meanwhile", f"{ref} keeps changing at this moment; try again.")


@dataclass(frozen=True)
class Offer:
    """What a person who may act is asked for. first, last: days a snooze may end on, in the unit's zone."""

    ref: str
    severity: Severity
    unit: str
    first: date
    last: date


def offer(
    connection: Connection, config: Config, ref: str, action: str, actor: Person, now: datetime, *, evidence_opened: bool = False
) -> Offer:
    """What to ask for before an action that needs a reason. Writes nothing. Raises as `act` does where no reason would help."""
    row = _episode(connection, ref, actor)
    first = local_day(now, row.zone) + timedelta(days=1)
    role = config.people.may(actor, action, owner_of(config, row.active), now)
    deed = Deed(action, actor.key, role, actor.works_in(row.unit), first - timedelta(days=1), "to be given", first)
    most = {**SNOOZE_DAYS, **config.site.snooze_days}
    decide(_subject(row, evidence_opened), deed, most)
    severity = Severity(row.severity)
    return Offer(row.ref, severity, row.unit, first, first + timedelta(days=most[severity] - 1))


def shown(connection: Connection, ref: str, actor: Person, seq: int, channel: str) -> bool:
    """Whether a channel was shown an episode's evidence, as it stands now, on a card of change `seq` or an earlier one."""
    row = _episode(connection, ref, actor)
    given = {"episode_id": row.episode_id, "seq": seq, "channel": channel}
    return bool(connection.execute(sql("act/shown"), given).scalar_one())


def _subject(row: Any, evidence_opened: bool) -> Subject:
    return Subject(
        row.ref, State(row.state), Severity(row.severity), row.unit,
        {rule: Severity(severity) for rule, severity in row.active.items()},
        row.taken_by, row.taken_by_name or "", row.opened or evidence_opened, frozenset(row.said),
    )  # fmt: skip


def record_opened(
    connection: Connection, config: Config, ref: str, actor: Person, now: datetime, *, source: str = "cli"
) -> bool:
    """This person opened the evidence of an episode as it stands. False where that is recorded already.

    Raises Refused to somebody of another unit, or with no role now, and UserError for an episode that is not there.
    """
    row = _episode(connection, ref, actor)
    roles = actor.roles_at(now)
    if not actor.works_in(row.unit):
        raise Refused("not_your_unit", f"{row.ref} belongs to unit {row.unit}, where you do not work.")
    if not roles:
        raise Refused("role_may_not", "You have no role at this time.")
    key = {"episode_id": row.episode_id, "actor": actor.key, "actor_name": actor.name, "role": roles[0], "source": source,
           "now": now}  # fmt: skip
    if not connection.execute(sql("act/opened"), key).scalar_one():
        return False
    ledger.append(connection, [("evidence_opened", _body(row, actor, roles[0], source))])
    return True


def refused(
    connection: Connection, ref: str, action: str, actor: str, problem: Refused, source: str
) -> None:
    """Keep in the ledger that somebody tried what does not count. actor: a key, or what an unknown person is called."""
    ledger.append(connection, [("action_refused", {
        "ref": plain(ref), "action": action, "actor": actor, "code": problem.code, "source": source})])  # fmt: skip


def facts_of(connection: Connection, episode_id: int) -> list[dict[str, Any]]:
    """Who did what about an episode, in order: fact, who, role, at, reason, until. `accepted` is a channel's word, `seen`
    the first thing a person did about it, `opened` and `acknowledged` what they say; the rest are the other actions."""
    found = connection.execute(sql("act/facts"), {"episode_id": episode_id})
    return [dict(row) for row in found.mappings()]


def owner_of(config: Config, active: Any) -> str | None:
    """The role that answers for an episode: the owner of its worst rule; None where no rule of it is known today."""
    owners = {rule.id: rule.owner for rule in config.rules}
    worst = max(sorted(rule for rule in active if rule in owners), key=lambda rule: rank(Severity(active[rule])), default=None)
    return owners[worst] if worst else None


def plain(ref: str) -> str:
    """The episode of a message's reference: NW-4F7K of NW-4F7K-2, in any case."""
    parts = ref.strip().upper().split("-")
    return "-".join(parts[:-1] if len(parts) > 2 and parts[-1].isdigit() else parts)


def _episode(connection: Connection, ref: str, actor: Person) -> Any:
    row = connection.execute(sql("act/episode"), {"ref": plain(ref), "actor": actor.key}).one_or_none()
    if row is None:
        raise UserError(f"There is no episode {ref!r}; `nephrowatch alerts list --all` shows them all.")
    return row


def _tell(connection: Connection, config: Config, row: Any, decided: Decided, version: int, now: datetime) -> None:
    """Who has it now, and what they said of it, stands on the episode's posts in Slack. That a rule is wrong reaches whoever
    answers for it, else operations. Everything else stands on the episode and on the morning list."""
    if decided.kind is not ChangeKind.OUTCOME:
        _show(connection, config, row, version, now)
    if decided.reason != "rule_is_wrong":
        return
    owner = owner_of(config, row.active)
    for destination in config.routes.feedback(row.unit, owner):
        outbox.enqueue(
            connection, dedup_key=f"feedback/{row.episode_id}/{version}/{destination}", kind="operations",
            destination=destination, severity=None, unit=row.unit, night=night_of(now), episode_id=None, change_seq=None,
            content={"reason": "rule_is_wrong", "unit": row.unit, "rules": sorted(row.active), "ref": row.ref,
                     "owner": owner}, now=now,
        )  # fmt: skip


def _show(connection: Connection, config: Config, row: Any, version: int, now: datetime) -> None:
    """Bring the first post of the episode in each Slack channel up to date; it notifies nobody."""
    for post in connection.execute(sql("act/posts"), {"episode_id": row.episode_id}).all():
        to = config.routes.destinations.get(post.destination)
        content = {name: value for name, value in post.content.items() if name != "escalated"} | {"of": post.kind}
        if to is not None and to.kind == "slack":
            outbox.enqueue(
                connection, dedup_key=f"{PARENT}/held/{row.episode_id}/{version}/{post.destination}", kind=PARENT,
                destination=post.destination, severity=post.severity, unit=post.unit, night=night_of(now),
                episode_id=row.episode_id, change_seq=version, content=content, now=now,
            )  # fmt: skip


def _body(row: Any, actor: Person, role: str, source: str) -> dict[str, Any]:
    return {"episode": row.episode_id, "ref": row.ref, "unit": row.unit, "actor": actor.key, "role": role, "source": source}
