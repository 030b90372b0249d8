"""What people do about rows and files in quarantine: read again, released, discarded; once, and in the ledger."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import feed_builders as build
import pytest

from monitors import stages
from monitors.config import Config, Feed
from monitors.database import Database
from monitors.errors import UserError
from monitors.settings import Settings

HEADER = "Patient,Sample,Test,Result,Units,Taken,Born\n"
COLUMNS = {"patient": "Patient", "accession": "Sample", "code": "Test", "value": "Result", "unit_text": "Units",
           "collected_at": "Taken", "date_of_birth": "Born"}  # fmt: skip
PERSON = {"actor": "A. Person", "reason": "asked the laboratory"}


def a_feed(**mapping: Any) -> Feed:
    return build.feed({"gate": {"max_bad_share": 0.8, "min_share_rows": 2}, "mapping": {"columns": COLUMNS, **mapping}})


class Desk:
    """One laboratory feed and the person who looks after it."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.db, self.settings = database, settings
        self.describe(a_feed())
        build.begin(database)

    def describe(self, feed: Feed) -> None:
        self.feed = feed
        self.config = Config.model_construct(**{**dict(build.config()), "feeds": {"a-labs": feed}})

    def take(self, raw: str, name: str = "1.csv") -> int:
        file_id = build.take(self.db, raw.encode(), self.feed, name, f"file://{self.settings.home / 'archive'}")
        assert file_id is not None
        return file_id

    def retry(self, **which: Any) -> tuple[int, int]:
        done = stages.retry(self.db, self.config, self.settings, build.NOW, actor="A. Person", **which)
        return done.mended, done.still_bad

    def release(self, **which: Any) -> stages.FileCounts:
        return stages.release(self.db, self.config, self.settings, build.NOW, **which, **PERSON)

    def discard(self, **which: Any) -> int:
        return stages.discard(self.db, self.config, build.NOW, **which, **PERSON)

    def ledger(self) -> list[str]:
        return [kind for (kind,) in build.rows(self.db, "SELECT kind FROM history.ledger ORDER BY seq")]

    def entry(self, row_no: int) -> int:
        return int(build.rows(self.db, f"SELECT max(quarantine_id) FROM nephrowatch.quarantine WHERE row_no = {row_no}")[0][0])


