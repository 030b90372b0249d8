"""What a person may do about an episode from a page, and what people did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from starlette.exceptions import HTTPException

from monitors import actions as human_actions
from monitors import pipeline
from monitors.errors import UserError
from monitors.human import OUTCOMES, Refused
from monitors.people import Person
from monitors.records import Severity, State
from monitors.web.access import Access, Session
from monitors.web.app import Pages
from monitors.web.reading import Reading


@dataclass(frozen=True)
class Form:
    """One button with what it asks for. outcomes: word -> what it means; required: whether the reason is."""

    action: str
    label: str
    style: str = ""
    reason: bool = True
    required: bool = False
    until: bool = False
    outcomes: tuple[str, ...] = ()


TAKE = Form("take", "I am taking this", "primary")
TAKE_OVER = Form("take", "Take it over", "second", required=True)
RELEASE = Form("release", "Give it back", "second")
ACKNOWLEDGE = Form("acknowledge", "Acknowledge", "primary")
UNACKNOWLEDGE = Form("unacknowledge", "Take that back", "second")
SNOOZE = Form("snooze", "Snooze: a plan is in place", "second", required=True, until=True)
DISMISS = Form("dismiss", "Dismiss", "danger", required=True)
OUTCOME = Form("outcome", "Record", "second", outcomes=tuple(OUTCOMES))


def actions(pages: Pages, session: Session, read: Reading, episode: dict[str, Any], limbs: list[dict[str, Any]]) -> list[Form]:
    """The forms this viewer is offered: those their role may use on an episode of this state. `act` decides anew."""
    person = _person(pages, session)
    if person is None or not person.works_in(episode["unit"]):
        return []
    active = {limb["rule"]: limb["severity"] for limb in limbs if limb["outcome"] in ("firing", "holding")}
    owner = human_actions.owner_of(pages.here.config, active)
    found = read.one("web/taken", episode_id=episode["episode_id"])
    taken_by = found["actor"] if found else None
    return [
        form for form in _of(State(episode["state"]), Severity(episode["severity"]), taken_by, person.key)
        if pages.here.config.people.may(person, form.action, owner, read.now)
    ]  # fmt: skip


def _of(state: State, severity: Severity, taken_by: str | None, me: str) -> list[Form]:
    if state.ended:
        return [OUTCOME]
    forms = [TAKE if taken_by is None else RELEASE if taken_by == me else TAKE_OVER]
    if state in (State.ACKNOWLEDGED, State.SNOOZED, State.DISMISSED):
        forms.append(UNACKNOWLEDGE)
    else:
        forms.append(ACKNOWLEDGE)
    if state is not State.DISMISSED:
        forms.append(SNOOZE)
        if severity is not Severity.CRITICAL:
            forms.append(DISMISS)
    return [*forms, OUTCOME]


def act(
    pages: Pages, session: Session, episode: dict[str, Any], action: str, reason: str, until: date | None, outcome: str
) -> None:
    """Do it, as the login that serves people. Raises a page with the refusal's sentence; nothing is changed then."""
    person = _person(pages, session)
    if person is None:
        raise HTTPException(409, "You are not in people.yaml with a role of the care team; nothing was changed.")
    try:
        pipeline.act(
            episode["ref"], action, person, reason=reason, until=until, outcome=outcome, source="web", here=pages.here
        )  # fmt: skip
    except Refused as problem:
        raise HTTPException(409, f"{problem} Nothing was changed.") from None


def opened(pages: Pages, session: Session, ref: str, unit: str) -> None:
    """Note that somebody of the care team had the evidence in front of them (hazard 11). Who may not act notes nothing."""
    person = _person(pages, session)
    if session.viewer.access is not Access.CARE or person is None or not person.works_in(unit):
        return
    try:
        pipeline.evidence_opened(ref, person, source="web", here=pages.here)
    except (Refused, UserError):
        return


def facts(read: Reading, episode_id: int) -> list[dict[str, Any]]:
    """Accepted, seen, opened, acknowledged and what else was done, in order."""
    return human_actions.facts_of(read.connection, episode_id)


def _person(pages: Pages, session: Session) -> Person | None:
    return next((person for person in pages.here.config.people.people if person.key == session.viewer.key), None)
