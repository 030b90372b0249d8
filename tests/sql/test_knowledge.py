"""What was known: against a real PostgreSQL, with rows put in as `store` leaves them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest
import sqlalchemy as sa

from monitors import knowledge
from monitors.config import Config, Site
from monitors.database import Database, Role
from monitors.knowledge import Knowledge

NIGHT = date(2026, 4, 15)
UNITS = {"LON": "Europe/London", "NYC": "America/New_York", "LHI": "Australia/Lord_Howe"}
PHOSPHATE, CALCIUM, PTH = 1, 2, 4


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)



@dataclass
class House:
    """Rows by hand: subjects, results, census, medications, each in the batch that is open."""

    db: Database
    batch: int = 0
    counts: dict[str, int] = field(default_factory=dict)

    def insert(self, table: str, /, **values: Any) -> None:
        columns = ", ".join(values)
        marks = ", ".join(f":{key}" for key in values)
        with self.db.begin(Role.PIPELINE) as connection:
            connection.execute(sa.text(f"INSERT INTO nephrowatch.{table} ({columns}) VALUES ({marks})"), values)

    def next(self, name: str) -> int:
        self.counts[name] = self.counts.get(name, 0) + 1
        return self.counts[name]

    def start(self) -> House:
        for code, zone in UNITS.items():
            self.insert("units", unit=code, name=code, zone=zone, cutoff=time(4))
        self.insert("runs", night=NIGHT, begun_at=utc("2026-04-15"))
        self.insert("files", run_id=1, feed="f", kind="labs", name="f.csv", sha256="", size_bytes=0, archived="",
                    received_at=utc("2026-04-15"))  # fmt: skip
        return self.load()

    def load(self) -> House:
        """Open the next batch."""
        self.batch += 1
        self.insert("batches", batch=self.batch, recorded_at=utc("2026-04-15"), purpose="test")
        return self

    def subject(self, born: date | None = date(1957, 2, 3)) -> int:
        subject = self.next("subjects")
        self.insert("subjects", subject_id=subject, authority="A", identifier=f"T{subject}", date_of_birth=born,
                    batch=self.batch)  # fmt: skip
        if born is not None:
            self.insert("births", subject_id=subject, batch=self.batch, date_of_birth=born, said_by="census")
        self.link(subject, subject, "founded")
        return subject

    def link(self, subject: int, patient: int, reason: str = "second identifier") -> None:
        self.insert("links", subject_id=subject, patient_id=patient, reason=reason, batch=self.batch)

    def result(
        self, subject: int, at: str, value: float | None, *, analyte: int = PHOSPHATE, unit: str = "LON",
        assay: int | None = None, instead_of: int | None = None, flags: int = 0,
    ) -> int:  # fmt: skip
        result = self.next("results")
        self.insert(
            "results", id=result, subject_id=subject, analyte=analyte, collected_at=utc(at), value=value, batch=self.batch,
            draw=result, flags=flags, assay_id=assay, unit=unit, result_key=uuid.uuid4(), content_key=uuid.uuid4(),
            issued_at=utc(at), status="F", laboratory="L", value_text=str(value), unit_text="mg/dL", code="P", file_id=1,
            row_no=result,
        )  # fmt: skip
        if instead_of is not None:
            self.insert("supersessions", loser_id=instead_of, winner_id=result, batch=self.batch)
        return result

    def census(self, subject: int, since: str, unit: str = "LON", status: str = "active", modality: str | None = "HD") -> None:
        number = self.next("census")
        self.insert("census", census_id=number, subject_id=subject, effective_on=date.fromisoformat(since), unit=unit,
                    status=status, modality=modality, content_key=uuid.uuid4(), batch=self.batch, file_id=1,
                    row_no=number)  # fmt: skip

    def medication(self, subject: int, key: uuid.UUID, text: str, classes: list[str], **more: Any) -> int:
        number = self.next("medications")
        self.insert("medications", medication_id=number, subject_id=subject, medication_key=key, content_key=uuid.uuid4(),
                    drug_text=text, classes=classes, batch=self.batch, file_id=1, row_no=number, **more)  # fmt: skip
        return number

    def assay(self, method: str, upper_limit: float | None) -> int:
        number = self.next("assays")
        self.insert("assays", assay_id=number, laboratory="L", analyte="pth", method=method, upper_limit=upper_limit)
        return number

    def read(self, known: int | None = None, night: date = NIGHT, first: int = 1, last: int = 10_000) -> Knowledge:
        return knowledge.read_shard(self.db, config(), known or self.batch, night, first, last)

    def shards(self, rows: int, known: int | None = None) -> list[tuple[int, int]]:
        with self.db.begin(Role.PIPELINE) as connection:
            return knowledge.plan_shards(connection, known or self.batch, rows)


def config() -> Config:
    units = [{"code": code, "name": code, "zone": zone} for code, zone in UNITS.items()]
    site = Site.model_validate({"name": "Test", "link": "http://x", "mail_domain": "x", "units": units})
    return cast(Config, SimpleNamespace(site=site))


def same(a: Knowledge, b: Knowledge) -> None:
    for one, other in zip((*a.frames, a.standings), (*b.frames, b.standings), strict=True):
        pd.testing.assert_frame_equal(one, other)


def together(parts: list[Knowledge]) -> Knowledge:
    frames = [[getattr(part, name) for part in parts] for name in ("series", "patients", "medications", "standings", "facts")]
    return Knowledge(*(pd.concat([f for f in some if len(f)] or some[:1], ignore_index=True) for some in frames))


def ids(read: Knowledge) -> list[int]:
    return read.series["id"].tolist()


@pytest.fixture
def house(database: Database) -> House:
    return House(database).start()


def test_nothing_stored_is_nothing_to_judge(house: House) -> None:
    read = house.read()
    assert [len(frame) for frame in (*read.frames, read.standings)] == [0, 0, 0, 0]
    assert house.shards(10) == []


def test_a_correction_takes_the_place_of_what_it_corrects_and_a_withdrawal_leaves_none(house: House) -> None:
    patient = house.subject()
    wrong = house.result(patient, "2026-03-01T08:00", 9.8)
    house.result(patient, "2026-02-01T08:00", 5.1)
    gone = house.result(patient, "2026-01-01T08:00", 6.0)
    before = house.read()
    house.load()
    right = house.result(patient, "2026-03-01T08:00", 5.1, instead_of=wrong)
    house.result(patient, "2026-01-01T08:00", None, instead_of=gone)
    assert ids(before) == [gone, 2, wrong]
    assert ids(house.read()) == [2, right]
    same(house.read(known=1), before)


def test_an_earlier_batch_reads_the_same_after_every_kind_of_later_load(house: House) -> None:
    patient, other = house.subject(), house.subject()
    house.census(patient, "2026-01-01")
    key = uuid.uuid4()
    house.medication(patient, key, "warfarin", ["vka"], started_on=date(2026, 1, 2))
    first = house.result(patient, "2026-03-01T08:00", 6.1, analyte=PTH, assay=house.assay("A", 65))
    house.result(other, "2026-03-02T08:00", 6.2)
    before = house.read()
    house.load()
    house.result(patient, "2026-03-01T08:00", 6.4, analyte=PTH, assay=house.assay("A", 50), instead_of=first)
    house.result(other, "2026-04-01T08:00", 6.2, unit="NYC")
    house.medication(patient, key, "warfarin", ["vka"], started_on=date(2026, 1, 2), ended_on=date(2026, 4, 1))
    house.census(patient, "2026-04-01", unit="NYC")
    house.link(other, patient)
    house.result(house.subject(), "2026-04-02T08:00", 4.0)
    same(house.read(known=1), before)
    now = house.read()
    assert now.patients["patient_id"].tolist() == [patient, 3]
    assert now.standings["unit"].tolist() == ["NYC", "LON"]
    assert now.medications["stop_day"].tolist() == [(date(2026, 4, 1) - date(1970, 1, 1)).days]


def test_merged_subjects_are_one_patient_wherever_the_shards_are_cut(house: House) -> None:
    people = [house.subject() for _ in range(5)]
    for number, subject in enumerate(people):
        house.result(subject, f"2026-03-{10 - number:02d}T08:00", 5.0 + number)
        house.result(subject, f"2026-02-{10 - number:02d}T08:00", 5.0, analyte=CALCIUM)
    house.load().link(people[4], people[1])
    whole = house.read()
    assert whole.patients["patient_id"].tolist() == people[:4]
    assert whole.series.loc[whole.series["patient_id"] == people[1], "id"].tolist() == [9, 3, 10, 4]
    for rows in (1, 3, 5, 100):
        cut = house.shards(rows)
        assert cut[0][0] == 1
        assert cut[-1][1] == people[3]
        same(together([house.read(first=first, last=last) for first, last in cut]), whole)


def test_an_unmerged_subject_is_a_patient_of_its_own_again(house: House) -> None:
    one, two = house.subject(), house.subject()
    house.result(one, "2026-03-01T08:00", 5.0)
    house.result(two, "2026-03-02T08:00", 6.0)
    before = house.read()
    house.load().link(two, one)
    assert house.read().patients["patient_id"].tolist() == [one]
    house.load().link(two, two, "unmerged")
    same(house.read(), before)


def test_shards_hold_a_bounded_number_of_versions_and_every_patient_once(house: House) -> None:
    people = [house.subject() for _ in range(6)]
    for subject in people[:4]:
        for day in range(1, 4):
            house.result(subject, f"2026-03-{day:02d}T08:00", 5.0)
    assert house.shards(8) == [(1, 2), (3, 4), (5, 6)]
    assert house.shards(1) == [(n, n) for n in people]
    assert house.shards(1000) == [(1, 6)]


def test_shards_read_ahead_are_those_read_one_by_one_and_what_fails_there_fails_here(house: House) -> None:
    for subject in [house.subject() for _ in range(5)]:
        house.result(subject, "2026-03-01T08:00", 5.0 + subject)
    wanted = [(house.batch, NIGHT, first, last) for first, last in house.shards(4)]
    found = list(knowledge.read_shards(house.db, config(), wanted))
    assert [ids(one) for one in found] == [[1, 2], [3, 4], [5]]
    for one, (_, _, first, last) in zip(found, wanted, strict=True):
        same(one, house.read(first=first, last=last))
    assert list(knowledge.read_shards(house.db, config(), [])) == []
    ahead = knowledge.read_shards(house.db, config(), [*wanted, (house.batch, NIGHT, 1.5, 2)])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="only int"):
        list(ahead)


def test_the_census_moves_a_patient_home_from_its_day_on(house: House) -> None:
    patient = house.subject()
    house.result(patient, "2026-04-01T08:00", 5.0)
    house.census(patient, "2026-01-01", unit="LON")
    house.census(patient, "2026-04-10", unit="NYC")
    house.census(patient, "2026-05-01", unit="LHI")
    at = {night: house.read(night=night).patients["unit"].item() for night in (date(2026, 4, 9), date(2026, 4, 10), NIGHT)}
    assert list(at.values()) == ["LON", "NYC", "NYC"]


def test_who_has_left_is_not_judged_but_stands_there_for_the_open_episodes(house: House) -> None:
    ways = ["died", "transplanted", "transferred"]
    for status in ways:
        patient = house.subject()
        house.result(patient, "2026-04-01T08:00", 5.0)
        house.census(patient, "2026-01-01")
        house.census(patient, "2026-04-10", status=status)
    read = house.read()
    assert len(read.patients) == len(read.series) == 0
    newest = pd.Timestamp("2026-04-01T08:00Z")
    assert read.standings.values.tolist() == [[n, "LON", way, newest] for n, way in enumerate(ways, start=1)]


def test_an_admitted_patient_goes_on_being_judged(house: House) -> None:
    house.census(house.subject(), "2026-04-10", status="admitted")
    read = house.read()
    assert read.patients["excluded"].tolist() == [""]
    assert read.standings["status"].tolist() == ["admitted"]
    assert read.standings["newest_result"].isna().all()


def test_without_a_census_the_newest_draw_says_the_unit_and_how_long_a_patient_counts(house: House) -> None:
    recent, silent, unseen = house.subject(), house.subject(), house.subject()
    house.result(recent, "2026-03-01T08:00", 5.0, unit="LON")
    house.result(recent, "2026-03-02T08:00", 9.0, unit="NYC", analyte=CALCIUM)
    house.result(silent, "2025-03-10T08:00", 5.0)
    house.result(unseen, "2026-04-16T08:00", 5.0)
    read = house.read()
    assert read.patients[["patient_id", "unit"]].values.tolist() == [[recent, "NYC"]]
    assert read.standings[["patient_id", "status"]].values.tolist() == [[recent, "active"], [silent, "left"]]


def test_a_draw_after_its_own_units_cut_off_does_not_move_a_patient_without_census(house: House) -> None:
    patient = house.subject()
    house.result(patient, "2026-04-01T08:00", 5.0, unit="NYC")
    house.result(patient, "2026-04-15T05:00", 5.0, unit="LON")  # London closed at 03:00Z, New York at 08:00Z
    read = house.read()
    assert read.patients["unit"].tolist() == ["NYC"]
    assert ids(read) == [1, 2]


def test_evidence_ends_at_the_home_units_own_cut_off(house: House) -> None:
    london, new_york = house.subject(), house.subject()
    for subject, unit, cutoff in ((london, "LON", "03:00"), (new_york, "NYC", "08:00")):
        house.census(subject, "2026-01-01", unit=unit)
        at = utc(f"2026-04-15T{cutoff}")
        house.result(subject, (at - timedelta(seconds=1)).isoformat()[:19], 5.0)
        house.result(subject, at.isoformat()[:19], 6.0)
    assert house.read().series["value"].tolist() == [5.0, 5.0]


MIDNIGHTS = [  # home unit, instant (UTC), the day it belongs to there
    ("LON", "2026-03-28T23:59:59", date(2026, 3, 28)),  # just before the clocks go forward
    ("LON", "2026-03-29T00:00", date(2026, 3, 29)),
    ("LON", "2026-03-29T23:30", date(2026, 3, 30)),  # half past midnight, summer time
    ("LON", "2025-10-25T23:30", date(2025, 10, 26)),
    ("LON", "2025-10-26T23:30", date(2025, 10, 26)),  # winter time again
    ("NYC", "2026-03-08T04:59", date(2026, 3, 7)),
    ("NYC", "2026-03-09T03:59", date(2026, 3, 8)),
    ("LHI", "2026-04-04T12:59", date(2026, 4, 4)),  # UTC+11 until 5 April, then UTC+10:30
    ("LHI", "2026-04-04T13:00", date(2026, 4, 5)),
    ("LHI", "2026-04-05T13:15", date(2026, 4, 5)),
]


def test_days_are_cut_at_the_home_units_own_midnight(house: House) -> None:
    for unit, at, _ in MIDNIGHTS:
        patient = house.subject()
        house.census(patient, "2025-01-01", unit=unit)
        house.result(patient, at, 5.0, unit="LON")
    days = [(day - date(1970, 1, 1)).days for _, _, day in MIDNIGHTS]
    assert house.read().series["day"].tolist() == days


@pytest.mark.hazard(15)
def test_who_is_outside_the_intended_population(house: House) -> None:
    old, outside = date(1957, 2, 3), "outside_population:"
    people = [
        (old, None, ""), (old, "In-Centre HD", ""), (old, "HDF", ""), (old, "haemodialysis", ""),
        (old, "Peritoneal dialysis", outside + "modality"), (old, "home HD", outside + "modality"),
        (old, "Transplant", outside + "transplanted"), (None, "HD", outside + "age_unknown"),
        (date(2008, 4, 15), "HD", ""), (date(2008, 4, 16), "HD", outside + "child"),
    ]  # fmt: skip
    for born, modality, _ in people:
        house.census(house.subject(born), "2026-01-01", modality=modality)
    assert house.read().patients["excluded"].tolist() == [code for _, _, code in people]


def test_a_merged_patient_has_the_founders_date_of_birth_or_the_first_known(house: House) -> None:
    founder, other = house.subject(None), house.subject(date(2010, 1, 1))
    house.load().link(other, founder)
    house.census(founder, "2026-01-01")
    assert house.read().patients["excluded"].tolist() == ["outside_population:child"]


def test_one_method_keeps_its_number_when_its_upper_limit_changes(house: House) -> None:
    patient = house.subject()
    assays = [house.assay("A", 65), house.assay("A", 50), house.assay("B", 50), house.assay("", 60), None]
    for month, assay in enumerate(assays, start=1):
        house.result(patient, f"2025-{month:02d}-01T08:00", 300.0, analyte=PTH, assay=assay)
    series = house.read().series
    assert series["method"].tolist() == [1, 1, 3, -1, -1]
    assert series["upper_limit"].fillna(0).tolist() == [65, 50, 50, 60, 0]


def test_medications_are_the_newest_versions_one_row_a_class(house: House) -> None:
    patient = house.subject()
    house.census(patient, "2026-01-01")
    acetate, warfarin, apixaban = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    house.medication(patient, acetate, "calcium acetate", ["binder", "calcium_binder"], started_on=date(1970, 1, 11))
    house.medication(patient, warfarin, "warfarin", ["vka"], started_on=date(1970, 1, 11), days_supply=30)
    house.medication(patient, uuid.uuid4(), "aspirin", [], started_on=date(1970, 1, 11))
    house.medication(patient, uuid.uuid4(), "", [], listed_on=date(1970, 2, 1))
    house.medication(patient, apixaban, "apixaban", ["doac"], started_on=date(1970, 1, 11))
    house.load()
    house.medication(patient, warfarin, "warfarin", ["vka"], started_on=date(1970, 1, 11), status="stopped",
                     listed_on=date(1970, 1, 31))  # fmt: skip
    house.medication(patient, apixaban, "apixaban", ["doac"], started_on=date(1970, 1, 11), status="cancelled")
    columns = ["drug_class", "start_day", "stop_day", "supply_days", "listed_day", "medication_id"]
    assert house.read().medications[columns].values.tolist() == [
        ["binder", 10, -1, -1, -1, 1], ["calcium_binder", 10, -1, -1, -1, 1], ["", -1, -1, -1, 31, 4],
        ["vka", 10, 30, -1, 30, 6],
    ]  # fmt: skip


def test_two_values_of_one_instant_are_ordered_by_id(house: House) -> None:
    patient = house.subject()
    for value in (5.0, 6.0, 4.0):
        house.result(patient, "2026-03-01T08:00", value)
    assert ids(house.read()) == [1, 2, 3]


def test_the_frames_have_the_columns_and_types_the_core_works_on(house: House) -> None:
    patient = house.subject()
    house.result(patient, "2026-03-01T08:00", 5.0)
    house.medication(patient, uuid.uuid4(), "warfarin", ["vka"], started_on=date(2026, 1, 1))
    read = house.read()
    assert {name: str(kind) for name, kind in read.series.dtypes.items()} == {
        "patient_id": "int64", "analyte": "int16", "at": "int64", "day": "int64", "value": "float64", "flags": "int32",
        "draw": "int64", "id": "int64", "method": "int64", "upper_limit": "float64", "known_since": "int64",
    }  # fmt: skip
    assert {name: str(kind) for name, kind in read.patients.dtypes.items()} == {
        "patient_id": "int64", "unit": "object", "as_of": "int64", "as_of_day": "int64", "excluded": "object",
    }  # fmt: skip
    assert list(read.medications.columns) == [
        "patient_id", "drug_class", "drug_text", "start_day", "stop_day", "supply_days", "listed_day", "medication_id",
    ]  # fmt: skip


def test_the_newest_batch_is_the_one_that_was_committed_last(house: House) -> None:
    house.load()
    with house.db.begin(Role.PIPELINE) as connection:
        assert knowledge.max_batch(connection) == 2


