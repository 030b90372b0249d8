"""The morning summary: who needs a look and why, what could not be assessed, what could not be used.

Plain text, readable without colour. It names patients by their alert's reference only.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from monitors.database import Database, Role, sql
from monitors.demo.messages import Planted

Rows = list[dict[str, Any]]
PARTS = (
    "attention",
    "ended",
    "not_assessed",
    "quarantine",
    "files",
    "rows",
    "feeds",
    "planted",
    "messages",
)  # sql/read/summary_*.sql
LIST_MOST = 12  # entries a unit's list shows; the rest is counted
WIDTH = 100


def collect(db: Database, night: date, nights: int = 3) -> dict[str, Rows]:
    """Everything `morning` prints, as plain rows: part -> rows of sql/read/summary_<part>.sql.

    Ended episodes go back `nights` nights, the last being `night`.
    """
    since = {"ended": {"since": night - timedelta(days=nights - 1)}}
    with db.begin(Role.PIPELINE) as connection:
        return {
            part: [
                dict(row)
                for row in connection.execute(sql(f"read/summary_{part}"), since.get(part, {})).mappings()
            ]
            for part in PARTS
        }


def morning(data: Mapping[str, Rows], night: date, formats: Mapping[str, str], planted: Iterable[Planted]) -> str:
    """The summary of what `collect` gave, as text with a closing newline. formats: of each feed. planted: what is looked
    for, and named where it left no trace. Pure."""
    sections = [
        [f"Nephrowatch, morning of {night:%a %d %b %Y}", "=" * WIDTH],
        _attention(data["attention"]),
        _ended(data["ended"]),
        _not_assessed(data["not_assessed"]),
        _unused(data["rows"], data["quarantine"], data["files"]),
        _formats(data["feeds"], formats),
        _planted(data["planted"], planted, formats),
        _messages(data["messages"]),
        _more(data["attention"]),
    ]
    return "\n".join("\n".join(lines) + "\n" for lines in sections)


def _attention(rows: Rows) -> list[str]:
    """Told (HIGH, CRITICAL) in full; the list (WARNING, present at start) counted by unit and group."""
    urgent = [row for row in rows if row["severity"] in ("HIGH", "CRITICAL") and row["told"]]
    rest = [row for row in rows if row not in urgent]
    lines = [f"WHO NEEDS A LOOK: {len(urgent)} told, {len(rest)} on the units' lists"]
    for unit, own in _by(urgent, "unit"):
        lines.append(f"  {unit}")
        for row in own[:LIST_MOST]:
            what = f"{row['severity']:8} {row['ref']:11} {_words(row['cause_group']):18}"
            told = f"{row['told']} destination{_s(row['told'])} told"
            lines.append(f"    {what} since {row['opened_night']:%d %b}  {_words(row['state'])}, {told}")
            lines += _wrapped(row["sentence"], 13)
        if len(own) > LIST_MOST:
            lines.append(f"    and {len(own) - LIST_MOST} more: nephrowatch alerts list")
    if rest:
        lines.append("  On the list, without a message (WARNING, or present at start):")
    for unit, own in _by(rest, "unit"):
        counts = Counter((row["severity"], _words(row["cause_group"])) for row in own)
        parts = [f"{number} {group} {severity}" for (severity, group), number in sorted(counts.items())]
        lines += _wrapped(f"{unit}: {', '.join(parts)}", 4)
    return lines


def _ended(rows: Rows) -> list[str]:
    lines = [f"ENDED IN THE LAST NIGHTS: {len(rows)}"]
    for state, own in _by(rows, "state"):
        lines.append(f"  {_words(state)}: {len(own)}")
        for row in own[:LIST_MOST]:
            what = f"{row['severity']} {_words(row['cause_group'])}"
            lines.append(f"    {row['night']:%d %b} {row['unit']} {row['ref']:11} {what}")
            lines += _wrapped(row["sentence"], 13)
    return lines


def _not_assessed(rows: Rows) -> list[str]:
    """By unit and reason: how many patients, for which rules. No patient is left out in silence."""
    lines = ["COULD NOT BE ASSESSED (silence about these patients says nothing)"]
    for unit, own in _by(rows, "unit"):
        lines.append(f"  {unit}")
        for reason, same in _by(own, "reason"):
            rules = ", ".join(f"{row['rule']}: {row['patients']} of {row['of_patients']}" for row in same)
            lines += _wrapped(f"{_words(reason)}: {rules}", 4)
    if not rows:
        lines.append("  nobody: every rule had what it needs for every patient")
    return lines


def _unused(totals: Rows, quarantine: Rows, files: Rows) -> list[str]:
    total = totals[0]
    where = f"{total['stored']} stored + {total['known']} already known + {total['quarantined']} set aside"
    lines = ["WHAT COULD NOT BE USED", f"  {total['received']} rows in {total['files']} files = {where}"]
    for row in quarantine:
        lines.append(f"  {row['rows']:6} {_words(row['reason']):32} {', '.join(row['feeds'])}")
        lines += _wrapped(row["remedy"], 9)
    for row in files:
        state = f"{row['state']}, {_words(row['reason'])}" if row["reason"] else "came before, under another name"
        lines.append(f"  file {row['feed']}/{row['name']}: {state} ({row['rows_received'] or 0} rows)")
        lines += _wrapped(row["sentence"] or "", 9)
    return lines


def _formats(rows: Rows, formats: Mapping[str, str]) -> list[str]:
    """One line a format: its feeds, files and rows, and what became of them."""
    lines = ["BY FORMAT"]
    for form, own in _by([{**row, "format": formats.get(row["feed"], "?")} for row in rows], "format"):
        total = {key: sum(row[key] for row in own) for key in ("files", "received", "stored", "known", "quarantined")}
        where = f"{total['stored']} stored + {total['known']} known + {total['quarantined']} set aside"
        lines.append(f"  {form:6} {len(own)} feed{_s(len(own))}, {total['files']} files, {total['received']} rows = {where}")
    return lines


def traces(rows: Rows, planted: Iterable[Planted]) -> list[tuple[Planted, int]]:
    """Each planted mistake and how many rows bear its trace; 0: it went by unseen."""
    found = {(row["feed"], row["trace"]): int(row["rows"]) for row in rows}
    return [(one, found.get((one.feed, one.trace), 0)) for one in planted]


def _planted(rows: Rows, planted: Iterable[Planted], formats: Mapping[str, str]) -> list[str]:
    lines = ["PLANTED ON PURPOSE IN MESSAGES AND RESOURCES, AND WHAT BECAME OF IT"]
    feed = ""
    for one, number in traces(rows, planted):
        if one.feed != feed:
            feed = one.feed
            lines.append(f"  {feed} ({formats.get(feed, '?')})")
        became = f"{number} {_words(one.trace)}" if number else "NOT SEEN"
        lines.append(f"    {one.what:48} {became}")
    return lines


def _messages(rows: Rows) -> list[str]:
    lines = ["MESSAGES"]
    for destination, own in _by(rows, "destination"):
        delivered = Counter({row["kind"]: row["messages"] for row in own if row["state"] == "delivered"})
        waiting = {row["state"]: row["messages"] for row in own if row["state"] != "delivered"}
        text = ", ".join(f"{number} {_words(kind)}" for kind, number in sorted(delivered.items())) or "none"
        unsent = (
            "; not delivered: " + ", ".join(f"{n} {state}" for state, n in sorted(waiting.items()))
            if waiting
            else ""
        )
        lines.append(f"  {destination:20} delivered: {text}{unsent}")
    if not rows:
        lines.append("  none")
    return lines


def _more(attention: Rows) -> list[str]:
    one = attention[0]["ref"] if attention else "REF"
    return [
        "WHERE TO READ MORE",
        "  nephrowatch alerts list              every open episode",
        f"  nephrowatch alerts show {one:12} one of them: evidence, who was told, what was withheld",
        "  nephrowatch quarantine list          every row set aside, with its reason and remedy",
        "  nephrowatch feeds list               when each feed last sent something",
        "The rules are drafts from literature, not clinically reviewed. All patients here are synthetic.",
    ]


def _by(rows: Iterable[dict[str, Any]], key: str) -> list[tuple[str, Rows]]:
    """Rows grouped by a column, groups sorted, rows in their order."""
    groups: dict[str, Rows] = defaultdict(list)
    for row in rows:
        groups[str(row[key])].append(row)
    return sorted(groups.items())


def _words(code: object) -> str:
    return str(code).replace("_", " ")


def _s(number: int) -> str:
    return "" if number == 1 else "s"


def _wrapped(text: str, indent: int) -> list[str]:
    """`text` in lines of WIDTH, indented; no line for no text."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + len(word) < WIDTH:
            lines[-1] += f" {word}"
        else:
            lines.append(" " * indent + word)
    return lines
