"""Lists of the pages: in order, each patient once, bounded, and nothing left out without a word."""

from __future__ import annotations

import html
import re
from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy

from monitors.database import Role
from monitors.web import lists
from tests.site import monthly
from tests.web.conftest import Web, links


@pytest.fixture
def full(web: Web) -> Web:
    """Five more patients of N1: four high, one of them critical."""
    day = web.site.clock.date()
    many = ("T4", "T5", "T6", "T7", "T8")
    web.site.patients(*many)
    rows = [row for name in many for row in monthly(
        name, day, {"P": 6.6, "CA": 9.6}, {"P": 6.9, "CA": 9.8, "K": 7.4 if name == "T7" else 5.0})]  # fmt: skip
    web.site.labs("d.csv", *rows)
    web.site.night(day + timedelta(days=1))
    return web


def named(text: str) -> list[str]:
    return re.findall(r"EXAMPLE (T\d)", text)


@pytest.mark.parametrize("path", ["/", "/round"])
def test_each_patient_stands_once_whatever_is_open(full: Web, path: str) -> None:
    open_ = full.site.rows(
        "SELECT patient_id, count(*) AS many FROM nephrowatch.episodes WHERE unit = 'N1' AND state = 'open' GROUP BY 1"
    )
    assert max(row.many for row in open_) > 1, "nobody has two episodes: this test tries nothing"
    text = full.as_("care").get(path).text
    assert sorted(named(text)) == sorted(set(named(text)))
    assert len(named(text)) == len(open_)
    refs = [row.ref for row in full.site.rows("SELECT ref FROM nephrowatch.episodes WHERE unit = 'N1' AND state = 'open'")]
    assert all(ref in text for ref in refs)


