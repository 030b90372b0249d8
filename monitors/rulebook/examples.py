"""Examples from the drawn tables, with every code replaced by words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from monitors.rules.words import MEASURES, measure, pretty

HEADS = {"known": "became known (order)", "ULN": "upper limit", "marks": "marked"}
MOST = 3  # tables a chapter shows
FACT_WORDS = {
    "missed_session": "a session missed", "session": "a session with Kt/V", "elemental_calcium": "elemental calcium, mg a day",
}  # fmt: skip
REASONS = {
    "exposure_unknown": "not known whether the drug is taken", "noted": "recorded only",
    "superseded": "superseded by newer values",
    "not_running": "not running here, no feed of", "outside_population": "outside the intended population:",
}  # fmt: skip


def rows_drawn(specs: Mapping[str, str]) -> Counter[str]:
    """Rule -> rows of all pages that say what it answers."""
    counts: Counter[str] = Counter()
    for spec in specs.values():
        head: list[str] = []
        for line in spec.splitlines():
            if not line.startswith("|"):
                head = []
                continue
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if not head:
                head = cells
            elif not set("".join(cells)) <= set("-: "):
                counts.update(name for name, cell in zip(head, cells, strict=True) if re.fullmatch(r"R\d\d", name) and cell)
    return counts


def examples(spec: str) -> Iterator[str]:
    """The first tables of a page of drawn cases, in Markdown."""
    sections = re.split(r"^### ", spec, flags=re.MULTILINE)[1:]
    if sections:
        yield "\n**Examples** (what the software answers with everything up to that row known)"
    for section in sections[:MOST]:
        name, *body = section.strip().splitlines()
        rows = [line for line in body if line.startswith("|")]
        lines = [_line(*found.groups()) for line in body if (found := re.match(r"^(\w+):\s*(.*)$", line))]
        title = re.sub(r"\s*\(golden[^)]*\)", "", name)
        yield f"\n*{title[0].upper() + title[1:]}.*" + ("" if not lines else " " + " ".join(lines)) + "\n"
        yield from _table(rows)


def _line(kind: str, text: str) -> str:
    """'drug: warfarin from 2026-01-01' as a sentence."""
    if kind == "drug":
        said = re.sub(r"\bfrom\b", "since", re.sub(r"\bto\b", "until", text))
        said = re.sub(r"\blisted (\S+)", r"(list of \1)", re.sub(r"\bsupply (\d+)", r"with \1 days' supply", said))
        return f"On {said}."
    if kind == "list":
        return f"A drug list of {text} is known."
    if kind == "lacking":
        what = text.removeprefix("fact:")
        return f"The site has no feed of {FACT_WORDS.get(what, measure(what))}."
    if kind == "excluded":
        return f"{plain(text)[0].upper() + plain(text)[1:]}."
    if kind == "facts":
        return "The site records such facts; none is there."
    words = text.split(" ", 1)
    rest = re.sub(r"\bfrom\b", "since", re.sub(r"\bto\b", "until", words[1] if len(words) > 1 else ""))
    return f"On record: {FACT_WORDS.get(words[0], words[0].replace('_', ' '))} {rest}.".replace(" .", ".")


def _table(rows: list[str]) -> Iterator[str]:
    """The rows with their outcomes in words, columns aligned."""
    cells = [[_cell(cell.strip()) for cell in row.strip().strip("|").split("|")] for row in rows]
    cells[0] = [HEADS.get(cell, pretty(cell)) for cell in cells[0]]
    widths = [max(len(row[place]) for row in cells if not set(row[place]) <= {"-"}) for place in range(len(cells[0]))]
    for row in cells:
        pairs = zip(row, widths, strict=True)
        filled = ("-" * width if cell and set(cell) <= {"-"} else cell.ljust(width) for cell, width in pairs)
        yield f"| {' | '.join(filled)} |"


def _cell(cell: str) -> str:
    named = re.sub(r"\s*\(golden[^)]*\)", "", cell)
    return re.sub(r"not assessable (\S+)", lambda found: f"not assessable: {plain(found[1])}", _codes(pretty(named)))


def _codes(text: str) -> str:
    return re.sub(r"\b(clear|firing) (noted|superseded)\b", lambda found: f"{found[1]} ({REASONS[found[2]]})", text).replace(
        "firing", "raised").replace("holding", "open, not raised")  # fmt: skip


def plain(code: str) -> str:
    """'no_recent:phosphate' as 'no recent phosphate'."""
    head, _, detail = code.partition(":")
    what = detail.removeprefix("fact:")
    named = FACT_WORDS.get(what) or MEASURES.get(what) or what.replace("_", " ")
    return f"{REASONS.get(head, head.replace('_', ' '))} {named}".strip()
