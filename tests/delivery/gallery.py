"""docs/gallery: every kind of message as it is read. Run this module to write the page and the Slack blocks; with
`--pictures` (make gallery; needs chromium) also what Slack and a mail reader make of them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from datetime import date
from html import escape
from pathlib import Path
from typing import Any

from monitors.delivery.charts import Period, Point, Series, trend
from monitors.delivery.message import KINDS, Message
from tests.delivery.builders import message

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "gallery"
PAGE = FOLDER / "messages.md"
INTRODUCTION = """# Every message, as it is read

Rendered from the code by `python -m tests.delivery.gallery`, the pictures by `make gallery`; a test keeps words and blocks up
to date. The text form is the text part of an e-mail; the HTML part and the Slack card say the same words in the same order,
with the links as buttons. The subject is also Slack's fallback text, which lock screens show. Nothing here points to a
patient; names of places are invented.
"""
CHART: tuple[tuple[Series, ...], tuple[Period, ...], date] = (
    (
        Series("Phosphate", "mg/dL", tuple(
            Point(date.fromisoformat(day), value)
            for day, value in (("2025-10-21", 5.1), ("2026-01-20", 5.3), ("2026-02-17", 5.2), ("2026-03-17", 5.9),
                               ("2026-04-14", 6.8))
        ), high=5.5),
        Series("Calcium", "mg/dL", tuple(
            Point(date.fromisoformat(day), value)
            for day, value in (("2026-01-20", 9.4), ("2026-02-17", 9.5), ("2026-03-17", 9.6), ("2026-04-14", 9.7))
        ), low=8.4, high=10.2),
        Series("PTH", "pg/mL", (
            Point(date(2025, 10, 21), 410, assay="assay A"), Point(date(2025, 12, 16), 480, assay="assay A"),
            Point(date(2026, 2, 17), 540, assay="assay B"),
        ), low=130, high=585),
    ),
    (Period("warfarin", date(2025, 11, 3)), Period("calcium carbonate", date(2025, 8, 1), date(2026, 3, 21)),
     Period("calcitriol", date(2026, 3, 21))),
    date(2026, 4, 15),
)  # fmt: skip


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
    little = {"alarm": "little", "unit": "N3", "rows": 4, "min_rows": 40}
    found.append(("alarm", "Alarm, a unit of a feed that serves several", little))
    return found


def slug(title: str) -> str:
    return "-".join("".join(ch if ch.isalnum() else " " for ch in title.lower()).split())


def page() -> str:
    parts = [INTRODUCTION]
    for kind, title, changed in shown():
        card, name = message(kind, "email", **changed), slug(title)
        parts.append(
            f"## {title}\n\n```text\nSubject: {card.subject}\n\n{card.text}```\n\n"
            f"[Slack blocks](slack/{name}.json)\n\n![In Slack: {title}](slack/{name}.png) "
            f"![As e-mail: {title}](mail/{name}.png)\n"
        )
    parts.append("## Trend picture\n\nOnly where a destination may show detail. The patient is made up.\n\n![Trend of a made-up "
                 "patient: phosphate, calcium, PTH, drugs](chart.png)\n")  # fmt: skip
    return "\n".join(parts)


def blocks() -> dict[str, str]:
    """File name -> the Slack blocks of a message."""
    cards = {slug(title): message(kind, "slack", **changed) for kind, title, changed in shown()}
    return {f"{name}.json": json.dumps({"text": card.subject, "blocks": list(card.blocks)}, indent=1, ensure_ascii=False) + "\n"
            for name, card in cards.items()}  # fmt: skip


def as_slack_shows(card: Message) -> str:
    """The blocks about as Slack draws them: for a picture only."""
    parts = []
    for block in card.blocks:
        if block["type"] == "header":
            parts.append(f"<h1>{escape(block['text']['text'])}</h1>")
        elif block["type"] == "section":
            parts.append(f"<p>{escape(block['text']['text'])}</p>")
        elif block["type"] == "actions":
            parts.append("<div>" + "".join(f"<a>{escape(one['text']['text'])}</a>" for one in block["elements"]) + "</div>")
        elif block["type"] == "context":
            parts.append("<small>" + "<br>".join(escape(one["text"]) for one in block["elements"]) + "</small>")
    style = ("body{margin:16px;font:15px/1.46 Lato,Arial,sans-serif;color:#1d1c1d}h1{font-size:18px;margin:0 0 8px}p{white-space:"
             "pre-wrap;margin:0 0 8px}a{display:inline-block;border:1px solid #8d8d8d;border-radius:4px;padding:6px 12px;margin:"
             "4px 8px 8px 0;font-weight:700}small{color:#616061;font-size:13px}")  # fmt: skip
    return f'<!doctype html><meta charset="utf-8"><style>{style}</style><b>Nephrowatch</b> <small>APP</small>{"".join(parts)}'


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
             f"--window-size={width},1700", f"--screenshot={to}", source.as_uri()],
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
    (FOLDER / "chart.png").write_bytes(trend(*CHART))
    if pictures:
        for kind, title, changed in shown():
            picture(as_slack_shows(message(kind, "slack", **changed)), FOLDER / "slack" / f"{slug(title)}.png", 560)
            picture(message(kind, "email", **changed).html, FOLDER / "mail" / f"{slug(title)}.png", 640)


if __name__ == "__main__":
    write(pictures="--pictures" in sys.argv)
