"""Silence of feeds along a time line: raised once, cleared once, by data and an injected now alone."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from monitors import alarms, night_list, pipeline
from monitors.config import Config, Feed, Routes, Site
from monitors.database import Database, Role
from tests.delivery import builders
from tests.site import Site as NightSite
from tests.site import draw

START = datetime(2026, 4, 1, 2, 0, tzinfo=UTC)
SITE = Site.model_validate({
    "name": "test", "link": "https://nephrowatch.example/a/", "mail_domain": "nephrowatch.example",
    "units": [{"code": code, "name": code, "zone": "Europe/London"} for code in ("N1", "N2", "N3")],
})  # fmt: skip
ROUTES = Routes.model_validate({
    "destinations": {"ops": builders.mail_to(9).model_dump(), "team": builders.mail_to(9).model_dump()},
    "routes": [{"to": ["ops"], "messages": ["operations"]}, {"to": ["team"], "messages": ["alert", "digest"]}],
})  # fmt: skip
LABS: dict[str, Any] = {
    "kind": "labs", "location": "x", "laboratory": "LAB", "authority": "HOSP", "zone": "Europe/London", "unit": "N1",
    "mapping": {"columns": {"patient": "p", "collected_at": "t", "code": "c", "value": "v"}},
    "deadline": {"hours": 36, "min_rows": 10},
}  # fmt: skip
CENSUS: dict[str, Any] = {
    **{key: LABS[key] for key in ("location", "authority", "zone", "unit")}, "kind": "census", "deadline": {"hours": 36},
    "mapping": {"columns": {"patient": "p", "effective_on": "d"}},
}  # fmt: skip


def config(**feeds: dict[str, Any]) -> Config:
    made = {name.replace("_", "-"): Feed.model_validate(body) for name, body in (feeds or {"n1_labs": LABS}).items()}
    return Config.model_construct(site=SITE, feeds=made, routes=ROUTES, rules=())


class Line:
    """A time line: hours after START, and what arrives when."""

    def __init__(self, database: Database, configured: Config | None = None) -> None:
        self.database, self.config, self.files = database, configured or config(), 0
        self.run("INSERT INTO nephrowatch.runs (night, begun_at) VALUES ('2026-04-01', :now)", now=START)
        for unit in ("N1", "N2", "N3"):
            self.run("INSERT INTO nephrowatch.units VALUES (:unit, :unit, 'Europe/London', '04:00')", unit=unit)

    def run(self, statement: str, **values: Any) -> list[Any]:
        with self.database.begin(Role.PIPELINE) as connection:
            found = connection.execute(sa.text(statement), values)
            return list(found) if found.returns_rows else []

    def arrives(
        self, hour: float, *, stored: int = 20, known: int = 0, bad: int = 0, feed: str = "n1-labs", state: str = "stored",
        same_as: int | None = None, units: dict[str, int] | None = None,
    ) -> int:  # fmt: skip
        """One checked file. units: rows in `results`, by dialysis unit."""
        self.files += 1
        n = self.files
        self.run("INSERT INTO nephrowatch.batches VALUES (:n, :now, 'test')", n=n, now=START)
        self.run(
            """INSERT INTO nephrowatch.files (run_id, feed, kind, name, sha256, size_bytes, archived, received_at, state, same_as,
                   batch, rows_received, rows_stored, rows_known, rows_quarantined)
               VALUES (1, :feed, 'labs', :name, :name, 1, 'a', :at, :state, :same_as, :n, :received, :stored, :known, :bad)""",
            feed=feed, name=f"file {n}", at=START + timedelta(hours=hour), state=state, same_as=same_as, n=n,
            received=stored + known + bad, stored=stored, known=known, bad=bad,
        )  # fmt: skip
        for unit, rows in (units or {}).items():
            self.run(
                """INSERT INTO nephrowatch.census (census_id, subject_id, effective_on, unit, status, content_key, batch,
                       file_id, row_no)
                   SELECT (SELECT count(*) FROM nephrowatch.census) + g, 1, '2026-04-01', :unit, 'active',
                          gen_random_uuid(), :n, :n, g
                   FROM generate_series(1, :rows) g""",
                unit=unit, rows=rows, n=n,
            )  # fmt: skip
        return n

    def look(self, hour: float) -> Counter[str]:
        with self.database.begin(Role.PIPELINE) as connection:
            return alarms.look(connection, self.config, START + timedelta(hours=hour))

    def open(self) -> list[tuple[str, str, str]]:
        return [tuple(row) for row in self.run(
            "SELECT feed, unit, kind FROM nephrowatch.feed_alarms WHERE cleared_at IS NULL ORDER BY 1, 2, 3")]  # fmt: skip

    def told(self) -> list[tuple[str, str]]:
        """(kind of message, alarm) of every message, in order."""
        return [tuple(row) for row in self.run("SELECT kind, content ->> 'alarm' FROM nephrowatch.outbox ORDER BY outbox_id")]

    def lists(self) -> dict[str, list[str]]:
        """Feeds that stand as silent on each unit's morning list."""
        with self.database.begin(Role.PIPELINE) as connection:
            silent = night_list._silent(connection, self.config)
        return {unit: [line["feed"] for line in lines] for unit, lines in silent.items()}


