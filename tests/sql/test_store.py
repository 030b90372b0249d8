"""Insert-only versions: which one wins, what is known, what keeps its number without a gap."""

# ruff: noqa: E501  (a row of a table is read as one line)

from __future__ import annotations

import datetime as dt
import itertools
import threading
from pathlib import Path

import feed_builders as build
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from monitors import quarantine, store
from monitors.config import Feed
from monitors.database import Database, Role
from monitors.feeds import source
from monitors.history import ledger

HEADER = "Patient,Sample,Test,Result,Units,Taken,Status,Issued\n"
COLUMNS = {
    "patient": "Patient", "accession": "Sample", "code": "Test", "value": "Result", "unit_text": "Units",
    "collected_at": "Taken", "status": "Status", "issued_at": "Issued",
}  # fmt: skip
LABS = build.feed({"mapping": {"columns": COLUMNS}})


def row(sample: str, value: str, status: str, hour: int, patient: str = "007") -> str:
    return f"{patient},{sample},PHOS,{value},mg/dL,2026-03-01 08:00,{status},2026-03-01 {hour:02}:00\n"


def rows(db: Database, statement: str) -> list[tuple[object, ...]]:
    with db.begin(Role.WEB) as connection:
        return [tuple(found) for found in connection.execute(text(statement))]


def take(db: Database, raw: str, tmp_path: Path, name: str = "a.csv", feed: Feed = LABS) -> int:
    file_id = build.take(db, raw.encode(), feed, name, str(tmp_path / "archive"))
    assert file_id is not None
    build.account(db, file_id)
    return file_id


def again(db: Database, file_id: int, raw: str, feed: Feed, now: dt.datetime = build.NOW) -> quarantine.Mended:
    """The file read again under another description."""
    reading = build.read(db, raw.encode(), feed, now, file_id)
    with db.begin(Role.PIPELINE) as connection:
        file = quarantine.lock(connection, file_id)
        return quarantine.retry(connection, file, feed, reading, quarantine.Said("A. Person", "mended", now), ledger.append)


VERSIONS = (("5.0", "P", 9), ("5.5", "F", 10), ("6.1", "C", 10), ("6.4", "C", 12), ("", "D", 12))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(VERSIONS), known=st.integers(2, 5))
def test_the_order_of_arrival_never_changes_which_version_counts(
    database: Database, tmp_path: Path, order: list[tuple[str, str, int]], known: int
) -> None:
    [(run,)] = rows(database, "SELECT count(*) FROM nephrowatch.runs")
    if not run:
        build.begin(database)
    [(batch,)] = rows(database, "SELECT max(batch) FROM nephrowatch.batches")
    sample = f"S{batch or 0}"
    for value, status, hour in order:
        take(database, HEADER + row(sample, value, status, hour), tmp_path, f"{sample}-{value}-{status}.csv")
    as_of = (int(str(batch)) if batch else 0) + known
    current = rows(database, f"""
        SELECT r.value_text, r.status FROM nephrowatch.results r WHERE r.accession = '{sample}' AND r.batch <= {as_of}
          AND NOT EXISTS (SELECT FROM nephrowatch.supersessions s WHERE s.loser_id = r.id AND s.batch <= {as_of})""")
    statuses = {"P": "preliminary", "F": "final", "C": "corrected", "D": "deleted"}
    best = max(order[:known], key=lambda version: (version[2], "PFCD".index(version[1])))
    assert current == [(best[0], statuses[best[1]])]


def test_each_version_says_why_it_is_there(database: Database, tmp_path: Path) -> None:
    build.begin(database)
    take(database, HEADER + row("S1", "5.5", "F", 10), tmp_path, "1.csv")
    take(database, HEADER + row("S1", "6.1", "C", 12) + row("S2", "5.0", "F", 9), tmp_path, "2.csv")
    take(database, HEADER + row("S1", "", "D", 14) + row("S2", "5.2", "P", 8), tmp_path, "3.csv")
    assert rows(database, "SELECT id, reason, batch FROM nephrowatch.results ORDER BY id") == [
        (1, "received", 1), (2, "corrected", 2), (3, "received", 2), (4, "withdrawn", 3), (5, "received", 3),
    ]  # fmt: skip


