"""The demo's morning summary: what it must say, from plain rows, readable without colour."""

from __future__ import annotations

from datetime import date
from typing import Any

from monitors.demo.messages import PLANTED, Planted
from monitors.demo.summary import PARTS, WIDTH, collect, traces
from monitors.demo.summary import morning as rendered

NIGHT = date(2026, 4, 15)


def rows(**parts: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    total = {"files": 2, "received": 10, "stored": 6, "known": 1, "quarantined": 3}
    return {part: [] for part in PARTS} | {"rows": [total]} | parts


def morning(data: dict[str, list[dict[str, Any]]], night: date) -> str:
    return rendered(data, night, {"n1-labs": "csv", "n4-messages": "hl7v2", "n5-resources": "fhir"}, PLANTED)


def episode(**changes: Any) -> dict[str, Any]:
    return {
        "ref": "NW-4F7K", "unit": "N1", "severity": "HIGH", "cause_group": "calciphylaxis", "state": "open",
        "opened_night": date(2026, 4, 13), "changed_night": date(2026, 4, 14), "baseline": False,
        "sentence": "on a vitamin K antagonist with a raised product", "told": 2,
    } | changes  # fmt: skip


def test_an_urgent_episode_says_unit_reference_since_when_and_why() -> None:
    text = morning(rows(attention=[episode()]), NIGHT)
    assert "WHO NEEDS A LOOK: 1 told, 0 on the units' lists" in text
    assert "HIGH     NW-4F7K     calciphylaxis      since 13 Apr  open, 2 destinations told" in text
    assert "on a vitamin K antagonist with a raised product" in text
    assert "nephrowatch alerts show NW-4F7K" in text


def test_what_was_told_to_nobody_is_counted_on_the_list() -> None:
    listed = [episode(told=0, cause_group="phosphate"), episode(told=0, cause_group="phosphate")]
    text = morning(rows(attention=listed), NIGHT)
    assert "0 told, 2 on the units' lists" in text
    assert "N1: 2 phosphate HIGH" in text


def test_more_than_a_screenful_is_counted_not_dropped() -> None:
    text = morning(rows(attention=[episode(ref=f"NW-{n:04}") for n in range(20)]), NIGHT)
    assert "and 8 more: nephrowatch alerts list" in text


def test_who_could_not_be_assessed_stands_under_unit_and_reason() -> None:
    missing = [{"unit": "N2", "rule": "R10", "reason": "exposure_unknown", "patients": 6, "of_patients": 100}]
    text = morning(rows(not_assessed=missing), NIGHT)
    assert "exposure unknown: R10: 6 of 100" in text


def test_rows_and_files_that_could_not_be_used_are_all_named() -> None:
    reasons = [{"reason": "missing_unit", "rows": 3, "remedy": "Ask for the unit.", "feeds": ["n1-labs", "n3-labs"]}]
    files = [
        {"feed": "n2-labs", "name": "a.csv", "state": "held", "reason": "too_many_bad", "sentence": "8 of 10.",
         "rows_received": 10},
        {"feed": "n1-labs", "name": "b.csv", "state": "known", "reason": None, "sentence": None, "rows_received": 4},
    ]  # fmt: skip
    text = morning(rows(quarantine=reasons, files=files), NIGHT)
    assert "10 rows in 2 files = 6 stored + 1 already known + 3 set aside" in text
    assert "3 missing unit                     n1-labs, n3-labs" in text
    assert "file n2-labs/a.csv: held, too many bad (10 rows)" in text
    assert "file n1-labs/b.csv: came before, under another name (4 rows)" in text


def test_messages_that_did_not_arrive_stand_beside_those_that_did() -> None:
    sent = [
        {"destination": "n1-mail", "kind": "alert", "state": "delivered", "messages": 5, "possible_repeats": 0},
        {"destination": "n1-mail", "kind": "digest", "state": "pending", "messages": 1, "possible_repeats": 0},
    ]
    text = morning(rows(messages=sent), NIGHT)
    assert "n1-mail              delivered: 5 alert; not delivered: 1 pending" in text


def test_it_fits_the_screen_and_never_reassures() -> None:
    text = morning(rows(attention=[episode(sentence="word " * 60)]), NIGHT)
    assert max(len(line) for line in text.splitlines()) <= WIDTH
    for word in ("normal", "safe", "all clear"):
        assert word not in text.lower()


def test_every_read_runs_on_a_fresh_database(database: Any) -> None:
    found = collect(database, NIGHT)
    assert set(found) == set(PARTS)
    assert morning(found, NIGHT).startswith("Nephrowatch, morning of Wed 15 Apr 2026")


def test_each_format_is_counted_with_what_became_of_its_rows() -> None:
    one = {"files": 3, "received": 10, "stored": 7, "known": 1, "quarantined": 2}
    text = morning(rows(feeds=[{"feed": feed, **one} for feed in ("n1-labs", "n4-messages", "n5-resources")]), NIGHT)
    assert "  hl7v2  1 feed, 3 files, 10 rows = 7 stored + 1 known + 2 set aside" in text
    assert "  csv    1 feed, 3 files" in text
    assert "  fhir   1 feed, 3 files" in text


def test_a_planted_mistake_is_named_with_its_trace_and_one_without_is_not_hidden() -> None:
    seen = Planted("n4-messages", "a haemolysed specimen", "set aside: specimen_condition")
    unseen = Planted("n4-messages", "a lost patient", "set aside: missing_patient")
    found = [{"feed": "n4-messages", "trace": "set aside: specimen_condition", "rows": 2},
             {"feed": "n1-labs", "trace": "set aside: missing_patient", "rows": 1}]  # fmt: skip
    assert traces(found, [seen, unseen]) == [(seen, 2), (unseen, 0)]
    text = rendered(rows(planted=found), NIGHT, {"n4-messages": "hl7v2"}, [seen, unseen])
    assert "  n4-messages (hl7v2)" in text
    assert "a haemolysed specimen                            2 set aside: specimen condition" in text
    assert "a lost patient                                   NOT SEEN" in text
