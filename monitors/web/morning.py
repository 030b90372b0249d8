"""Morning: who needs a look, why, since when, and who knows; and the same on paper for the round."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from monitors.database import sql
from monitors.web import lists
from monitors.web.access import Session
from monitors.web.app import Pages, need
from monitors.web.reading import Reading, reading

router = APIRouter()


@router.get("/")
def morning(
    request: Request, session: Annotated[Session, Depends(need("any"))], unit: str = "", after: str = ""
) -> Response:  # fmt: skip
    """after: where the page before ended, as `lists.Place` writes it."""
    if not session.viewer.may("patients"):
        return RedirectResponse("/feeds" if session.viewer.may("feeds") else "/rules", 303)
    return _show(request, session, unit, after, "morning")


@router.get("/round")
def ward_round(
    request: Request, session: Annotated[Session, Depends(need("patients"))], unit: str = "", after: str = ""
) -> Response:  # fmt: skip
    """The list to take along: everybody of a unit with an open episode, on paper; a long one in several sheets, said so."""
    return _show(request, session, unit, after, "round")


def _show(request: Request, session: Session, unit: str, after: str, what: str) -> Response:
    pages: Pages = request.app.state.pages
    with reading(pages.here, session) as read:
        read.log(what, unit=unit)
        units = board(read, pages, unit, after)
        review = reviewed(read, pages)
    title = {"morning": "Morning", "round": "Ward round"}[what]
    return pages.render(request, f"{what}.html", {
        "title": title, "units": units, "chosen": unit, "after": after, "reviewed": review})  # fmt: skip


def board(read: Reading, pages: Pages, unit: str = "", after: str = "") -> list[dict[str, Any]]:
    """Each unit the reader sees with a page of its patients, what was not assessed, and which feeds are silent."""
    units = {row["unit"]: {**row, "part": lists.Part([]), "missing": [], "alarms": []} for row in read.rows("web/units")}
    zones = {code: one["zone"] for code, one in units.items()}
    most = lists.SHOWN if unit or len(units) < 2 else max(lists.SHOWN // len(units), lists.LEAST)
    for code, part in lists.listed(read, zones, unit, after, most).items():
        units[code]["part"] = part
        for row in part.patients:
            row["patient"] = pages.sessions.seal(read.session.viewer, row["patient_id"])
    reasons: dict[tuple[str, str], dict[str, Any]] = {}
    for row in read.rows("web/not_assessed"):
        known = reasons.setdefault((row["unit"], row["reason"]), {"reason": row["reason"], "patients": 0, "rules": []})
        known["patients"] = max(known["patients"], row["patients"])
        known["rules"].append(row["rule"])
    for (code, _), row in reasons.items():
        if code in units:
            units[code]["missing"].append(row)
    for alarm in read.rows("web/alarms"):
        concerned = [alarm["unit"]] if alarm["unit"] else _served(pages, alarm["feed"])
        for code in units:
            if not concerned or code in concerned:
                units[code]["alarms"].append(alarm)
    return [one for code, one in units.items() if unit in ("", code)]


def _served(pages: Pages, feed: str) -> list[str]:
    found = pages.here.config.feeds.get(feed)
    return [found.unit] if found is not None and found.unit else []


def reviewed(read: Reading, pages: Pages) -> str:
    """What every page says of the rules: how many of those in use no clinician has signed."""
    events = read.connection.execute(sql("rules/events")).all()
    signed = {(event.rule, event.content) for event in events if event.kind == "signed"}
    unsigned = [rule for rule in pages.contents if rule not in signed]
    if not unsigned:
        return "Every rule is signed by a clinician."
    return f"{len(unsigned)} of {len(pages.contents)} rules are not clinically reviewed at this site."
