"""A card and its three forms: plain text, HTML, Slack blocks. Pure, and without any clinical word.

Every datum is escaped where it is put in (HTML) or sits in a `plain_text` object, which Slack neither
formats nor searches for mentions.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

# Limits of Slack's block objects, in characters or elements.
HEADER, SECTION, CONTEXT, BUTTON, URL, ALT, BLOCKS = 150, 3000, 10, 75, 3000, 2000, 50


@dataclass(frozen=True)
class Button:
    """A plain link. url carries nothing but the site's own address and an opaque ref. press: where presses are heard, the same
    is done by pressing, and this name and value are what the press says; without a url it can only be pressed."""

    text: str
    url: str
    press: tuple[str, str] | None = None


@dataclass(frozen=True)
class Section:
    """picture: the card's picture follows it."""

    title: str
    items: tuple[str, ...]
    picture: bool = False


@dataclass(frozen=True)
class Card:
    """What a message says, before any form. level: '' or a severity, for the accent beside the word."""

    heading: str
    lines: tuple[str, ...]
    footer: tuple[str, ...]
    marks: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()
    buttons: tuple[Button, ...] = ()
    level: str = ""
    picture: str = ""  # the alternative text of its picture; '' for none

    @property
    def links(self) -> tuple[Button, ...]:
        return tuple(button for button in self.buttons if button.url)


def as_text(card: Card) -> str:
    """The whole card as plain text, one statement a line."""
    parts = [*(f"*** {mark} ***" for mark in card.marks), card.heading, "", *card.lines]
    for section in card.sections:
        parts += ["", section.title, *(f"  - {item}" for item in section.items)]
    if card.links:
        parts += ["", *(f"{button.text}: {button.url}" for button in card.links)]
    return "\n".join([*parts, "", *card.footer]) + "\n"


ACCENTS = {"CRITICAL": "#8b0000", "HIGH": "#b35900", "WARNING": "#8a6d00"}
PLAIN = "#44546a"
PICTURE = "trend"  # what the HTML calls the card's picture: its Content-ID without the host


def as_html(card: Card) -> str:
    """The card as a self-contained HTML page: no script, no image but its own, no colour that says what no word says."""
    accent = ACCENTS.get(card.level, PLAIN)
    body = [
        f'<p style="margin:0 0 12px;padding:8px 12px;border:2px solid {PLAIN}"><b>{escape(mark)}</b></p>'
        for mark in card.marks
    ]
    body.append(f'<h1 style="margin:0 0 12px;font-size:20px;line-height:1.3">{escape(card.heading)}</h1>')
    body += [f'<p style="margin:0 0 6px;white-space:pre-wrap">{escape(line)}</p>' for line in card.lines]
    for section in card.sections:
        items = "".join(f'<li style="margin:2px 0">{escape(item)}</li>' for item in section.items)
        body.append(f'<h2 style="margin:16px 0 4px;font-size:16px">{escape(section.title)}</h2>')
        body.append(f'<ul style="margin:0;padding-left:20px">{items}</ul>')
        if section.picture and card.picture:
            body.append(f'<p style="margin:8px 0"><img src="cid:{PICTURE}" alt="{escape(card.picture, quote=True)}" '
                        'style="max-width:100%;height:auto;background:#ffffff"></p>')  # fmt: skip
    if card.links:
        links = " ".join(
            f'<a href="{escape(button.url, quote=True)}" style="display:inline-block;margin:0 8px 8px 0;'
            f'padding:10px 16px;border:2px solid {PLAIN};border-radius:4px"><b>{escape(button.text)}</b></a>'
            for button in card.links
        )
        body.append(f'<p style="margin:16px 0 8px">{links}</p>')
    body += [f'<p style="margin:4px 0;font-size:13px">{escape(line)}</p>' for line in card.footer]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
        f"<title>{escape(card.heading)}</title></head>\n"
        '<body style="margin:0;padding:16px;font:16px/1.5 sans-serif">'
        f'<div style="max-width:640px;border:1px solid {PLAIN};border-left:8px solid {accent};'
        'padding:16px">\n' + "\n".join(body) + "\n</div></body></html>\n"
    )


def as_blocks(card: Card, pressable: bool = False) -> tuple[dict[str, Any], ...]:
    """The card as Slack blocks, each within Slack's limits. pressable: whether somebody hears a press. The block of
    its picture has no file yet: the channel puts it in, or takes the block out."""
    apart = 2 * len(card.sections) + 6 <= BLOCKS  # a line between sections, where there is room for one
    blocks: list[dict[str, Any]] = [{"type": "header", "text": plain(card.heading, HEADER)}]
    if card.marks:
        blocks.append({"type": "section", "text": plain("\n".join(card.marks), SECTION)})
    if card.lines:
        blocks.append({"type": "section", "text": plain("\n".join(card.lines), SECTION)})
    for section in card.sections:
        text = "\n".join([section.title, *(f"• {item}" for item in section.items)])
        blocks += [{"type": "divider"}] * apart
        blocks.append({"type": "section", "text": plain(text, SECTION)})
        if section.picture and card.picture:
            blocks.append({"type": "image", "slack_file": {"id": ""}, "alt_text": card.picture[:ALT]})
    buttons = [
        _button(number, button, pressable) for number, button in enumerate(card.buttons)
        if len(button.url) <= URL and (button.url or pressable)
    ]
    if buttons:
        blocks.append({"type": "actions", "elements": buttons})
    if card.footer:
        elements = [plain(line, SECTION) for line in card.footer[:CONTEXT]]
        blocks.append({"type": "context", "elements": elements})
    return tuple(blocks)


def _button(number: int, button: Button, pressable: bool) -> dict[str, Any]:
    text = plain(button.text, BUTTON)
    if pressable and button.press:
        return {"type": "button", "action_id": button.press[0], "text": text, "value": button.press[1]}
    return {"type": "button", "action_id": f"link_{number}", "text": text, "url": button.url}


def plain(text: str, limit: int) -> dict[str, Any]:
    """A `plain_text` object, cut to `limit` characters, `:words:` not made into pictures."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return {"type": "plain_text", "text": cut, "emoji": False}
