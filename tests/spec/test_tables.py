"""Every drawn table of this folder says what judging says."""

from pathlib import Path

import pytest

from spec.table import MEASURES, read, said

PAGES = sorted(Path(__file__).parent.glob("*.md"))
TABLES = [(page.stem, table) for page in PAGES for table in read(page.read_text("utf-8"))]


@pytest.mark.parametrize(("page", "table"), TABLES, ids=[f"{page}-{table.name}" for page, table in TABLES])
def test_the_table_says_what_judging_says(page, table):
    frames, expected = table.frames()
    assert expected, f"{page}: table '{table.name}' expects nothing"
    judged = frames.judge(lacking=table.lacking)
    wrong = [
        f"{where} {rule}: expected '{words}', judged '{found}'"
        for patient, where, rule, words in expected
        if (found := said(judged, patient, rule)) != words
    ]
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_page_draws_a_missed_draw_or_a_missing_value(page):
    rows = [row for table in read(page.read_text("utf-8")) for row in table.rows]
    measures = tuple(f"{name} " for name in MEASURES)
    assert any(not any(cell for name, cell in row.items() if name.startswith(measures)) for row in rows)