@pytest.fixture
def line(database: Database) -> Line:
    return Line(database)


def test_a_feed_that_falls_silent_is_told_once_when_it_does_and_once_when_it_is_back(line: Line) -> None:
    line.arrives(0)
    assert line.look(35) == Counter()
    assert line.look(37) == Counter(raised=1)
    assert [line.look(hour) for hour in (38, 39, 200)] == [Counter()] * 3
    assert line.open() == [("n1-labs", "", "late")]
    line.arrives(201)
    assert line.look(202) == Counter(cleared=1)
    assert line.look(203) == Counter()
    assert line.look(240) == Counter(raised=1), "silent again is news again"
    assert line.told() == [("alarm", "late"), ("alarm_cleared", "late"), ("alarm", "late")]


def test_too_little_is_an_alarm_of_its_own_and_nothing_at_all_another(line: Line) -> None:
    line.arrives(0)
    line.arrives(40, stored=3, known=4, bad=90)
    line.look(41)
    assert line.open() == [("n1-labs", "", "little")]
    line.look(80)
    assert line.open() == [("n1-labs", "", "late"), ("n1-labs", "", "little")]
    line.arrives(81, stored=4)
    assert line.look(82) == Counter(cleared=1)
    assert line.open() == [("n1-labs", "", "little")], "something is not yet enough"
    line.arrives(83, stored=6)
    line.look(84)
    assert line.open() == []


@pytest.mark.parametrize("state", ["held", "unreadable", "received"])
def test_what_cannot_be_used_breaks_no_silence(line: Line, state: str) -> None:
    line.arrives(0)
    line.arrives(30, stored=0, bad=50, state=state)
    assert line.look(37) == Counter(raised=1)


def test_the_same_bytes_again_are_nothing_new_from_a_laboratory_and_news_from_a_census(database: Database) -> None:
    line = Line(database, config(n1_labs=LABS, n1_census=CENSUS))
    for feed in ("n1-labs", "n1-census"):
        first = line.arrives(0, feed=feed)
        line.arrives(30, stored=0, known=20, feed=feed, state="known", same_as=first)
    line.look(40)
    assert line.open() == [("n1-labs", "", "late")]


def test_rows_a_laboratory_sent_before_break_no_silence(line: Line) -> None:
    line.arrives(0)
    line.arrives(30, stored=0, known=20)
    assert line.look(40) == Counter(raised=1)


def test_a_feed_is_watched_for_its_hours_before_it_can_be_silent(database: Database) -> None:
    line = Line(database, config(n1_labs=LABS, later={**LABS, "optional": True}))
    assert line.look(20) == Counter()
    assert line.look(37) == Counter(raised=1), "a feed that never sent anything is silent too, unless it is optional"
    assert line.open() == [("n1-labs", "", "late")]


def test_units_of_one_feed_have_floors_of_their_own(database: Database) -> None:
    body = {**LABS, "unit": None, "deadline": {"hours": 36, "min_rows": 1, "units": {"N1": 5, "N2": 5}}}
    line = Line(database, config(region={**body, "mapping": {**LABS["mapping"], "constants": {"unit": "N1"}}}))
    line.run("INSERT INTO nephrowatch.batches VALUES (1000, :now, 'test')", now=START)
    line.run("INSERT INTO nephrowatch.subjects (subject_id, authority, identifier, batch) VALUES (1, 'HOSP', 'T1', 1000)")
    line.arrives(0, feed="region", units={"N1": 9, "N2": 9})
    line.arrives(40, feed="region", units={"N1": 9, "N2": 4})
    line.look(41)
    assert line.open() == [("region", "N2", "little")]
    assert line.lists() == {"N2": ["region"]}, "the other unit's list says nothing of it"
    line.look(90)
    assert line.open() == [("region", "", "late"), ("region", "N2", "little")], "a feed that is late has no more alarms by unit"
    line.arrives(91, feed="region", units={"N1": 9, "N2": 5})
    line.look(92)
    assert line.open() == []


