"""`nephrowatch rules test`: cases a clinician writes in YAML."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from monitors import drawn_files
from monitors.cli import app
from monitors.errors import UserError
from monitors.rulebook.examples import rows_drawn
from spec.table import catalogue, read

EXAMPLE = Path(__file__).parents[2] / "config" / "examples" / "rule-tests" / "warfarin.yaml"
RULES = [rule.id for rule in catalogue()[2]]


def judged(text: str) -> list[drawn_files.Tried]:
    analytes, drugs, rules = catalogue()
    tables = drawn_files.read(text, "case.yaml", RULES)
    return [drawn_files.tried(table, rules, analytes, drugs, "case.yaml", "measured") for table in tables]


def run(*paths: Path) -> tuple[int, str]:
    found = CliRunner().invoke(app, ["rules", "test", *map(str, paths)], catch_exceptions=False)
    return found.exit_code, found.output


def test_the_example_is_right_and_says_where_it_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEPHROWATCH_CONFIG", str(EXAMPLE.parents[2]))
    code, text = run(EXAMPLE)
    assert (code, text.splitlines()[-1]) == (0, "8 of 8 answers are as expected.")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(EXAMPLE.read_text("utf-8").replace("R10: firing HIGH", "R10: clear"), "utf-8")
    code, text = run(EXAMPLE, wrong)
    assert code == 1
    assert "2026-03-03 R10: expected clear; judged firing HIGH." in text
    assert text.splitlines()[-1] == "15 of 16 answers are as expected."


@pytest.mark.parametrize(("row", "said"), [
    ("{date: 2026-01-06, Phos: 5.2 mg/dL, R01: clear}", "'Phos' is no column, measure or rule"),
    ("{date: 6/1/2026, P: 5.2 mg/dL, R01: clear}", "'6/1/2026' is not a date"),
    ("{P: 5.2 mg/dL, R01: clear}", "'no date' is not a date"),
    ("{date: 2026-01-06, P: 5.2, R01: clear}", "phosphate '5.2' needs its unit, mg/dL or mmol/L"),
    ("{date: 2026-01-06, P: high, R01: clear}", "'high' is no value"),
    ("{date: 2026-01-06, P: 5.2 mg/dL, R01: fires}", "R01 cannot say 'fires'"),
    ("{date: 2026-01-06, P: 5.2 mg/dL, R77: clear}", "'R77' is no column, measure or rule; did you mean R17?"),
    ("{date: 2026-01-06, P: 5.2 mg/dL}", "expects nothing"),
    ("{date: 2026-01-06, PTH: 5 pg/mL, ULN: sixty, R13: clear}", "ULN is 'sixty'; write a number"),
    ("{date: 2026-01-06, P: 5.2 mg/dL, marks: posst, R01: clear}", "'posst' is no mark"),
])  # fmt: skip
def test_a_slip_of_the_pen_is_named_with_its_place(row: str, said: str) -> None:
    with pytest.raises(UserError, match=r"case\.yaml: test 'slip'") as problem:
        judged(f"tests:\n  - name: slip\n    rows:\n      - {row}\n")
    assert said in str(problem.value)


@pytest.mark.parametrize(("line", "said"), [
    ("drugs: [{drug: warfarinn, from: 2026-01-01}]", "knows no drug 'warfarinn'"),
    ("drugs: [{drug: warfarin, from: yesterday}]", "'yesterday' is not a date"),
    ("drugs: [{drug: warfarin, since: 2026-01-01}]", "since"),
    ("lists: [soon]", "'soon' is not a date"),
])  # fmt: skip
def test_a_wrong_drug_or_list_is_named(line: str, said: str) -> None:
    text = f"tests:\n  - name: slip\n    {line}\n    rows:\n      - {{date: 2026-01-06, P: 5.2 mg/dL, R10: clear}}\n"
    with pytest.raises(UserError, match=said):
        judged(text)


def test_every_column_of_the_drawn_pages_may_stand_in_a_file() -> None:
    pages = {page.stem: page.read_text("utf-8") for page in sorted(Path(__file__).parent.glob("R*.md"))}
    columns = {name.partition(" ")[0] for text in pages.values() for table in read(text) for row in table.rows for name in row}
    assert columns <= {*drawn_files.OTHERS, *drawn_files.MEASURES, *RULES}
    assert set(rows_drawn(pages)) == set(RULES)
    assert sum(rows_drawn(pages).values()) == sum(
        bool(row.get(rule)) for text in pages.values() for table in read(text) for row in table.rows for rule in RULES)