def test_a_file_read_again_after_its_mapping_was_mended_makes_remapped_versions(database: Database, tmp_path: Path) -> None:
    build.begin(database)
    raw = HEADER + row("S1", "1.8", "F", 10).replace("mg/dL", "units") + row("S2", "5.5", "F", 10)
    wrong = build.feed({"mapping": {"columns": COLUMNS, "units": {"units": "mg/dL"}}})
    file_id = take(database, raw, tmp_path, feed=wrong)
    mended = build.feed({"mapping": {"columns": COLUMNS, "units": {"units": "mmol/L"}}})
    assert again(database, file_id, raw, mended) == quarantine.Mended(0, 0)
    assert build.account(database, file_id) == {"state": "stored", "stored": 2, "known": 0, "quarantined": {}}
    assert rows(database, "SELECT reason FROM nephrowatch.results ORDER BY id") == [("received",), ("received",), ("remapped",)]
    assert build.current(database) == [("007", 1, 5.5), ("007", 1, 5.574481)]


def test_a_code_mapped_to_another_analyte_leaves_the_first_version_behind(database: Database, tmp_path: Path) -> None:
    build.begin(database)
    raw = HEADER + row("S1", "5.5", "F", 10)
    file_id = take(database, raw, tmp_path)
    mended = build.feed({"mapping": {"columns": COLUMNS, "codes": {"PHOS": "calcium"}}})
    again(database, file_id, raw, mended)
    assert build.current(database) == [("007", 2, 5.5)]


def test_a_finished_file_is_not_stored_a_second_time(database: Database, tmp_path: Path) -> None:
    build.begin(database)
    raw = HEADER + row("S1", "5.5", "F", 10)
    file_id = take(database, raw, tmp_path)
    reading = build.read(database, raw.encode(), LABS)
    with database.begin(Role.PIPELINE) as connection:
        assert store.save(connection, file_id, "a-labs", LABS, reading, build.NOW) == store.Counts(1, 1, 0, 0)
    assert rows(database, "SELECT max(batch) FROM nephrowatch.batches") == [(1,)]


def test_two_workers_on_one_file_store_it_once(database: Database, tmp_path: Path) -> None:
    build.begin(database)
    raw = (HEADER + row("S1", "5.5", "F", 10)).encode()
    reading = build.read(database, raw, LABS)
    with database.begin(Role.PIPELINE) as connection:
        found = source.Found("a.csv", "a.csv")
        file_id = source.receive(connection, 1, "a-labs", LABS, found, raw, "hash", "ha/hash", build.NOW)
    assert file_id is not None
    stored: list[bool] = []

    def work() -> None:
        with database.begin(Role.PIPELINE) as connection:
            if source.lock(connection, file_id) is None:
                stored.append(False)
                return
            store.save(connection, file_id, "a-labs", LABS, reading, build.NOW)
            stored.append(True)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(stored) == [False, True]
    assert rows(database, "SELECT count(*) FROM nephrowatch.results") == [(1,)]


def test_what_was_not_known_of_a_patient_is_filled_in_and_never_overwritten(database: Database, tmp_path: Path) -> None:
    build.begin(database)
    take(database, HEADER + row("S1", "5.5", "F", 10), tmp_path, "1.csv")
    columns = {**COLUMNS, "date_of_birth": "Born", "family_name": "Family"}
    named = build.feed({"mapping": {"columns": columns}})
    header = HEADER.replace("\n", ",Born,Family\n")
    for number, family in enumerate(("Example", "Other"), 2):
        take(database, header + row(f"S{number}", "5.5", "F", 10).replace("\n", f",1950-01-01,{family}\n"), tmp_path, f"{number}.csv", named)
    assert rows(database, "SELECT subject_id, identifier, date_of_birth::text, family_name FROM nephrowatch.subjects") == [
        (1, "007", "1950-01-01", "Example")
    ]
    assert rows(database, "SELECT subject_id, patient_id, reason FROM nephrowatch.links") == [(1, 1, "founded")]


def test_an_assay_is_a_laboratory_an_analyte_a_method_and_a_limit(database: Database, tmp_path: Path) -> None:
    build.begin(database)
    columns = {**COLUMNS, "assay": "Method", "upper_limit": "High"}
    assayed = build.feed({"mapping": {"columns": columns}})
    body = "".join(
        row(f"S{n}", "300", "F", 10).replace("PHOS", "PTH").replace("mg/dL", unit).replace("\n", f",{method},{high}\n")
        for n, (unit, method, high) in enumerate(
            [("pg/mL", "A", "65"), ("ng/L", "A", "65"), ("pg/mL", "B", "65"), ("pg/mL", "", "65"), ("pg/mL", "A", ""), ("pg/mL", "", "")]
        )
    )
    raw = HEADER.replace("\n", ",Method,High\n") + body
    take(database, raw, tmp_path, "1.csv", assayed)
    take(database, raw + row("S9", "300", "F", 10).replace("PHOS", "PTH").replace("mg/dL", "pg/mL").replace("\n", ",B,65\n"), tmp_path, "2.csv", assayed)
    assert rows(database, "SELECT analyte, method, upper_limit FROM nephrowatch.assays ORDER BY assay_id") == [
        ("pth", "", 65.0), ("pth", "A", 65.0), ("pth", "A", None), ("pth", "B", 65.0),
    ]  # fmt: skip
    assert rows(database, "SELECT assay_id FROM nephrowatch.results ORDER BY id") == [(2,), (2,), (4,), (1,), (3,), (None,), (4,)]


