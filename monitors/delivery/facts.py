"""What a card takes from a message's content: the few fields that may be printed, each made safe on the way.

Content of an alert, withdrawn or handed_over message: ref, unit, unit_name, zone, severity, change_kind,
owner, acknowledge_by, newest_result_at, as_of (ISO 8601), not_assessed, active (counts), late (bool),
rules[{review}], and optionally ruleset and to_unit. A field that is missing prints as "not known", never as
an error. Reasons, rule titles and evidence in the content are never read here: they are behind the link.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import quote

from monitors.delivery.card import Button
from monitors.delivery.press import TAKE
from monitors.delivery.words import NOT_KNOWN, clean, instant, opaque, span, when, whole
from monitors.records import Severity

Content = Mapping[str, Any]

NOT_ADVICE = "This is not a diagnosis, a risk score or a treatment recommendation. Not the medical record."
NO_DETAILS = "Please do not write patient details in this channel."
HOURS_OLD = "Results are hours old. Urgent values should already have been phoned by the laboratory."


class SiteFacts(Protocol):
    """What a message needs to know of the site (`config.Site` has it)."""

    @property
    def name(self) -> str: ...
    @property
    def link(self) -> str: ...
    @property
    def mail_domain(self) -> str: ...


def unit(content: Content) -> str:
    return clean(content.get("unit") or NOT_KNOWN, 40)


def severity(content: Content) -> str:
    """'' when the message has none; never a word that is no severity."""
    value = content.get("severity")
    return str(value) if value in set(Severity) else "severity not known" if value else ""


def owner(content: Content) -> str:
    name = clean(content.get("owner") or "care team")
    return f"{name} on duty" if name == "nephrologist" else name


def deadline(content: Content, now: datetime | None) -> str:
    return f"Acknowledge by: {when(content.get('acknowledge_by'), content.get('zone'), now)}"


def unassessed(content: Content) -> str:
    count, of = whole(content.get("not_assessed")), whole(content.get("active"))
    return f"Not assessed in this unit today: {count} of {of} (reasons on the list)."


def age(content: Content, now: datetime | None) -> str:
    complete = when(content.get("as_of"), content.get("zone"), now)
    return f"Newest result used: {old(content.get('newest_result_at'), now)}. Data complete to {complete}."


def old(value: Any, now: datetime | None) -> str:
    """`17 h old`."""
    moment = instant(value)
    return f"{span(now - moment)} old" if moment and now and now >= moment else NOT_KNOWN


def footer(content: Content, site: SiteFacts) -> tuple[str, ...]:
    """Ref and review status, then what every message says, then who sent it."""
    rules = listed(content.get("rules"))
    reviewed = bool(rules) and all(signed(rule) for rule in rules)
    ruleset = f"rules {opaque(content['ruleset'])[:16]}" if content.get("ruleset") else "rules"
    review = "clinically reviewed" if reviewed else "not clinically reviewed"
    ref = opaque(content.get("ref"))
    return (
        (f"Ref {ref} · " if ref else "") + f"{ruleset} ({review} at this site)",
        NO_DETAILS,
        NOT_ADVICE,
        f"From Nephrowatch at {clean(site.name)}, for {clean(content.get('unit_name') or unit(content))}.",
    )


def signed(rule: Any) -> bool:
    """Whether a named clinician had signed the rule when the change was made."""
    return isinstance(rule, Mapping) and str(rule.get("review", "")).startswith("signed ")


def open_button(content: Content, site: SiteFacts) -> Button:
    return Button("Open (sign-in)", link(content, site))


def take_button(content: Content, site: SiteFacts) -> Button:
    return Button("I am taking this", link(content, site, take=True), (TAKE, opaque(content.get("ref"))))


def link(content: Content, site: SiteFacts, take: bool = False) -> str:
    """The site's own address, the opaque ref and, for taking, the wish to: nothing else."""
    url = site.link + quote(opaque(content.get("ref")), safe="")
    return url + ("&" if "?" in url else "?") + "do=take" if take else url


def listed(value: Any) -> list[Any]:
    """A list as it is; anything that is none as an empty one."""
    return list(value) if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping) else []
