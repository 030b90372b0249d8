"""The demo's synthetic year: the same every time, of the past, synthetic on its face, its stories in it."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from monitors import config
from monitors.config import Feeds
from monitors.demo import series
from monitors.demo.cohort import STORIES, cohort
from monitors.demo.dialects import DIALECTS
from monitors.demo.generate import Made, deliver, generate
from monitors.documents import parse as parse_document
from monitors.feeds.csv import parse

LAST = date(2026, 4, 15)
SHIPPED = Path(config.__file__).parent.parent / "config"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return generate(tmp_path_factory.mktemp("demo") / "feeds", LAST, seed=7)


def table(path: Path, unit: str) -> list[dict[str, str]]:
    dialect = DIALECTS[unit]
    text = path.read_bytes().decode(dialect.encoding)
    return list(csv.DictReader(io.StringIO(text), delimiter=dialect.delimiter))


def night_file(made: Made, unit: str, night: date) -> list[dict[str, str]]:
    return table(made.folder / f"waiting/{night}/{unit.lower()}/labs/labs-{night}.csv", unit)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(made: Made, tmp_path: Path) -> None:
    again = generate(tmp_path / "again", LAST, seed=7)
    other = generate(tmp_path / "other", LAST, seed=8)
    name = "n1/labs/labs-history.csv"
    assert (again.folder / name).read_bytes() == (made.folder / name).read_bytes()
    assert (other.folder / name).read_bytes() != (made.folder / name).read_bytes()
    for message in ("n4/2-oru-history.hl7", "n5/6.Observation.ndjson"):
        assert (again.folder / message).read_bytes() == (made.folder / message).read_bytes()
    assert (again.patients, again.size, again.files) == (made.patients, made.size, made.files)


def test_every_file_of_the_live_nights_waits_until_its_night_is_delivered(tmp_path: Path) -> None:
    made = generate(tmp_path / "feeds", LAST, seed=7)
    assert made.nights == (LAST - timedelta(days=2), LAST - timedelta(days=1), LAST)
    brought = deliver(made.folder, LAST)
    assert made.folder / f"n1/labs/labs-{LAST}.csv" in brought
    assert all(path.exists() for path in brought)
    assert deliver(made.folder, LAST) == []


def test_each_unit_s_history_comes_as_one_labs_file(made: Made) -> None:
    for unit in DIALECTS:
        assert [p.name for p in (made.folder / unit.lower() / "labs").iterdir()] == ["labs-history.csv"]


def test_no_draw_and_no_report_lies_after_the_day_before_the_last_night(made: Made) -> None:
    for night in made.nights:
        for row in night_file(made, "N1", night):
            for column in ("Taken", "Reported"):
                assert datetime.strptime(row[column][:10], "%d/%m/%Y").date() < night  # noqa: DTZ007


def test_every_patient_is_synthetic_on_its_face(made: Made) -> None:
    for unit in DIALECTS:
        for path in (made.folder / unit.lower() / "census").iterdir():
            for row in csv.DictReader(io.StringIO(path.read_text()), delimiter=";"):
                assert row["Patient"].startswith("TEST-")
                assert row["Family"] in ("EXAMPLE", "SAMPLE", "PLACEHOLDER", "SYNTHETIC")


def test_within_a_patient_values_vary_as_published() -> None:
    rng = np.random.default_rng(3)
    people = cohort(LAST, rng)
    weekly = (people["story"] == "") & (people["cadence"] == 7)
    still = weekly & (people["drift"] == 0) & ~people["binder_new"]
    drawn = series.draws(people, rng)
    rows = series.measured(people, drawn, rng)
    rows = rows[~drawn["post"].to_numpy()[rows["draw"]] & rows["patient"].isin(np.flatnonzero(still))]
    phosphate = rows[rows["analyte"] == "phosphate"].groupby("patient")["value"]
    assert float((phosphate.std() / phosphate.mean()).mean()) == pytest.approx(0.131, abs=0.01)


def test_three_laboratories_write_the_same_phosphate_three_ways() -> None:
    rows = pd.DataFrame({"analyte": ["phosphate"], "value": [6.8]})
    printed = {unit: dialect.print(rows).iloc[0] for unit, dialect in DIALECTS.items()}
    assert {unit: (row["value_text"], row["unit_text"]) for unit, row in printed.items()} == {
        "N1": ("2.20", "mmol/L"),
        "N2": ("6.8", "mg/dL"),
        "N3": ("2.20", "mmol/l"),
    }


def test_what_a_method_cannot_count_is_written_as_beyond_it() -> None:
    rows = pd.DataFrame({"analyte": ["pth", "crp"], "value": [2900.0, 3.0]})
    assert list(DIALECTS["N2"].print(rows)["value_text"]) == [">2500", "<10"]


def test_the_last_night_corrects_both_phosphates_of_the_patient_who_was_told(made: Made) -> None:
    (identifier,) = made.known["corrected_away"]
    corrected = [row for row in night_file(made, "N2", LAST) if row["status"] == "C"]
    assert [row["patient_id"] for row in corrected] == [identifier, identifier]
    assert [row["value"] for row in corrected] == ["4.7", "4.8"]
    wrong = night_file(made, "N2", made.nights[0])
    first = next(row for row in wrong if row["patient_id"] == identifier and row["loinc"] == "2777-1")
    assert (first["value"], first["accession"]) == ("7.6", corrected[0]["accession"])


def test_a_provisional_result_comes_back_final_under_the_same_sample(made: Made) -> None:
    provisional = [row for row in night_file(made, "N1", made.nights[0]) if row["State"] == "Provisional"]
    assert len(provisional) == 1
    key = (provisional[0]["Sample"], provisional[0]["Test"])
    final = [row for row in night_file(made, "N1", made.nights[1]) if (row["Sample"], row["Test"]) == key]
    assert [row["State"] for row in final] == ["Final"]


def test_a_result_is_withdrawn_on_the_last_night(made: Made) -> None:
    withdrawn = [row for row in night_file(made, "N3", LAST) if row["Status"] == "storniert"]
    assert [row["Prüfung"] for row in withdrawn] == ["CALCIUM"]


def test_one_file_comes_twice_one_with_other_columns_and_one_mostly_without_units(made: Made) -> None:
    first, second, last = made.nights
    waiting = made.folder / "waiting"
    copy = waiting / f"{second}/n1/labs/labs-{first} (copy).csv"
    assert copy.read_bytes() == (waiting / f"{first}/n1/labs/labs-{first}.csv").read_bytes()
    other = (waiting / f"{second}/n2/labs/labs-{second}-new-system.csv").read_text().splitlines()[0]
    assert "loinc" in other
    assert "collected" not in other.split(",")
    bad = table(waiting / f"{last}/n3/labs/labs-{last}-nachtrag.csv", "N3")
    assert sum(row["Einheit"] == "" for row in bad) / len(bad) > 0.7


def test_a_night_s_own_mistakes_stay_far_below_the_gate(made: Made) -> None:
    for unit, dialect in DIALECTS.items():
        for night in made.nights:
            rows = night_file(made, unit, night)
            assert sum(row[dialect.columns["unit_text"]] == "" for row in rows) <= 1
            assert len(rows) > 10


def test_a_patient_without_drugs_still_has_a_reconciled_list(made: Made) -> None:
    newest = sorted((made.folder / "n1/medications").iterdir())[-1]
    rows = list(csv.DictReader(io.StringIO(newest.read_text()), delimiter=";"))
    census = next((made.folder / "n1/census").iterdir()).read_text().splitlines()
    assert {row["Patient"] for row in rows} == {line.split(";")[0] for line in census[1:]}
    assert any(row["Drug"] == "NONE" for row in rows)


def test_the_stories_outside_the_population_are_there(made: Made) -> None:
    people = cohort(LAST, np.random.default_rng(7)).set_index("story")
    assert people.loc["age_unknown", "born"] is None
    assert (LAST - people.loc["child", "born"]).days < 18 * 365
    assert people.loc["peritoneal", "modality"] == "pd"
    assert len(people.loc[[story.name for story in STORIES]].drop_duplicates("identifier")) == len(STORIES)


@pytest.mark.parametrize("unit", list(DIALECTS))
def test_the_shipped_mapping_reads_every_column_the_laboratory_writes(made: Made, unit: str) -> None:
    text = (SHIPPED / "feeds.yaml").read_text(encoding="utf-8")
    feed = parse_document(text, "feeds.yaml", Feeds).feeds[f"{unit.lower()}-labs"]
    raw = (made.folder / unit.lower() / "labs" / "labs-history.csv").read_bytes()
    frame = parse(raw, feed).frames["labs"]
    assert len(frame) == raw.count(b"\r\n") - 1
    assert frame["ragged_line"].isna().all()
    dialect = DIALECTS[unit]
    known = {*feed.mapping.codes, *feed.mapping.excluded, *feed.mapping.not_monitored}
    assert {assayed.code for assayed in dialect.analytes.values()} <= known or "*" in known
    assert set(dialect.statuses.values()) <= set(feed.mapping.statuses)