@pytest.mark.parametrize("path", ["/", "/round"])
def test_a_long_list_goes_on_and_says_how_much_is_left(full: Web, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = named(full.as_("care").get(path).text)
    assert len(whole) == 6
    monkeypatch.setattr(lists, "SHOWN", 4)
    first = full.as_("care").get(path).text
    assert "Patients 1 to 4 of 6" in first
    assert re.search(r"2 more patients", first)
    [following] = set(links(first, re.escape(path) + r"\?unit=N1&amp;after="))
    second = full.as_("care").get(html.unescape(following)).text
    assert "Patients 5 to 6 of 6" in second
    assert "more patient" not in second.replace("More patients of", "")
    assert named(first) + named(second) == whole
    beyond = full.as_("care").get(path, params={"unit": "N1", "after": "6.7.9999999.9.N1"}).text
    assert "Nobody stands after this place any more" in beyond
    assert "No episode is open" not in beyond
    for after in ("x", "1.2.3", "9.9.9.1.N1", "0.0.0.';--.N1", "0.0.99999999999.1.N1"):
        assert full.as_("care").get(path, params={"unit": "N1", "after": after}).status_code == 422


def test_who_is_acknowledged_between_two_pages_makes_nobody_be_passed_over(full: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "SHOWN", 3)
    whole = set(named(full.as_("doctor").get("/round").text))
    first = full.as_("doctor").get("/").text
    [ref, *_] = re.findall(r"/alerts/(NW-\w+)", first)
    [following] = set(links(first, r"/\?unit=N1&amp;after="))
    seen = Counter(named(first))
    full.as_("doctor").get(f"/alerts/{ref}")
    assert full.post("doctor", f"/alerts/{ref}/acknowledge", reason="seen").status_code == 303
    while following:
        text = full.as_("doctor").get(html.unescape(following)).text
        seen.update(named(text))
        found = links(text, r"/\?unit=N1&amp;after=")
        following = found[0] if found else ""
    assert len(seen) == 6
    assert whole <= set(seen)


def test_the_worst_comes_first_and_what_is_looked_after_last(full: Web) -> None:
    text = full.as_("doctor").get("/").text
    assert named(text)[0] == "T7", "the one critical value"
    assert text.index("Needs a look today") < text.index("EXAMPLE T7")
    for ref in re.findall(r"/alerts/(NW-\w+)", text.split("EXAMPLE T7", 1)[1].split("EXAMPLE ", 1)[0]):
        full.as_("doctor").get(f"/alerts/{ref}")
        assert full.post("doctor", f"/alerts/{ref}/acknowledge", reason="seen").status_code == 303
    text = full.as_("doctor").get("/").text
    assert named(text)[-1] == "T7"
    assert text.index("Acknowledged, snoozed or dismissed") < text.index("EXAMPLE T7")


def test_among_equals_the_next_session_comes_first(full: Web) -> None:
    """T4, T5, T6 and T8 differ in nothing but their schedules; T6's newest came under another identifier."""
    day = full.site.clock.date()
    ahead = {"T8": 0, "T5": 1, "T4": 2, "T6": 3}
    engine = sqlalchemy.create_engine(full.site.database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("SET LOCAL session_replication_role = replica"))
        for name, days in ahead.items():
            connection.execute(sqlalchemy.text(
                "UPDATE nephrowatch.census SET schedule = :schedule WHERE subject_id = (SELECT subject_id FROM "
                "nephrowatch.subjects WHERE identifier = :name)"),
                {"name": name, "schedule": f"{day + timedelta(days=days):%A}/"})  # fmt: skip
        connection.execute(sqlalchemy.text(
            "WITH t6 AS (SELECT subject_id FROM nephrowatch.subjects WHERE identifier = 'T6'), other AS ("
            "INSERT INTO nephrowatch.subjects (subject_id, authority, identifier, batch) VALUES (900, 'OTHER', 'X6', 1)), "
            "linked AS (INSERT INTO nephrowatch.links (subject_id, patient_id, reason, batch) SELECT 900, subject_id, 'second "
            "identifier', 1 FROM t6) INSERT INTO nephrowatch.census SELECT 9000, 900, :day, 'N1', 'active', 'HD', :schedule, "
            "NULL, gen_random_uuid(), 1, 1, 1"), {"day": day, "schedule": f"{day + timedelta(days=5):%a}"})  # fmt: skip
    engine.dispose()
    text = full.as_("auditor").get("/", params={"unit": "N1"}).text
    assert [name for name in named(text) if name in ahead] == ["T8", "T5", "T4", "T6"]
    assert re.search(r"today<br><span class=\"soft\">", text.split("EXAMPLE T8")[1])
    assert f"{day + timedelta(days=5):%a %d %b}" in text.split("EXAMPLE T6")[1]


def test_the_api_pages_through_everything_once(full: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    def through(path: str) -> list[dict[str, object]]:
        seen: list[dict[str, object]] = []
        while path:
            answer = full.as_("auditor").get(path)
            assert len({row["unit"] for row in answer.json()}) < 2
            seen += answer.json()
            found = re.fullmatch(r'<([^>]+)>; rel="next"', answer.headers.get("link", ""))
            path = found[1] if found else ""
        return seen

    whole = through("/api/v1/episodes")
    opened = full.site.rows("SELECT ref FROM nephrowatch.episodes WHERE state = 'open'")
    assert sorted(row["ref"] for row in whole) == sorted(row.ref for row in opened)
    assert [row["unit"] for row in whole] == sorted(row["unit"] for row in whole)
    default = lists.listed.__defaults__
    monkeypatch.setattr(lists.listed, "__defaults__", (*default[:-1], 2))
    assert through("/api/v1/episodes") == whole
    assert through("/api/v1/episodes?unit=N2") == [row for row in whole if row["unit"] == "N2"]


def test_whose_session_it_is_no_foreign_unit_learns(full: Web) -> None:
    for units, seen in (("N1", 6), ("N2", 1), ("*", 7), ("", 0), (None, 0)):
        with full.site.db.begin(Role.PAGES) as connection:
            if units is not None:
                connection.execute(sqlalchemy.text("SELECT set_config('nephrowatch.units', :u, true)"), {"u": units})
            assert connection.scalar(sqlalchemy.text("SELECT count(*) FROM nephrowatch.sessions_of_open('')")) == seen, units
