"""Which inputs of the rules a site has no feed of: what no feed can bring, and what the site says it lacks.

A rule without such an input is not running there, and says so; what merely did not come is another matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from monitors.feed_model import Feed
from monitors.rules.load import MEDICATIONS
from monitors.rules.model import Rule
from monitors.rules.substances import Analyte

PREGNANCY = "fact:pregnancy"  # every judgement asks: outside the intended population
ADMISSION = "fact:admission"  # a census says it, too


def lacking(rules: Iterable[Rule], feeds: Iterable[Feed], analytes: Mapping[str, Analyte], declared: Iterable[str]) -> list[str]:
    """Inputs the rules ask for and no feed can bring, and those the site declares; sorted."""
    takes: set[str] = set()
    brought = set()
    for feed in feeds:
        takes |= set(feed.takes())
        if "labs" in feed.takes():
            brought |= {meant.analyte for meant in feed.valid_codes().values()}
    if "medications" in takes:
        brought.add(MEDICATIONS)
    if "census" in takes:
        brought.add(ADMISSION)
    asked = {PREGNANCY, *(name for rule in rules for name in asked_by(rule))}
    missing = {
        name for name in asked - brought
        if name in analytes or name == MEDICATIONS or (name.startswith("fact:") and "facts" not in takes)
    }  # fmt: skip
    return sorted(missing | set(declared))


def asked_by(rule: Rule) -> Iterator[str]:
    """Inputs a rule cannot do without somewhere, and the facts it reads."""
    yield from rule.requires
    for signal in rule.signals:
        yield from signal.requires
        if signal.overdue is not None:
            yield from (f"fact:{concept}" for concept in signal.overdue.pause)
    yield from (f"fact:{condition.fact}" for condition in rule.conditions if condition.fact)
