"""docs/gallery/messages.md: every kind of message as it is read. Run this module to write the page."""

from __future__ import annotations

from pathlib import Path

from monitors.delivery.message import KINDS
from tests.delivery.builders import message

PAGE = Path(__file__).resolve().parents[2] / "docs" / "gallery" / "messages.md"
INTRODUCTION = """# Every message, as it is read

Rendered from the code by `python -m tests.delivery.gallery`; a test keeps this page up to date. Shown is the
text form (the text part of an e-mail). The HTML part and the Slack card say the same words in the same order,
with the links as buttons. The subject is also Slack's fallback text, which lock screens show. Nothing here
points to a patient; names of places are invented.
"""


def page() -> str:
    shown = [(kind, kind.replace("_", " ").capitalize(), {}) for kind in KINDS]
    shown.insert(
        1, ("alert", "Alert, told late, and possibly a second time", {"late": True, "possible_repeat": True})
    )
    undelivered = {
        "event": "undelivered", "reason": None, "feed": None, "unit": "N3", "destination": "n3-slack",
        "message": "alert", "severity": "HIGH", "outcome": "permanent", "outbox_id": 12,
    }  # fmt: skip
    shown.append(("operations", "Operations, a message that did not go out", undelivered))
    aside = {"reason": "rows_quarantined", "rows": {"unknown_unit": 12, "not_a_number": 3}, "through": 40}
    shown.append(("operations", "Operations, rows that were set aside", aside))
    unread = {"unit": None, "state": "unreadable", "reason": "truncated", "rows": 0, "criticals": 0}
    shown.append(("held", "Held, to operations: a file that could not be read", unread))
    little = {"alarm": "little", "unit": "N3", "rows": 4, "min_rows": 40}
    shown.append(("alarm", "Alarm, a unit of a feed that serves several", little))
    parts = [INTRODUCTION]
    for kind, title, changed in shown:
        card = message(kind, "email", **changed)
        parts.append(f"## {title}\n\n```text\nSubject: {card.subject}\n\n{card.text}```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
