"""Patient: results, drugs and episodes on one time line, as known now and as known then; and who looked."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from monitors import pipeline
from monitors.web import charts
from monitors.web.access import Session
from monitors.web.app import Pages, checked, need
from monitors.web.morning import reviewed
from monitors.web.reading import reading

router = APIRouter()
SPANS = {"6": 183, "12": 366, "36": 1097, "all": 36_500}  # months on the page -> days


@router.get("/patients/{sealed}")
def patient(
    request: Request, sealed: str, session: Annotated[Session, Depends(need("patients"))], months: str = "12", known: int = 0
) -> Response:
    """known: a state of knowledge (a batch); 0 is now."""
    pages: Pages = request.app.state.pages
    if months not in SPANS or not 0 <= known < 2**62:
        raise HTTPException(422, "That span is not offered; nothing was changed.")
    patient_id = _whom(pages, session, sealed)
    with reading(pages.here, session) as read:
        person = read.one("web/person", patient_id=patient_id)
        if person is None:
            raise HTTPException(404, "There is no such patient in your units.")
        read.log("patient", patient_id=patient_id, unit=person["unit"] or "")
        since = read.now - timedelta(days=SPANS[months])
        rows = read.rows("web/results", patient_id=patient_id, since=since, known=known)
        drugs = read.rows("web/drugs", patient_id=patient_id, known=known)
        then = (read.one("web/known", known=known) or {}).get("at") if known else None
        episodes = read.rows("web/episodes_of_patient", patient_id=patient_id)
        zone = next((u["zone"] for u in read.rows("web/zones") if u["unit"] == person["unit"]), "UTC")
        review = reviewed(read, pages)
    series = charts.series_of(rows, pages.here.config.analytes)
    picture = charts.time_line(series, drugs, episodes, since if months != "all" else None, read.now)
    return pages.render(request, "patient.html", {
        "title": "Patient", "person": person, "picture": picture, "series": series, "drugs": drugs, "episodes": episodes,
        "months": months, "known": known, "then": then, "sealed": sealed, "zone": zone, "reviewed": review})  # fmt: skip


@router.get("/patients/{sealed}/looked")
def looked(request: Request, sealed: str, session: Annotated[Session, Depends(need("looked"))]) -> Response:
    """Who looked at this patient."""
    pages: Pages = request.app.state.pages
    patient_id = _whom(pages, session, sealed)
    with reading(pages.here, session) as read:
        person = read.one("web/person", patient_id=patient_id)
        if person is None:
            raise HTTPException(404, "There is no such patient in your units.")
        read.log("who_looked", patient_id=patient_id, unit=person["unit"] or "")
        rows = read.rows("web/who_looked", patient_id=patient_id)
    return pages.render(request, "looked.html", {"title": "Who looked at this patient", "person": person, "rows": rows})


@router.get("/looked")
def emergencies(request: Request, session: Annotated[Session, Depends(need("looked"))]) -> Response:
    """Every opening of a foreign unit in an emergency."""
    pages: Pages = request.app.state.pages
    with reading(pages.here, session) as read:
        read.log("who_looked")
        rows = read.rows("web/who_looked", patient_id=0)
    return pages.render(request, "looked.html", {"title": "Emergency access", "person": None, "rows": rows})


@router.post("/emergency")
def emergency(
    request: Request, session: Annotated[Session, Depends(need("emergency"))], csrf: Annotated[str, Form()] = "",
    unit: Annotated[str, Form()] = "", reason: Annotated[str, Form()] = "",
) -> Response:  # fmt: skip
    """Open a foreign unit for half an hour, with a reason; it is marked on every read, listed for the auditors, and told to
    operations at once."""
    checked(request, session, csrf)
    pages: Pages = request.app.state.pages
    if unit not in {known.code for known in pages.here.config.site.units}:
        raise HTTPException(422, "There is no such unit; nothing was opened.")
    if len(reason.strip()) < 10:
        raise HTTPException(422, "Say in a sentence why you need this unit; nothing was opened.")
    pipeline.emergency_opened(unit, session.viewer.name, session.viewer.role, here=pages.here)
    pages.sessions.open_unit(session, unit, reason.strip()[:300], pages.here.clock())
    opened = pages.session(request)
    with reading(pages.here, opened) as read:
        read.log("emergency", unit=unit, detail=reason.strip()[:300])
    return RedirectResponse(f"/?unit={unit}", 303)


def _whom(pages: Pages, session: Session, sealed: str) -> int:
    patient_id = pages.sessions.unseal(session.viewer, sealed)
    if patient_id is None:
        raise HTTPException(404, "This address is no longer good; open the patient from the list.")
    return patient_id
