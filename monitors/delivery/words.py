"""What may be printed of a datum, and how: cleaning, times with zone and age, codes into fixed sentences.

Nothing here passes free text of a feed on. A code that is not known becomes a neutral phrase, never itself.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

SHORT = 80  # characters of a name; longer is cut with an ellipsis
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
NOT_KNOWN = "not known"

CHANGES = {
    "opened": "new since yesterday",
    "worsened": "changed since yesterday",
    "eased": "now at a lower severity",
    "told_late": "told late",
    "stale": "no recent result",
    "refreshed": "new result after a gap",
    "handed_over": "handed over",
    "reopened": "open again",
    "resolved": "limits of the rule no longer met",
    "retracted": "withdrawn",
}

ACRONYMS = ("pth", "inr", "vka")

NOT_ASSESSED = {
    "no_recent": "no recent result",
    "no_value": "no result yet",
    "exposure_unknown": "medication list missing or too old",
    "outside_population": "outside the intended population",
}

HELD = {
    "no_rows": "it has a header and no row",
    "too_few_rows": "it has fewer rows than the feed should bring",
    "too_many_bad": "more of its rows cannot be used than the feed allows",
    "empty_file": "it is empty",
    "mis_encoded": "its text is not in the character set the feed is described with",
    "truncated": "it ends in the middle: it was cut off on the way",
    "wrong_columns": "a column is missing or has another name",
    "too_large": "it is larger than the feed allows",
    "not_hl7": "it does not begin as an HL7 v2 message or batch",
    "wrong_count": "it declares another number of messages than it holds",
    "zip_bomb": "unpacked it would be out of all proportion",
    "packed_too_deep": "files are packed within files more often than the feed allows",
    "too_many_members": "more files are packed into it than the feed allows",
    "encrypted": "it is encrypted",
    "damaged": "its packing is damaged",
    "not_storable": "storing it failed, which is a defect of ours: please report it",
}

STANDINGS = {  # of a Slack destination
    "ok": "The token is good and the bot is in the channel.",
    "no_token": "The bot token is not set, or is none.",
    "token_refused": "Slack refuses the bot token: it was revoked, or is of another app.",
    "missing_scope": "The bot token lacks a scope it needs to be asked (docs/slack.md).",
    "channel_not_found": "The channel is not there, or the bot cannot see it.",
    "archived": "The channel is archived.",
    "not_a_member": "The bot is not in the channel: invite it there.",
    "channel_not_private": "There is leave to show details, but the channel is not private: cards go without.",
    "channel_shared": "There is leave to show details, but the channel is shared: cards go without.",
    "unreachable": "Slack could not be asked.",
    "channel_not_checked": "There is leave to show details; whether the channel is private could not be asked: cards go without.",
    "cannot_be_shown": "There is leave to show details, but they could not be put together: cards go without. Please report it.",
}

CLEARED = {
    "arrived": "Enough has arrived again that can be used.",
    "listed_again": "The place it comes from can be listed again.",
    "no_longer_watched": "The configuration no longer sets this deadline.",
}

_CODE = re.compile(r"[a-z][a-z0-9_]{0,60}\Z")
_RULE = re.compile(r"R[0-9]{2}\Z")
_REF = re.compile(r"[^A-Za-z0-9-]")


def clean(value: Any, limit: int = SHORT) -> str:
    """One printable line: no control or format characters, white space collapsed, cut to `limit`."""
    text = "".join(" " if ch.isspace() else ch for ch in str(value)[: 20 * limit])
    text = "".join(ch for ch in text if unicodedata.category(ch)[0] != "C")
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def opaque(ref: Any) -> str:
    """An opaque reference for people and links: letters, digits and hyphens only, at most 40."""
    return _REF.sub("", str(ref or ""))[:40]


def whole(value: Any) -> str:
    """A count, or 'not known' for anything that is none."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else NOT_KNOWN


def code(value: Any) -> str:
    """A code of ours as words; 'not named' for anything that does not look like one."""
    text = str(value or "")
    return text.replace("_", " ") if _CODE.match(text) else "not named"


def rule(value: Any) -> str:
    """A rule's id (`R07`); 'not named' for anything that is none."""
    return str(value) if _RULE.match(str(value)) else "not named"


def group(value: Any) -> str:
    """A cause group (or a measure) as people write it: `PTH`, `Calcium high`."""
    text = code(value)
    return text.upper() if text in ACRONYMS else text[0].upper() + text[1:]


def not_assessed(reason: Any) -> str:
    """A not-assessable reason (`no_recent:phosphate`) as words, as far as its parts are codes of ours."""
    head, _, detail = str(reason).partition(":")
    words = NOT_ASSESSED.get(head, "another reason (see the list)")
    if head not in NOT_ASSESSED or not _CODE.match(detail):
        return words
    return f"{words} ({detail.upper() if detail in ACRONYMS else code(detail)})"


def held(reason: Any) -> str:
    """Why a file was held, as words; a reason without words of its own as its code."""
    return f"{HELD.get(str(reason)) or code(reason)}."


def instant(value: Any) -> datetime | None:
    """An ISO 8601 text with an offset (or a datetime) as UTC; None for anything else."""
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else None


def when(value: Any, zone: Any, now: datetime | None = None) -> str:
    """`Wed 15 Apr 17:00 BST (in 9 h)`: local to the unit, with its zone; the age only if `now` is given."""
    moment = instant(value)
    if moment is None:
        return NOT_KNOWN
    local = moment.astimezone(_zone(zone))
    name = local.tzname() or "UTC"
    name = f"UTC{name}" if name[0] in "+-" else name
    text = f"{DAYS[local.weekday()]} {local.day} {MONTHS[local.month - 1]} {local:%H:%M} {name}"
    if now is None:
        return text
    year = "" if abs(now - moment) < timedelta(days=180) else f"{local.year}, "
    return f"{text} ({year}{relative(moment, now)})"


def day(value: Any) -> str:
    """`15 Apr 2026` of an ISO 8601 date (or a date)."""
    try:
        found = value if isinstance(value, date) else date.fromisoformat(str(value))
    except ValueError:
        return NOT_KNOWN
    return f"{found.day} {MONTHS[found.month - 1]} {found.year}"


def relative(moment: datetime, now: datetime) -> str:
    """`in 9 h`, `3 h ago`, `just now`."""
    gap = moment - now
    if abs(gap) < timedelta(minutes=1):
        return "just now"
    return f"in {span(gap)}" if gap > timedelta(0) else f"{span(-gap)} ago"


def span(gap: timedelta) -> str:
    """A length of time in its one fitting unit, rounded down: `12 min`, `17 h`, `3 days`."""
    minutes = int(gap.total_seconds() // 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"


def _zone(name: Any) -> ZoneInfo:
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")
