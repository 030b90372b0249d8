"""Each unit's morning list: what was counted of its night, ready to be told. Free of anything personal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import Connection

from monitors.config import Config
from monitors.database import sql
from monitors.digest import digest
from monitors.records import Episode, Limb, Outcome, Severity, State
from monitors.rule_status import UNREVIEWED, RuleBook


def lists(
    connection: Connection, config: Config, judgement_id: int, night: date, book: RuleBook | None = None
) -> Iterator[dict[str, Any]]:
    """One digest content a unit of the site, in its order; units without patients too: their silence is news. book: what
    people decided about the rules."""
    key = {"judgement_id": judgement_id}
    episodes: dict[str, list[Episode]] = defaultdict(list)
    for row in connection.execute(sql("reconcile/list_episodes"), {"night": night}):
        episodes[row.unit].append(_episode(row))
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
    for model in config.site.units:
        unit = model.record()
        here = standing.get(unit.code)
        yield digest(
            unit, night, episodes[unit.code], active=here.active if here else 0, not_assessed=unassessed[unit.code],
            oldest_input=here.oldest_input if here else None, newest_input=here.newest_input if here else None,
            feeds=feeds[unit.code] | feeds[None], quiet=quiet, rules=reviews,
        )  # fmt: skip


def _episode(row: Any) -> Episode:
    limbs = {
        rule: Limb(rule, Outcome(limb["outcome"]), Severity(limb["severity"]), limb["reason"])
        for rule, limb in (row.limbs or {}).items()
    }
    return Episode(
        row.episode_id, row.patient_id, row.cause_group, row.unit, State(row.state), Severity(row.severity),
        row.opened_night, row.changed_night, row.version, limbs, baseline=row.baseline,
    )  # fmt: skip
