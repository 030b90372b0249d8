"""docs/rules.md is current, complete, and written for clinicians."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from monitors import config
from monitors.rulebook.__main__ import text
from monitors.rulebook.examples import examples, plain
from monitors.rulebook.page import page, standing
from monitors.rules.breaches import Breach, UpperLimit
from monitors.rules.conditions import Condition
from monitors.rules.model import Rule
from monitors.rules.words import Words, limit, limit_of, pretty, value_clause
from monitors.units import Limit

ROOT = Path(__file__).parents[2]
SITE = config.load(ROOT / "config")
RULES = {rule.id: rule for rule in SITE.rules}
WORDS = Words(SITE.analytes, SITE.drugs, RULES)
BOOK = text(ROOT / "config", ROOT / "tests" / "spec")
CHAPTERS = {chapter[:3]: chapter for chapter in re.split(r"^## (?=R\d\d )", BOOK, flags=re.MULTILINE)[1:]}


def test_the_page_is_current():
    assert (ROOT / "docs" / "rules.md").read_text(encoding="utf-8") == BOOK, "run python -m monitors.rulebook"


def test_every_rule_has_a_chapter_and_every_link_an_end():
    assert CHAPTERS.keys() == RULES.keys()
    anchors = {re.sub(r"[^\w -]", "", line[3:].lower()).replace(" ", "-") for line in BOOK.splitlines() if line.startswith("## ")}
    assert set(re.findall(r"\]\(#([^)]+)\)", BOOK)) <= anchors


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_a_chapter_states_every_limit_in_both_unit_systems(rule: Rule):
    chapter = CHAPTERS[rule.id]
    breaches = [breach for signal in rule.signals for breach in (signal.raise_, *signal.clear) if breach is not None]
    breaches += [condition.is_ for condition in rule.conditions if condition.is_ is not None]
    for stated in (one for breach in breaches for one in breach.limits):
        if stated != Limit.parse("0 mg/dL | 0 mmol/L"):  # asks whether there is a result at all
            assert limit(stated) in chapter


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_a_chapter_says_who_owns_it_where_it_comes_from_and_that_nobody_reviewed_it(rule: Rule):
    chapter = CHAPTERS[rule.id]

    assert "**Not clinically reviewed (draft from literature).**" in chapter
    assert f"Owner: {rule.owner}." in chapter
    assert all(pretty(source.text) in chapter for source in rule.provenance.sources)
    assert all(question in chapter for question in rule.questions)
    assert "**Examples**" in chapter


def test_no_key_or_code_stands_on_the_page():
    body = re.sub(r"`[^`]*`", "", BOOK)

    assert not re.findall(r"\b\w+_\w+\b", body)
    assert not re.findall(r"\b(?:True|False|mg2|mmol2|ukat|vka)\b|\{|\}", body)


def test_the_page_reassures_nobody_and_instructs_nobody():
    assert not re.search(r"\b(safe|all clear|normal)\b", BOOK, re.I)
    imperative = r"\b(stop|hold|reduce|increase|switch|give) (the |a )?(warfarin|drug|binder|vitamin|calcimimetic)"
    assert not re.search(imperative, BOOK, re.I)


def test_shadow_page_only_and_facts_are_told_apart():
    assert [standing(RULES[name]) for name in ("R01", "R09", "R11", "R15", "R18", "R24")] == [
        "live", "fact for other rules", "live, in part shadow", "live, in part page only", "shadow", "shown on other cards",
    ]  # fmt: skip


def test_limits_read_as_a_laboratory_prints_them():
    assert limit(Limit.parse("5.0 mg/dL | 1.61 mmol/L")) == "5.0 mg/dL (1.61 mmol/L)"
    assert limit(Limit.parse("6 mmol/L | 6 mmol/L")) == "6.0 mmol/L"
    assert limit(Limit.parse("1000 pg/mL | 106 pmol/L")) == "1,000 pg/mL (106 pmol/L)"
    nine = UpperLimit.model_validate({"times": 9, "otherwise": "600 pg/mL | 63.6 pmol/L"})
    assert limit(nine) == "9 times the assay's upper limit (where none is stated: 600 pg/mL or 63.6 pmol/L)"


def test_persistence_reads_as_draws():
    breach = Breach.model_validate({"above": "5.5 mg/dL | 1.78 mmol/L", "anchors": 2, "of": 3})

    assert value_clause("phosphate", breach) == (
        "phosphate above 5.5 mg/dL (1.78 mmol/L) on the newest counted draw and on at least one of the two counted draws "
        "before it"
    )
    assert limit_of(Breach.model_validate({"fall": {"by": "0.5 g/dL | 5 g/L", "days": 90}})) == (
        "fallen by 0.5 g/dL (5 g/L) or more within 90 days"
    )


def test_conditions_read_as_clauses():
    either = {"any": [{"rule": "R01"}, {"on": ["iv_iron"], "tail_days": 60}]}
    given = Condition.model_validate({"all": [{"not": {"on": ["vka"]}}, either]})

    assert WORDS.condition(given) == (
        "no vitamin K antagonist is taken, and either R01 (sustained hyperphosphataemia) is open, or intravenous iron is taken, "
        "or was until 60 days ago"
    )


def test_examples_translate_codes():
    rows = "| date | R01 |\n| - | - |\n| d | not assessable no_recent:pth |\n"
    spec = f"# x\n\n### a case (golden z)\ndrug: warfarin from 2026-01-01 to 2026-02-01\n\n{rows}"

    shown = "\n".join(examples(spec))

    assert "*A case.* On warfarin since 2026-01-01 until 2026-02-01." in shown
    assert "| d    | not assessable: no recent PTH |" in shown
    assert plain("outside_population:age_unknown") == "outside the intended population: age unknown"


def test_a_changed_limit_changes_the_page():
    stated = RULES["R05"].model_dump_json(by_alias=True)
    assert stated.count("13 mg/dL | 3.24 mmol/L") == 1
    changed = Rule.model_validate_json(stated.replace("13 mg/dL | 3.24 mmol/L", "12.5 mg/dL | 3.12 mmol/L"))

    assert "12.5 mg/dL (3.12 mmol/L)" not in BOOK
    assert "12.5 mg/dL (3.12 mmol/L)" in page(Words(SITE.analytes, SITE.drugs, RULES | {"R05": changed}), {})
