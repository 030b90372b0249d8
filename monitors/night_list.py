"""Each unit's morning list: what was counted of its night, ready to be told. Free of anything personal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from monitors.config import Config
from monitors.database import sql
from monitors.digest import digest
from monitors.records import Episode, Limb, Outcome, Severity, State, utc_text
from monitors.rule_status import UNREVIEWED, RuleBook


def lists(
    connection: Connection, config: Config, judgement_id: int, night: date, now: datetime, book: RuleBook | None = None
) -> Iterator[dict[str, Any]]:
    """One digest content a unit of the site, in its order; units without patients too: their silence is news. book: what
    people decided about the rules."""
    key = {"judgement_id": judgement_id}
    episodes: dict[str, list[Episode]] = defaultdict(list)
    review = list(connection.execute(sql("read/safety_review")).scalars())
    given = {"night": night, "review": review, "acknowledged_by": night - timedelta(days=config.site.outcome_days)}
    due = set()
    for row in connection.execute(sql("reconcile/list_episodes"), given):
        episodes[row.unit].append(_episode(row))
        if row.outcome_due:
            due.add(row.episode_id)
    standing = {row.unit: row for row in connection.execute(sql("reconcile/list_units"), key)}
    opening = [rule for rule in config.rules if rule.opens and not rule.shadow]
    quiet = book.quiet(opening, [unit.code for unit in config.site.units], night) if book else {}
    reviews = [
        {"id": rule.id, "version": rule.version, "review": book.review(rule) if book else UNREVIEWED} for rule in opening
    ]
    groups = {rule.id: rule.group for rule in config.rules if rule.opens and not rule.shadow}
    unassessed: dict[str, dict[str, dict[str, int]]] = defaultdict(lambda: {group: {} for group in set(groups.values())})
    for row in connection.execute(sql("reconcile/list_not_assessed"), key):
        if row.rule in groups:
            reasons = unassessed[row.unit][groups[row.rule]]
            reasons[row.reason] = max(reasons.get(row.reason, 0), int(row.patients))
    feeds: dict[str | None, dict[str, int]] = defaultdict(dict)
    for row in connection.execute(sql("reconcile/list_feeds"), {"night": night}):
        of = config.feeds[row.feed].unit if row.feed in config.feeds else None
        feeds[of][row.reason] = feeds[of].get(row.reason, 0) + row.files
    withheld: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in connection.execute(sql("reconcile/list_withheld")):
        withheld[row.unit].append({"reason": row.reason, "episodes": row.episodes})
    silences = _silences(connection, now)
    silent, unverified, held = _silent(connection, config), _unverified(connection, config), _held(connection, config)
    for model in config.site.units:
        unit = model.record()
        here = standing.get(unit.code)
        yield digest(
            unit, night, episodes[unit.code], active=here.active if here else 0, not_assessed=unassessed[unit.code],
            oldest_input=here.oldest_input if here else None, newest_input=here.newest_input if here else None,
            feeds=feeds[unit.code] | feeds[None], silent=silent[unit.code], unverified=unverified[unit.code],
            held=held[unit.code], quiet=quiet, rules=reviews, review=review, due=due,
            withheld=withheld[unit.code], silences=silences(unit.code),
        )  # fmt: skip


def concerned(config: Config, feed_name: str, named: Iterable[str] = ()) -> tuple[str, ...]:
    """The units of the site something of a feed concerns, in the site's order: those its rows name; failing that the
    feed's own, or those its description speaks of; failing that every one, so that nobody is left out."""
    site = [unit.code for unit in config.site.units]
    feed = config.feeds.get(feed_name)
    told = set(named) & set(site)
    if not told and feed is not None:
        told = {feed.unit} if feed.unit else set(feed.mapping.places.values()) | set(feed.deadline.units if feed.deadline else ())
    return tuple(unit for unit in site if unit in told) or tuple(site)


def _silent(connection: Connection, config: Config) -> dict[str, list[dict[str, Any]]]:
    """Laboratory feeds with an open alarm, by unit: one line a feed, since its oldest alarm."""
    found: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for alarm in connection.execute(sql("watch/open")):
        if alarm.kind in ("late", "little") and alarm.feed in config.feeds and "labs" in config.feeds[alarm.feed].takes():
            line = {"feed": alarm.feed, "alarm": alarm.kind, "since": utc_text(alarm.raised_at),
                    "newest_input": utc_text(alarm.newest) if alarm.newest else None}  # fmt: skip
            for unit in concerned(config, alarm.feed, [alarm.unit]):
                found[unit].setdefault(alarm.feed, line)
    return defaultdict(list, {unit: list(lines.values()) for unit, lines in found.items()})


def _silences(connection: Connection, now: datetime) -> Callable[[str], list[dict[str, Any]]]:
    """Silences of a unit: those in force there, and those over of which something still waits to be told."""
    waiting = {(row.unit, row.silence_id): row.episodes for row in connection.execute(sql("mute/waiting_of_units"))}
    active = {row.silence_id: row for row in connection.execute(sql("mute/silences"), {"now": now})}

    def of(unit: str) -> list[dict[str, Any]]:
        numbers = {number for number, row in active.items() if not row.units or unit in row.units}
        numbers |= {number for at, number in waiting if at == unit}
        return [
            {"silence": number, "until": utc_text(row.ends_at) if row else None, "episodes": waiting.get((unit, number), 0)}
            | {kind: list(getattr(row, kind)) if row else [] for kind in ("rules", "groups", "destinations")}
            for number, row in ((number, active.get(number)) for number in sorted(numbers))
        ]

    return of


def _unverified(connection: Connection, config: Config) -> dict[str, list[dict[str, Any]]]:
    """Open results in quarantine that would be critical if true, by unit."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in connection.execute(sql("reconcile/list_quarantine")):
        line = {"analyte": row.analyte, "direction": row.critical, "results": int(row.results), "refs": list(row.ids)}
        for unit in concerned(config, row.feed, [row.unit] if row.unit else []):
            found[unit].append(line)
    return found


def _held(connection: Connection, config: Config) -> dict[str, dict[str, int]]:
    """Held files nobody has decided on, by unit and reason; more than tonight's."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for file in connection.execute(sql("reconcile/list_held")):
        for unit in concerned(config, file.feed, file.units):
            found[unit][file.reason] += 1
    return defaultdict(dict, {unit: dict(counts) for unit, counts in found.items()})


def _episode(row: Any) -> Episode:
    limbs = {
        rule: Limb(rule, Outcome(limb["outcome"]), Severity(limb["severity"]), limb["reason"])
        for rule, limb in (row.limbs or {}).items()
    }
    return Episode(
        row.episode_id, row.patient_id, row.cause_group, row.unit, State(row.state), Severity(row.severity),
        row.opened_night, row.changed_night, row.version, limbs, baseline=row.baseline,
    )  # fmt: skip
