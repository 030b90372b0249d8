"""The cards about a unit or the machinery: the morning list, as counts only, and operations messages.

Content of a digest is what `digest.digest` makes: unit, unit_name, zone, active, open, due, late, sections[{title,
episodes, lines[{severity, group, episodes}]}], not_assessed[{group, reason, patients}], assessed{group: n},
overdue, oldest_input, newest_input, feeds{problem: files}, silent[{feed, since, newest_input, overdue}],
unverified[{analyte, direction, results, refs}], held{reason: files}, withheld[{reason, episodes}],
silences[{silence, until, rules, groups, destinations, episodes}],
stopped[rule], rules[{id, review}]. Content of an operations message: reason (or
event), rows{reason: n}, and of FACTS those that apply; file names and sentences in it are not printed, for either may hold
what a feed wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from monitors.delivery import facts, feed_cards, mute_lines, words
from monitors.delivery.card import Card, Section
from monitors.delivery.facts import HOURS_OLD, Content, SiteFacts
from monitors.delivery.words import NOT_KNOWN, clean, code, whole

MOST = 20  # lines of a section that are printed; the rest is counted


def digest(content: Content, site: SiteFacts, now: datetime | None) -> tuple[str, Card]:
    """The morning list, in the order in which it is read. Returns (subject, card)."""
    unit, name = facts.unit(content), clean(content.get("unit_name") or "")
    chosen = [section for section in facts.listed(content.get("sections")) if isinstance(section, Mapping)]
    sections = [*_unverified(content), *(_episodes(section) for section in chosen), *_silent(content, now)]
    sections.append(Section("Not assessed, by reason", _not_assessed(content)))
    overdue = f"Results that were due and are missing or too old: {whole(content.get('overdue'))}."
    sections.append(Section("Overdue", (overdue,)))
    sections.append(Section("Feeds", _feeds(content.get("feeds"))))
    sections += [Section(title, _most(found)) for title, found in mute_lines.told_of(content, now) if found]
    sections += _held(content)
    sections += _rules(content)
    newest, oldest = (facts.old(content.get(key), now) for key in ("newest_input", "oldest_input"))
    lines = (
        f"Patients watched: {whole(content.get('active'))}    Open lab reviews: {whole(content.get('open'))}",
        f"Latest results of these patients: newest {newest}, oldest {oldest}.",
        *([f"This list was due {words.when(content.get('due'), content.get('zone'), now)}."] if content.get("late") else []),
        HOURS_OLD,
    )
    heading = f"Morning list · Unit {unit}" + (f" ({name})" if name and name != unit else "")
    looks = next((s.get("episodes") for s in chosen if s.get("code") == "needs_a_look"), None)
    subject = f"Unit {unit}: morning list, lab reviews to look at today: {whole(looks)}"
    card = Card(heading, lines, facts.footer(content, site), sections=tuple(sections),
                buttons=(facts.open_button(content, site),))  # fmt: skip
    return subject, card


def storm(content: Content, site: SiteFacts, now: datetime | None) -> tuple[str, Card]:
    """Many alerts of one unit and night, told in one. Content: what `storms.told` makes. Returns (subject, card)."""
    unit, severity, count = facts.unit(content), facts.severity(content), whole(content.get("episodes"))
    why = (
        (f"{count} lab reviews of this unit need acknowledgement. They are told in this one message, because more than "
        f"{whole(content.get('limit'))} came in one night. CRITICAL ones are always told on their own."),
        ("So many at once may come from a laboratory or a feed, and not from the patients: an assay, a unit or a filter that "
        "changed. Please look at that, too."),
    )
    card = _together(content, site, now, f"{count} lab reviews at once", why,
                     by=f"    {facts.deadline(content, now)} (the first of them)", more=(facts.unassessed(content),))  # fmt: skip
    return f"Unit {unit}: {count} lab reviews need acknowledgement (worst: {severity})", card


def silence_over(content: Content, site: SiteFacts, now: datetime | None) -> tuple[str, Card]:
    """What a silence withheld and still fires, told in one. Content: what `storms.told` makes, and silences[number]."""
    unit, severity, count = facts.unit(content), facts.severity(content), whole(content.get("episodes"))
    numbers = ", ".join(whole(number) for number in facts.listed(content.get("silences"))) or NOT_KNOWN
    why = (
        (f"A silence that a person asked for is over (number {numbers}). While it lasted, {count} lab reviews of this unit were "
         "not told here. They still hold, and are told now in this one message; each stands on the pages."),
    )  # fmt: skip
    card = _together(content, site, now, f"told after a silence: {count} lab reviews", why)
    return f"Unit {unit}: {count} lab reviews told after a silence (worst: {severity})", card


def _together(
    content: Content, site: SiteFacts, now: datetime | None, what: str, why: tuple[str, ...], *, by: str = "",
    more: tuple[str, ...] = (),
) -> Card:  # fmt: skip
    """The card of many alerts told in one: why so, for whom, how old, and how many by cause."""
    severity = facts.severity(content)
    owners = [facts.owner({"owner": owner}) for owner in facts.listed(content.get("owners"))] or [facts.owner({})]
    age = facts.age(content, now).replace("Newest result used:", "Newest results used: the oldest is")
    by_cause = _episodes({"title": "Lab reviews", "episodes": content.get("episodes"), "lines": content.get("lines")})
    lines = (*why, f"For: {', '.join(owners)}{by}", age, *more, HOURS_OLD)
    return Card(f"{severity} · Unit {facts.unit(content)} · {what}", lines, facts.footer(content, site), sections=(by_cause,),
                buttons=(facts.open_button(content, site),), level=severity)  # fmt: skip


def unfinished(content: Content, site: SiteFacts, now: datetime | None) -> tuple[str, Card]:
    """A night whose list is due and not there: silence would be taken for an answer. Returns (subject, card)."""
    unit, zone = facts.unit(content), content.get("zone")
    lines = (
        f"There is no morning list yet. It was due {words.when(content.get('due'), zone, now)}.",
        "That no message came means nothing today: tonight's results have not been judged.",
        f"The newest list is that of {clean(content.get('newest_night') or NOT_KNOWN)}. Operations have been told.",
    )
    footer = (facts.NO_DETAILS, f"From Nephrowatch at {clean(site.name)}, for {clean(content.get('unit_name') or unit)}.")
    card = Card(f"NOT FINISHED · Unit {unit} · no morning list", lines, footer, buttons=(facts.open_button(content, site),))
    return f"Unit {unit}: no morning list yet", card


def _episodes(section: Mapping[str, Any]) -> Section:
    lines = [
        f"{facts.severity(line)} · {words.group(line.get('group'))}: {whole(line.get('episodes'))}"
        for line in facts.listed(section.get("lines"))
        if isinstance(line, Mapping)
    ]
    title = clean(section.get("title") or NOT_KNOWN)
    return Section(f"{title}: {whole(section.get('episodes'))}", _most(lines))


def _unverified(content: Content) -> list[Section]:
    """First on the list, and only when there is something: results that would be critical if true."""
    found = [line for line in facts.listed(content.get("unverified")) if isinstance(line, Mapping)]
    total = sum(line["results"] for line in found if isinstance(line.get("results"), int))
    lines = [f"{feed_cards.counted(line)} ({feed_cards.references(line.get('refs'), line.get('results'))})" for line in found]
    title = f"Unverified critical, repeat or confirm with the laboratory: {total}"
    return [Section(title, _most(lines))] if found else []


def _silent(content: Content, now: datetime | None) -> list[Section]:
    """One line a silent laboratory feed, in place of one for everybody without a recent result."""
    lines = [
        f"{clean(line.get('feed') or NOT_KNOWN)}: silent since {words.when(line.get('since'), content.get('zone'), now)}, "
        f"newest input {facts.old(line.get('newest_input'), now)}; not assessed for want of a recent result: "
        f"{whole(line.get('overdue'))}"
        for line in facts.listed(content.get("silent")) if isinstance(line, Mapping)
    ]  # fmt: skip
    return [Section("Silent feeds", _most(lines))] if lines else []


def _held(content: Content) -> list[Section]:
    files = content.get("held")
    if not isinstance(files, Mapping) or not files:
        return []
    lines = [f"{words.held(reason)[:-1]}: {whole(number)}" for reason, number in sorted(files.items(), key=str)]
    return [Section("Files held until a person decides", _most(lines))]


def _rules(content: Content) -> list[Section]:
    """The rules a person stopped, if any, and how many are still unreviewed here."""
    stopped = _most([f"{words.rule(rule)}: tells nobody until it is resumed" for rule in facts.listed(content.get("stopped"))])
    rules = [rule for rule in facts.listed(content.get("rules")) if isinstance(rule, Mapping)]
    unsigned = [words.rule(rule.get("id")) for rule in rules if not facts.signed(rule)]
    found = [Section("Stopped rules", stopped)] if content.get("stopped") else []
    if rules:
        words_of = f"{len(unsigned)} of {len(rules)} rules are not clinically reviewed at this site"
        found.append(Section("Review of rules", (f"{words_of}: {', '.join(unsigned)}" if unsigned else "all are signed",)))
    return found


def _not_assessed(content: Content) -> tuple[str, ...]:
    if "not_assessed" not in content:
        return (NOT_KNOWN,)
    lines = [
        f"{words.group(line.get('group'))}: {whole(line.get('patients'))}, "
        + words.not_assessed(line.get("reason"))
        for line in facts.listed(content["not_assessed"])
        if isinstance(line, Mapping)
    ]
    return _most(lines)


def _feeds(problems: Any) -> tuple[str, ...]:
    if not isinstance(problems, Mapping):
        return (NOT_KNOWN,)
    return _most([f"Files, {code(problem)}: {whole(files)}" for problem, files in sorted(problems.items())])


def _most(lines: list[str]) -> tuple[str, ...]:
    rest = len(lines) - MOST
    return (*lines[:MOST], *([f"and {rest} more on the list"] if rest > 0 else [])) or ("none",)


# ------------------------------------------------------------------------------------------- operations
FACTS: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("unit", "Unit", clean),
    ("feed", "Feed", clean),
    ("reason", "Reason", code),
    ("file", "File number", whole),
    ("destination", "Destination", clean),
    ("until", "Last day, UTC", words.day),
    ("message", "Kind of message", code),
    ("severity", "Severity", lambda value: facts.severity({"severity": value})),
    ("rules", "Rules", lambda value: ", ".join(words.rule(rule) for rule in facts.listed(value)) or NOT_KNOWN),
    ("outcome", "Outcome", code),
    ("outbox_id", "Message number", whole),
    ("ref", "Ref", words.opaque),
    ("owner", "Answered for by", clean),
    ("who", "Opened by", clean),
)
EVENTS = {
    "undelivered": "A message could not be delivered",
    "stuck_messages": "Messages have waited too long or could not be delivered",
    "untold_episodes": "Open lab reviews that nobody was told of",
    "history_broken": "The history does not verify",
    "night_unfinished": "A night is not finished, and its morning list is due",
    "replay_differs": "A past alert, made again, came out otherwise",
    "checkpoint_failed": "A checkpoint of the history could not be made or kept",
    "rows_quarantined": "Rows of a feed were set aside",
    "rule_is_wrong": "A person says that a rule is wrong",
    "destination_check": "A destination cannot be used as it is",
    "detail_refused": "A leave to show patients' details could not be used",
    "detail_ends": "A leave to show patients' details ends soon",
    "emergency_access": "A unit was opened in an emergency",
    "archive_lost": "The archive has lost a file that waits to be checked",
}
REMEDIES = {
    "undelivered": "Its readers may not know: tell them, then check that destination in routes.yaml.",
    "untold_episodes": "Look at them now: nephrowatch alerts list. Then see why no message left: nephrowatch deliver.",
    "stuck_messages": "Their readers may not know: tell them, then check the destinations in routes.yaml.",
    "history_broken": "Keep the database as it is and tell whoever audits it.",
    "checkpoint_failed": "Mend the place; the next checkpoint covers what this one could not. nephrowatch doctor says more.",
    "night_unfinished": "Open nightly_labs in Airflow: the red task's log says what to do. Then clear it.",
    "replay_differs": "See which: nephrowatch history replay. Keep the database as it is; docs/operations.md says more.",
    "rows_quarantined": "Mend what `nephrowatch quarantine list` names, then `nephrowatch quarantine retry`.",
    "rule_is_wrong": "Read the reason with `nephrowatch alerts show` and the Ref, then see docs/rule-review.md.",
    "destination_check": "Mend it (docs/slack.md), then nephrowatch notify test, with the destination's name.",
    "detail_refused": "Mend the channel (docs/slack.md, Details), or withdraw the leave.",
    "detail_ends": "Its readers see cards without details from then on. To go on: nephrowatch destinations detail allow.",
    "emergency_access": "The reason and all that was opened are on the page Emergency access; a person has to look at each.",
    "archive_lost": "Restore the archive from its backup; the file is checked on the next night.",
}
FEED_REMEDY = "Nothing is lost: see `nephrowatch feeds list` and `nephrowatch quarantine list`."


def operations(content: Content, site: SiteFacts, now: datetime | None) -> tuple[str, Card]:
    """Something needs whoever runs the machinery. Returns (subject, card)."""
    event = str(content.get("event") or content.get("reason") or "")
    feed = clean(content["feed"]) if content.get("feed") else ""
    what = EVENTS.get(event) or (f"Feed {feed} needs a look" if feed else "Something needs a look")
    lines = [f"{title}: {shown(content[key])}" for key, title, shown in FACTS if content.get(key) is not None]
    if isinstance(rows := content.get("rows"), Mapping):
        lines += [f"Rows, {code(reason)}: {whole(number)}" for reason, number in rows.items()]
    if event in ("destination_check", "detail_refused") and content.get("outcome") in words.STANDINGS:
        lines.append(words.STANDINGS[str(content["outcome"])])
    remedy = REMEDIES.get(event) or (FEED_REMEDY if feed else "")
    footer = (facts.NO_DETAILS, f"From Nephrowatch at {clean(site.name)}.")
    card = Card(f"OPERATIONS · {what}", (*lines, *([remedy] if remedy else [])), footer)
    return f"Operations: {what[0].lower()}{what[1:]}", card
