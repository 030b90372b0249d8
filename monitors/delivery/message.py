"""One message in its forms. Pure: an outbox row's content in, what a channel sends out.

A message is free of patient data by construction: the cards read only the fields named in `facts`,
`report_cards` and `feed_cards`, each printed as a count, a time, a code of ours or a name from the site's configuration. Only
what is handed in as `detail`, under a leave, adds more; subject, fallback, links, labels and file names never do.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from monitors.delivery import detail_cards, episode_cards, facts, feed_cards, report_cards, trial_cards, words
from monitors.delivery.card import Card, as_blocks, as_html, as_text
from monitors.delivery.detail import Detail
from monitors.delivery.facts import Content, SiteFacts
from monitors.delivery.policy import PARENT

REPEAT = "POSSIBLE REPEAT: an earlier copy of this message may have reached you; that could not be confirmed."
ESCALATED = "ESCALATED: nobody has taken or acknowledged this within {} minutes of its first message."
REMINDER = "REMINDER: nobody has taken or acknowledged this within {} minutes of its first message."
INSTEAD = "SENT HERE INSTEAD: it could not be delivered to {}."
UPDATED = "UPDATED: this post shows the newest state. What happened when stands in its thread."
LATE = "LATE: this should have been told earlier. It is told now because it still holds."
LATE_KINDS = {
    "alert": LATE, "storm": LATE, "unverified": "LATE: a sample is over a day old, or its age is not known.",
    "digest": "LATE: this list comes after the time it was due. The night took longer than usual, or began later.",
}  # fmt: skip

KINDS: dict[str, Callable[[Content, SiteFacts, datetime | None], tuple[str, Card]]] = {
    "alert": episode_cards.alert,
    "withdrawn": episode_cards.withdrawn,
    "handed_over": episode_cards.handed_over,
    "storm": report_cards.storm,
    "silence_over": report_cards.silence_over,
    "unfinished": report_cards.unfinished,
    "digest": report_cards.digest,
    "operations": report_cards.operations,
    "unverified": feed_cards.unverified,
    "held": feed_cards.held,
    "alarm": feed_cards.alarm,
    "alarm_cleared": feed_cards.alarm_cleared,
    "trial": trial_cards.trial,
}
OF_AN_EPISODE = ("alert", "withdrawn", "handed_over")


@dataclass(frozen=True)
class Message:
    """One message, ready for its channel.

    subject: also Slack's fallback text and what a lock screen shows. text: the whole card as plain text.
    html: for e-mail, else ''. blocks: for Slack, else (). thread: opaque root that joins one episode's mails,
    or ''. labels: values of the X-Nephrowatch-* headers. parent: ts of the Slack post this hangs under, or, with update, that
    it takes the place of. picture: a PNG, with picture_alt for whoever cannot see it.
    """

    delivery_id: str
    subject: str
    text: str
    html: str = ""
    blocks: tuple[dict[str, Any], ...] = ()
    thread: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    parent: str = ""
    update: bool = False
    picture: bytes = b""
    picture_alt: str = ""

    @property
    def sha256(self) -> str:
        """Hash of everything that is shown: kept with the attempt."""
        shown = [self.subject, self.text, self.html, self.blocks]
        shown += [hashlib.sha256(self.picture).hexdigest()] if self.picture else []
        return hashlib.sha256(json.dumps(shown, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def render(
    kind: str, content: Content, site: SiteFacts, destination: str, delivery_id: str,
    *, possible_repeat: bool = False, now: datetime | None = None, pressable: bool = False, detail: Detail | None = None,
    picture: tuple[bytes, str] = (b"", ""),
) -> Message:  # fmt: skip
    """The message of one outbox row.

    destination: 'slack' or 'email'. delivery_id: opaque, the same for every attempt. now: the instant of
    sending, for ages; without it they count from the content's as_of. pressable: somebody hears presses there. detail, picture
    (a PNG and its alternative text): only where a leave to show them holds. Raises KeyError for an unknown kind.
    """
    shown = str(content.get("of")) if kind == PARENT else kind
    now = now or words.instant(content.get("as_of"))
    subject, card = KINDS[shown](content, site, now)
    if detail is not None and shown in OF_AN_EPISODE:
        alt = "" if shown == "withdrawn" else picture[1]  # what was wrong is not shown again
        card = replace(detail_cards.with_detail(shown, card, content, detail, now), picture=alt)
    marks = {"late": LATE_KINDS[kind]} if kind in LATE_KINDS and content.get("late") else {}
    marks |= {"possible repeat": REPEAT} if possible_repeat else {}
    if isinstance(step := content.get("escalated"), Mapping):
        name, said = ("reminder", REMINDER) if step.get("reminder") else ("escalated", ESCALATED)
        marks[name] = said.format(words.whole(step.get("minutes")))
    if content.get("instead_of"):
        marks |= {"sent here instead": INSTEAD.format(words.clean(content["instead_of"]))}
    marks |= {"updated": UPDATED} if kind == PARENT else {}
    taken = (f"Taken by {words.clean(content['taken_by'])}.",) if kind == PARENT and content.get("taken_by") else ()
    judged = (words.clean(content["said"], 200),) if kind == PARENT and content.get("said") else ()
    card = replace(card, marks=tuple(marks.values()), lines=(*card.lines, *taken, *judged))
    ref = words.opaque(content.get("ref"))
    labels = {"Kind": kind, "Unit": facts.unit(content) if content.get("unit") else "",
              "Severity": facts.severity(content), "Ref": ref, "Mark": ", ".join(marks)}  # fmt: skip
    return Message(
        delivery_id=delivery_id,
        update=kind == PARENT,
        subject=f"{subject} ({', '.join(marks)})" if marks else subject,
        text=as_text(card),
        html=as_html(card) if destination == "email" else "",
        blocks=as_blocks(card, pressable) if destination == "slack" else (),
        thread=thread(ref) if ref and kind in OF_AN_EPISODE else "",
        labels=labels,
        picture=picture[0] if card.picture else b"",
        picture_alt=card.picture,
    )


def thread(ref: str) -> str:
    """What all messages of one episode share: its ref (`NW-4F7K`) without the number of the change (`-2`)."""
    parts = ref.split("-")
    return "episode-" + "-".join(parts[:-1] if len(parts) > 2 and parts[-1].isdigit() else parts)
