"""Alert: the life of one episode, its evidence, every message and attempt, and what a person may do about it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from monitors.records import local_day
from monitors.web import people, words
from monitors.web.access import Session
from monitors.web.app import Pages, checked, need
from monitors.web.morning import reviewed
from monitors.web.reading import Reading, reading

router = APIRouter()
Signed = Annotated[Session, Depends(need("patients"))]


@router.get("/alerts/{ref}")
def alert(request: Request, ref: str, session: Signed, done: str = "") -> Response:
    pages: Pages = request.app.state.pages
    with reading(pages.here, session) as read:
        episode = found(read, ref)
        read.log("alert", patient_id=episode["patient_id"], ref=episode["ref"], unit=episode["unit"])
        shown = life(read, pages, episode)
        forms = people.actions(pages, session, read, episode, shown["evidence"])
        review = reviewed(read, pages)
    people.opened(pages, session, episode["ref"], episode["unit"])
    return pages.render(request, "alert.html", {
        "title": f"Alert {episode['ref']}", "episode": episode, **shown, "reviewed": review, "done": words.DONE.get(done, ""),
        "actions": forms,
        "patient": pages.sessions.seal(session.viewer, episode["patient_id"])})  # fmt: skip


@router.post("/alerts/{ref}/{action}")
def act(
    request: Request, ref: str, action: str, session: Annotated[Session, Depends(need("act"))], csrf: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "", until: Annotated[str, Form()] = "", outcome: Annotated[str, Form()] = "",
) -> Response:  # fmt: skip
    checked(request, session, csrf)
    pages: Pages = request.app.state.pages
    try:
        last = date.fromisoformat(until) if until else None
    except ValueError:
        raise HTTPException(422, "The day must be written like 2026-04-30; nothing was changed.") from None
    with reading(pages.here, session) as read:
        episode = found(read, ref)
        read.log("action", patient_id=episode["patient_id"], ref=episode["ref"], unit=episode["unit"], detail=action)
    people.act(pages, session, episode, action, reason.strip(), last, outcome)
    return RedirectResponse(f"/alerts/{episode['ref']}?done={action}", 303)


def found(read: Reading, ref: str) -> dict[str, Any]:
    """The episode; also by a message's own reference, NW-4F7K-2. Raises a 404 that says nothing about other units."""
    parts = ref.strip().upper().split("-")
    plain = "-".join(parts[:-1] if len(parts) > 2 and parts[-1].isdigit() else parts)
    episode = read.one("web/episode", ref=plain)
    if episode is None:
        raise HTTPException(404, "There is no such alert in your units.")
    return episode


def life(read: Reading, pages: Pages, episode: dict[str, Any]) -> dict[str, Any]:
    """Evidence by rule, the steps in order, the messages of each."""
    key = {"episode_id": episode["episode_id"]}
    evidence = read.rows("web/evidence", patient_id=episode["patient_id"], **key)
    titles = {rule.id: rule for rule in pages.here.config.rules}
    for limb in evidence:
        rule = titles.get(limb["rule"])
        limb["title"] = rule.title if rule else "a rule that is no longer in the rule book"
        limb["facts"] = limb["facts"] or {}
        for item in limb["evidence"] or ():
            item["day"] = local_day(datetime.fromisoformat(item["collected_at"]), episode["zone"])
    messages: dict[int, list[dict[str, Any]]] = {}
    for message in read.rows("web/messages", **key):
        messages.setdefault(message["change_seq"] or 0, []).append(message)
    return {"evidence": evidence, "changes": read.rows("web/changes", **key), "messages": messages,
            "facts": people.facts(read, episode["episode_id"])}  # fmt: skip