def test_one_draw_is_one_accession_or_one_patient_and_instant(database: Database, tmp_path: Path) -> None:
    build.begin(database)
    body = row("S1", "5.5", "F", 10) + row("S1", "9.5", "F", 10).replace("PHOS", "CAL") + row("S2", "5.5", "F", 10)
    take(database, HEADER + body + body.replace("S1", "").replace("S2", "").removesuffix(row("", "5.5", "F", 10)), tmp_path)
    draws = [draw for (draw,) in rows(database, "SELECT draw FROM nephrowatch.results ORDER BY id")]
    assert [draws.index(draw) for draw in draws] == [0, 0, 2, 3, 3]


def test_quarantine_keeps_the_row_as_received_but_not_what_is_expected_and_not_wanted(database: Database, tmp_path: Path) -> None:
    build.begin(database)
    take(database, HEADER + row("S0", "5.5", "F", 10) + row("S1", "x", "F", 10) + row("S2", "1", "F", 10).replace("PHOS", "HB") + "7,S3\n", tmp_path)
    kept = rows(database, "SELECT row_no, line_no, reason, raw FROM nephrowatch.quarantine ORDER BY row_no")
    as_received = dict(zip(HEADER.strip().split(","), row("S1", "x", "F", 10).strip().split(","), strict=True))
    assert kept == [(2, 3, "not_a_number", as_received), (3, 4, "not_monitored", None), (4, 5, "wrong_field_count", {"line": "7,S3"})]


MEDICATIONS = build.feed({
    "kind": "medications",
    "mapping": {"columns": {
        "patient": "p", "order": "o", "drug": "d", "started_on": "s", "ended_on": "e", "listed_on": "l", "days_supply": "n"},
        "codes": {}, "excluded": {}, "not_monitored": [], "statuses": {}},
})  # fmt: skip


def test_medications_are_versions_named_by_ingredient_and_class(database: Database, tmp_path: Path) -> None:
    build.begin(database)
    header = "p,o,d,s,e,l,n\n"
    first = "007,1,WARFARIN 3 mg,2026-01-01,,,30\n007,,Calcium Carbonate,2026-01-02,,,\n007,,,,,2026-02-01,\n008,2,aspirin,2026-01-01,,,\n"
    bad = "007,3,,,,,\n007,4,warfarin,2026-02-01,2026-01-01,,\n007,5,warfarin,soon,,,\n007,6,warfarin,2026-01-01,,,many\n"
    file_id = take(database, header + first + bad, tmp_path, "1.csv", MEDICATIONS)
    assert build.account(database, file_id) == {
        "state": "stored", "stored": 4, "known": 0,
        "quarantined": {"missing_drug": 1, "ends_before_start": 1, "unreadable_time": 1, "unreadable_supply": 1},
    }  # fmt: skip
    stopped = "007,1,WARFARIN 3 mg,2026-01-01,2026-02-10,,30\n"
    again = take(database, header + first + stopped, tmp_path, "2.csv", MEDICATIONS)
    assert build.account(database, again) == {"state": "stored", "stored": 1, "known": 4, "quarantined": {}}
    assert rows(database, "SELECT medication_id, ingredient, classes, days_supply, ended_on::text FROM nephrowatch.medications ORDER BY 1") == [
        (1, "warfarin", ["vka"], 30, None), (2, "calcium carbonate", ["calcium_binder"], None, None), (3, None, [], None, None),
        (4, None, [], None, None), (5, "warfarin", ["vka"], 30, "2026-02-10"),
    ]  # fmt: skip


CENSUS = build.feed({
    "kind": "census", "unit": None,
    "mapping": {"columns": {"patient": "p", "effective_on": "on", "unit": "u", "status": "s", "date_of_birth": "b"},
                "codes": {}, "excluded": {}, "not_monitored": [], "statuses": {"gone": "transferred"}},
})  # fmt: skip


