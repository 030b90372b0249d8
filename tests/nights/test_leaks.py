"""No patient's number, name, birth or value leaves the database: not by a message, a log, or Airflow. And each look fails
when something is planted."""

from __future__ import annotations

import logging
import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from monitors import pipeline
from monitors.database import Role
from monitors.delivery import outbox
from monitors.demo.slack_files import Upload
from monitors.settings import settings_from
from tests.airflow_support import Airflow
from tests.leaks import airflow as kept_by_airflow
from tests.leaks import leaks, numbers, secrets, sent
from tests.site import Site, monthly

NIGHT = date(2026, 4, 15)
PATIENTS = ("ZQX-48213", "ZQX-59324", "ZQX-60435")
PHOSPHATE, CALCIUM = (6.8317, 6.9423, 7.0531), (9.7413, 9.8529, 9.9637)
HIDDEN = secrets(PATIENTS, (*PHOSPHATE, *CALCIUM, 6.8317 * 9.7413))


class Hook:
    """A pager's web hook on this machine. heard: every page, in order: its headers and body. A context manager."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        heard = self.heard

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                heard.append(f"{self.path}\n{self.headers}\n{body}")
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/page"

    def __enter__(self) -> Hook:
        self._thread.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


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


def test_no_number_for_prometheus_names_a_patient_and_one_that_does_is_found(site: Site) -> None:
    a_unit(site)
    site.night(NIGHT)
    assert "nephrowatch_outbox_messages{" in numbers(site)["metrics"]
    assert leaks(numbers(site), HIDDEN) == []
    with site.db.begin(Role.PIPELINE) as connection:
        outbox.enqueue(connection, dedup_key="planted", kind="operations", destination=PATIENTS[1], severity=None, unit=None,
                       night=NIGHT, episode_id=None, change_seq=None, content={}, now=site.clock)  # fmt: skip
    assert leaks(numbers(site), HIDDEN) == [f"metrics: {PATIENTS[1]}"]


def test_no_page_to_a_pager_names_a_patient_and_one_that_does_is_found(site: Site) -> None:
    a_unit(site)
    with Hook() as hook:
        routes = site.root / "config" / "routes.yaml"
        text = routes.read_text().replace("destinations:\n", f'destinations:\n  pager: {{kind: webhook, url: "{hook.url}"}}\n')
        routes.write_text(text.replace("- {to: [slack, mail]}", "- {to: [slack, mail, pager]}"))
        here = replace(site.here, settings=settings_from({**site.environment, "NEPHROWATCH_WEBHOOK_SECRET": "k" * 32}))
        site.clock = datetime.combine(NIGHT, time(5), UTC)
        pipeline.night(NIGHT, live=True, here=here)
    assert len(hook.heard) >= 3
    assert any("needs acknowledgement" in page for page in hook.heard)
    assert leaks({"pager": "\n".join(hook.heard)}, HIDDEN) == []
    hook.heard.append(hook.heard[0].replace("needs", PATIENTS[0]))
    assert leaks({"pager": "\n".join(hook.heard)}, HIDDEN) == [f"pager: {PATIENTS[0]}"]


PLACES = {  # what leaves -> how a careless line would let a patient into it
    "links": {"blocks": [{"type": "actions", "elements": [{"type": "button", "url": f"https://nephrowatch.example/a/{PATIENTS[0]}"}]}]},
    "alt text": {"blocks": [{"type": "image", "alt_text": f"Trend of {PATIENTS[0]}"}]},
    "slack text": {"text": f"EXAMPLE {PATIENTS[0]}"},
}


@pytest.mark.parametrize("place", PLACES)
def test_what_is_planted_in_links_and_alternative_texts_is_found(site: Site, place: str) -> None:
    site.slack_standin.accepted.add({"to": "slack", "method": "chat.postMessage", **PLACES[place]})
    assert place in {leak.partition(":")[0] for leak in leaks(sent(site), HIDDEN)}


@pytest.mark.parametrize("place", ["name", "title", "alt"])
def test_what_is_planted_in_an_upload_is_found(site: Site, place: str) -> None:
    site.slack_standin.uploads.files["F1"] = replace(Upload("F1", "trend.png", ""), **{place: f"{PATIENTS[2]}.png"})
    where = "slack upload alt text" if place == "alt" else "slack uploads"
    assert leaks(sent(site), HIDDEN) == [f"{where}: {PATIENTS[2]}"]


@pytest.mark.parametrize("place", ["cid", "name"])
def test_what_is_planted_in_the_picture_of_a_mail_is_found(site: Site, place: str) -> None:
    inline = {"cid": "<trend@x>", "name": "trend.png", "content": ""} | {place: PATIENTS[1]}
    site.smtp_standin.accepted.add({"to": "smtp", "inline": [inline]})
    assert leaks(sent(site), HIDDEN) == [f"mail pictures: {PATIENTS[1]}"]


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
        planted = ("nightly_labs", "receive", "planted", -1, f'{{"op_args": "{PATIENTS[0]}"}}')
        database.execute("INSERT INTO rendered_task_instance_fields (dag_id, task_id, run_id, map_index, rendered_fields) "
                         "VALUES (?, ?, ?, ?, ?)", planted)  # fmt: skip
        database.commit()
    found = {leak.partition(":")[0] for leak in leaks(kept_by_airflow(home), HIDDEN)}
    assert {"airflow xcom", "airflow dag_run", "airflow rendered_task_instance_fields"} <= found
