"""Condition and Procedure -> rows of facts."""

from __future__ import annotations

from collections import Counter

from monitors.config import Feed
from monitors.feeds.fhir_elements import best_coding, code_of, day_after, started, text, token
from monitors.feeds.fhir_people import CannotUse, People, Row
from monitors.feeds.fhir_piece import Piece

UNSURE = frozenset({"unconfirmed", "provisional", "differential"})  # Condition.verificationStatus: nobody has said it is so
WRONG = frozenset({"refuted", "entered-in-error"})
PROCEDURE = {"completed": "final", "in-progress": "final", "not-done": "entered-in-error", "entered-in-error": "entered-in-error"}
NOT_YET = frozenset({"preparation", "on-hold", "stopped"})


def rows(piece: Piece, people: People, feed: Feed, ignored: Counter[str]) -> list[tuple[str, Row | CannotUse]]:
    """(kind, row) of one Condition or Procedure: one, or none for what is suspected, planned or broken off."""
    found = piece.resource
    condition = found["resourceType"] == "Condition"
    said = code_of(found.get("verificationStatus")) if condition else text(found.get("status"))
    if said in (UNSURE if condition else NOT_YET):
        ignored[f"{found['resourceType']} ({said})"] += 1
        return []
    try:
        person = people.of(found.get("subject"), piece, found)
    except CannotUse as problem:
        return [("facts", problem)]
    code, words = best_coding([found.get("code")], feed, [feed.mapping.facts])
    if condition:
        status = "entered-in-error" if said in WRONG else "final"
        begun = started(found, "onset") or text(found.get("recordedDate"))
        ended = day_after(started(found, "abatement"))
    else:
        status = PROCEDURE.get(said or "(none)", said or "(none)")
        begun, ended = started(found, "performed"), None
    return [("facts", {
        **person, "fact": feed.mapping.facts.get(code or "", code), "code": token(found.get("code"), code),
        "text": words, "happened_on": begun,
        "ended_on": ended, "status": status,
    })]  # fmt: skip

