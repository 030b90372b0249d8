"""The card of a trial message: proves that a destination can be reached, and asks nobody for anything."""

from __future__ import annotations

from datetime import datetime

from monitors.delivery import facts
from monitors.delivery.card import Card
from monitors.delivery.facts import Content, SiteFacts
from monitors.delivery.words import clean, when


def trial(content: Content, site: SiteFacts, now: datetime | None) -> tuple[str, Card]:
    """Returns (subject, card)."""
    lines = (
        "TEST: nobody needs to act. It shows that messages of Nephrowatch arrive here.",
        f"Asked for by {clean(content.get('actor') or 'not named')} at {when(content.get('asked_at'), 'UTC', now)}.",
        "If you did not expect messages here, please tell whoever runs Nephrowatch.",
    )
    card = Card("TEST · Nephrowatch", lines, (facts.NO_DETAILS, f"From Nephrowatch at {clean(site.name)}."))
    return "TEST: a trial message of Nephrowatch", card
