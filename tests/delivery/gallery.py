"""docs/gallery: every kind of message as it is read. Run this module to write the page and the Slack blocks; with
`--pictures` (make gallery; needs chromium) also what Slack and a mail reader make of them."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
import tempfile
from datetime import date
from html import escape
from pathlib import Path
from typing import Any

from monitors.delivery import forms
from monitors.delivery.card import PICTURE
from monitors.delivery.message import KINDS, Message
from monitors.delivery.policy import PARENT
from tests.delivery.builders import message
from tests.delivery.detail_example import CONTENT, ROW, example
from tests.delivery.detail_example import picture as picture_of_example

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "gallery"
PAGE = FOLDER / "messages.md"
INTRODUCTION = """# Every message, as it is read

Rendered from the code by `python -m tests.delivery.gallery`, the pictures by `make gallery`; a test keeps words and blocks up
to date. The text form is the text part of an e-mail; the HTML part and the Slack card say the same words in the same order,
with the links as buttons. The subject is also Slack's fallback text, which lock screens show. Messages point to no patient;
those titled "With details" exist only where there is leave for them ([slack.md](../slack.md)), and their patient is made up, as
are the names of places.
"""
STYLE = """body{margin:16px;font:15px/1.46 Lato,Arial,sans-serif;color:#1d1c1d} h1{font-size:18px;margin:0 0 8px}
p{white-space:pre-wrap;margin:0 0 8px} small{color:#616061;font-size:13px} hr{border:0;border-top:1px solid #ddd;margin:8px 0}
a{display:inline-block;border:1px solid #8d8d8d;border-radius:4px;padding:6px 12px;margin:4px 8px 8px 0;font-weight:700}
img{max-width:360px;border:1px solid #ddd;border-radius:8px;margin:4px 0 8px;display:block}
.field{border:1px solid #8d8d8d;border-radius:4px;padding:8px}"""
HEAD = f'<!doctype html><meta charset="utf-8"><style>{STYLE}</style>'


def shown() -> list[tuple[str, str, dict[str, Any]]]:
    """(kind, title, what differs from the builders' content) of everything in the gallery."""
    found: list[tuple[str, str, dict[str, Any]]] = [(kind, kind.replace("_", " ").capitalize(), {}) for kind in KINDS]
    found.insert(
        1, ("alert", "Alert, told late, and possibly a second time", {"late": True, "possible_repeat": True})
    )
    found[2:2] = [
        ("alert", "Alert, to others because nobody answered", {"escalated": {"minutes": 60, "reminder": False}}),
        ("alert", "Alert, a reminder", {"escalated": {"minutes": 30, "reminder": True}}),
    ]
    late = {"late": True, "due": "2026-04-15T04:45:00Z"}
    found.append(("digest", "Digest, late", late))
    undelivered = {
        "event": "undelivered", "reason": None, "feed": None, "unit": "N3", "destination": "n3-slack",
        "message": "alert", "severity": "HIGH", "outcome": "permanent", "outbox_id": 12, "file": None,
    }  # fmt: skip
    found.append(("operations", "Operations, a message that did not go out", undelivered))
    ends = {"event": "detail_ends", "reason": None, "feed": None, "file": None, "destination": "n3-slack", "until": "2026-04-20"}
    found.append(("operations", "Operations, a leave to show details that ends soon", ends))
    aside = {"reason": "rows_quarantined", "file": None, "rows": {"unknown_unit": 12, "not_a_number": 3}, "through": 40}
    found.append(("operations", "Operations, rows that were set aside", aside))
    unread = {"unit": None, "state": "unreadable", "reason": "truncated", "rows": 0, "criticals": 0}
    found.append(("held", "Held, to operations: a file that could not be read", unread))
    refused = {"event": "detail_refused", "reason": None, "feed": None, "file": None, "unit": "N3", "destination": "n3-slack",
               "outcome": "channel_shared"}  # fmt: skip
    found.append(("operations", "Operations, a leave to show details that could not be used", refused))
    check = {"event": "destination_check", "reason": None, "feed": None, "file": None, "destination": "n3-slack",
             "outcome": "not_a_member"}  # fmt: skip
    found.append(("operations", "Operations, a destination that cannot be used as it is", check))
    little = {"alarm": "little", "unit": "N3", "rows": 4, "min_rows": 40}
    found.append(("alarm", "Alarm, a unit of a feed that serves several", little))
    shows = {"detail": example(), "picture": picture_of_example(), "pressable": True}
    unsure = example(ROW | {"patient": {"number": "TEST-00417"}, "drugs": [], "list_date": None})
    critical = example(ROW | {"limbs": [ROW["limbs"][0] | {"severity": "CRITICAL"}]})
    found += [
        ("alert", "With details, where there is leave: alert", CONTENT | shows),
        ("alert", "With details: a CRITICAL, told late", CONTENT | shows | {
            "detail": critical, "severity": "CRITICAL", "late": True}),
        ("alert", "With details: fewer than two identifiers, and no picture", CONTENT | shows | {
            "detail": unsure, "picture": (b"", "")}),
        ("handed_over", "With details: handed over", CONTENT | shows | {"change_kind": "handed_over"}),
        ("withdrawn", "With details: withdrawn", CONTENT | shows | {"change_kind": "retracted", "acknowledge_by": None}),
        ("parent", "With details: the first post, brought up to date", CONTENT | shows | {
            "of": "alert", "taken_by": "Dr. Example North",
            "state": "snoozed", "said": "Snoozed by Dr. Example North until 29 Apr 2026: plan in place."}),
    ]  # fmt: skip
    return found


def asked() -> dict[str, dict[str, Any]]:
    """The forms that Slack opens, by title."""
    given = ("NW-4F7K-2", "C0N3RENAL", "HIGH", "N3", date(2026, 4, 16), date(2026, 5, 15))
    return {"Form, snooze": forms.form("snooze", *given), "Form, dismiss": forms.form("dismiss", *given)}


def slug(title: str) -> str:
    return "-".join("".join(ch if ch.isalnum() else " " for ch in title.lower()).split())


def page() -> str:
    parts = [INTRODUCTION]
    for kind, title, changed in shown():
        card, name = message(kind, "email", **changed), slug(title)
        mail = "" if kind == PARENT else f" ![As e-mail: {title}](mail/{name}.png)"  # only Slack brings a post up to date
        parts.append(
            f"## {title}\n\n```text\nSubject: {card.subject}\n\n{card.text}```\n\n"
            f"[Slack blocks](slack/{name}.json)\n\n![In Slack: {title}](slack/{name}.png){mail}\n"
        )
    for title in asked():
        parts.append(f"## {title}\n\nWhat Slack opens on the button of a card with details; it holds no patient.\n\n"
                     f"[Slack view](slack/{slug(title)}.json)\n\n![{title}](slack/{slug(title)}.png)\n")  # fmt: skip
    words = picture_of_example()[1]
    parts.append("## Trend picture\n\nOnly where there is leave to show details. The patient is made up. Its words, for whoever "
                 f"cannot see it: {words}\n\n![{words}](chart.png)\n")  # fmt: skip
    return "\n".join(parts)


def blocks() -> dict[str, str]:
    """File name -> the Slack blocks of a message."""
    cards = {slug(title): message(kind, "slack", **changed) for kind, title, changed in shown()}
    shown_as: dict[str, Any] = {name: {"text": card.subject, "blocks": list(card.blocks)} for name, card in cards.items()}
    shown_as |= {slug(title): view for title, view in asked().items()}
    return {f"{name}.json": json.dumps(one, indent=1, ensure_ascii=False) + "\n" for name, one in shown_as.items()}


def as_slack_asks(view: dict[str, Any]) -> str:
    """A form about as Slack draws it: for a picture only."""
    parts = [f"<h1>{escape(view['title']['text'])}</h1>"]
    for block in view["blocks"]:
        if block["type"] == "section":
            parts.append(f"<p>{escape(block['text']['text'])}</p>")
        else:
            element = block["element"]
            filled = escape(str(element.get("initial_date") or " "))
            size = "min-height:72px" if element["type"] == "plain_text_input" else ""
            parts.append(f'<p><b>{escape(block["label"]["text"])}</b></p><p class="field" style="{size}">{filled}</p>')
    buttons = f"<a>{escape(view['close']['text'])}</a> <a>{escape(view['submit']['text'])}</a>"
    return f"{HEAD}{''.join(parts)}<div>{buttons}</div>"


def as_slack_shows(card: Message) -> str:
    """The blocks about as Slack draws them: for a picture only."""
    parts = []
    for block in card.blocks:
        if block["type"] == "header":
            parts.append(f"<h1>{escape(block['text']['text'])}</h1>")
        elif block["type"] == "section":
            parts.append(f"<p>{escape(block['text']['text'])}</p>")
        elif block["type"] == "divider":
            parts.append("<hr>")
        elif block["type"] == "image":
            parts.append(f'<img src="{inline(card.picture)}" alt="{escape(block["alt_text"])}">')
        elif block["type"] == "actions":
            parts.append("<div>" + "".join(f"<a>{escape(one['text']['text'])}</a>" for one in block["elements"]) + "</div>")
        elif block["type"] == "context":
            parts.append("<small>" + "<br>".join(escape(one["text"]) for one in block["elements"]) + "</small>")
    return f'{HEAD}<b>Nephrowatch</b> <small>APP</small>{"".join(parts)}'


def as_mail_shows(card: Message) -> str:
    """The HTML part with its picture in place."""
    return card.html.replace(f"cid:{PICTURE}", inline(card.picture))


def inline(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def picture(html: str, to: Path, width: int) -> None:
    """Let the browser draw a page and cut the empty end off."""
    browser = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
    if browser is None:
        raise SystemExit("make gallery needs chromium: install it, and run make gallery again.")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "page.html"
        source.write_text(html, encoding="utf-8")
        subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={folder}/profile",
             f"--window-size={width},2600", f"--screenshot={to}", source.as_uri()],
            check=True, capture_output=True, timeout=120)  # fmt: skip
    from matplotlib import image

    pixels = image.imread(to)[:, :, :3]
    filled = (abs(pixels - pixels[-1, -1]) > 0.02).any(axis=(1, 2)).nonzero()[0]
    image.imsave(to, pixels[: filled[-1] + 16])


def write(pictures: bool) -> None:
    for part in ("slack", "mail"):
        (FOLDER / part).mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
    for name, text in blocks().items():
        (FOLDER / "slack" / name).write_text(text, encoding="utf-8")
    (FOLDER / "chart.png").write_bytes(picture_of_example()[0])
    if pictures:
        for title, view in asked().items():
            picture(as_slack_asks(view), FOLDER / "slack" / f"{slug(title)}.png", 560)
        for kind, title, changed in shown():
            picture(as_slack_shows(message(kind, "slack", **changed)), FOLDER / "slack" / f"{slug(title)}.png", 560)
            if kind != PARENT:
                picture(as_mail_shows(message(kind, "email", **changed)), FOLDER / "mail" / f"{slug(title)}.png", 640)


if __name__ == "__main__":
    write(pictures="--pictures" in sys.argv)
