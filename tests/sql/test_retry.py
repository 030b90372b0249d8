"""Reading again what could not be read: broken messages, released files, one reason, and what only the past speaks against."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import feed_builders as build
import pytest
from sqlalchemy import text

from monitors import checking, mending, stages
from monitors.config import Config, Feed
from monitors.database import Database, Role
from monitors.errors import UserError
from monitors.feeds import source
from monitors.settings import Settings

CODES = {"K": "potassium", "CAL": "calcium", "PHOS": "phosphate"}


def a_feed(**change: Any) -> Feed:
    return build.feed({"format": "hl7v2", "kinds": ["labs"], "gate": {"max_bad_share": 1}, "mapping": {"codes": CODES}, **change})


def message(number: str, *results: str, patient: str = "P1", accession: str = "A1", end: str = "\r") -> str:
    obx = [f"OBX|{n}|NM|{result}|||||F" for n, result in enumerate(results, 1)]
    head = [f"MSH|^~\\&|L|H|N|H|20260301100000||ORU^R01|{number}|P|2.5", f"PID|1||{patient}||EX^A||19570203|F",
            f"OBR|1||{accession}|PAN|||20260301080000|||||||||||||||||||F"]  # fmt: skip
    return "\r".join([*head, *obx]) + end


class Desk:
    def __init__(self, database: Database, settings: Settings) -> None:
        self.db, self.settings, self.archive = database, settings, f"file://{settings.home / 'archive'}"
        build.begin(database)

    def describe(self, feed: Feed) -> Config:
        return Config.model_construct(**{**dict(build.config()), "feeds": {build.name_of(feed): feed}})

    def take(self, feed: Feed, raw: str, name: str = "1.hl7") -> int:
        file_id = build.take(self.db, raw.encode(), feed, name, self.archive)
        assert file_id is not None
        return file_id

    def retry(self, described: Feed, **which: Any) -> tuple[int, int]:
        build.READ.clear()  # a part that is broken is one row, and several when it can be read
        done = stages.retry(self.db, self.describe(described), self.settings, build.NOW, actor="A. Person", **which)
        return done.mended, done.still_bad

    def account(self, file_id: int) -> tuple[int, int, dict[str, int]]:
        found = build.account(self.db, file_id)
        return found["stored"], found["known"], found["quarantined"]


@pytest.fixture
def desk(database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr("monitors.tell.after_check", lambda *given: None)  # whom it tells is tested there
    return Desk(database, replace(settings))


CUT = message("7", "K||4.5|mmol/L", accession="A0") + message("8", "K||7.9|mmol/L", "CAL||9|mg/dL", end="")


def test_a_broken_message_that_reads_now_is_mended_row_by_row(desk: Desk) -> None:
    file_id = desk.take(a_feed(), CUT)
    assert desk.account(file_id) == (1, 0, {"truncated": 1})
    assert [row[1:] for row in build.unverified(desk.db)] == [("potassium", "high", "truncated")]
    mended = a_feed(unterminated="take")
    assert desk.retry(mended) == (2, 0)
    assert desk.account(file_id) == (3, 0, {})
    assert desk.retry(mended) == (0, 0)
    assert len(build.current(desk.db)) == 3


def test_a_broken_message_is_mended_by_its_reason_alone(desk: Desk) -> None:
    file_id = desk.take(a_feed(), CUT)
    desk.take(a_feed(), CUT.replace("A0", "A2"), "2.hl7")
    assert desk.retry(a_feed(unterminated="take"), reason="truncated", file_id=file_id) == (2, 0)
    assert desk.retry(a_feed(unterminated="take"), reason="truncated") == (2, 0)  # they are known
    assert desk.account(file_id) == (3, 0, {})
    assert desk.account(2) == (1, 2, {})


def test_what_a_person_discarded_stays_so_when_it_can_be_read(desk: Desk) -> None:
    file_id = desk.take(a_feed(), CUT)
    [(entry,)] = build.rows(desk.db, "SELECT quarantine_id FROM nephrowatch.quarantine")
    config = desk.describe(a_feed())
    stages.discard(desk.db, config, build.NOW, quarantine_id=entry, reason="sent again", actor="A. Person")
    assert desk.retry(a_feed(unterminated="take"), file_id=file_id) == (0, 1)
    assert desk.account(file_id)[0] == 1
    assert len(build.current(desk.db)) == 1


def test_a_message_that_is_broken_as_it_reads_now_takes_its_rows_back_and_gives_them_again(desk: Desk) -> None:
    file_id = desk.take(a_feed(unterminated="take"), CUT)
    assert desk.account(file_id) == (3, 0, {})
    desk.retry(a_feed(), file_id=file_id)
    assert desk.account(file_id) == (1, 0, {"not_read_any_more": 2, "truncated": 1})
    assert len(build.current(desk.db)) == 1
    desk.retry(a_feed(), file_id=file_id)
    assert desk.account(file_id) == (1, 0, {"not_read_any_more": 2, "truncated": 1})
    desk.retry(a_feed(unterminated="take"))
    assert desk.account(file_id) == (3, 0, {})
    assert len(build.current(desk.db)) == 3


def test_a_released_file_is_mended_like_any_other_and_not_held_again(desk: Desk) -> None:
    strict = {"max_bad_share": 0.1, "min_share_rows": 1}
    raw = message("1", "K||4.5|mmol/L", "PHO2||5|mg/dL")
    file_id = desk.take(a_feed(gate=strict), raw)
    stages.release(desk.db, desk.describe(a_feed(gate=strict)), desk.settings, build.NOW, file_id=file_id, reason="r", actor="A")
    assert desk.account(file_id) == (1, 0, {"unknown_code": 1})
    assert desk.retry(a_feed(gate=strict)) == (0, 1)
    assert desk.retry(a_feed(gate=strict, mapping={"codes": {**CODES, "PHO2": "phosphate"}})) == (1, 0)
    assert desk.account(file_id) == (2, 0, {})


def test_a_held_file_keeps_the_reason_and_text_of_each_row(desk: Desk) -> None:
    desk.take(a_feed(gate={"max_bad_share": 0.1, "min_share_rows": 1}), message("1", "K||4.5|mmol/L", "PHO2||5|mg/dL"))
    assert build.rows(desk.db, "SELECT reason, raw IS NOT NULL FROM nephrowatch.quarantine ORDER BY row_no") == [
        ("held", False), ("unknown_code", True)]  # fmt: skip


def test_the_same_held_bytes_under_another_name_are_known(desk: Desk) -> None:
    feed = a_feed(gate={"max_bad_share": 0.1, "min_share_rows": 1})
    raw = message("1", "K||7.9|mmol/L", "PHO2||5|mg/dL")
    desk.take(feed, raw)
    assert build.account(desk.db, desk.take(feed, raw, "2.hl7"))["state"] == "known"
    assert len(build.unverified(desk.db)) == 1
    mended = a_feed(gate={"max_bad_share": 0.1}, mapping={"codes": {**CODES, "PHO2": "phosphate"}})
    assert build.account(desk.db, desk.take(mended, raw, "3.hl7"))["stored"] == 2


def test_by_reason_nothing_stored_is_touched(desk: Desk) -> None:
    file_id = desk.take(a_feed(), message("1", "K||4.5|mmol/L", "PHO2||5|mg/dL", "CAL||9|mg/dL"))
    wrong = a_feed(mapping={"codes": {"K": "potassium", "PHO2": "phosphate"}, "excluded": {"CAL": "urine"}})
    assert desk.retry(wrong, reason="unknown_code") == (1, 0)
    assert desk.account(file_id) == (3, 0, {})
    with pytest.raises(UserError, match="Nothing was ever set aside as nonsense; there is unknown_code"):
        desk.retry(wrong, reason="nonsense")
    with pytest.raises(UserError, match="There is no feed other; feeds"):
        desk.retry(wrong, feed="other")


def test_every_retry_is_in_the_ledger(desk: Desk) -> None:
    held = a_feed(gate={"max_bad_share": 0.1, "min_share_rows": 1})
    desk.take(held, message("1", "K||4.5|mmol/L", "PHO2||5|mg/dL"))
    assert desk.retry(held) == (0, 2)
    assert build.rows(desk.db, "SELECT kind FROM history.ledger") == [("quarantine_retried",)]


def test_a_file_the_archive_has_lost_is_named_and_the_others_are_read(desk: Desk) -> None:
    feed = a_feed()
    for number in "12":
        desk.take(feed, message(number, f"PHO2||{number}|mg/dL", accession=number), f"{number}.hl7")
    [(first,)] = build.rows(desk.db, "SELECT archived FROM nephrowatch.files WHERE file_id = 1")
    (desk.settings.home / "archive" / first).unlink()
    with pytest.raises(UserError, match=r"File 1 of feed a-hl7v2: .* 1 others were read again"):
        desk.retry(a_feed(mapping={"codes": {**CODES, "PHO2": "phosphate"}}))
    assert desk.account(2)[0] == 1


def test_two_samples_under_one_accession_are_no_versions_of_each_other(desk: Desk) -> None:
    feed = a_feed()
    desk.take(feed, message("1", "K||4.5|mmol/L", accession="0"))
    later = desk.take(feed, message("2", "K||7.9|mmol/L", accession="0").replace("20260301080000", "20260216080000"), "2.hl7")
    assert desk.account(later) == (0, 0, {"accession_reused": 1})
    assert [row[1:] for row in build.unverified(desk.db)] == [("potassium", "high", "accession_reused")]
    corrected = message("3", "K||4.6|mmol/L", accession="0").replace("20260301080000", "20260216080000")
    corrected = corrected.replace("|||||F\r", "|||||C\r")
    assert desk.account(desk.take(feed, corrected, "3.hl7"))[0] == 1


def test_two_results_of_one_day_without_time_or_accession_are_not_taken_for_one(desk: Desk) -> None:
    feed = build.feed({"mapping": {"codes": CODES}})
    head = "Patient,Sample,Test,Result,Units,Taken\n"
    first = desk.take(feed, head + "007,,K,4.5,mmol/L,2026-03-01\n007,,K,7.9,mmol/L,2026-03-01\n", "1.csv")
    assert desk.account(first) == (1, 0, {"several_results": 1})
    again = desk.take(feed, head + "007,,K,4.5,mmol/L,2026-03-01\n007,,K,5.9,mmol/L,2026-03-01\n", "2.csv")
    assert desk.account(again) == (0, 1, {"several_results": 1})


def test_rows_that_refer_to_what_was_not_there_yet_are_read_again_when_it_comes(desk: Desk) -> None:
    feed = build.feed({"format": "fhir", "kinds": ["labs"], "fhir": {"patient_system": "urn:p"}, "gate": {"max_bad_share": 1},
                       "mapping": {"codes": CODES}})  # fmt: skip
    result = ('{"resourceType":"Observation","id":"o1","status":"final","code":{"coding":[{"code":"K"}]},'
              '"subject":{"reference":"Patient/1"},"effectiveDateTime":"2026-03-01T08:00:00Z",'
              '"valueQuantity":{"value":4.5,"unit":"mmol/L"}}\n')  # fmt: skip
    patient = '{"resourceType":"Patient","id":"1","meta":{"lastUpdated":"%s"},"identifier":[{"system":"urn:p","value":"%s"}]}\n'
    file_id = desk.take(feed, result, "o.ndjson")
    assert desk.account(file_id) == (0, 0, {"unresolved_reference": 1})
    desk.take(feed, patient % ("2026-03-01T00:00:00Z", "P1"), "p1.ndjson")
    desk.take(feed, patient % ("2026-02-01T00:00:00Z", "OLD"), "p2.ndjson")
    done = mending.resolve(desk.db, desk.describe(feed), desk.settings, 1, build.NOW)
    assert (done.files, done.mended) == (1, 1)
    assert desk.account(file_id) == (1, 0, {})
    assert [row[0] for row in build.current(desk.db)] == ["P1"]
    assert mending.resolve(desk.db, desk.describe(feed), desk.settings, 1, build.NOW).files == 0


def test_a_critical_is_marked_once_whoever_repeats_it(desk: Desk) -> None:
    held = a_feed(gate={"max_bad_share": 0.1, "min_share_rows": 1})
    raw = message("1", "K||7.9|mmol/L", "PHO2||5|mg/dL")
    desk.take(held, raw)
    desk.take(held, raw.replace("20260301100000", "20260301110000"), "2.hl7")
    with desk.db.begin(Role.PIPELINE) as connection:
        marked = text("SELECT count(*), count(DISTINCT said) FROM nephrowatch.quarantine WHERE critical = 'high'")
        assert tuple(connection.execute(marked).one()) == (2, 1)
    stages.release(desk.db, desk.describe(held), desk.settings, build.NOW, file_id=1, reason="r", actor="A")
    desk.take(held, raw.replace("20260301100000", "20260301120000"), "3.hl7")
    assert build.rows(desk.db, "SELECT count(*) FROM nephrowatch.quarantine WHERE file_id = 3 AND critical = 'high'") == [(0,)]


def test_a_night_goes_on_without_a_file_the_archive_has_lost(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    told = []
    monkeypatch.setattr("monitors.tell.lost", lambda connection, config, run, file_id, feed, now: told.append((file_id, feed)))
    feed = a_feed()
    with desk.db.begin(Role.PIPELINE) as connection:
        for number in "12":
            raw = message(number, f"K||4.{number}|mmol/L", accession=number).encode()
            kept = source.archive_put(desk.archive, raw)
            source.receive(connection, 1, "a-hl7v2", feed, source.Found(number, number), raw, *kept, build.NOW)
            if number == "1":
                (desk.settings.home / "archive" / kept[1]).write_bytes(b"damaged")
        config = desk.describe(feed)
        done = [checking.check_file(connection, config, desk.archive, 1, number, build.NOW) for number in (1, 2)]
    assert done == [None, checking.FileCounts(2, 1, 1, 0, 0)]
    assert told == [(1, "a-hl7v2")]
    assert build.rows(desk.db, "SELECT state FROM nephrowatch.files ORDER BY file_id") == [("received",), ("stored",)]
