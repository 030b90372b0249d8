"""The demo's HL7 v2 and FHIR files, read by the shipped feeds: as many rows as were written, and what was planted."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from monitors import config
from monitors.config import Config
from monitors.demo.generate import Made, generate
from monitors.demo.messages import NOBODY, OLD_NUMBER, PLANTED
from monitors.feeds import fhir, hl7v2
from monitors.feeds.fields import derive
from monitors.feeds.parsed import Parsed
from tests.site import REPOSITORY

LAST = date(2026, 4, 15)


@pytest.fixture(scope="module")
def site() -> Config:
    return config.load(REPOSITORY / "config")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return generate(tmp_path_factory.mktemp("demo") / "feeds", LAST, seed=7)


@pytest.fixture(scope="module")
def southern(made: Made, site: Config) -> dict[str, Parsed]:
    return {path.name: hl7v2.parse(path.read_bytes(), site.feeds["n4-messages"]) for path in of(made, "n4")}


@pytest.fixture(scope="module")
def prairie(made: Made, site: Config) -> dict[str, Parsed]:
    """Read in the order of arrival, each file knowing the resources of those before it."""
    kept: dict[str, str] = {}
    read: dict[str, Parsed] = {}
    for path in of(made, "n5"):
        known = dict(kept)
        read[path.name] = fhir.parse(
            path.read_bytes(), site.feeds["n5-resources"], lambda asked, known=known: {r: known[r] for r in asked if r in known}
        )
        kept |= read[path.name].resources
    return read


def of(made: Made, unit: str) -> list[Path]:
    history = sorted((made.folder / unit).iterdir())
    return history + sorted((made.folder / "waiting").glob(f"*/{unit}/*"), key=lambda path: (path.parent.parent.name, path.name))


def labs(read: dict[str, Parsed], site: Config, feed: str) -> pd.DataFrame:
    frames = [derive(one.frames["labs"], site.feeds[feed], site, "labs") for one in read.values() if "labs" in one.frames]
    return pd.concat(frames, ignore_index=True)


def segments(path: Path, name: str) -> int:
    return sum(line.startswith(f"{name}|") for line in path.read_bytes().decode().split("\r"))


def test_every_result_segment_is_a_row_but_those_that_lost_their_patient(made: Made, southern: dict[str, Parsed]) -> None:
    for path in of(made, "n4"):
        read = southern[path.name]
        lost = len(read.refused)
        assert lost == ("oru-2026-04-14" in path.name)
        assert len(read.frames.get("labs", ())) + lost == segments(path, "OBX")
        assert len(read.frames.get("medications", ())) == segments(path, "RXE")


def test_the_message_without_a_patient_is_refused_and_its_neighbours_are_taken(southern: dict[str, Parsed]) -> None:
    assert list(southern["2-oru-2026-04-14.hl7"].refused["reason"]) == ["missing_patient"]
    assert len(southern["2-oru-2026-04-14.hl7"].frames["labs"]) > 20


def test_batches_declare_as_many_messages_as_they_hold(made: Made) -> None:
    for path in of(made, "n4"):
        assert path.read_bytes().decode().rstrip("\r").endswith(f"\rBTS|{segments(path, 'MSH')}")


def test_one_phosphate_is_preliminary_then_final_then_corrected(southern: dict[str, Parsed], site: Config) -> None:
    rows = labs(southern, site, "n4-messages")
    accession = rows.loc[rows["status"] == "preliminary", "accession"].item()
    chain = rows[(rows["accession"] == accession) & (rows["analyte_name"] == "phosphate")]
    assert list(chain["status"]) == ["preliminary", "final", "corrected"]
    assert chain["issued_at"].is_monotonic_increasing
    assert chain["issued_at"].is_unique
    assert chain["value"].nunique() == 3


def test_a_merge_joins_the_old_number_to_the_patient_of_the_story(made: Made, southern: dict[str, Parsed], site: Config) -> None:
    links = southern["1-adt-2026-04-14.hl7"].frames["links"]
    assert list(zip(links["patient"], links["merged_patient"], strict=True)) == [(*made.known["merged"], OLD_NUMBER)]
    rows = labs(southern, site, "n4-messages")
    both = rows[rows["patient"].isin([OLD_NUMBER, *made.known["merged"]]) & (rows["analyte_name"] == "phosphate")]
    assert both.groupby("patient")["collected_at"].max().idxmax() in made.known["merged"]
    assert set(both["patient"]) == {OLD_NUMBER, *made.known["merged"]}


def test_a_potassium_that_would_be_critical_has_no_unit(southern: dict[str, Parsed], site: Config) -> None:
    rows = labs({"last": southern["2-oru-2026-04-15.hl7"]}, site, "n4-messages")
    assert list(rows.loc[rows["unit_state"] == "missing", ["analyte_name", "value_text"]].iloc[0]) == ["potassium", "7.6"]


def test_every_observation_is_a_row_contained_ones_too(made: Made, prairie: dict[str, Parsed]) -> None:
    for path in of(made, "n5"):
        written = path.read_bytes().decode().count('"resourceType":"Observation"')
        read = prairie[path.name]
        assert len(read.frames.get("labs", ())) + len(read.refused) == written
    last = json.loads(of(made, "n5")[-1].read_bytes())
    assert any(entry["resource"].get("contained") for entry in last["entry"])


def test_a_result_of_a_patient_nobody_sent_belongs_to_nobody(prairie: dict[str, Parsed], site: Config) -> None:
    assert list(prairie["results-2026-04-14.json"].refused["reason"]) == ["unresolved_reference"]
    assert NOBODY not in set(labs(prairie, site, "n5-resources")["patient"])


def test_every_patient_of_the_fhir_unit_has_a_reconciled_list(made: Made, prairie: dict[str, Parsed], site: Config) -> None:
    rows = derive(prairie["4.List.ndjson"].frames["medications"], site.feeds["n5-resources"], site, "medications")
    assert rows.loc[rows["drug_text"] == "", "patient"].nunique() == len(prairie["2.EpisodeOfCare.ndjson"].frames["census"])
    assert rows["listed_on"].notna().all()
    classes = set(rows.loc[rows["patient"].isin(made.known["vka_becomes_high"]), "classes"])
    assert "{vka}" in classes


def test_drugs_ordered_by_message_are_recognised(southern: dict[str, Parsed], site: Config) -> None:
    rows = derive(southern["3-rde-history.hl7"].frames["medications"], site.feeds["n4-messages"], site, "medications")
    assert rows["ingredient"].notna().all()
    assert rows["started_on"].notna().all()


def test_units_of_all_results_are_read(southern: dict[str, Parsed], prairie: dict[str, Parsed], site: Config) -> None:
    for read, feed in ((southern, "n4-messages"), (prairie, "n5-resources")):
        rows = labs(read, site, feed)
        ours = rows[(rows["code_state"] == "monitored") & (rows["value_state"] == "number")]
        assert (ours["unit_state"] != "known").sum() <= 2
        assert (ours["unit_state"] != "unknown").all()
        assert rows.loc[rows["analyte_name"] == "pth", "upper_limit"].notna().all()


def test_millimoles_of_one_format_and_milligrams_of_the_other_come_to_the_same(
    southern: dict[str, Parsed], prairie: dict[str, Parsed], site: Config
) -> None:
    medians = [
        rows.loc[rows["analyte_name"] == "phosphate", "value"].median()
        for rows in (labs(southern, site, "n4-messages"), labs(prairie, site, "n5-resources"))
    ]
    assert max(medians) - min(medians) < 1.0  # mg/dL


def test_what_is_planted_names_feeds_that_exist(site: Config) -> None:
    assert {one.feed for one in PLANTED} <= set(site.feeds)
    assert len({(one.feed, one.trace) for one in PLANTED}) == len(PLANTED)
