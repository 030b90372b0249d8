"""Details on the cards of one episode: who, why now, values, drugs, what is not known, what to review, what clears it. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from monitors.delivery import facts, words
from monitors.delivery.card import Button, Card, Section
from monitors.delivery.charts import Period, Point, Series, trend
from monitors.delivery.detail import MOST, Detail, Drug, Measured, Value
from monitors.delivery.facts import Content
from monitors.delivery.press import ACKNOWLEDGE, DISMISS, SNOOZE
from monitors.records import local_day

ALT = 2000  # characters Slack takes
PANELS = 4  # of a picture
DRUGS, CLEARS, QUESTIONS = 8, 4, 6  # lines
PRIVATE = "Patient details are shown here because that was approved for this channel or mailbox{}. Keep them here."
VALUES = "Values, newest first"
ELSEWHERE = "No button here judges these values: fewer than two identifiers of the patient are known. Open the page instead."


def with_detail(kind: str, card: Card, content: Content, detail: Detail, now: datetime | None) -> Card:
    """The card of an episode with its details. kind: alert | withdrawn | handed_over."""
    zone = content.get("zone")
    lines = [_who(detail)]
    census = [f"Responsible on record: {detail.clinician or 'nobody named'}"]
    if detail.schedule:
        census.append(f"Dialysis days: {detail.schedule}")
    lines.append("    ".join(census))
    if kind == "withdrawn":  # what was wrong is not shown again
        about = tuple(f"{why.rule}: {why.title}" for why in detail.whys)
        sections = (Section("It was about", about),)
        return replace(card, lines=(*lines, *card.lines), sections=sections, footer=_footer(card, detail))
    told = words.CHANGES.get(str(content.get("change_kind")), "changed")
    sentence = words.clean(content.get("reason_sentence") or "", 200)
    lines.append(f"Told now because: {told}{f'. {sentence}' if sentence else ''}")
    general = tuple(line for line in card.lines if line == facts.HOURS_OLD or line == facts.unassessed(content))
    lines += [line for line in card.lines if line not in general]
    severity = facts.severity(content)
    heading = f"{severity} · REVIEW: {detail.whys[0].title} · Unit {facts.unit(content)}" if detail.whys else card.heading
    return replace(
        card, heading=heading, lines=tuple(lines), sections=_sections(detail, zone, now),
        buttons=(*card.buttons, *_judging(content, detail, severity)), footer=_footer(card, detail, general),
    )  # fmt: skip


def _who(detail: Detail) -> str:
    born = f"born {words.day(detail.born)}" if detail.born else "date of birth not known"
    authority = f" ({detail.authority})" if detail.authority else ""
    return f"{detail.name or 'Name not known'} · {born} · no. {detail.number}{authority}"


def _footer(card: Card, detail: Detail, general: tuple[str, ...] = ()) -> tuple[str, ...]:
    kept = tuple(line for line in card.footer if line != facts.NO_DETAILS)
    private = PRIVATE.format(f", until {words.day(detail.until)}" if detail.until else "")
    return (*kept[:1], *general, private, *(() if detail.identified else (ELSEWHERE,)), *kept[1:])


def _judging(content: Content, detail: Detail, severity: str) -> tuple[Button, ...]:
    """The buttons that judge the evidence: only where it is plain whose it is; a CRITICAL is never dismissed."""
    if not detail.identified:
        return ()
    ref = words.opaque(content.get("ref"))
    state = content.get("state")  # of a post that is brought up to date: what was said of the episode and holds
    if state in ("snoozed", "dismissed"):
        return ()
    found = [Button("Acknowledge", "", (ACKNOWLEDGE, ref)), Button("Snooze: plan in place", "", (SNOOZE, ref))]
    found = found[1:] if state == "acknowledged" else found
    critical = severity == "CRITICAL" or any(why.severity == "CRITICAL" for why in detail.whys)
    return (*found, *(() if critical else (Button("Dismiss", "", (DISMISS, ref)),)))


def _sections(detail: Detail, zone: object, now: datetime | None) -> tuple[Section, ...]:
    why = tuple(f"{one.rule} {one.severity}: {one.sentence or one.title}"
                + (f" (since {words.day(one.since)})" if one.since else "") for one in detail.whys)  # fmt: skip
    listed = f"Drugs, as on the list of {words.day(detail.list_date)}" if detail.list_date else "Drugs, list date not known"
    none = "none of the drugs watched for is on it" if detail.list_date else "without a list: what is taken is not known here"
    drugs = tuple(_drug(drug) for drug in detail.drugs[:DRUGS]) or (none,)
    questions = tuple(dict.fromkeys(question for one in detail.whys for question in one.questions))[:QUESTIONS]
    clears = tuple(dict.fromkeys(clear for one in detail.whys for clear in one.clears))[:CLEARS]
    parts = (
        ("Why", why),
        (VALUES, tuple(_values(one, zone, now) for one in detail.measured)),
        (listed, drugs),
        ("Not known here", detail.unknown),
        ("To review", questions),
        ("It ends by itself when all of these are met", clears),
    )
    return tuple(Section(title, items, picture=title == VALUES) for title, items in parts if items)


def _values(one: Measured, zone: object, now: datetime | None) -> str:
    """`Phosphate, mg/dL: 6.8 on Tue 14 Apr (before dialysis, 17 h old); before: 5.9 on 17 Mar, 5.2 on 17 Feb`."""
    newest, *older = one.values
    notes = [*newest.marks, facts.old(newest.at, now), *([newest.assay] if newest.assay else [])]
    when = words.when(newest.at, zone).split(" ")
    text = f"{one.title}, {one.unit}: {newest.text} on {' '.join(when[:3])} ({', '.join(notes)})"
    return f"{text}; before: {', '.join(_older(value, newest) for value in older)}" if older else text


def _older(value: Value, newest: Value) -> str:
    """A value beside a newer one: its unit and assay where they are others, for values of two assays do not compare."""
    unit = newest.unit
    notes = [mark for mark in value.marks if mark != "before dialysis"]
    notes += [value.assay or "assay not stated"] if value.assay != newest.assay else []
    marks = f" ({', '.join(notes)})" if notes else ""
    other = f" {value.unit}" if value.unit != unit else ""
    return f"{value.text}{other} on {value.day.day} {words.MONTHS[value.day.month - 1]}{marks}"


def _drug(drug: Drug) -> str:
    since = f", since {words.day(drug.since)}" if drug.since else ""
    return f"{drug.text}{since}{f', until {words.day(drug.until)}' if drug.until else ''}"


# ------------------------------------------------------------------------------------------------ the picture
def drawn(detail: Detail, content: Content, now: datetime) -> tuple[bytes, str]:
    """The trend picture (PNG) and its alternative text. Raises ValueError where there is no value to draw."""
    banded = [one for one in detail.measured if one.low is not None or one.high is not None]
    shown = (banded or list(detail.measured))[:PANELS]
    series = [_series(one) for one in shown]
    until = local_day(now, str(content.get("zone") or "UTC"))
    periods = [Period(drug.text.split(",")[0], drug.since, drug.until) for drug in detail.drugs[:DRUGS] if drug.since]
    spoken = "; ".join(f"{one.title}, {one.unit}: " + ", ".join(_older(value, one.values[0]) for value in reversed(one.values))
                       for one in shown)  # fmt: skip
    alt = f"Trend, oldest first. {spoken}."
    return trend(series, periods, until), alt if len(alt) <= ALT else alt[: ALT - 1] + "…"


def _series(one: Measured) -> Series:
    """Values of the newest one's unit only: two systems do not share an axis."""
    points = [Point(value.day, value.number, value.comparator, value.assay) for value in reversed(one.values[:MOST])
              if value.unit == one.unit]  # fmt: skip
    return Series(one.title, one.unit, tuple(points), one.low, one.high)
