"""The MIMIC example: its configuration loads, keeps look-alikes out, and its dates move into one season."""

from __future__ import annotations

import csv
import importlib.util
import re
from datetime import date, datetime
from pathlib import Path
from types import ModuleType

import pytest

from monitors import config
from monitors.config import Config
from monitors.feeds.csv import parse
from monitors.feeds.fields import derive

EXAMPLE = Path(config.__file__).parent.parent / "config" / "examples" / "mimic"
LAST = date(2026, 4, 15)
LABS = "row_id,subject_id,hadm_id,itemid,charttime,value,valuenum,valueuom,flag\n"
PATIENTS = "row_id,subject_id,gender,dob,dod,dod_hosp,dod_ssn,expire_flag\n"
ADMISSIONS = "row_id,subject_id,admittime,dischtime,deathtime,edregtime,edouttime\n"


@pytest.fixture(scope="module")
def mimic() -> Config:
    return config.load(EXAMPLE)


@pytest.fixture(scope="module")
def shift_dates() -> ModuleType:
    spec = importlib.util.spec_from_file_location("shift_dates", EXAMPLE / "shift_dates.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def source(folder: Path, labs: str, patients: str = "") -> Path:
    """A made-up patient or two, in upstream's columns."""
    folder.mkdir()
    (folder / "LABEVENTS.csv").write_text(LABS + labs)
    (folder / "PATIENTS.csv").write_text(PATIENTS + patients)
    (folder / "prescriptions.csv").write_text("row_id,subject_id,startdate,enddate,drug\n")
    (folder / "admissions.csv").write_text(ADMISSIONS)
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def read(mimic: Config, lines: str) -> list[dict[str, object]]:
    feed = mimic.feeds["labs"]
    return derive(parse((LABS + lines).encode(), feed).frames["labs"], feed, mimic).to_dict("records")


def test_the_example_uses_the_shipped_rules_and_drugs(mimic: Config) -> None:
    shipped = config.load(EXAMPLE.parent.parent)
    assert mimic.ruleset == shipped.ruleset


@pytest.mark.parametrize(
    ("line", "analyte", "value"),
    [
        ("1,9,1,50893,2105-05-13 08:30:00,9.4,9.4,mg/dL,", "calcium", 9.4),
        ("1,9,1,50970,2105-05-13 08:30:00,6.8,6.8,mg/dL,abnormal", "phosphate", 6.8),
        ("1,9,1,50862,2105-05-13 08:30:00,LESS THAN 1.0,,g/dL,abnormal", "albumin", 1.0),
        ("1,9,1,50863,2105-05-13 08:30:00,115,115,IU/L,", "alkaline_phosphatase", 115.0),
        ("1,9,1,50971,2105-05-13 08:30:00,4.1,4.1,mEq/L,", "potassium", 4.1),
        ("1,9,1,51237,2105-05-13 08:30:00,2.3,2.3,,abnormal", "inr", 2.3),
    ],
)
def test_a_monitored_item_becomes_its_analyte(mimic: Config, line: str, analyte: str, value: float) -> None:
    (row,) = read(mimic, line + "\n")
    assert (row["analyte_name"], row["value"], row["unit_state"]) == (analyte, value, "known")


def test_less_than_is_kept_as_below(mimic: Config) -> None:
    (row,) = read(mimic, "1,9,1,50862,2105-05-13 08:30:00,LESS THAN 1.0,,g/dL,abnormal\n")
    assert row["comparator"] == "<"


@pytest.mark.parametrize("item", ["50835", "51025", "51046", "51095", "51097"])
def test_the_same_substance_in_another_fluid_is_excluded_by_name(mimic: Config, item: str) -> None:
    (row,) = read(mimic, f"1,9,1,{item},2105-05-13 08:30:00,1.7,1.7,g/dL,\n")
    assert row["code_state"] == "excluded"


def test_any_other_item_is_expected_and_not_monitored(mimic: Config) -> None:
    (row,) = read(mimic, "1,9,1,50852,2105-05-13 08:30:00,8.3,8.3,%,\n")
    assert row["code_state"] == "not_monitored"


def test_a_missing_unit_means_inr_for_inr_alone(mimic: Config) -> None:
    (calcium,) = read(mimic, "1,9,1,50893,2105-05-13 08:30:00,9.4,9.4,,\n")
    (inr,) = read(mimic, "2,9,1,51237,2105-05-13 08:30:00,2.3,2.3,,\n")
    assert calcium["unit_state"] == "missing"
    assert inr["unit_state"] == "known"


def test_words_instead_of_a_number_are_no_number(mimic: Config) -> None:
    (row,) = read(mimic, "1,9,1,50893,2105-05-13 08:30:00,UNABLE TO REPORT DUE TO CONTAMINATION,,mg/dL,\n")
    assert row["value_state"] == "not_a_number"


def test_every_look_alike_says_what_it_is(mimic: Config) -> None:
    mapping = mimic.feeds["labs"].mapping
    assert not set(mapping.codes) & set(mapping.excluded)
    assert all(re.search("[a-z]", why) for why in mapping.excluded.values())


def test_the_newest_result_moves_into_the_season_and_distances_stay(
    shift_dates: ModuleType, tmp_path: Path
) -> None:
    labs = (
        "1,61,7,50893,2160-12-16 15:50:00,9.2,9.2,mg/dL,\n"
        '2,61,7,50970,2160-12-26 09:20:00,"6.8",6.8,mg/dL,abnormal\n'
    )
    folder = source(tmp_path / "upstream", labs, "1,61,F,2072-12-03 00:00:00,2160-12-27 00:00:00,,,1\n")
    shift_dates.shift(folder, tmp_path / "shifted", LAST)
    first, newest = rows(tmp_path / "shifted" / "labevents.csv")
    assert newest["charttime"] == "2026-04-13 09:20:00"  # 61 % 60 = 1: two days before the last night
    assert first["charttime"] == "2026-04-03 15:50:00"
    assert newest["value"] == "6.8"
    (patient,) = rows(tmp_path / "shifted" / "patients.csv")
    born, died = (datetime.fromisoformat(patient[column]) for column in ("dob", "dod"))
    assert died.date() == date(2026, 4, 14)
    assert (died - born).days == (datetime(2160, 12, 27) - datetime(2072, 12, 3)).days  # noqa: DTZ001


def test_who_is_300_years_old_upstream_becomes_91(shift_dates: ModuleType, tmp_path: Path) -> None:
    labs = "1,60,7,50893,2195-06-22 15:00:00,9.2,9.2,mg/dL,\n"
    folder = source(tmp_path / "upstream", labs, "1,60,F,1895-05-17 00:00:00,2195-11-24 00:00:00,,,1\n")
    shift_dates.shift(folder, tmp_path / "shifted", LAST)
    (patient,) = rows(tmp_path / "shifted" / "patients.csv")
    assert patient["dob"] == "1935-04-14 00:00:00"


def test_a_missing_file_is_one_sentence_and_exit_code_2(
    shift_dates: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = source(tmp_path / "upstream", "")
    (folder / "admissions.csv").unlink()
    code = shift_dates.main(["--source", str(folder), "--target", str(tmp_path / "t"), "--last", "2026-04-15"])
    assert code == 2
    assert "has no admissions.csv" in capsys.readouterr().err


def test_what_is_no_date_names_file_and_line(shift_dates: ModuleType, tmp_path: Path) -> None:
    folder = source(tmp_path / "upstream", "1,60,7,50893,22.06.2195,9.2,9.2,mg/dL,\n")
    with pytest.raises(ValueError, match=r"LABEVENTS\.csv:2: '22\.06\.2195'"):
        shift_dates.shift(folder, tmp_path / "shifted", LAST)
