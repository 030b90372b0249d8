"""The forms that ask why, and until when: what Slack opens on "Snooze" and "Dismiss". Pure; no patient is in them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from monitors.delivery.card import plain
from monitors.delivery.words import day

SNOOZE_FORM, DISMISS_FORM = "form_snooze", "form_dismiss"
FORMS = {SNOOZE_FORM: "snooze", DISMISS_FORM: "dismiss"}
REASON, UNTIL, FIELD = "reason", "until", "given"  # block ids, and the action id in each
FIELD_OF = {  # the code of a refusal -> the field that mends it
    "reason_needed": REASON, "reason_too_long": REASON, "until_needed": UNTIL, "until_past": UNTIL, "until_too_long": UNTIL,
}  # fmt: skip
MOST_REASON = 500


def form(deed: str, ref: str, channel: str, severity: str, unit: str, first: date, last: date) -> dict[str, Any]:
    """A modal view. ref, channel: come back with what is filled in. first, last: days a snooze may end on."""
    snooze = deed == "snooze"
    says = (f"{ref} · {severity} · Unit {unit}. Check both identifiers on the card before you go on. What you write is kept in "
            "the history with your name; write no patient's name or value.")  # fmt: skip
    blocks: list[dict[str, Any]] = [{"type": "section", "text": plain(says, 3000)}]
    if snooze:
        blocks.append({
            "type": "input", "block_id": UNTIL, "label": plain(f"Plan in place until ({day(last)} at the latest)", 100),
            "element": {"type": "datepicker", "action_id": FIELD, "initial_date": str(first)},
        })  # fmt: skip
    blocks.append({
        "type": "input", "block_id": REASON, "label": plain("What is the plan?" if snooze else "Why is this not for us?", 100),
        "element": {"type": "plain_text_input", "action_id": FIELD, "multiline": True, "max_length": MOST_REASON},
    })  # fmt: skip
    return {
        "type": "modal", "callback_id": SNOOZE_FORM if snooze else DISMISS_FORM,
        "private_metadata": json.dumps({"ref": ref, "channel": channel}),
        "title": plain("Snooze" if snooze else "Dismiss", 24), "submit": plain("Snooze" if snooze else "Dismiss", 24),
        "close": plain("Cancel", 24), "blocks": blocks,
    }  # fmt: skip


def given(view: Mapping[str, Any]) -> tuple[str, str]:
    """(reason, day) as filled in; '' for what is not there. Raises nothing: whatever is odd is ''."""
    state = view.get("state")
    values = state.get("values") if isinstance(state, Mapping) else None

    def field(block: str, name: str) -> str:
        found = values.get(block) if isinstance(values, Mapping) else None
        element = found.get(FIELD) if isinstance(found, Mapping) else None
        value = element.get(name) if isinstance(element, Mapping) else None
        return value if isinstance(value, str) else ""

    return field(REASON, "value"), field(UNTIL, "selected_date")


def errors(field: str, sentence: str) -> dict[str, Any]:
    """The answer to a form that cannot be taken so: Slack shows the sentence at the field."""
    return {"response_action": "errors", "errors": {field: sentence}}
