"""Feeds: what arrived when, what was set aside and why, and what is silent."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from monitors.web.access import Session
from monitors.web.app import Pages, need
from monitors.web.reading import reading

router = APIRouter()


@router.get("/feeds")
def feeds(request: Request, session: Annotated[Session, Depends(need("feeds"))]) -> Response:
    pages: Pages = request.app.state.pages
    with reading(pages.here, session) as read:
        rows, aside, alarms = read.rows("web/feeds"), read.rows("web/quarantine"), read.rows("web/alarms")
    seen = {row["feed"] for row in rows}
    never = [name for name in pages.here.config.feeds if name not in seen]
    silent = {alarm["feed"] for alarm in alarms}
    return pages.render(request, "feeds.html", {
        "title": "Feeds", "rows": rows, "aside": aside, "alarms": alarms, "never": never, "silent": silent})  # fmt: skip
