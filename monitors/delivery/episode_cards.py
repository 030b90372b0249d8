"""The cards about one patient's episode: alert, withdrawn, handed over. No patient is in them."""

from __future__ import annotations

from datetime import datetime

from monitors.delivery import facts, words
from monitors.delivery.card import Card
from monitors.delivery.facts import HOURS_OLD, Content, SiteFacts


def alert(content: Content, site: SiteFacts, now: datetime | None) -> tuple[str, Card]:
    """Somebody has to look: who, by when, where. Returns (subject, card)."""
    unit, severity = facts.unit(content), facts.severity(content)
    told = words.CHANGES.get(str(content.get("change_kind")), "changed")
    if content.get("reason") == "present_at_start":
        told = "present when watching began"
    lines = (
        f"For: {facts.owner(content)}    {facts.deadline(content, now)}",
        facts.age(content, now),
        facts.unassessed(content),
        HOURS_OLD,
    )
    buttons = (facts.open_button(content, site), facts.take_button(content, site))
    heading = f"{severity} · Unit {unit} · 1 patient · {told}"
    card = Card(heading, lines, facts.footer(content, site), buttons=buttons, level=severity)
    return f"Unit {unit}: 1 lab review needs acknowledgement ({severity})", card


def withdrawn(content: Content, site: SiteFacts, now: datetime | None) -> tuple[str, Card]:
    """An earlier message no longer stands; said to everyone who had it. Returns (subject, card)."""
    ended = content.get("change_kind") == "retracted"
    unit, severity = facts.unit(content), facts.severity(content)
    lines = (
        "An earlier message about this patient no longer stands: what it rested on was corrected.",
        f"For: {facts.owner(content)}, and everyone who had the earlier message.",
        "If anything was planned because of it, please review that plan.",
        "There is nothing to acknowledge."
        if ended
        else "Part of this lab review is still open: see the list.",
        facts.age(content, now),
        HOURS_OLD,
    )
    heading = f"WITHDRAWN · Unit {unit} · 1 patient · was {severity}"
    card = Card(heading, lines, facts.footer(content, site), buttons=(facts.open_button(content, site),))
    return f"Unit {unit}: 1 lab review withdrawn (was {severity})", card


def handed_over(content: Content, site: SiteFacts, now: datetime | None) -> tuple[str, Card]:
    """The patient moved with an open episode; said to both units. Returns (subject, card)."""
    unit, severity = facts.unit(content), facts.severity(content)
    to_unit = facts.unit({"unit": content.get("to_unit") or content.get("unit")})
    lines = (
        f"A patient with an open lab review now belongs to unit {to_unit}. Both units get this message.",
        f"For: {facts.owner(content)} of unit {to_unit}    {facts.deadline(content, now)}",
        facts.age(content, now),
        HOURS_OLD,
    )
    buttons = (facts.open_button(content, site), facts.take_button(content, site))
    heading = f"{severity} · Unit {unit} · 1 patient · handed over"
    card = Card(heading, lines, facts.footer(content, site), buttons=buttons, level=severity)
    return f"Unit {unit}: 1 lab review handed over ({severity})", card
