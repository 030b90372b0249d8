"""The rule book as text: one chapter a rule, written from its definition and its drawn tables. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from monitors.records import Severity, rank
from monitors.rulebook.examples import examples, rows_drawn
from monitors.rules.clauses import clear_words, raise_words, severity_words, step_words
from monitors.rules.model import Rule
from monitors.rules.words import GROUPS, Words, by_anchors, joined, measure, number, pretty, sentence

TAGS = {"found": "read in the source", "seed": "founding article", "design": "our proposal, no source says it",
        "knowledge": "general knowledge, not confirmed"}  # fmt: skip
HEAD = """# The rule book

Every rule this software judges by, in plain words. This page is written by `python -m monitors.rulebook` from the definitions in
`config/rules/` and the drawn cases in `tests/spec/`; a test keeps it current. Nobody edits it by hand.

**None of these rules has been reviewed by a clinician.** They are a draft from the literature, and every message says "not
clinically reviewed at this site" until a named clinician has signed the rule. A message is not a diagnosis, not a risk score
and not treatment advice, and the software is no substitute for the laboratory's telephone call.

They are meant for adults on in-centre haemodialysis. For children, unknown age, pregnancy, peritoneal dialysis, acute dialysis
and transplanted patients every rule answers "not assessable", never "clear".

## Words used here

- **Counted draw** (an "anchor" in the definitions). The newest draw, then the most recent one at least so many days before it
  (usually 18), and so on, so that a monthly and a weekly unit are judged alike and a week of re-checks counts once. Draws marked
  post-dialysis, draws in hospital and preliminary results are not counted. A gap longer than stated (usually 75 days) breaks
  the chain.
- **Any single value.** Rules about dangerous values read every result, marked or not, also one that arrives late.
- **Raised**: the newest evidence meets the limit. **Open**: raised, or raised earlier and not yet cleared. **Clears**: what ends
  it; the limits lie apart from those that raise, so that a value near a limit does not alternate. Evidence at or before the
  last clear never supports a new alert.
- **Not assessable**: something needed is missing or too old. It is counted and listed; it is never read as clear.
- **Taken.** A drug counts from its start until a recorded stop, 14 days beyond its supply, or a newer drug list that leaves it
  out. "Not taken" needs a recorded stop
  or a drug list of the last 30 days that does not name it. Otherwise it is unknown, and unknown neither raises nor clears.
- **WARNING** stands on the unit's list. **HIGH** and **CRITICAL** are sent to the unit, for the role named as
  owner. Alerts of one kind share one card.
- **Live**: judged and told. **Shadow**: judged and recorded, told to nobody. **Page only**: shown on the patient's page.
- A limit is given in both unit systems; a result is compared in the one its laboratory reported, without conversion.
- Where a measure may be *measured or adjusted*, adjusted means calcium + 0.8 × (4.0 − albumin in g/dL) in mg/dL, or
  calcium + 0.02 × (40 − albumin in g/L) in mmol/L, from one sample.
