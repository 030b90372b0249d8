"""What the rules cost their readers, from real history (reference/clinical.md section 4, "measures to ship").

Left out, for nothing here records it yet: what was done about an episode, and what an alert should have foretold.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Any

from monitors.database import Database, Role, sql

MONTH = 30.4375
DISMISSED_SHARE, DISMISSED_MONTHS = 0.6, 2  # "a rule >60 % dismissed for 2 months goes to review"
FAR = (date(1900, 1, 1), date(9999, 1, 1))


def burden(db: Database, first: date | None = None, last: date | None = None) -> dict[str, Any]:
    """The measures over the live nights from first to last (None: all there are).

    burden: by month, rule, unit and severity, limbs begun (what was present at start apart) and messages, per 100 patients
    per month of the nights that were watched. dismissed: by month and rule. flagged: rules dismissed too often.
    """
    key = {"first": first or FAR[0], "last": last or FAR[1]}
    with db.begin(Role.WEB) as connection:
        watched = connection.execute(sql("burden/patient_nights"), key).all()
        changes = connection.execute(sql("burden/changes"), key).all()
        times = [dict(row) for row in connection.execute(sql("burden/times"), key).mappings()]
        rows = connection.execute(sql("burden/rows"), key).one()
    months = {(row.month, row.unit): row.patient_nights / MONTH for row in watched}
    shares = _dismissed(changes)
    opened = [change for change in changes if change.kind == "opened" and not change.baseline]
    told = sum(change.messages for change in changes)
    return {
        "patient_months": round(sum(months.values()), 1), "burden": _by_rule(changes, months),
        "episodes": {"opened": len(opened), "present_at_start": sum(c.kind == "opened" and c.baseline for c in changes),
                     "per_100_patient_months": _per(len(opened), sum(months.values()))},
        "dismissed": shares, "flagged": _flagged(shares),
        "times": [{**row, **{name: round(float(row[name]), 2) for name in ("median_hours", "p90_hours")}} for row in times],
        "opened_again_within_90_days": _share(sum(change.again for change in opened), len(opened)),
        "messages_without_news": _share(sum(c.messages for c in changes if c.kind in ("refreshed", "stale")), told),
        "retracted": _share(sum(change.kind == "retracted" for change in changes), len({c.episode_id for c in changes})),
        "quarantined": _share(rows.quarantined, rows.received),
    }  # fmt: skip


def _by_rule(changes: Iterable[Any], months: dict[tuple[str, str], float]) -> list[dict[str, Any]]:
    """Limbs begun and messages; a message counts for each rule that began or, where none did, stands in its change."""
    begun: Counter[tuple[str, str, str, str]] = Counter()
    told: Counter[tuple[str, str, str, str]] = Counter()
    for change in changes:
        month, before = change.night.strftime("%Y-%m"), change.limbs_before or {}
        standing = {rule: limb for rule, limb in change.limbs.items() if limb["outcome"] in ("firing", "holding")}
        new = {rule: limb for rule, limb in standing.items() if before.get(rule, {}).get("outcome") not in ("firing", "holding")}
        for rule, limb in new.items():
            if change.kind in ("opened", "worsened") and not (change.kind == "opened" and change.baseline):
                begun[month, rule, change.unit, limb["severity"]] += 1
        for rule, limb in (new or standing or change.limbs).items():
            told[month, rule, change.unit, limb["severity"]] += change.messages
    return [
        {"month": month, "rule": rule, "unit": unit, "severity": severity, "opened": begun[month, rule, unit, severity],
         "messages": told[month, rule, unit, severity],
         "opened_per_100": _per(begun[month, rule, unit, severity], months.get((month, unit), 0)),
         "messages_per_100": _per(told[month, rule, unit, severity], months.get((month, unit), 0))}
        for month, rule, unit, severity in sorted(begun.keys() | {key for key, number in told.items() if number})
    ]  # fmt: skip


def _dismissed(changes: Iterable[Any]) -> list[dict[str, Any]]:
    """By month and rule: episodes it stood in that people answered, and how many of them were dismissed."""
    answered: dict[tuple[str, str], set[int]] = defaultdict(set)
    dismissed: dict[tuple[str, str], set[int]] = defaultdict(set)
    for change in changes:
        if change.kind not in ("acknowledged", "snoozed", "dismissed"):
            continue
        for rule, limb in change.limbs.items():
            if limb["outcome"] != "clear":
                key = (change.night.strftime("%Y-%m"), rule)
                answered[key].add(change.episode_id)
                if change.to_state == "dismissed":
                    dismissed[key].add(change.episode_id)
    return [
        {"month": month, "rule": rule, "answered": len(episodes), "dismissed": len(dismissed[month, rule]),
         "share": round(len(dismissed[month, rule]) / len(episodes), 3)}
        for (month, rule), episodes in sorted(answered.items())
    ]  # fmt: skip


def _flagged(shares: list[dict[str, Any]]) -> list[str]:
    """Rules dismissed in more than 60 % of what people answered, in two months that follow each other."""
    over = {(row["rule"], int(row["month"][:4]) * 12 + int(row["month"][5:])) for row in shares if row["share"] > DISMISSED_SHARE}
    return sorted({rule for rule, month in over if all((rule, month + step) in over for step in range(DISMISSED_MONTHS))})


def _share(part: int, whole: int) -> dict[str, Any]:
    return {"count": int(part), "of": int(whole), "share": round(part / whole, 4) if whole else None}


def _per(count: int, months: float) -> float:
    return round(100 * count / months, 2) if months else 0.0
