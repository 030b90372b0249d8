"""The read-only API: the pages' answers as JSON, under the same session, role, units and log."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from monitors.web import alert, lists, verified
from monitors.web.access import Session
from monitors.web.app import Pages, need
from monitors.web.history import SHOWN, Searched
from monitors.web.reading import reading

SAYS: dict[int | str, dict[str, Any]] = {
    401: {"description": "Not signed in"}, 403: {"description": "Not open to this role"},
    404: {"description": "Not there, or not in your units"}, 422: {"description": "Not understood"},
    503: {"description": "The database does not answer"},
}  # fmt: skip
router = APIRouter(prefix="/api/v1", responses=SAYS)


class Step(BaseModel):
    """One step of an episode."""

    recorded_at: datetime
    night: date
    ref: str
    unit: str
    cause_group: str
    seq: int
    kind: str
    reason: str
    sentence: str
    from_state: str | None
    to_state: str
    severity: str
    withheld: list[dict[str, Any]]
    by_person: bool


class Open(BaseModel):
    """One open episode. Nothing here says who the patient is."""

    ref: str
    unit: str
    severity: str
    cause_group: str
    state: str
    opened_night: date
    changed_night: date
    rules: list[str]
    sentence: str


class Ledger(BaseModel):
    """Whether the history verified when it was last recomputed."""

    state: str
    at: datetime | None
    sentence: str
    old: bool


@router.get("/episodes")
def episodes(
    request: Request, answer: Response, session: Annotated[Session, Depends(need("patients"))], unit: str = "", after: str = ""
) -> list[Open]:  # fmt: skip
    """Open episodes of your units, unit by unit, the most pressing first, of up to fifty patients of one unit. Where there are
    more, or further units, the header `Link` holds the address of what follows (rel="next")."""
    pages: Pages = request.app.state.pages
    unit = unit.replace("\x00", "")
    begun = lists.Place.read(after).unit
    with reading(pages.here, session) as read:
        read.log("api_episodes", unit=unit)
        zones = {row["unit"]: row["zone"] for row in read.rows("web/zones")}
        todo = [code for code in zones if unit in ("", code) and code >= begun]
        part = lists.Part([])
        while todo and not part.patients:
            part = lists.listed(read, zones, todo[0], after if todo[0] == begun else "").get(todo.pop(0), part)
    following = part.after or (str(lists.Place(unit=todo[0])) if todo else "")
    if following:
        answer.headers["Link"] = f'</api/v1/episodes?{urlencode({"unit": unit, "after": following})}>; rel="next"'
    rows = [row for patient in part.patients for row in patient["episodes"]]
    return [Open(**{name: row[name] for name in Open.model_fields}) for row in rows]


@router.get("/episodes/{ref}")
def episode(request: Request, ref: str, session: Annotated[Session, Depends(need("patients"))]) -> list[Step]:
    """Every step of one episode."""
    pages: Pages = request.app.state.pages
    with reading(pages.here, session) as read:
        found = alert.found(read, ref.replace("\x00", ""))
        read.log("api_episode", patient_id=found["patient_id"], ref=found["ref"], unit=found["unit"])
        rows = read.rows("web/changes", episode_id=found["episode_id"])
    same = {name: found[name] for name in ("ref", "unit", "cause_group")}
    return [Step(**{"by_person": row["known"] is None, **same, **{k: v for k, v in row.items() if k in Step.model_fields}})
            for row in rows]  # fmt: skip


@router.get("/history")
def history(request: Request, session: Annotated[Session, Depends(need("patients"))], search: Searched) -> list[Step]:
    """The newest hundred steps that match."""
    pages: Pages = request.app.state.pages
    with reading(pages.here, session) as read:
        read.log("api_history", unit=search.unit, detail=search.asked())
        rows = search.rows(read, SHOWN)
    return [Step(**{name: row[name] for name in Step.model_fields}) for row in rows]


@router.get("/ledger")
def ledger(request: Request, session: Annotated[Session, Depends(need("any"))]) -> Ledger:
    """The state of the ledger."""
    return Ledger(**verified.status(request.app.state.pages))


@router.get("/openapi.json", include_in_schema=False)
def document(request: Request, session: Annotated[Session, Depends(need("any"))]) -> Response:
    """What this API is, for whoever is signed in."""
    return JSONResponse(described())


def described() -> dict[str, Any]:
    """The OpenAPI document of the API alone."""
    bare = FastAPI(title="Nephrowatch", version="1", description="Read-only; a session of the pages is needed.")
    bare.include_router(router)
    return bare.openapi()
