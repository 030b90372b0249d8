"""A load killed in the middle, and two workers on one folder: every row once, and the books agree, in each format."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from monitors import pipeline
from tests.accounts import assert_accounts
from tests.conftest import TestServer
from tests.nights.conftest import a_site
from tests.site import REPOSITORY, Site, draw

NIGHT = date(2026, 4, 15)
MORE = """
  messages:
    format: hl7v2
    kinds: [labs]
    location: feeds/messages
    pattern: "*.hl7"
    laboratory: LAB1
    authority: HOSP
    unit: N1
    zone: Europe/London
    gate: {max_bad_share: 0.9, min_share_rows: 1}
    mapping: {codes: {P: phosphate}}
  resources:
    format: fhir
    kinds: [labs]
    location: feeds/resources
    pattern: "*.ndjson"
    laboratory: LAB1
    authority: HOSP
    unit: N1
    zone: Europe/London
    gate: {max_bad_share: 0.9, min_share_rows: 1}
    mapping: {codes: {P: phosphate}}
"""
COUNTS = "SELECT feed, name, state, rows_received, rows_stored, rows_known, rows_quarantined FROM nephrowatch.files ORDER BY 1, 2"
RESULTS = """SELECT s.identifier, r.analyte, r.collected_at, r.value
FROM nephrowatch.results r JOIN nephrowatch.subjects s USING (subject_id) ORDER BY 1, 2, 3, 4"""


def message(patient: str, sample: str, value: str) -> str:
    return "\r".join([
        f"MSH|^~\\&|LIS|LAB1|NW|HOSP|20260414090000||ORU^R01^ORU_R01|{sample}|P|2.5.1",
        f"PID|1||{patient}^^^HOSP^MR||EXAMPLE^{patient}",
        f"OBR|1||{sample}^LAB1|CHEM^Chemistry^L|||20260414080000+0100", f"OBX|1|NM|P^Phosphate^L||{value}|mg/dL|||||F", "",
    ])  # fmt: skip


def resources(patient: str, sample: str, value: str) -> str:
    return (
        f'{{"resourceType": "Observation", "id": "{sample}", "status": "final", "code": {{"coding": [{{"code": "P"}}]}},'
        f' "subject": {{"reference": "Patient/{patient}"}}, "effectiveDateTime": "2026-04-14T08:00:00+01:00",'
        f' "valueQuantity": {{"value": {value}, "unit": "mg/dL", "code": "mg/dL", "system": "http://unitsofmeasure.org"}}}}\n'
        f'{{"resourceType": "Patient", "id": "{patient}"}}\n'
    )


def fill(site: Site) -> None:
    """Three files of each of three formats, some rows of each unusable."""
    for name in ("messages", "resources"):
        (site.root / "config" / "feeds" / name).mkdir(exist_ok=True)
    feeds = site.root / "config" / "feeds.yaml"
    feeds.write_text(feeds.read_text() + MORE)
    site.patients("C1", "C2")
    for number in range(3):
        day = f"2026-04-{10 + number}"
        site.labs(f"{number}.csv", *draw("C1", day, P=5.0 + number), *draw("C2", day, P="many"))
        folder = site.root / "config" / "feeds"
        texts = [message("H1", f"H{number}1", f"5.{number}"), message("H2", f"H{number}2", "many")]
        (folder / "messages" / f"{number}.hl7").write_text("".join(texts), newline="")
        bodies = [resources(f"F{number}1", f"F{number}1", f"5.{number}"), resources(f"F{number}2", f"F{number}2", '"many"')]
        (folder / "resources" / f"{number}.ndjson").write_text("".join(bodies))


def child(site: Site, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.nights.load_child", NIGHT.isoformat(), *map(str, arguments)],
        env={**os.environ, **site.environment, "NEPHROWATCH_DATABASE_URL": site.database_url, "PYTHONPATH": str(REPOSITORY)},
        cwd=REPOSITORY, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[list[Any], list[Any]]]:
    """The files and the results of a load that nobody killed, once for all tests of this file on a worker."""
    with a_site(server, tmp_path_factory.mktemp("undisturbed") / "site") as plain:
        fill(plain)
        plain.night(NIGHT)
        assert_accounts(plain.db)
        yield plain.rows(COUNTS), plain.rows(RESULTS)


@pytest.mark.crash
@pytest.mark.parametrize("place", [5, 25, 60, 120, 200])
def test_a_load_killed_between_two_statements_leaves_whole_files_and_is_taken_up_again(
    site: Site, undisturbed: tuple[list[Any], list[Any]], place: int
) -> None:
    killed = site
    fill(killed)
    died = child(killed, place)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert_accounts(killed.db)
    killed.night(NIGHT)
    assert_accounts(killed.db)
    assert (killed.rows(COUNTS), killed.rows(RESULTS)) == undisturbed


def test_two_workers_on_one_folder_take_every_file_once(
    server: TestServer, tmp_path: Path, undisturbed: tuple[list[Any], list[Any]]
) -> None:
    with a_site(server, tmp_path / "two") as shared:
        fill(shared)
        run_id = pipeline.begin(NIGHT, here=shared.here)
        problems: list[BaseException] = []

        def work() -> None:
            try:
                pipeline.receive(run_id, here=shared.here)
                pipeline.check(run_id, here=shared.here)
            except BaseException as problem:
                problems.append(problem)

        workers = [threading.Thread(target=work) for _ in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert problems == []
        assert_accounts(shared.db)
        assert (shared.rows(COUNTS), shared.rows(RESULTS)) == undisturbed
        counted = {(row[0], *row[2:]) for row in shared.rows(COUNTS) if row[0] != "census"}
        assert counted == {(feed, "stored", 2, 1, 0, 1) for feed in ("messages", "n1-labs", "resources")}
