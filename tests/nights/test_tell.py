"""What a checked file makes us say, to whom, and that it is said once."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from monitors import night_list, quality, tell
from monitors.config import Config, Feed, Routes, Site
from monitors.database import Database, Role
from monitors.delivery.message import render
from tests.delivery import builders

NOW = datetime(2026, 4, 15, 2, 0, tzinfo=UTC)
PATIENT = "OXENHOPE-00417"
SITE = Site.model_validate({
    "name": "test", "link": "https://nephrowatch.example/a/", "mail_domain": "nephrowatch.example",
    "units": [{"code": code, "name": f"Unit {code}", "zone": "Europe/London"} for code in ("N1", "N2", "N3")],
})  # fmt: skip
ROUTES = Routes.model_validate({
    "destinations": {
        name: builders.mail_to(9).model_dump() for name in ("n1", "n1-phosphate", "n1-low", "n2", "n3", "list", "ops")
    },
    "routes": [
        {"to": ["n1"], "units": ["N1"], "groups": ["calcium"]},
        {"to": ["n1-phosphate"], "units": ["N1"], "groups": ["phosphate"]},
        {"to": ["n1-low"], "units": ["N1"], "severities": ["HIGH"]}, {"to": ["n2"], "units": ["N2"]},
        {"to": ["n3"], "units": ["N3"]}, {"to": ["list"], "messages": ["digest"]}, {"to": ["ops"], "messages": ["operations"]},
    ],
})  # fmt: skip


class _Rule:
    def __init__(self, group: str) -> None:
        self.group = group


def feed(**changed: Any) -> Feed:
    return Feed.model_validate({
        "kind": "labs", "location": "x", "laboratory": "LAB", "authority": "HOSP", "zone": "Europe/London", "unit": "N1",
        "mapping": {"columns": {"patient": "p", "collected_at": "t", "code": "c", "value": "v"}}, **changed,
    })  # fmt: skip


REGION = feed(unit=None, mapping={**feed().mapping.model_dump(), "constants": {"unit": "N2"}, "places": {"A": "N2", "B": "N3"}})
CONFIG = Config.model_construct(
    site=SITE, feeds={"n1-labs": feed(), "region": REGION}, routes=ROUTES, rules=tuple(map(_Rule, ("calcium", "phosphate")))
)


class House:
    """Files with quarantined rows, and what was told of them."""

    def __init__(self, database: Database) -> None:
        self.database, self.batch = database, 0
        self.run("INSERT INTO nephrowatch.runs (night, begun_at) VALUES ('2026-04-15', :now)", now=NOW)

    def run(self, statement: str, **values: Any) -> list[Any]:
        with self.database.begin(Role.PIPELINE) as connection:
            found = connection.execute(sa.text(statement), values)
            return list(found) if found.returns_rows else []

    def file(self, name: str, *, state: str = "stored", reason: str | None = None, feed: str = "n1-labs") -> int:
        [(file_id,)] = self.run(
            """INSERT INTO nephrowatch.files (run_id, feed, kind, name, sha256, size_bytes, archived, received_at, state, reason,
                   sentence, batch, rows_received, rows_stored, rows_known, rows_quarantined)
               VALUES (1, :feed, 'labs', :name, md5(:name), 1, 'a', :now, :state, :reason, :name, NULL, 0, 0, 0, 0)
               RETURNING file_id""",
            feed=feed, name=name, now=NOW, state=state, reason=reason,
        )  # fmt: skip
        return int(file_id)

    def row(
        self, file_id: int, row_no: int, *, critical: str | None = "high", age_hours: float | None = 5, unit: str | None = None,
        reason: str = "missing_unit", raw: str | None = None, again: bool = False,
    ) -> int:  # fmt: skip
        """One quarantined row; `again`: from a later reading of the file."""
        self.batch += 1 if again or not self.batch else 0
        self.run("INSERT INTO nephrowatch.batches VALUES (:b, :now, 'test') ON CONFLICT DO NOTHING", b=self.batch, now=NOW)
        self.run("UPDATE nephrowatch.files SET batch = :b WHERE file_id = :f", b=self.batch, f=file_id)
        [(quarantine_id,)] = self.run(
            """INSERT INTO nephrowatch.quarantine (file_id, row_no, line_no, reason, sentence, remedy, raw, batch, kind, unit,
                   critical, analyte, collected_at, releasable, said)
               VALUES (:f, :row_no, :row_no, :reason, 's', 'r', CAST(:raw AS jsonb), :b, 'labs', :unit, :critical, :analyte,
                   :at, false, md5(CAST(:raw AS text))::uuid) RETURNING quarantine_id""",
            f=file_id, row_no=row_no, reason=reason, b=self.batch, unit=unit, critical=critical,
            analyte="phosphate" if critical else None, raw=json.dumps({"p": PATIENT, "row": raw or f"{file_id}/{row_no}"}),
            at=None if age_hours is None else NOW - timedelta(hours=age_hours),
        )  # fmt: skip
        return int(quarantine_id)

    def check(self, file_id: int, now: datetime = NOW) -> None:
        with self.database.begin(Role.PIPELINE) as connection:
            tell.after_check(connection, CONFIG, 1, file_id, now)

    def told(self, kind: str) -> list[tuple[str, str | None, dict[str, Any]]]:
        """(destination, unit, content) of every message of a kind, in order."""
        query = "SELECT destination, unit, content FROM nephrowatch.outbox WHERE kind = :kind ORDER BY outbox_id"
        return [tuple(row) for row in self.run(query, kind=kind)]

    def text(self, kind: str) -> str:
        return render(kind, self.told(kind)[0][2], SITE, "email", "d-1", now=NOW).text


@pytest.fixture
def house(database: Database) -> House:
    return House(database)


def test_hazard_3_a_critical_in_quarantine_reaches_everyone_who_takes_a_critical_of_that_unit(house: House) -> None:
    file = house.file("a")
    first, second = house.row(file, 1), house.row(file, 2, critical="low", reason="unit_flip")
    house.row(file, 3, critical=None)
    house.check(file)
    told = house.told("unverified")
    assert [(to, unit) for to, unit, _ in told] == [("n1", "N1"), ("n1-phosphate", "N1")]
    assert told[0][2]["refs"] == [first, second]
    assert told[0][2]["acknowledge_by"] == "2026-04-15T03:00:00Z"
    text = house.text("unverified")
    assert "2 results in quarantine would be critical if true." in text
    assert "Unverified critical: repeat, or confirm with the laboratory." in text
    assert "Phosphate high: 1" in text
    assert f"Q-{first}, Q-{second}" in text
    assert house.run("SELECT DISTINCT severity FROM nephrowatch.outbox WHERE kind = 'unverified'") == [("CRITICAL",)]


def test_hazard_2_a_gate_that_holds_a_specimen_never_silences_its_critical_value(house: House) -> None:
    file = house.file("a")
    gates = ("contaminated_draw", "specimen_condition", "unit_flip", "diluted", "possible_other_patient")
    for number, gate in enumerate(gates, 1):
        house.row(file, number, reason=gate)
    house.check(file)
    content = house.told("unverified")[0][2]
    assert content["results"] == 5
    assert "specimen condition: 1 row" in house.text("unverified")


def test_hazard_3_a_held_file_is_told_to_its_unit_and_to_operations_with_its_criticals(house: House) -> None:
    file = house.file("a", state="held", reason="too_many_bad")
    house.row(file, 1)
    house.check(file)
    assert [(to, unit) for to, unit, _ in house.told("held")] == [("ops", None), ("list", "N1")]
    assert len(house.told("unverified")) == 2
    text = house.text("held")
    assert "Reason: more of its rows cannot be used than the feed allows." in text
    assert "Of these, 1 would be critical if true" in text
    assert f"nephrowatch quarantine release --file {file} --reason WHY --actor WHO" in text


def test_a_file_nobody_could_read_is_told_and_cannot_be_approved(house: House) -> None:
    file = house.file("a", state="unreadable", reason="truncated")
    house.check(file)
    assert [to for to, _, _ in house.told("held")] == ["ops", "list"]
    assert "release" not in house.text("held")


def test_where_every_message_is_a_file_the_fourth_held_for_one_reason_is_only_counted(house: House) -> None:
    for name in "abcde":
        house.check(house.file(name, state="held", reason="too_many_bad"))
    house.check(house.file("other reason", state="held", reason="no_rows"))
    told = [(content["reason"], content["more"]) for to, _, content in house.told("held") if to == "ops"]
    assert told == [("too_many_bad", False)] * 2 + [("too_many_bad", True), ("no_rows", False)]
    with house.database.begin(Role.PIPELINE) as connection:
        assert night_list._held(connection, CONFIG)["N1"] == {"too_many_bad": 5, "no_rows": 1}


def test_the_units_told_are_those_the_rows_name_else_those_of_the_feed(house: House) -> None:
    named, unknown = house.file("a", feed="region"), house.file("b", feed="region", state="held", reason="no_rows")
    house.row(named, 1, unit="N3")
    house.row(named, 2, unit="no unit of ours")
    house.check(named)
    house.check(unknown)
    assert {(to, len(content["refs"])) for to, _, content in house.told("unverified")} == {("n2", 1), ("n3", 2)}
    assert [unit for _, unit, _ in house.told("held")] == [None, "N2", "N3"]


def test_a_row_is_told_once_however_often_the_file_is_looked_at_or_the_row_is_sent(house: House) -> None:
    file = house.file("a")
    first = house.row(file, 1)
    house.check(file)
    house.check(file, NOW + timedelta(days=8))  # older by now, still the same message
    house.run("INSERT INTO nephrowatch.quarantine_ends VALUES (:q, 'discarded', 'r', 'a', 1, :now)", q=first, now=NOW)
    house.check(file)
    house.row(file, 1, again=True)  # a retry found it bad for another reason
    house.check(file)
    sent_again = house.file("b")
    house.row(sent_again, 4, raw=f"{file}/1", again=True)
    house.check(sent_again)
    assert len(house.told("unverified")) == 2
    house.row(file, 2, again=True)  # what a retry found first is news
    house.check(file)
    assert len(house.told("unverified")) == 4


@pytest.mark.parametrize(("hours", "late"), [(3, False), (25, True), (None, True), (24 * 6.9, True)])
def test_a_sample_of_a_week_is_told_marked_by_its_age(house: House, hours: float | None, late: bool) -> None:
    file = house.file("a")
    house.row(file, 1, age_hours=hours)
    house.check(file)
    assert house.told("unverified")[0][2]["late"] is late
    assert ("LATE: a sample is over a day old" in house.text("unverified")) is late


def test_an_old_sample_of_a_back_fill_is_listed_and_told_to_nobody(house: House) -> None:
    file = house.file("a")
    house.row(file, 1, age_hours=24 * 7 + 1)
    house.check(file)
    assert house.told("unverified") == []
    assert builders.ledger_kinds(house.database) == ["unverified_critical_listed"]
    assert _lists(house)["N1"][0]["results"] == 1


def test_the_morning_list_drops_what_a_person_ended(house: House) -> None:
    file, held = house.file("a"), house.file("b", state="held", reason="too_many_bad")
    rows = [house.row(file, 1), house.row(held, 1, raw="other")]
    assert sum(line["results"] for line in _lists(house)["N1"]) == 2
    for row, ended in zip(rows, ("released", "discarded"), strict=True):
        house.run("INSERT INTO nephrowatch.quarantine_ends VALUES (:q, :e, 'r', 'a', 1, :now)", q=row, e=ended, now=NOW)
    assert _lists(house)["N1"] == []


def test_nothing_of_a_row_is_in_any_message_or_ledger_entry(house: House) -> None:
    file = house.file(f"{PATIENT}.csv", state="held", reason="too_many_bad")
    house.row(file, 1)
    house.check(file)
    assert builders.ledger_kinds(house.database) == ["file_held_told", "unverified_critical_told"]
    kept = house.run("SELECT dedup_key || content::text FROM nephrowatch.outbox")
    with house.database.begin(Role.WEB) as connection:
        kept += connection.execute(sa.text("SELECT convert_from(body, 'UTF8') FROM history.bodies")).all()
    assert kept
    assert not any(PATIENT in text for (text,) in kept)


def test_rows_set_aside_are_one_line_a_night_and_feed_and_only_new_ones(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "planned_reasons", lambda: frozenset({"not_monitored"}), raising=False)

    def rows() -> list[dict[str, int]]:
        with house.database.begin(Role.PIPELINE) as connection:
            tell.quarantined(connection, CONFIG, 1, NOW)
        return [content["rows"] for _, _, content in house.told("operations")]

    file, other = house.file("a"), house.file("b", feed="region")
    house.row(file, 1, critical=None)
    house.row(file, 2, critical=None, reason="not_monitored")
    house.row(other, 1, critical=None, reason="not_a_number")
    held = house.file("c", state="held", reason="too_many_bad")
    house.row(held, 1, critical=None)
    assert rows() == [{"missing_unit": 1}, {"not_a_number": 1}]
    house.row(house.file("d"), 1, critical=None, reason="unknown_code", again=True)
    assert len(rows()) == 2, "one a night"
    house.run("INSERT INTO nephrowatch.runs (night, begun_at) VALUES ('2026-04-16', :now)", now=NOW)
    with house.database.begin(Role.PIPELINE) as connection:
        tell.quarantined(connection, CONFIG, 2, NOW)
    assert rows()[2:] == [{"unknown_code": 1}]
    assert "Rows, missing unit: 1" in house.text("operations")


def _lists(house: House) -> dict[str, list[dict[str, Any]]]:
    with house.database.begin(Role.PIPELINE) as connection:
        return night_list._unverified(connection, CONFIG)


def test_the_night_of_a_message_is_that_of_its_run(house: House) -> None:
    file = house.file("a")
    house.row(file, 1)
    house.check(file)
    assert house.run("SELECT DISTINCT night FROM nephrowatch.outbox") == [(date(2026, 4, 15),)]