- A limit may be changed by the site, with a reason and an author; this page shows the limits as shipped.
"""


def page(words: Words, specs: Mapping[str, str]) -> str:
    """The whole page. specs: rule id -> text of its drawn tables."""
    rules = sorted(words.rules.values(), key=lambda rule: rule.id)
    parts = [HEAD, *_overview(rules, words, specs)]
    for rule in rules:
        parts += ["", *_chapter(rule, words, specs.get(rule.id, ""))]
    parts += ["", *_drug_table(words)]
    return "\n".join(parts).rstrip() + "\n"


def standing(rule: Rule) -> str:
    """Live, shadow or page only, in words."""
    if rule.shadow:
        return "shadow"
    if rule.page_only:
        return "page only"
    if rule.list_only:
        return "shown on other cards"
    if not rule.opens:
        return "fact for other rules"
    quiet = [signal.mode for signal in rule.signals if signal.mode != "live"]
    return f"live, in part {quiet[0].replace('_', ' ')}" if quiet else "live"


def _overview(rules: list[Rule], words: Words, specs: Mapping[str, str]) -> Iterator[str]:
    yield "## Overview\n"
    yield "Rows drawn: rows of the drawn tables in `tests/spec/` that say what the rule answers, on its own page or another's.\n"
    yield "| Rule | Kind of alert | Severity | Owner | Stands as | Rows drawn |"
    yield "| --- | --- | --- | --- | --- | ---: |"
    drawn = rows_drawn(specs)
    for rule in rules:
        title = f"[{rule.id} {rule.title}](#{anchor(f'{rule.id} {rule.title}')})"
        yield f"| {title} | {group(rule)} | {_severities(rule)} | {rule.owner} | {standing(rule)} | {drawn[rule.id]} |"


def anchor(heading: str) -> str:
    """The link target a Markdown heading gets."""
    kept = "".join(letter for letter in heading.lower() if letter.isalnum() or letter in " -")
    return kept.replace(" ", "-")


def group(rule: Rule) -> str:
    return GROUPS.get(rule.group, rule.group.replace("_", " "))


def _severities(rule: Rule) -> str:
    if not rule.opens:
        return "–"
    found: set[Severity] = {signal.severity or rule.severity for signal in rule.signals if signal.mode == "live"}
    ranked = sorted(found | {step.to for step in rule.steps}, key=rank)
    return ", ".join(str(one) for one in ranked)


def _chapter(rule: Rule, words: Words, spec: str) -> Iterator[str]:
    yield f"## {rule.id} {rule.title}\n"
    yield f"**{_review(rule)}** Version {rule.version}. {_standing_sentence(rule, words)} Owner: {rule.owner}.\n"
    yield sentence(rule.provenance.why_it_matters.strip()) + "\n"
    if rule.exposure is not None:
        yield sentence(_exposure(rule, words)) + "\n"
    yield "| What raises it | What clears it | Severity |"
    yield "| --- | --- | --- |"
    for signal in rule.signals:
        raises, clears = raise_words(signal, rule, words), clear_words(signal, rule, words)
        yield f"| {sentence(raises)} | {sentence(clears)} | {severity_words(signal, rule) if rule.opens else '–'} |"
    yield ""
    for step in rule.steps:
        yield f"- {step_words(step, rule, words)}"
    if rule.tell_at_baseline:
        yield "- Told even where it was already present when watching began."
    yield f"- {_pace(rule)}"
    counts = [condition.count for condition in rule.conditions if condition.count]
    if counts:
        yield f"- The {number(len(counts[0]))} factors: " + "; ".join(words.condition(one) for one in counts[0].values()) + "."
    if rule.facts:
        yield "- Shown where known, deciding nothing: " + "; ".join(words.condition(one) for one in rule.facts.values()) + "."
    yield f"- Needs {joined([words.input(name) for name in rule.requires], 'and')}." + _optional(rule, words)
    if drugs := _drugs(rule, words):
        yield f"- Drugs it looks at: {drugs}. Which products these are: [table of drugs](#table-of-drugs)."
    yield "\n**What it asks**\n"
    yield from (f"- {question}" for question in rule.questions)
    yield "\n**Where it comes from**\n"
    yield from (f"- {pretty(source.text)} ({TAGS[source.tag]})" for source in rule.provenance.sources)
    yield from examples(spec)


def _review(rule: Rule) -> str:
    review = rule.provenance.review
    return "Not clinically reviewed (draft from literature)." if review.startswith("none") else f"{review}."


def _standing_sentence(rule: Rule, words: Words) -> str:
    if rule.shadow:
        return "Shadow: judged and recorded, told to nobody."
    if rule.list_only:
        return "Opens no alert: it stands on the cards of what else is open."
    if not rule.opens:
        users = [other.id for other in words.rules.values() if rule.id in other.mentions]
        used = f", and a condition of {joined(sorted(users), 'and')}" if users else ""
        return f"Opens no alert by itself: it is a fact on the {group(rule)} card{used}."
    live = "Live." if standing(rule) == "live" else "Live in part (see severity)."
    return f"{live} Alerts about {group(rule)}."


def _exposure(rule: Rule, words: Words) -> str:
    given = rule.exposure
    assert given is not None
    names = words.classes(given.classes)
    text = f"It applies only while {names} is taken"
    if given.tail_days:
        longer = [f"{days} days for {words.drug_class(name)}" for name, days in given.longer.items()]
        text += f", and for {given.tail_days} days after" + (f" ({', '.join(longer)})" if longer else "")
    text += f"; it is over once that ended {given.washout_days} days ago" if given.washout_days else "; it is over when that ends"
    if given.presumed is not None:
        breach = given.presumed.is_
        text += (f". Where no {words.classes(given.presumed.unless, bare=True)} is recorded at all, an "
                 f"{measure(given.presumed.measure)} of {by_anchors(breach)} stands in for the drug list")  # fmt: skip
    return text


def _pace(rule: Rule) -> str:
    own = rule.anchors
    if not _counts_draws(rule):
        return (f"A result older than {own.gap_days} days is too old to judge by; "
                f"nothing older than {own.lookback_days} days is read.")  # fmt: skip
    text = (f"Counted draws lie at least {own.apart_days} day{'s' * (own.apart_days > 1)} apart, with no gap of more than "
            f"{own.gap_days} days; nothing older than {own.lookback_days} days is read.")  # fmt: skip
    for signal in rule.signals:
        if signal.anchors is not None and signal.measure:
            other = signal.anchors
            text += (f" For {measure(signal.measure)}: {other.apart_days} days apart, no gap of more than {other.gap_days}, "
                     f"{other.lookback_days} days back.")  # fmt: skip
    return text


def _counts_draws(rule: Rule) -> bool:
    """Whether counted draws matter to it: something must persist, repeat, or move against earlier draws."""
    breaches = [breach for signal in rule.signals for breach in (signal.raise_, *signal.clear) if breach is not None]
    breaches += [condition.is_ for condition in rule.conditions if condition.is_ is not None]
    moves = any(breach.window > 1 or breach.change is not None or breach.rises is not None for breach in breaches)
    again = any(signal.repeated for signal in rule.signals) or any(step.repeated for step in rule.steps)
    return moves or again


def _optional(rule: Rule, words: Words) -> str:
    names = [words.input(name) for name in rule.optional]
    return f" Also read, where there is one: {joined(names, 'and')}." if names else ""


def _drugs(rule: Rule, words: Words) -> str:
    named = [name for condition in rule.conditions for name in condition.on or ()]
    named += [name for signal in rule.signals if signal.overdue and signal.overdue.after for name in signal.overdue.after.on]
    if rule.exposure is not None:
        named += [*rule.exposure.classes, *(rule.exposure.presumed.unless if rule.exposure.presumed else ())]
    return ", ".join(words.drug_class(name) for name in dict.fromkeys(named))


def _drug_table(words: Words) -> Iterator[str]:
    yield "## Table of drugs\n"
    yield "Matched by whole words of the drug's text, or by its ATC code; a site adds its own brand names.\n"
    yield "| Class | Ingredients |"
    yield "| --- | --- |"
    for name, drug_class in words.drugs.classes.items():
        yield f"| {drug_class.title} | {words.ingredients(name)} |"
