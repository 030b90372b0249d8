"""Whose a number is: dates of birth, second identifiers, merges and their undoing, in whatever order they come."""

from __future__ import annotations

import datetime as dt
import itertools
from pathlib import Path
from typing import Any

import feed_builders as build
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors import store
from monitors.config import Feed
from monitors.database import Database, Role
from monitors.errors import UserError
from monitors.store_links import patients

LABS = {"patient": "p", "accession": "s", "code": "c", "value": "v", "unit_text": "u", "collected_at": "t", "date_of_birth": "b",
        "second_identifier": "n"}  # fmt: skip
LINKS = {"patient": "survivor", "merged_patient": "merged", "effective_at": "at", "action": "action"}


def labs(authority: str = "hospital-a", laboratory: str = "lab-a", **more: Any) -> Feed:
    return build.feed({"authority": authority, "laboratory": laboratory, "second_authority": "national",
                        "mapping": {"columns": LABS}, **more})  # fmt: skip


def links() -> Feed:
    return build.feed({"kind": "links", "gate": {"max_bad_share": 1.0}, "mapping": {
        "columns": LINKS, "codes": {}, "excluded": {}, "not_monitored": [], "statuses": {}}})  # fmt: skip


class House:
    """A database that takes rows, and says who is who."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.db, self.archive = database, str(folder)
        self.numbers = itertools.count(1)
        build.begin(database)

    def take(self, feed: Feed, header: str, *rows: str) -> dict[str, Any]:
        raw = "\n".join([header, *rows, ""])
        file_id = build.take(self.db, raw.encode(), feed, f"{next(self.numbers)}.csv", self.archive)
        assert file_id is not None
        return build.account(self.db, file_id)

    def labs(self, *rows: str, feed: Feed | None = None) -> dict[str, Any]:
        return self.take(feed or labs(), "p,s,c,v,u,t,b,n", *rows)

    def links(self, *rows: str) -> dict[str, Any]:
        return self.take(links(), "survivor,merged,at,action", *rows)

    def who(self) -> dict[str, str]:
        """Number -> the number of the patient it belongs to; of the linked ones."""
        return {number: patient for number, patient, _ in build.listed(self.db, "links") if number != patient}


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    return House(database, tmp_path)


def row(patient: str, sample: str, value: str = "5.5", birth: str = "", second: str = "") -> str:
    return f"{patient},{sample},PHOS,{value},mg/dL,2026-03-01 08:00,{birth},{second}"


# ---------------------------------------------------------------------------------------- dates of birth
def test_one_wrong_date_among_many_refuses_its_own_row_only(house: House) -> None:
    counted = house.labs(row("007", "S1", birth="1950-01-01"), row("007", "S2", birth="1950-01-01"),
                         row("007", "S3", birth="1905-01-01"), row("007", "S4"))  # fmt: skip
    assert (counted["stored"], counted["quarantined"]) == (3, {"identity_mismatch": 1})
    assert house.labs(row("007", "S5", birth="1950-01-01"))["stored"] == 1


def test_a_census_corrects_the_date_a_laboratory_gave_first_but_not_one_of_a_census(house: House) -> None:
    census = build.feed({"kind": "census", "mapping": {"columns": {"patient": "p", "effective_on": "on", "date_of_birth": "b"},
                         "codes": {}, "excluded": {}, "not_monitored": [], "statuses": {}}})  # fmt: skip
    house.labs(row("007", "S1", birth="1905-01-01"))
    assert house.take(census, "p,on,b", "007,2026-01-01,1950-01-01")["stored"] == 1
    assert house.labs(row("007", "S2", birth="1950-01-01"))["stored"] == 1
    assert house.labs(row("007", "S3", birth="1905-01-01"), row("008", "S4"))["quarantined"] == {"identity_mismatch": 1}
    assert house.take(census, "p,on,b", "007,2026-02-01,1961-01-01", "008,2026-02-01,")["quarantined"] == {"identity_mismatch": 1}
    assert build.rows(house.db, "SELECT date_of_birth::text, said_by FROM nephrowatch.births ORDER BY batch") == [
        ("1905-01-01", "labs"), ("1950-01-01", "census")]  # fmt: skip


# ------------------------------------------------------------------------------------ second identifiers
def test_numbers_of_two_authorities_join_on_second_identifier_and_birth_date_alone(house: House) -> None:
    other = labs("hospital-b", "lab-b")
    house.labs(row("007", "S1", birth="1950-01-01", second="N1"))
    house.labs(row("a", "T1", birth="1950-01-01", second="N1"), row("b", "T2", birth="1950-01-01", second="N2"), feed=other)
    house.labs(row("c", "T3", second="N1"), feed=other)
    assert house.who() == {"a": "007"}
    house.labs(row("c", "T4", birth="1950-01-01"), feed=other)  # now its date of birth is known, too
    assert house.who() == {"a": "007", "c": "007"}


@pytest.mark.hazard(6)
def test_a_second_identifier_of_somebody_born_on_another_day_is_quarantined(house: House) -> None:
    house.labs(row("007", "S1", birth="1950-01-01", second="N1"))
    other = labs("hospital-b")
    counted = house.labs(row("a", "T1", birth="1951-01-01", second="N1"), row("b", "T2", birth="1951-01-01"), feed=other)
    assert (counted["stored"], counted["quarantined"]) == (1, {"identity_mismatch": 1})
    counted = house.labs(row("e", "T5", birth="1960-01-01", second="N5"), row("f", "T6", birth="1961-01-01", second="N5"),
                         row("g", "T7"))  # fmt: skip
    assert (counted["stored"], counted["quarantined"]) == (1, {"identity_mismatch": 2})
    assert house.who() == {}


def test_the_same_result_under_two_numbers_of_one_patient_is_known(house: House) -> None:
    house.labs(row("007", "S1", birth="1950-01-01", second="N1"))
    counted = house.labs(row("a", "S1", birth="1950-01-01", second="N1"), feed=labs("hospital-b"))
    assert (counted["stored"], counted["known"], counted["quarantined"]) == (0, 1, {})
    assert house.labs(row("x", "S1"), row("x", "S8"))["quarantined"] == {"identity_mismatch": 1}


# ------------------------------------------------------------------------------------------------- merges
def test_a_merge_joins_and_its_undoing_parts_whatever_order_they_come_in(house: House) -> None:
    house.labs(row("A", "S1"), row("B", "S2"), row("C", "S3"))
    assert house.links("B,A,2026-03-01 08:00,merge")["stored"] == 1
    assert house.who() == {"A": "B"}
    house.links("C,B,2026-03-01 09:00,")  # into one that has others merged into it
    assert house.who() == {"A": "C", "B": "C"}
    house.links("B,A,2026-03-01 10:00,unmerge")
    assert house.who() == {"B": "C"}
    house.links("B,A,2026-03-01 09:30,merge", "B,A,2026-03-01 08:00,merge")  # late: the undoing took effect after it
    assert house.who() == {"B": "C"}


@pytest.mark.hazard(6)
def test_an_unmerge_gives_back_the_patient_of_before(house: House) -> None:
    house.links("B,A,2026-03-01 08:00,merge", "C,A,2026-03-01 09:00,merge")
    assert house.who() == {"A": "C"}
    house.links("C,A,2026-03-01 10:00,unmerge")
    assert house.who() == {"A": "B"}


def test_a_circle_of_merges_is_quarantined_and_known_ones_are_known(house: House) -> None:
    house.links("B,A,2026-03-01 08:00,merge", "C,B,2026-03-01 08:00,merge")
    counted = house.links("A,C,2026-03-01 09:00,merge", "B,A,2026-03-01 08:00,merge", "D,D,2026-03-01 09:00,merge")
    assert (counted["stored"], counted["known"], counted["quarantined"]) == (
        0, 1, {"identity_mismatch": 1, "merged_into_itself": 1})  # fmt: skip
    assert house.who() == {"A": "C", "B": "C"}


@pytest.mark.hazard(6)
def test_a_merge_of_people_born_on_different_days_is_quarantined(house: House) -> None:
    house.labs(row("A", "S1", birth="1950-01-01"), row("B", "S2", birth="1951-01-01"))
    assert house.links("B,A,2026-03-01 08:00,merge")["quarantined"] == {"identity_mismatch": 1}
    assert house.who() == {}


def test_a_person_parts_two_numbers_and_no_second_identifier_joins_them_again(house: House) -> None:
    house.labs(row("A", "S1", birth="1950-01-01", second="N1"))
    house.labs(row("B", "S2", birth="1950-01-01", second="N1"))
    assert house.who() == {"B": "A"}

    def unmerge(identifier: str, merged: str) -> None:
        with house.db.begin(Role.PIPELINE) as connection:
            later = build.NOW + dt.timedelta(hours=1)
            store.unmerge(connection, "hospital-a", identifier, merged, "A. Person", "two people", later)

    with pytest.raises(UserError, match="lives on"):
        unmerge("B", "A")
    unmerge("A", "B")
    assert house.who() == {}
    with pytest.raises(UserError, match="not joined"):
        unmerge("A", "B")
    with pytest.raises(UserError, match="not known"):
        unmerge("A", "Z")
    house.labs(row("B", "S3", birth="1950-01-01", second="N1"))
    assert house.who() == {}
    assert build.rows(house.db, "SELECT actor, reason FROM nephrowatch.identity_events WHERE action = 'unmerge'") == [
        ("A. Person", "two people")]  # fmt: skip


EVENTS = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5), st.sampled_from(["merge", "unmerge"])), max_size=8)


@given(EVENTS)
def test_everybody_belongs_to_a_patient_who_belongs_to_himself(events: list[tuple[int, int, str]]) -> None:
    found = patients(events)
    if found is None:
        return
    assert all(found[patient] == patient for patient in found.values())
    latest = {(survivor, merged): action for survivor, merged, action in events}
    alone = {n for n in found if not any(action == "merge" and merged == n for (_, merged), action in latest.items())}
    assert {patient for subject, patient in found.items() if subject == patient} == alone
