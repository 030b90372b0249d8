"""The same night by Airflow's schedule, `airflow dags test`, a manual trigger and the command line is one night."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.airflow_support import Airflow
from tests.nights.test_one_night import NIGHT, a_unit
from tests.site import REPOSITORY, Site

DAG_TEST = """
import json, sys
import pendulum
from airflow.dag_processing.dagbag import DagBag
bag, answers = DagBag({dags!r}), []
for name, arguments in {runs}:
    run = bag.get_dag(name).test(**arguments)
    answers.append({{"state": str(run.state), "logical_date": str(run.logical_date)}})
json.dump(answers, open(sys.argv[1], "w"))
"""


@pytest.mark.airflow
def test_four_ways_to_one_night(site: Site, tmp_path: Path) -> None:
    a_unit(site)
    airflow = Airflow(tmp_path / "airflow", extra={**site.environment, "NEPHROWATCH_DATABASE_URL": site.database_url}).migrate()

    def dags(*runs: tuple[str, str]) -> list[dict[str, str]]:
        """Runs of DAGs by dag.test, one after another in one process: (name, arguments as Python)."""
        written = "[" + ", ".join(f"({name!r}, dict({arguments}))" for name, arguments in runs) + "]"
        answers: list[dict[str, str]] = airflow.answer(DAG_TEST.format(runs=written, dags=str(airflow.dags)))
        return answers

    live = 'run_conf={"live": True}'
    first, sent = dags(
        ("nightly_labs", f"logical_date=pendulum.datetime(2026, 4, 15, 2), {live}"),  # as the schedule makes it: 02:00Z
        ("deliver_alerts", "logical_date=pendulum.datetime(2026, 4, 15, 3)"),
    )
    assert first["state"] == sent["state"] == "success"
    seen = site.episodes(), site.changes(), site.outbox_keys(), stored(site)
    assert any(change[4] == "opened" for change in seen[1])
    assert any(episode["told"] for episode in seen[0])

    airflow.command("dags", "test", "nightly_labs", str(NIGHT))  # 00:00Z, live by the clock: a back-fill by now
    [manual] = dags(("nightly_labs", f"logical_date=None, run_after=pendulum.datetime(2026, 4, 15, 17, 20), {live}"))
    assert manual == {"state": "success", "logical_date": "None"}
    by_hand = subprocess.run(
        [sys.executable, "-m", "monitors.cli", "run", "--night", str(NIGHT), "--json"], cwd=REPOSITORY,
        env={**os.environ, **site.environment, "NEPHROWATCH_DATABASE_URL": site.database_url}, capture_output=True, text=True,
    )  # fmt: skip
    assert by_hand.returncode == 0, by_hand.stderr
    summary = json.loads(by_hand.stdout)
    assert set(summary["rows"].values()) == {0}
    assert set(summary["changes"].values()) == {0}
    assert not summary["messages"].get("delivered")

    assert (site.episodes(), site.changes(), site.outbox_keys(), stored(site)) == seen
    assert [tuple(row) for row in site.rows("SELECT night, count(*) FROM nephrowatch.runs GROUP BY night")] == [(NIGHT, 1)]


def stored(site: Site) -> list[int]:
    return [row[0] for row in site.rows("SELECT count(*) FROM nephrowatch.results")]
