"""What the morning list says of alerts somebody was not told of: by what muted them, and by which silence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from monitors.delivery import facts, words
from monitors.delivery.facts import Content
from monitors.delivery.words import NOT_KNOWN, clean, whole

COVERS = (("rule", "rules"), ("cause", "groups"), ("to", "destinations"))


def told_of(content: Content, now: datetime | None) -> list[tuple[str, list[str]]]:
    """(title, lines) of each section; no lines where there is nothing to say."""
    return [
        ("Open, not told of for now", list(_muted(content))),
        ("Silences people asked for; CRITICAL ones are told", list(_silences(content, now))),
    ]


def _muted(content: Content) -> Iterator[str]:
    """Open episodes by what muted them: a name from routes.yaml."""
    for line in facts.listed(content.get("withheld")):
        if isinstance(line, Mapping):
            name = str(line.get("reason")).partition(":")[2] or NOT_KNOWN
            yield f"muted by {clean(name)} (routes.yaml): {whole(line.get('episodes'))}"


def _silences(content: Content, now: datetime | None) -> Iterator[str]:
    """Silences of the unit, each with what it covers and how many open episodes were not told because of it."""
    for one in facts.listed(content.get("silences")):
        if isinstance(one, Mapping):
            named = [(word, [clean(name) for name in facts.listed(one.get(kind))]) for word, kind in COVERS]
            covers = "; ".join(f"{word} {', '.join(names)}" for word, names in named if names) or "everything but CRITICAL"
            until = f"until {words.when(one.get('until'), content.get('zone'), now)}" if one.get("until") else "over"
            count = whole(one.get("episodes"))
            yield f"Silence {whole(one.get('silence'))}, {until} ({covers}); open and not told because of it: {count}"
