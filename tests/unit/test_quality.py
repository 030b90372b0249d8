"""The suites are data: they decide which rows are good, and in what order the reasons apply."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import feed_builders as build
import pandas as pd
import pytest

from monitors import quality
from monitors.errors import ConfigError
from monitors.feeds import csv, fields

HEADER = "Patient,Sample,Test,Result,Units,Taken\n"
GOOD = "007,S1,PHOS,5.5,mg/dL,2026-03-01 08:00\n"


def frame(*rows: str) -> pd.DataFrame:
    parsed = csv.parse((HEADER + "".join(rows)).encode(), build.feed())
    return fields.derive(parsed.frames["labs"], build.feed(), build.config())


def check(*rows: str, folder: Path = quality.EXPECTATIONS) -> quality.Checked:
    return quality.check(frame(*rows), build.feed(), build.NOW, folder, analytes=build.config().analytes)


@pytest.fixture
def suites(tmp_path: Path) -> Path:
    return Path(shutil.copytree(quality.EXPECTATIONS, tmp_path / "expectations"))


def without(folder: Path, reason: str) -> None:
    path = folder / "labs.json"
    suite = json.loads(path.read_text("utf-8"))
    suite["expectations"] = [e for e in suite["expectations"] if e["meta"]["reason"] != reason]
    path.write_text(json.dumps(suite), "utf-8")


@pytest.mark.parametrize(
    ("reason", "row"),
    [
        ("implausible", "008,S2,CAL,90,mg/dL,2026-03-01 08:00\n"),
        ("future_date", "008,S2,PHOS,5.5,mg/dL,2027-03-01 08:00\n"),
        ("unknown_unit", "008,S2,PHOS,5.5,mg per dl,2026-03-01 08:00\n"),
    ],
)
def test_a_predicate_taken_out_of_the_suite_is_gone(suites: Path, reason: str, row: str) -> None:
    assert list(check(GOOD, row, folder=suites).bad["reason"]) == [reason]
    without(suites, reason)
    assert len(check(GOOD, row, folder=suites).good) == 2


def test_a_row_without_keys_is_never_good_whatever_the_suite_lets_through(suites: Path) -> None:
    without(suites, "missing_collection_time")
    assert list(check(GOOD, "008,S2,PHOS,5.5,mg/dL,\n", folder=suites).bad["reason"]) == ["incomplete"]


def test_a_row_with_several_faults_gets_the_first_reason_of_the_suite() -> None:
    bad = check(GOOD, ",S2,PHOS,NaN,,\n").bad
    assert list(bad["reason"]) == ["missing_patient"]
    assert list(bad["row_no"]) == [2]
    assert list(bad["line_no"]) == [3]


def test_the_answer_does_not_depend_on_the_other_rows_of_the_file() -> None:
    rows = [GOOD, "008,S2,HB,1,g/dL,2026-03-01\n", ",S3,PHOS,5.5,mg/dL,2026-03-01\n", "9,S4,PHOS,x,,2026-03-01\n",
            "9,S5,PHOS,99,mg/dL,2026-03-01\n", "9,S6\n", "9,S7,PHOS,<0.1,mg/dL,2026-03-01\n"]  # fmt: skip
    together = check(*rows).bad.set_index("row_no")["reason"].to_dict()
    alone = {n: list(check(row).bad["reason"]) for n, row in enumerate(rows, 1)}
    assert together == {n: reasons[0] for n, reasons in alone.items() if reasons}


@pytest.mark.parametrize(("value", "good"), [("3", 1), ("2.99", 0), ("20", 1), ("20.1", 0), ("<21", 1), (">1", 1), (">21", 0)])
def test_the_believable_range_includes_its_ends_and_doubts_a_censored_value_only_when_certain(value: str, good: int) -> None:
    assert len(check(f"008,S2,CAL,{value},mg/dL,2026-03-01 08:00\n").good) == good


def test_a_damaged_suite_is_the_sites_mistake_with_file_and_reason(suites: Path) -> None:
    (suites / "labs.json").write_text('{"expectations": [{"type": "x", "kwargs": {}, "meta": {"reason": "r"}}]}', "utf-8")
    with pytest.raises(ConfigError, match=r"labs\.json: expectation 1 has no 'remedy'"):
        check(GOOD, folder=suites)
    (suites / "labs.json").write_text("{", "utf-8")
    with pytest.raises(ConfigError, match="cannot be read"):
        check(GOOD, folder=suites)


def test_an_expectation_on_a_column_that_is_not_there_is_refused_not_passed(suites: Path) -> None:
    path = suites / "labs.json"
    path.write_text(path.read_text("utf-8").replace('"column": "plausibility"', '"column": "plausibilty"'), "utf-8")
    with pytest.raises(ConfigError, match="implausible"):
        check(GOOD, folder=suites)
