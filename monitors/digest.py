"""A unit's morning list as counts. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from monitors.records import Episode, Outcome, Severity, State, Unit, utc_text

_SECTIONS = (
    ("needs_a_look", "Needs a look today"),
    ("new", "New since yesterday"),
    ("present_at_start", "Present when watching began, listed tonight"),
    ("unacknowledged", "Open and unacknowledged"),
    ("outcome_due", "Acknowledged a while ago, what came of it still to be recorded"),
    ("withdrawn", "Withdrawn"),
    ("safety_review", "Closed by the census while open: for safety review until an outcome is recorded"),
    ("stale", "Open without a recent value"),
    ("silent_phase", "Recorded in a rule's silent phase, told to nobody yet"),
    ("rule_stopped", "Ended because a person stopped the rule"),
)


def digest(
    unit: Unit,
    night: date,
    episodes: Sequence[Episode],
    *,
    active: int,
    not_assessed: Mapping[str, Mapping[str, int]],
    oldest_input: datetime | None,
    newest_input: datetime | None,
    feeds: Mapping[str, int] | None = None,
    silent: Sequence[Mapping[str, Any]] = (),
    unverified: Sequence[Mapping[str, Any]] = (),
    held: Mapping[str, int] | None = None,
    quiet: Mapping[tuple[str, str], str] = MappingProxyType({}),
    rules: Sequence[Mapping[str, Any]] = (),
    review: Collection[int] = (),
    due: Collection[int] = (),
    withheld: Sequence[Mapping[str, Any]] = (),
    silences: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """A unit's morning list as counts only: nothing in it points to a patient.

    episodes: the unit's open ones, those that ended tonight, and those in review (ended earlier, still to be looked at by
    whoever reviews safety). due: episodes whose outcome is asked for. active: patients of the unit. not_assessed:
    {cause group: {reason: patients}}. oldest_input, newest_input: oldest and newest of the patients' latest
    results. feeds: {named problem: files}. silent: laboratory feeds of the unit with an open alarm; while there is
    one, patients who only lack a recent result are one counted line and no storm of lines. unverified: open results in
    quarantine that would be critical if true. held: {reason: files} still to be decided on. quiet: (unit, rule) -> why it
    tells nobody; an episode of such rules only is counted by itself, with the severity it would have been told at.
    withheld: what mutes open episodes, and how many; silences: those in force here, and how many each withholds.
    rules: id, version and review of those that open episodes. Sections stand in the order in which they are read.
    """
    open_now = [episode for episode in episodes if not episode.state.ended]
    hushed = [episode for episode in open_now if _silent(episode, quiet)]
    live = [episode for episode in open_now if episode not in hushed]
    tonight = [episode for episode in episodes if episode.changed_night == night]
    waiting = [episode for episode in live if episode.state in (State.OPEN, State.STALE)]
    closed = [episode for episode in episodes if episode.state is State.CLOSED]
    closed = [episode for episode in closed if episode in tonight or episode.episode_id in review]
    chosen = {
        "needs_a_look": [e for e in waiting if e.severity is not Severity.WARNING],
        "new": [e for e in live if e.opened_night == night and not e.baseline],
        "present_at_start": [e for e in live if e.opened_night == night and e.baseline],
        "unacknowledged": waiting,
        "outcome_due": [e for e in live if e.episode_id in due],
        "withdrawn": [e for e in tonight if e.state is State.RETRACTED],
        "safety_review": [e for e in closed if e.severity is not Severity.WARNING],
        "stale": [e for e in live if not any(limb.active for limb in e.limbs.values())],
        "silent_phase": hushed,
        "rule_stopped": [
            e for e in tonight if e.state.ended and any(limb.reason == "rule_stopped" for limb in e.limbs.values())
        ],
    }
    sections = []
    for code, title in _SECTIONS:
        counted = Counter((episode.severity, episode.group) for episode in chosen[code])
        rows = [
            {"severity": severity.value, "group": group, "episodes": number}
            for (severity, group), number in sorted(counted.items(), key=lambda i: (-i[0][0].rank, i[0][1]))
        ]
        sections.append({"code": code, "title": title, "episodes": counted.total(), "lines": rows})
    lines = [
        (group, why, patients)
        for group, reasons in sorted(not_assessed.items())
        for why, patients in sorted(reasons.items())
    ]
    overdue = sum(patients for _, why, patients in lines if why.startswith("no_recent"))
    told = [line for line in lines if not (silent and line[1].startswith("no_recent"))]
    return {
        "unit": unit.code, "unit_name": unit.name, "zone": unit.zone, "night": night.isoformat(),
        "active": active, "open": len(live), "sections": sections,
        "not_assessed": [{"group": group, "reason": why, "patients": number} for group, why, number in told],
        "assessed": {group: active - sum(not_assessed[group].values()) for group in sorted(not_assessed)},
        "overdue": overdue,
        "silent": [{**line, "overdue": overdue} for line in silent],
        "oldest_input": utc_text(oldest_input) if oldest_input else None,
        "newest_input": utc_text(newest_input) if newest_input else None,
        "feeds": dict(sorted((feeds or {}).items())),
        "unverified": [dict(line) for line in unverified],
        "held": dict(sorted((held or {}).items())),
        "withheld": [dict(line) for line in withheld],
        "silences": [dict(line) for line in silences],
        "stopped": sorted(rule for (at, rule), why in quiet.items() if (at, why) == (unit.code, "rule_stopped")),
        "rules": [dict(rule) for rule in rules],
    }  # fmt: skip


def _silent(episode: Episode, quiet: Mapping[tuple[str, str], str]) -> bool:
    """Whether all that stands of an episode is of rules that tell nobody yet."""
    standing = [rule for rule, limb in episode.limbs.items() if limb.outcome is not Outcome.CLEAR]
    return bool(standing) and all((episode.unit, rule) in quiet for rule in standing)
