"""`make demo`: a synthetic year, its last nights through the real Airflow DAGs, and the morning after.

Everything it makes lies in .demo/ of this checkout; it is thrown away and made anew on every run. Messages go
to stand-ins of Slack and SMTP on this machine.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from monitors import config, embedded, pipeline, settings
from monitors.config import Config, EmailDestination, SlackDestination
from monitors.database import open_database
from monitors.demo import generate, messages, summary
from monitors.demo.standins import SlackStandIn, SmtpStandIn
from monitors.errors import HistoryError, UserError
from monitors.history import keys

ROOT = Path(__file__).resolve().parent.parent.parent
DEMO = ROOT / ".demo"
SEED = 20260415
WAIVERS = ({"actor": "demo set-up", "reason": "synthetic patients: nobody is treated by what the demo tells"},)
PATIENCE = 120  # seconds for one DAG run


def main() -> None:
    began = time.monotonic()
    last_night = datetime.now(UTC).date()
    environment = _environment()
    found = settings.settings_from(environment)
    checked = config.load(found.config)
    with step("throw away the last demo"):
        embedded.remove(found.home)
        shutil.rmtree(DEMO, ignore_errors=True)
        found.home.mkdir(parents=True, mode=0o700)
    with step("make a synthetic year for five units"):
        made = generate.generate(DEMO / "feeds", last_night, SEED)
    print(f"      {made.patients} patients, {made.files} files of {made.size / 1e6:.1f} MB: CSV, HL7 v2, FHIR")
    with step("start an embedded PostgreSQL"):
        db = open_database(found)
    airflow = Airflow(environment)
    try:
        with stand_ins(checked):
            db.signer = keys.ensured(found, keys.WRITER)
            here = pipeline.Here(found, checked, db, wait=lambda seconds: None)  # the stand-in has no rate limit
            for waiver in WAIVERS:
                pipeline.rules_decide("waived", None, **waiver, here=here)
            with step(f"history up to {made.nights[0] - timedelta(days=1)}, judged as the baseline night"):
                totals = pipeline.night(made.nights[0] - timedelta(days=1), live=True, here=here)
            print(f"      {counted(totals['rows'])}; {counted(totals['findings'])}")
            with step("make Airflow's own database"):
                airflow.migrate()
            for night in made.nights:
                generate.deliver(DEMO / "feeds", night)
                with step(f"night {night} through Airflow: nightly_labs, deliver_alerts"):
                    airflow.run("nightly_labs", night, '{"live": true}')
                    airflow.run("deliver_alerts", night)
            with step("recompute the history, its signatures and checkpoints"):
                if bad := pipeline.verify_all(here=here)["first_bad"]:
                    raise HistoryError(f"The history of the demo does not verify at entry {bad['seq']}: {bad['what']}.")
        print()
        found_out = summary.collect(db, last_night)
        formats = {name: feed.format for name, feed in checked.feeds.items()}
        print(summary.morning(found_out, last_night, formats, messages.PLANTED))
        _complete(found_out)
    finally:
        airflow.close()
        db.dispose()
        embedded.stop(found.home)
    print(f"Done in {time.monotonic() - began:.0f} s. To look further:")
    print(f"  export NEPHROWATCH_HOME={found.home.relative_to(ROOT)} NEPHROWATCH_CONFIG=config")
    print("  .venv/bin/nephrowatch alerts list       .venv/bin/nephrowatch alerts show <ref>")
    print("  .venv/bin/nephrowatch quarantine list   .venv/bin/nephrowatch history verify")


def _complete(found: Mapping[str, summary.Rows]) -> None:
    """A demo that hides something is none: every message delivered, every planted mistake seen. Raises UserError."""
    if waiting := sum(row["messages"] for row in found["messages"] if row["state"] != "delivered"):
        raise UserError(f"{waiting} messages were not delivered; their states stand above, under MESSAGES.")
    if unseen := [one.what for one, number in summary.traces(found["planted"], messages.PLANTED) if not number]:
        raise UserError(f"planted and not seen: {'; '.join(unseen)}.")


def _environment() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("NEPHROWATCH_", "AIRFLOW"))}
    return kept | {
        "NEPHROWATCH_CONFIG": str(ROOT / "config"),
        "NEPHROWATCH_HOME": str(DEMO / "home"),
        "SLACK_BOT_TOKEN": "xoxb-demo",
        "AIRFLOW_HOME": str(DEMO / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{DEMO / 'airflow' / 'airflow.db'}",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",
    }


class Airflow:
    """Airflow with its own SQLite in .demo/airflow; what it says is kept in .demo/airflow.log."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        (DEMO / "airflow").mkdir(parents=True)
        self._log = DEMO / "airflow.log"
        self._output = self._log.open("a", encoding="utf-8")
        self._environment = dict(environment)
        self._runner: subprocess.Popen[str] | None = None

    def migrate(self) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "airflow", "db", "migrate"], env=self._environment, cwd=ROOT, stdout=self._output,
            stderr=self._output,
        )  # fmt: skip
        if done.returncode:
            raise UserError(f"`airflow db migrate` failed; its output is in {self._log.relative_to(ROOT)}.")

    def run(self, dag: str, night: date, conf: str = "{}") -> None:
        """One DAG run to its end, as `airflow dags test` does it. A task that fails would be retried after minutes,
        longer than anybody watches a demo: then this gives up."""
        if self._runner is None:
            self._runner = subprocess.Popen(
                [sys.executable, str(ROOT / "dags" / "by_hand.py")], env=self._environment, cwd=ROOT, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._output,
            )  # fmt: skip
        assert self._runner.stdin is not None
        assert self._runner.stdout is not None
        self._runner.stdin.write(f"{dag} {night.isoformat()}T02:00:00+00:00 {conf}\n")
        self._runner.stdin.flush()
        ready, _, _ = select.select([self._runner.stdout], [], [], PATIENCE)
        state = self._runner.stdout.readline().strip() if ready else f"no answer in {PATIENCE} s"
        if state != "success":
            raise UserError(f"{dag} of {night} ended as {state or 'a crash'}; its output is in {self._log.relative_to(ROOT)}.")

    def close(self) -> None:
        if self._runner is not None:
            self._runner.kill()
            self._runner.wait()
        self._output.close()


@contextmanager
def stand_ins(checked: Config) -> Iterator[None]:
    """The local Slack and mail stand-ins, on the ports the shipped configuration names."""
    slack = next(d for d in checked.routes.destinations.values() if isinstance(d, SlackDestination))
    mail = next(d for d in checked.routes.destinations.values() if isinstance(d, EmailDestination))
    port = int(slack.api_url.split(":")[2].split("/")[0])
    try:
        with (
            SlackStandIn(port, DEMO / "slack.ndjson") as _,
            SmtpStandIn(mail.port, DEMO / "mail.ndjson") as _,
        ):
            yield
    except OSError as taken:
        raise UserError(f"The demo's Slack and mail stand-ins need ports {port} and {mail.port}: {taken}") from None


@contextmanager
def step(what: str) -> Iterator[None]:
    began = time.monotonic()
    print(f"  ... {what}", flush=True)
    yield
    print(f"      {time.monotonic() - began:.1f} s", flush=True)


def counted(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {word.replace('_', ' ')}" for word, number in numbers.items())


if __name__ == "__main__":
    try:
        main()
    except UserError as problem:
        sys.exit(f"demo: {problem}")
