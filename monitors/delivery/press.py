"""What a press on a card says: a Slack envelope in, a Press out, or why it is none. Pure.

Everything in an envelope was written by somebody's Slack client: it is taken apart here, and nothing of it but what has the
shape we gave it goes on. Nothing of it is ever logged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TAKE = "press_take"  # the action_id of the button "I am taking this"
ACKNOWLEDGE, SNOOZE, DISMISS = "press_acknowledge", "press_snooze", "press_dismiss"  # on cards with details only
DEEDS = {TAKE: "take", ACKNOWLEDGE: "acknowledge", SNOOZE: "snooze", DISMISS: "dismiss"}
LINK = re.compile(r"link_\d{1,3}\Z")  # a button that opens a page; Slack tells of it all the same

_REF = re.compile(r"[A-Z0-9]{1,12}(-[A-Z0-9]{1,12}){1,3}\Z")
_ID = re.compile(r"[A-Z][A-Z0-9]{1,30}\Z")
_STAMP = re.compile(r"\d{1,12}\.\d{1,8}\Z")
_ENVELOPE = re.compile(r"[\w-]{1,80}\Z", re.ASCII)


@dataclass(frozen=True)
class Press:
    """One press. deed: what is wanted; ref: of the message; user, channel: Slack's ids. key: the same however often Slack
    delivers it, another for each press."""

    envelope_id: str
    key: str
    deed: str
    ref: str
    user: str
    channel: str


@dataclass(frozen=True)
class Nothing:
    """An envelope that asks for nothing we do. why: link | other_type | unknown_action | malformed. user, channel: whom to
    tell, where they could be read."""

    why: str
    user: str = ""
    channel: str = ""


@dataclass(frozen=True)
class Said:
    """What became of a press. outcome: taken, or why not, by name; sentence: for whoever pressed, without a patient."""

    outcome: str
    sentence: str


def read(kind: Any, envelope_id: Any, payload: Any) -> list[Press | Nothing]:
    """What an envelope asks for, in order; never empty."""
    if kind != "interactive" or not isinstance(payload, Mapping) or payload.get("type") != "block_actions":
        return [Nothing("other_type")]
    user, channel = _id(payload.get("user")), _id(payload.get("channel"))
    actions = payload.get("actions")
    if not isinstance(actions, list) or not actions or not _like(_ENVELOPE, envelope_id):
        return [Nothing("malformed", user, channel)]
    return [_one(str(envelope_id), user, channel, action) for action in actions[:10]]


def _one(envelope_id: str, user: str, channel: str, action: Any) -> Press | Nothing:
    name = action.get("action_id") if isinstance(action, Mapping) else None
    if not isinstance(name, str):
        return Nothing("malformed", user, channel)
    if LINK.match(name):
        return Nothing("link", user, channel)
    if name not in DEEDS:
        return Nothing("unknown_action", user, channel)
    ref, stamp = action.get("value"), action.get("action_ts")
    if not (user and channel and _like(_REF, ref) and _like(_STAMP, stamp)):
        return Nothing("malformed", user, channel)
    return Press(envelope_id, f"{channel}/{user}/{name}/{ref}/{stamp}", DEEDS[name], str(ref), user, channel)


def _id(of: Any) -> str:
    found = of.get("id") if isinstance(of, Mapping) else None
    return str(found) if _like(_ID, found) else ""


def _like(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.match(value) is not None
