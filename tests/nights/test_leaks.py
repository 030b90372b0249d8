"""No patient's number, name, birth or value leaves the database: not by a message, a log, or Airflow. And each look fails
when something is planted."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.airflow_support import Airflow
from tests.leaks import airflow as kept_by_airflow
from tests.leaks import leaks, secrets, sent
from tests.site import Site, monthly

NIGHT = date(2026, 4, 15)
PATIENTS = ("ZQX-48213", "ZQX-59324", "ZQX-60435")
PHOSPHATE, CALCIUM = (6.8317, 6.9423, 7.0531), (9.7413, 9.8529, 9.9637)
HIDDEN = secrets(PATIENTS, (*PHOSPHATE, *CALCIUM, 6.8317 * 9.7413))


def a_unit(site: Site, night: date = NIGHT) -> None:
    last = night - timedelta(days=1)
    site.patients(*PATIENTS)
    for patient, phosphate, calcium in zip(PATIENTS, PHOSPHATE, CALCIUM, strict=True):
        site.labs(f"{patient}.csv", *monthly(patient, last, *[{"P": phosphate, "CA": calcium}] * 4))
    site.labs("bad.csv", *monthly(PATIENTS[0], last, {"P": "x" + PATIENTS[1]}))  # a row to set aside, with a secret in it
    site.medications("list.csv", *({"patient": p, "drug": "Warfarin 3 mg", "start": "2025-06-01", "listed": f"{last}"}
                                   for p in PATIENTS))  # fmt: skip


def test_no_message_and_no_log_names_a_patient(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    a_unit(site)
    site.slack_standin.fault("500", "ok_false:is_archived")  # failures speak, too
    site.smtp_standin.fault("550")
    site.night(NIGHT)
    site.clock += timedelta(hours=3)
    site.night(NIGHT)
    assert len(site.slack_standin.posts) >= 2
    assert len(site.smtp_standin.mails) >= 4
    found = {**sent(site), "log": caplog.text}
    assert leaks(found, HIDDEN) == []


@pytest.mark.parametrize("place", ["text", "blocks", "metadata", "file_name"])
def test_what_is_planted_in_slack_is_found(site: Site, place: str) -> None:
    site.slack_standin.accepted.add({"to": "slack", "method": "chat.postMessage", place: f"about {PATIENTS[0]}"})
    assert leaks(sent(site), HIDDEN)


@pytest.mark.parametrize("place", ["headers", "text", "html", "recipient"])
def test_what_is_planted_in_a_mail_is_found(site: Site, place: str) -> None:
    site.smtp_standin.accepted.add({"to": "smtp", place: f"P {PHOSPHATE[0]}"})
    assert leaks(sent(site), HIDDEN) == [f"mail {'envelope' if place == 'recipient' else place}: {PHOSPHATE[0]}"]


def test_what_is_planted_in_a_log_is_found(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("monitors.delivery").debug("sending for %s", PATIENTS[2])
    assert leaks({"log": caplog.text}, HIDDEN)


@pytest.mark.airflow
def test_airflow_keeps_and_says_nothing_of_a_patient(site: Site, tmp_path: Path) -> None:
    a_unit(site)
    home = tmp_path / "airflow"
    loud = {"AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG"}
    extra = {**site.environment, "NEPHROWATCH_DATABASE_URL": site.database_url}
    Airflow(home, extra=extra).migrate()
    airflow = Airflow(home, extra={**extra, **loud})
    script = (
        "import json, sys, pendulum\nfrom airflow.dag_processing.dagbag import DagBag\n"
        f"bag = DagBag({str(airflow.dags)!r})\n"
        "night = bag.get_dag('nightly_labs').test(logical_date=pendulum.datetime(2026, 4, 15, 2), run_conf={'live': True})\n"
        "sending = bag.get_dag('deliver_alerts').test(logical_date=pendulum.datetime(2026, 4, 15, 3))\n"
        "json.dump([str(night.state), str(sending.state)], open(sys.argv[1], 'w'))\n"
    )
    assert airflow.answer(script) == ["success", "success"]
    assert site.slack_standin.posts
    assert leaks({**sent(site), **kept_by_airflow(home)}, HIDDEN) == []
    with closing(sqlite3.connect(home / "airflow.db")) as database:
        filled = {name: database.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in (
            "xcom", "rendered_task_instance_fields")}  # fmt: skip
        assert filled["xcom"] > 0, "there is no XCom to look at: the look would be blind"
        for table, column in (("xcom", "value"), ("dag_run", "conf")):
            database.execute(f"UPDATE {table} SET {column} = ?", (f'"{PATIENTS[0]}"',))
        database.commit()
    found = leaks(kept_by_airflow(home), HIDDEN)
    assert {"airflow xcom", "airflow dag_run"} <= {leak.partition(":")[0] for leak in found}
