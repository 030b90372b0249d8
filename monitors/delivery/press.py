"""What a press on a card says: a Slack envelope in, a Press out, or why it is none. Pure.

Everything in an envelope was written by somebody's Slack client: it is taken apart here, and nothing of it but what has the
shape we gave it goes on. Nothing of it is ever logged.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from monitors.delivery import forms

TAKE = "press_take"  # the action_id of the button "I am taking this"
ACKNOWLEDGE, SNOOZE, DISMISS = "press_acknowledge", "press_snooze", "press_dismiss"  # on cards with details only
DEEDS = {TAKE: "take", ACKNOWLEDGE: "acknowledge", SNOOZE: "snooze", DISMISS: "dismiss"}
LINK = re.compile(r"link_\d{1,3}\Z")  # a button that opens a page; Slack tells of it all the same

_REF = re.compile(r"[A-Z0-9]{1,12}(-[A-Z0-9]{1,12}){1,3}\Z")
_ID = re.compile(r"[A-Z][A-Z0-9]{1,30}\Z")
_STAMP = re.compile(r"\d{1,12}\.\d{1,8}\Z")
_TRIGGER = re.compile(r"[\w.-]{1,255}\Z", re.ASCII)
_ENVELOPE = re.compile(r"[\w-]{1,80}\Z", re.ASCII)


@dataclass(frozen=True)
class Press:
    """One press of a button, or one form sent in. deed: what is wanted; ref: of the message; user, channel: Slack's ids. key: the
    same however often Slack delivers it, another for each press. trigger: with it a form may be opened within seconds. form: it
    is one that was filled in; reason, until: what it says."""

    envelope_id: str
    key: str
    deed: str
    ref: str
    user: str
    channel: str
    trigger: str = ""
    form: bool = False
    reason: str = ""
    until: date | None = None

    @property
    def seq(self) -> int:
        """Of the change whose card was pressed; 0 where the ref does not say."""
        last = self.ref.rpartition("-")[2]
        return int(last) if self.ref.count("-") > 1 and last.isdigit() and len(last) < 10 else 0


@dataclass(frozen=True)
class Nothing:
    """An envelope that asks for nothing we do. why: link | other_type | unknown_action | unknown_form | malformed.
    user, channel: whom to tell, where they could be read."""

    why: str
    user: str = ""
    channel: str = ""


@dataclass(frozen=True)
class Said:
    """What became of a press. outcome: taken, or why not, by name; sentence: for whoever pressed, without a patient; '' says
    nothing. ask: the form to open now. field: of a form that cannot be taken so, where the sentence belongs."""

    outcome: str
    sentence: str
    ask: Mapping[str, Any] | None = None
    field: str = ""


def read(kind: Any, envelope_id: Any, payload: Any) -> list[Press | Nothing]:
    """What an envelope asks for, in order; never empty."""
    if kind != "interactive" or not isinstance(payload, Mapping):
        return [Nothing("other_type")]
    if payload.get("type") == "view_submission":
        return [_form(envelope_id, payload)]
    if payload.get("type") != "block_actions":
        return [Nothing("other_type")]
    trigger = payload.get("trigger_id")
    user, channel = _id(payload.get("user")), _id(payload.get("channel"))
    actions = payload.get("actions")
    if not isinstance(actions, list) or not actions or not _like(_ENVELOPE, envelope_id):
        return [Nothing("malformed", user, channel)]
    trigger = str(trigger) if _like(_TRIGGER, trigger) else ""
    return [_one(str(envelope_id), user, channel, action, trigger) for action in actions[:10]]


def _form(envelope_id: Any, payload: Mapping[str, Any]) -> Press | Nothing:
    """A form sent in. What came along with it is what we had put there, and is looked at like anything else."""
    user, view = _id(payload.get("user")), payload.get("view")
    if not isinstance(view, Mapping) or view.get("callback_id") not in forms.FORMS:
        return Nothing("unknown_form", user)
    try:
        along = json.loads(str(view.get("private_metadata")))
        ref, channel = along["ref"], along["channel"]
    except (ValueError, TypeError, KeyError):
        return Nothing("malformed", user)
    number = view.get("id")
    if not (user and _like(_ID, channel) and _like(_REF, ref) and _like(_ID, number) and _like(_ENVELOPE, envelope_id)):
        return Nothing("malformed", user, channel if _like(_ID, channel) else "")
    reason, day = forms.given(view)
    until = date.fromisoformat(day) if _is_day(day) else None
    deed = forms.FORMS[str(view["callback_id"])]
    said = hashlib.sha256(f"{reason}|{day}".encode()).hexdigest()[:16]  # sent in again after a correction it is another press
    key = f"{channel}/{user}/{view['callback_id']}/{ref}/{number}/{said}"
    return Press(str(envelope_id), key, deed, str(ref), user, str(channel), form=True, reason=reason.strip(), until=until)


def _is_day(text: str) -> bool:
    """A day as Slack writes it, 2026-04-30."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _one(envelope_id: str, user: str, channel: str, action: Any, trigger: str) -> Press | Nothing:
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
    return Press(envelope_id, f"{channel}/{user}/{name}/{ref}/{stamp}", DEEDS[name], str(ref), user, channel, trigger)


def _id(of: Any) -> str:
    found = of.get("id") if isinstance(of, Mapping) else None
    return str(found) if _like(_ID, found) else ""


def _like(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.match(value) is not None