@pytest.fixture
def desk(database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr("monitors.tell.after_check", lambda *given: None)  # whom it tells is tested there
    return Desk(database, replace(settings))


def row(sample: str, value: str, code: str = "PHOS", unit: str = "mg/dL", patient: str = "007", born: str = "") -> str:
    return f"{patient},{sample},{code},{value},{unit},2026-03-01 08:00,{born}\n"


def test_a_mended_mapping_stores_what_it_can_mend_and_once(desk: Desk) -> None:
    file_id = desk.take(HEADER + row("S1", "5.5") + row("S2", "5.6", code="PHO2") + row("S3", "many"))
    assert build.account(desk.db, file_id)["quarantined"] == {"not_a_number": 1, "unknown_code": 1}
    assert desk.retry() == (0, 2)
    desk.describe(a_feed(codes={"PHOS": "phosphate", "PHO2": "phosphate", "CAL": "calcium"}))
    assert desk.retry(reason="not_a_number") == (0, 1 + 1)
    assert desk.retry() == (1, 1)
    assert build.account(desk.db, file_id) == {"state": "stored", "stored": 2, "known": 0, "quarantined": {"not_a_number": 1}}
    assert desk.retry() == (0, 1)
    assert build.current(desk.db) == [("007", 1, 5.5), ("007", 1, 5.6)]
    assert build.rows(desk.db, "SELECT ended, actor FROM nephrowatch.quarantine_ends") == [("mended", "A. Person")]


def test_a_mended_mapping_moves_or_withdraws_what_was_stored_wrongly(desk: Desk) -> None:
    file_id = desk.take(HEADER + row("S1", "5.5") + row("S2", "9.5", code="CAL") + row("S3", "5.1"))
    desk.describe(a_feed(codes={"PHOS": "phosphate"}, excluded={"CAL": "urine"}))
    assert desk.retry(file_id=file_id) == (0, 1)
    assert build.account(desk.db, file_id) == {"state": "stored", "stored": 2, "known": 0, "quarantined": {"wrong_specimen": 1}}
    assert build.current(desk.db) == [("007", 1, 5.5), ("007", 1, 5.1)]
    desk.describe(a_feed())
    assert desk.retry(file_id=file_id) == (1, 0)
    assert build.account(desk.db, file_id)["stored"] == 3
    assert build.current(desk.db) == [("007", 1, 5.5), ("007", 1, 5.1), ("007", 2, 9.5)]


def test_a_file_held_for_a_wrong_mapping_is_stored_once_it_is_mended(desk: Desk) -> None:
    file_id = desk.take(HEADER + "".join(row(f"S{n}", "5.5", code="NEW") for n in range(5)) + row("S9", "many", code="NEW"))
    assert build.account(desk.db, file_id) == {"state": "held", "stored": 0, "known": 0, "quarantined": {"unknown_code": 6}}
    assert desk.retry() == (0, 6)
    desk.describe(a_feed(codes={"NEW": "phosphate"}))
    assert desk.retry() == (5, 1)
    assert build.account(desk.db, file_id) == {"state": "stored", "stored": 5, "known": 0, "quarantined": {"not_a_number": 1}}


def test_a_held_file_is_released_or_discarded_by_a_person_once(desk: Desk) -> None:
    bad = "".join(row(f"S{n}", "many") for n in range(9))
    released = desk.take(HEADER + row("S10", "5.5") + bad)
    discarded = desk.take(HEADER + row("S11", "6.5") + bad, "2.csv")
    assert desk.release(file_id=released) == stages.FileCounts(released, 10, 1, 0, 9)
    assert build.account(desk.db, released)["quarantined"] == {"not_a_number": 9}
    assert desk.discard(file_id=discarded) == 10
    assert build.account(desk.db, discarded)["state"] == "held"
    for again in (desk.release, desk.discard):
        for file_id in (released, discarded):
            with pytest.raises(UserError, match="not held"):
                again(file_id=file_id)
    assert desk.retry(file_id=discarded) == (0, 0)
    assert build.current(desk.db) == [("007", 1, 5.5)]
    assert [kind for kind in desk.ledger() if kind.startswith("file_")] == ["file_released", "file_discarded"]


def test_a_row_of_a_contradicting_birth_date_is_believed_when_a_person_says_so(desk: Desk) -> None:
    desk.take(HEADER + row("S1", "5.5", born="1950-01-01"))
    file_id = desk.take(HEADER + row("S2", "5.6", born="1951-01-01"), "2.csv")
    assert build.account(desk.db, file_id)["quarantined"] == {"identity_mismatch": 1}
    assert desk.release(quarantine_id=desk.entry(1)) == stages.FileCounts(file_id, 1, 1, 0, 0)
    after = desk.take(HEADER + row("S3", "5.7", born="1951-01-01"), "3.csv")
    assert build.account(desk.db, after)["stored"] == 1
    assert build.rows(desk.db, "SELECT date_of_birth::text, said_by FROM nephrowatch.births ORDER BY batch") == [
        ("1950-01-01", "labs"), ("1951-01-01", "person")]  # fmt: skip
    with pytest.raises(UserError, match="not open any more: it was released"):
        desk.release(quarantine_id=desk.entry(1))


def test_what_no_person_can_know_is_not_released_but_may_be_discarded(desk: Desk) -> None:
    file_id = desk.take(HEADER + row("S1", "5.5") + row("S2", "5.5", unit=""))
    with pytest.raises(UserError, match="cannot be released"):
        desk.release(quarantine_id=desk.entry(2))
    assert desk.discard(quarantine_id=desk.entry(2)) == 1
    assert build.account(desk.db, file_id) == {"state": "stored", "stored": 1, "known": 0, "quarantined": {}}
    desk.describe(a_feed(units={"": "mg/dL"}))
    assert desk.retry(file_id=file_id) == (0, 1)
    assert build.current(desk.db) == [("007", 1, 5.5)]


def test_two_people_at_once_end_a_file_once(desk: Desk) -> None:
    file_id = desk.take(HEADER + row("S1", "5.5") + "".join(row(f"S{n}", "many") for n in range(2, 12)))
    said: list[str] = []

    def work() -> None:
        try:
            desk.release(file_id=file_id)
            said.append("released")
        except UserError:
            said.append("refused")

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(said) == ["refused", "refused", "released"]
    assert build.account(desk.db, file_id)["stored"] == 1
