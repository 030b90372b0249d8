"""History: every step of every episode by what one looks for, as a page or a file, with the state of the ledger in sight."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from starlette.exceptions import HTTPException

from monitors.records import utc_text
from monitors.web import verified
from monitors.web.access import Session
from monitors.web.app import Pages, need
from monitors.web.reading import Reading, reading
from monitors.web.words import cell

router = APIRouter()
Signed = Annotated[Session, Depends(need("patients"))]
SHOWN, EXPORTED, FEW = 100, 50_000, 2_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STATES = ("open", "acknowledged", "snoozed", "dismissed", "stale", "resolved", "retracted", "closed")
COLUMNS = ("recorded_at", "night", "ref", "unit", "cause_group", "seq", "kind", "reason", "sentence", "from_state", "to_state",
           "severity", "withheld", "by_person")  # fmt: skip


class Search:
    """What is looked for; a dependency, so that page, files and API read the same words."""

    def __init__(
        self, first: str = "", last: str = "", unit: str = "", rule: str = "", state: str = "", actor: str = "",
        severity: str = "", ref: str = "", withheld: bool = False, before: str = "",
    ) -> None:  # fmt: skip
        """before: where the page before ended, as `cursor` writes it."""
        if any("\x00" in text or len(text) > 200 for text in (unit, rule, state, actor, severity, ref)):
            raise HTTPException(422, "One of the words to look for is too long or unreadable.")
        self.first, self.last, self.unit, self.rule, self.state = first, last, unit, rule, state
        self.actor, self.severity, self.ref, self.withheld = actor, severity, ref.strip().upper(), withheld
        if before and not re.fullmatch(r"[0-9]{1,17}-[0-9]{1,18}-[0-9]{1,9}", before, re.ASCII):
            raise HTTPException(422, "That page of the history cannot be found; search again.")
        self.before = before

    def rows(self, read: Reading, most: int) -> list[dict[str, Any]]:
        actors: list[str] = read.rows("web/actors", actor=self.actor)[0]["actors"] if self.actor else []
        found = read.rows("web/episodes_of_rule", rule=self.rule, most=FEW + 1) if self.rule else []
        nobody, nothing = self.actor and not actors, self.rule and not found
        if nobody or nothing or (self.actor and self.withheld):  # a person's own step tells nobody, so nothing is withheld
            return []
        at, episode, seq = (int(part) for part in (self.before or "0-0-0").split("-"))
        return read.rows("web/history", **{
            **{name: getattr(self, name) for name in ("unit", "rule", "state", "actor", "severity", "ref", "withheld")},
            "first": _day(self.first) or EPOCH,
            "until": (_day(self.last) or read.now + timedelta(days=1)) + timedelta(days=1), "most": most,
            "further": bool(self.before), "before": EPOCH + timedelta(microseconds=at), "before_episode": episode,
            "before_seq": seq, "actors": actors,
            "few": 0 < len(found) <= FEW, "episodes": [row["episode_id"] for row in found] if len(found) <= FEW else [],
        })  # fmt: skip

    def asked(self) -> str:
        """What was asked, for the ledger."""
        return json.dumps({name: value for name, value in vars(self).items() if value}, ensure_ascii=False, sort_keys=True)


def cursor(row: dict[str, Any]) -> str:
    """Where a page ended: what is asked for next is older than this step."""
    return f"{(row['recorded_at'] - EPOCH) // timedelta(microseconds=1)}-{row['episode_id']}-{row['seq']}"


Searched = Annotated[Search, Depends(Search)]


@router.get("/history")
def history(request: Request, session: Signed, search: Searched) -> Response:
    pages: Pages = request.app.state.pages
    with reading(pages.here, session) as read:
        read.log("history", unit=search.unit, detail=search.asked())
        rows = search.rows(read, SHOWN + 1)
        units = read.rows("web/zones")
    asked = {name: value for name, value in request.query_params.items() if name != "before" and value}
    older = urlencode({**asked, "before": cursor(rows[SHOWN - 1])}) if len(rows) > SHOWN else ""
    return pages.render(request, "history.html", {
        "title": "History", "rows": rows[:SHOWN], "search": search, "units": units, "states": STATES, "older": older,
        "rules": [rule.id for rule in pages.here.config.rules], "query": urlencode(asked),
        "status": verified.status(pages)})  # fmt: skip


@router.get("/history/export.{form}")
def export(request: Request, form: str, session: Signed, search: Searched) -> Response:
    """The same as a file: NDJSON is the authoritative form, CSV the readable one. Its hash is in the ledger and the header."""
    pages: Pages = request.app.state.pages
    if form not in ("csv", "ndjson"):
        raise HTTPException(404, "There are two forms: csv and ndjson.")
    if not pages.export_limit.allows(session.viewer.key, pages.here.clock()):
        raise HTTPException(429, "Too many files in a short time; wait ten minutes.")
    with reading(pages.here, session) as read:
        rows = [{name: _plain(row[name]) for name in COLUMNS} for row in search.rows(read, EXPORTED)]
        head = read.one("web/ledger") or {"seq": 0, "hash": "", "at": None}
        given = {"by": session.viewer.name, "at": utc_text(read.now), "asked": search.asked(), "rows": len(rows),
                 "complete": len(rows) < EXPORTED, "ledger_seq": head["seq"], "ledger_hash": head["hash"]}  # fmt: skip
        text = as_csv(rows, given) if form == "csv" else as_ndjson(rows, given)
        digest = hashlib.sha256(text.encode()).hexdigest()
        read.log("export", unit=search.unit, detail=json.dumps({"asked": search.asked(), "rows": len(rows), "sha256": digest}))
    kind = "text/csv; charset=utf-8" if form == "csv" else "application/x-ndjson"
    return Response(text, media_type=kind, headers={
        "Content-Disposition": f'attachment; filename="nephrowatch-history.{form}"', "X-Content-SHA256": digest})  # fmt: skip


def as_csv(rows: list[dict[str, Any]], given: dict[str, Any]) -> str:
    """A comment line that says what this is, then the rows; no cell is ever a formula."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([cell(f"# {json.dumps(given, ensure_ascii=False)}")])
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([cell(json.dumps(row[name]) if isinstance(row[name], list) else row[name]) for name in COLUMNS])
    return out.getvalue()


def as_ndjson(rows: list[dict[str, Any]], given: dict[str, Any]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in [{"export": given}, *rows])


def _plain(value: Any) -> Any:
    return utc_text(value) if isinstance(value, datetime) else value.isoformat() if isinstance(value, date) else value


def _day(text: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        raise HTTPException(422, "A day must be written like 2026-04-30.") from None