def test_two_watches_at_once_raise_and_clear_once(line: Line) -> None:
    line.arrives(0)

    def both(hour: float) -> Counter[str]:
        found: list[Counter[str]] = []
        start = threading.Barrier(4)

        def one() -> None:
            start.wait()
            found.append(line.look(hour))

        watches = [threading.Thread(target=one) for _ in range(4)]
        for watch in watches:
            watch.start()
        for watch in watches:
            watch.join()
        assert len(found) == 4
        return sum(found, Counter())

    assert both(40) == Counter(raised=1)
    line.arrives(41)
    assert both(42) == Counter(cleared=1)
    assert line.told() == [("alarm", "late"), ("alarm_cleared", "late")]


def test_a_deadline_taken_out_of_the_configuration_ends_its_alarm_and_says_so(line: Line) -> None:
    line.look(40)
    line.config = config(n1_labs={**LABS, "deadline": None})
    assert line.look(41) == Counter(cleared=1)
    assert line.run("SELECT content ->> 'why' FROM nephrowatch.outbox WHERE kind = 'alarm_cleared'") == [("no_longer_watched",)]


def test_a_place_that_cannot_be_listed_is_noted_with_its_reason_until_it_can(line: Line) -> None:
    with line.database.begin(Role.PIPELINE) as connection:
        for hour in (1, 25):
            alarms.missing(connection, "n1-labs", "missing_folder", START + timedelta(hours=hour))
    [row] = line.run("SELECT raised_at, sentence FROM nephrowatch.feed_alarms")
    assert row.raised_at == START + timedelta(hours=1)
    assert row.sentence == "The place it comes from cannot be listed (missing folder)."
    assert line.look(26) == Counter(), "whether something arrives does not end it"
    assert line.lists() == {}
    for hour in (49, 50):
        with line.database.begin(Role.PIPELINE) as connection:
            alarms.found(connection, line.config, "n1-labs", START + timedelta(hours=hour))
    assert line.told() == [("alarm_cleared", "missing")]


def test_every_alarm_stands_in_the_ledger(line: Line) -> None:
    line.look(40)
    line.arrives(41)
    line.look(42)
    assert builders.ledger_kinds(line.database) == ["feed_alarm_raised", "feed_alarm_cleared"]


def test_a_silent_laboratory_is_told_by_night_and_by_watch_once_and_folds_its_units_list(site: NightSite) -> None:
    feeds = site.root / "config" / "feeds.yaml"
    deadline = "    gate: {max_bad_share: 0.6, min_share_rows: 1}\n"
    feeds.write_text(feeds.read_text().replace(deadline, deadline + "    deadline: {hours: 36}\n"))
    night = START.date()
    site.clock = START + timedelta(hours=3)
    site.patients("T1", "T2")
    last = night - timedelta(days=60)
    site.labs("a.csv", *draw("T1", last, P=4.6, CA=9.1), *draw("T2", last, P=4.4, CA=9.2))
    site.night(night)
    assert site.rows("SELECT count(*) FROM nephrowatch.feed_alarms") == [(0,)]
    for days in (1, 2):
        site.night(night + timedelta(days=days))
    assert pipeline.watch(here=site.here)["alarms"] == Counter()
    assert site.rows("SELECT feed, kind FROM nephrowatch.feed_alarms") == [("n1-labs", "late")]
    assert len(site.rows("SELECT 1 FROM nephrowatch.outbox WHERE kind = 'alarm' AND state = 'delivered'")) == 1
    lists = dict(site.rows("SELECT night, content FROM nephrowatch.outbox WHERE kind = 'digest' AND unit = 'N1'"))
    before, after = (lists[night + timedelta(days=days)] for days in (1, 2))
    assert before["silent"] == []
    assert [line["feed"] for line in after["silent"]] == ["n1-labs"]
    assert after["silent"][0]["overdue"] == after["overdue"] == before["overdue"] > 0
    assert not any(line["reason"].startswith("no_recent") for line in after["not_assessed"])
    assert any(line["reason"].startswith("no_recent") for line in before["not_assessed"])
