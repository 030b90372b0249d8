"""What a person may do about an episode from a page, and what people did."""

from __future__ import annotations

from datetime import date
from typing import Any

from starlette.exceptions import HTTPException

from monitors.web.access import Session
from monitors.web.app import Pages
from monitors.web.reading import Reading


def actions(pages: Pages, session: Session, episode: dict[str, Any]) -> list[str]:
    return []


def act(
    pages: Pages, session: Session, episode: dict[str, Any], action: str, reason: str, until: date | None, outcome: str
) -> None:
    raise HTTPException(409, "Nobody can act on an alert at this site yet; nothing was changed.")


def opened(pages: Pages, session: Session, ref: str, unit: str) -> None:
    return None


def facts(read: Reading, episode_id: int) -> list[dict[str, Any]]:
    return []
