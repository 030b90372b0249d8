"""The cards about files and feeds: results nobody could verify, held files, silent feeds.

Content of an unverified message: unit, unit_name, zone, severity, results, counts[{analyte, direction, results}],
reasons{code: rows}, refs (numbers), acknowledge_by, oldest_sample, newest_sample, late. Of a held file: feed, reason,
state, file (its number), rows, criticals, more, and unit, unit_name for a unit. Of an alarm: feed, unit or null, alarm,
raised_at, hours, min_rows, rows, newest_input; when it has cleared, why. No value, file name or sentence is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from monitors.delivery import facts, words
from monitors.delivery.card import Card, Section
from monitors.delivery.facts import HOURS_OLD, NO_DETAILS, Content, SiteFacts
from monitors.delivery.words import NOT_KNOWN, clean, code, whole

REFS = 10  # numbers printed on a card; the command of the last line lists all
DIRECTIONS = {"low": "low", "high": "high"}
KEPT = "Nothing is lost: the file is kept as it was received."


def unverified(content: Content, site: SiteFacts, now: datetime | None) -> tuple[str, Card]:
    """Results in quarantine that would be critical if true: never silenced, never vouched for."""
    unit, severity, results = facts.unit(content), facts.severity(content), whole(content.get("results"))
    one = content.get("results") == 1
    newest, oldest = (facts.old(content.get(key), now) for key in ("newest_sample", "oldest_sample"))
    lines = (
        f"{results} {'result' if one else 'results'} in quarantine would be critical if true.",
        "Unverified critical: repeat, or confirm with the laboratory.",
        f"For: {facts.owner(content)}    Look by: {words.when(content.get('acknowledge_by'), content.get('zone'), now)}",
        f"Sample taken: {newest}." if one else f"Samples taken: newest {newest}, oldest {oldest}.",
        HOURS_OLD,
    )
    sections = (
        Section("Would be critical", tuple(counted(line) for line in _mappings(content.get("counts"))) or (NOT_KNOWN,)),
        Section("Why it could not be verified", _counts(content.get("reasons"), "row", "rows")),
        Section("Look up", (references(content.get("refs"), content.get("results")), "nephrowatch quarantine list --critical")),
    )
    heading = f"{severity} IF TRUE · Unit {unit} · {results} unverified {'result' if one else 'results'}"
    card = Card(heading, lines, facts.footer(content, site), sections=sections, level=severity)
    return f"Unit {unit}: {results} unverified critical {'result' if one else 'results'} ({severity})", card


def held(content: Content, site: SiteFacts, now: datetime | None) -> tuple[str, Card]:
    """A file that waits for a person: why, and how to approve or discard it."""
    unit = facts.unit(content) if content.get("unit") else ""
    feed, number = clean(content.get("feed") or NOT_KNOWN), whole(content.get("file"))
    readable = content.get("state") != "unreadable"
    what = "was held: none of it is used until a person decides" if readable else "could not be read: none of it is used"
    lines = [f"File {number} of feed {feed} {what}.", f"Reason: {words.held(content.get('reason'))}"]
    if readable:
        lines.append(f"Rows in the file: {whole(content.get('rows'))}.")
    if isinstance(criticals := content.get("criticals"), int) and criticals > 0:
        lines.append(f"Of these, {criticals} would be critical if true: told apart, as unverified.")
    if content.get("more"):
        lines.append("More files of this feed held tonight for this reason are only counted: nephrowatch feeds list")
    lines.append("Patients whose results stand in it may be missing from tonight's list." if unit else KEPT)
    steps = (
        ("Look", f"nephrowatch quarantine list --file {number}"),
        ("Approve", f"nephrowatch quarantine release --file {number} --reason WHY --actor WHO"),
        ("Discard", f"nephrowatch quarantine discard --file {number} --reason WHY --actor WHO"),
        ("After mending the feed's description", f"nephrowatch quarantine retry --file {number}"),
    )
    shown = tuple(f"{title}: {command}" for title, command in steps if readable or title != "Approve")
    by = Section("What to do" if not unit else "What operations can do", shown)
    where = f"Unit {unit} · " if unit else ""
    footer = facts.footer(content, site) if unit else (NO_DETAILS, f"From Nephrowatch at {clean(site.name)}.")
    heading = f"{'FILE HELD' if readable else 'FILE NOT READ'} · {where}feed {feed}"
    whose, became = f"Unit {unit}" if unit else "Operations", "is held" if readable else "could not be read"
    subject = f"{whose}: a file of feed {feed} {became}"
    return subject, Card(heading, tuple(lines), footer, sections=(by,))


def alarm(content: Content, site: SiteFacts, now: datetime | None) -> tuple[str, Card]:
    """A feed has gone silent, said once."""
    feed, about = clean(content.get("feed") or NOT_KNOWN), _about(content)
    hours, rows, floor = (whole(content.get(key)) for key in ("hours", "rows", "min_rows"))
    if content.get("alarm") == "late":
        what = f"Nothing that can be used has arrived for {hours} h or longer{about}."
    else:
        what = f"{rows} usable rows arrived within {hours} h{about}; {floor} or more are expected."
    lines = (
        what,
        f"Newest usable file: {facts.old(content.get('newest_input'), now)}.",
        "Its patients are judged by older results: while it is silent, no message about them means nothing.",
        "Ask the sender, then see `nephrowatch feeds list` and `nephrowatch quarantine list`. You are told when it is over.",
    )
    return f"Operations: feed {feed} is silent", Card(f"SILENT FEED · {feed}{about}", lines, _footer(site))


def alarm_cleared(content: Content, site: SiteFacts, now: datetime | None) -> tuple[str, Card]:
    """The alarm of a feed is over, said once."""
    feed, about = clean(content.get("feed") or NOT_KNOWN), _about(content)
    lines = (
        words.CLEARED.get(str(content.get("why")), "The alarm is over."),
        f"It was open since {words.when(content.get('raised_at'), 'UTC', now)}.",
        "What was missing meanwhile is judged when it arrives, late or out of order.",
    )
    return f"Operations: the alarm of feed {feed} is over", Card(f"ALARM OVER · {feed}{about}", lines, _footer(site))


def counted(line: Mapping[str, Any]) -> str:
    """`Phosphate high: 2`."""
    direction = DIRECTIONS.get(str(line.get("direction")), NOT_KNOWN)
    return f"{words.group(line.get('analyte'))} {direction}: {whole(line.get('results'))}"


def references(numbers: Any, results: Any = None) -> str:
    """`Q-12, Q-13 and 4 more`: what `nephrowatch quarantine show` takes. results: how many there are in all."""
    refs = [f"Q-{number}" for number in facts.listed(numbers) if isinstance(number, int)]
    rest = (results if isinstance(results, int) else len(refs)) - min(len(refs), REFS)
    return (", ".join(refs[:REFS]) or NOT_KNOWN) + (f" and {rest} more" if rest > 0 else "")


def _about(content: Content) -> str:
    return f" for unit {facts.unit(content)}" if content.get("unit") else ""


def _footer(site: SiteFacts) -> tuple[str, ...]:
    return NO_DETAILS, f"From Nephrowatch at {clean(site.name)}."


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [line for line in facts.listed(value) if isinstance(line, Mapping)]


def _counts(value: Any, one: str, many: str) -> tuple[str, ...]:
    if not isinstance(value, Mapping) or not value:
        return (NOT_KNOWN,)
    return tuple(f"{code(reason)}: {whole(n)} {one if n == 1 else many}" for reason, n in sorted(value.items(), key=str))
