"""How pages say things: times with zone and age, codes as words, cells that no spreadsheet runs."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

SHAPES = {"CRITICAL": "◆", "HIGH": "▲", "WARNING": "●"}
GROUPS = {"pth": "PTH", "phosphate": "Phosphate", "ca_p_higher": "Ca×P (higher calcium)",
    "ca_p": "Ca×P", "mg2/dL2": "mg²/dL²", "mmol2/L2": "mmol²/L²", "calcium_high": "Calcium high", "calcium_low": "Calcium low",
    "firing": "condition met", "holding": "neither met anew nor cleared"}
DONE = {"take": "you are taking this", "release": "given back", "acknowledge": "acknowledged", "unacknowledge": "taken back",
        "snooze": "snoozed", "dismiss": "dismissed", "outcome": "what came of it"}  # fmt: skip
_DAYS = {"mon": 0, "tue": 1, "wed": 2, "thu": 3, "fri": 4, "sat": 5, "sun": 6}


def when(value: datetime | None, zone: str = "UTC") -> str:
    """Wed 15 Apr 2026, 04:10 BST."""
    return f"{value.astimezone(ZoneInfo(zone)):%a %d %b %Y, %H:%M %Z}" if value else "not known"


def moment(value: datetime, zone: str) -> str:
    """14 Apr 2026 07:00, in a zone the page names once."""
    return f"{value.astimezone(ZoneInfo(zone)):%d %b %Y %H:%M}"


def sentence(text: str) -> str:
    """Begun with a capital, ended with a full stop, squares written as such."""
    text = text.replace("mg2/dL2", "mg²/dL²").strip()
    return text[:1].upper() + text[1:] + ("" if text[-1:] in (".", "?", "!", "") else ".")


def day(value: date | None) -> str:
    return f"{value:%d %b %Y}" if value else "not known"


def age(value: datetime | None, now: datetime) -> str:
    """How long ago, in the largest whole measure."""
    if value is None:
        return "never"
    gap = now - value
    for name, size in (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1))):
        if gap >= (2 if name == "d" else 1) * size:
            return f"{gap // size} {name} ago"
    return "just now"


def words(code: Any) -> str:
    """A code as words: no_recent:phosphate -> no recent phosphate."""
    text = str(code or "").replace("_", " ").replace(":", ": ")
    return GROUPS.get(str(code), " ".join("PTH" if word == "pth" else word for word in text.split(" ")))


def title(code: Any) -> str:
    text = words(code)
    return text[:1].upper() + text[1:]


def name(row: dict[str, Any]) -> str:
    """EXAMPLE, Alex."""
    return ", ".join(str(part) for part in (row.get("family_name"), row.get("given_name")) if part) or "Name not known"


def next_session(schedule: str | None, today: date) -> str:
    """The next day of a schedule such as Mon/Wed/Fri, from today on; '' where it is not written so."""
    days = {_DAYS[part[:3].lower()] for part in (schedule or "").replace(",", "/").split("/")
            if part.strip()[:3].lower() in _DAYS for part in [part.strip()]}  # fmt: skip
    if not days:
        return ""
    ahead = next(n for n in range(7) if (today + timedelta(days=n)).weekday() in days)
    return "today" if ahead == 0 else "tomorrow" if ahead == 1 else f"{today + timedelta(days=ahead):%a %d %b}"


def cell(value: Any) -> Any:
    """A CSV cell that no spreadsheet takes for a formula; numbers stay numbers."""
    if value is None:
        return ""
    if isinstance(value, int | float):
        return value
    text = str(value)
    return "'" + text if text[:1] in "=+-@\t\r" or text[:1] == "\n" else text


def number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