def test_census_rows_are_kept_once_and_an_unknown_unit_or_state_is_quarantined(database: Database, tmp_path: Path) -> None:
    build.begin(database)
    raw = "p,on,u,s,b\n007,2026-01-01,N1,,1950-01-01\n007,2026-02-01,N1,gone,\n007,2026-02-01,N9,,\n008,,N1,,\n008,2026-01-01,N1,lost,\n"
    file_id = take(database, raw, tmp_path, "1.csv", CENSUS)
    assert build.account(database, file_id) == {
        "state": "stored", "stored": 2, "known": 0,
        "quarantined": {"unknown_dialysis_unit": 1, "missing_date": 1, "unknown_status": 1},
    }  # fmt: skip
    again = take(database, raw + "007,2026-03-01,N2,active,1950-01-01\n007,2026-03-01,N2,active,1961-01-01\n", tmp_path, "2.csv", CENSUS)
    counted = build.account(database, again)
    assert (counted["stored"], counted["known"], counted["quarantined"]["identity_mismatch"]) == (1, 2, 1)
    assert rows(database, "SELECT census_id, unit, status FROM nephrowatch.census ORDER BY 1") == [
        (1, "N1", "active"), (2, "N1", "transferred"), (3, "N2", "active"),
    ]  # fmt: skip


def test_ids_and_batches_have_no_gap_even_after_a_rolled_back_file(database: Database, tmp_path: Path) -> None:
    build.begin(database)
    take(database, HEADER + row("S1", "5.5", "F", 10), tmp_path, "1.csv")
    reading = build.read(database, (HEADER + row("S2", "5.5", "F", 10)).encode(), LABS)

    def store_and_die(connection: Connection) -> None:
        found = source.Found("2.csv", "2.csv")
        file_id = source.receive(connection, 1, "a-labs", LABS, found, b"", "x", "x", build.NOW)
        assert file_id is not None
        store.save(connection, file_id, "a-labs", LABS, reading, build.NOW)
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"), database.begin(Role.PIPELINE) as connection:
        store_and_die(connection)
    take(database, HEADER + row("S3", "5.5", "F", 10) + row("S4", "5.5", "F", 10, "008"), tmp_path, "3.csv")
    for table, key in (("results", "id"), ("subjects", "subject_id"), ("batches", "batch")):
        ids = [number for (number,) in rows(database, f"SELECT {key} FROM nephrowatch.{table} ORDER BY 1")]
        assert ids == list(itertools.islice(itertools.count(1), len(ids)))


# ------------------------------------------------------------------------- versions that do not say when they were issued
UNISSUED = build.feed({"mapping": {"columns": {field: column for field, column in COLUMNS.items() if field != "issued_at"}}})


def unissued(value: str, status: str, hour: int = 8) -> str:
    return HEADER.replace(",Issued", "") + f"007,S1,PHOS,{value},mg/dL,2026-03-01 {hour:02}:00,{status}\n"


@pytest.mark.parametrize(("arrivals", "counts"), [
    ((("5.5", "F", 8), ("6.1", "C", 7)), [6.1]),  # corrected to an earlier time of collection
    ((("6.1", "C", 7), ("5.5", "F", 8)), [6.1]),  # the original comes late
    ((("5.5", "F", 8), ("6.1", "C", 7), ("6.4", "C", 6)), [6.4]),  # a second correction
    ((("5.5", "F", 8), ("6.1", "C", 7), ("6.4", "C", 6), ("6.1", "C", 7)), [6.4]),  # the first correction again: an old file
    ((("5.5", "F", 8), ("", "D", 8), ("6.1", "C", 8)), []),  # nothing revives what was withdrawn
    ((("5.5", "P", 8), ("6.0", "F", 8), ("5.5", "P", 8)), [6.0]),
])  # fmt: skip
def test_without_times_of_issue_the_last_correction_to_come_counts(
    database: Database, tmp_path: Path, arrivals: tuple[tuple[str, str, int], ...], counts: list[float]
) -> None:
    build.begin(database)
    for number, (value, status, hour) in enumerate(arrivals):
        raw = unissued(value, status, hour) + " \n" * number  # the same rows in a file of other bytes
        take(database, raw.replace(" \n", "\n"), tmp_path, f"{number}.csv", UNISSUED)
    assert [value for _, _, value in build.current(database)] == counts


def test_tubes_before_and_after_dialysis_are_no_versions_of_each_other(database: Database, tmp_path: Path) -> None:
    build.begin(database)
    timed = build.feed({"mapping": {"columns": {**COLUMNS, "timing": "When"}}})
    raw = HEADER.replace("\n", ",When\n") + row("S1", "5.5", "F", 10).replace("\n", ",pre\n") + row("S1", "2.5", "F", 10).replace("\n", ",post\n")
    take(database, raw, tmp_path, "1.csv", timed)
    assert [value for _, _, value in build.current(database)] == [5.5, 2.5]
    assert rows(database, "SELECT count(DISTINCT draw) FROM nephrowatch.results") == [(2,)]
