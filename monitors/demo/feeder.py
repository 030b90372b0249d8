"""Feeds docker-compose's demo: a made-up year, most of it taken in here, the newest night left to Airflow.

    python -m monitors.demo.feeder           the year; then nightly_labs is unpaused: Airflow runs the newest night, and tells
    python -m monitors.demo.feeder --late    the last day's files, which had not come yet; nightly_labs runs again, and tells

The files are the ones `make demo` shows. Running it again starts nothing twice. AIRFLOW_ADDRESS, AIRFLOW_PASSWORDS_FILE: where
Airflow is asked, and as whom.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from monitors import pipeline
from monitors.demo import generate
from monitors.demo.__main__ import SEED, WAIVERS

FEEDS = Path("/feeds")
DONE = FEEDS / ".fed"  # holds the last night
SCHEDULE = timedelta(hours=2)  # nightly_labs runs at 02:00 UTC


def last_night(now: datetime) -> date:
    """The night Airflow's schedule came to last."""
    return (now - SCHEDULE).date()


def feed(folder: Path, last: date, here: pipeline.Here) -> None:
    """Make the year; take in and judge every night but the last two; leave the files of the last but one where the feeds look.
    Those of `last` are late. Nothing is sent: that is deliver_alerts'."""
    made = generate.generate(folder / ".made", last, SEED)
    for unit in sorted(path for path in made.folder.iterdir() if path.name != generate.WAITING):
        unit.rename(folder / unit.name)
    (made.folder / generate.WAITING).rename(folder / generate.WAITING)
    made.folder.rmdir()
    for waiver in WAIVERS:
        pipeline.rules_decide("waived", None, **waiver, here=here)
    for night in (made.nights[0] - timedelta(days=1), *made.nights):
        generate.deliver(folder, night)
        if night == last - timedelta(days=1):
            break
        run_id = pipeline.begin(night, here=here)
        pipeline.receive(run_id, here=here)
        pipeline.check(run_id, here=here)
        for shard in pipeline.freeze(run_id, True, here=here):
            pipeline.judge(shard, here=here)
        pipeline.reconcile(run_id, here=here)
        pipeline.seal(run_id, here=here)
        print(f"night {night} taken in", flush=True)


class Airflow:
    """Airflow's API, as its administrator."""

    def __init__(self, address: str, password: str) -> None:
        self._client = httpx.Client(base_url=address, timeout=30)
        token = self._client.post("/auth/token", json={"username": "admin", "password": password})
        token.raise_for_status()
        self._client.headers["Authorization"] = f"Bearer {token.json()['access_token']}"

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """One call of /api/v2; retried by nobody. Raises httpx.HTTPError."""
        answer = self._client.request(method, f"/api/v2{path}", json=body)
        answer.raise_for_status()
        return dict(answer.json())

    def unpause(self, dag: str, wait: Callable[[float], None], tries: int = 60) -> None:
        """Unpause a DAG, waiting until Airflow knows it."""
        for _ in range(tries):
            try:
                self.ask("PATCH", f"/dags/{dag}", {"is_paused": False})
            except httpx.HTTPStatusError as problem:
                if problem.response.status_code != 404:
                    raise
                wait(5.0)
            else:
                return
        raise SystemExit(f"feeder: Airflow does not know {dag}; look at the log of airflow-dag-processor.")


def airflow() -> Airflow:
    password = json.loads(Path(os.environ["AIRFLOW_PASSWORDS_FILE"]).read_text(encoding="utf-8"))["admin"]
    return Airflow(os.environ["AIRFLOW_ADDRESS"], password)


def bring_late(folder: Path) -> int:
    """Bring the files of the last night. Returns how many. Raises SystemExit when there are none."""
    brought = generate.deliver(folder, date.fromisoformat(DONE.read_text(encoding="utf-8"))) if DONE.exists() else []
    if not brought:
        sys.exit("feeder: no file is late any more; `docker-compose down -v`, then `up -d` makes a new year.")
    return len(brought)


def main() -> None:
    if sys.argv[1:] == ["--late"]:
        files = bring_late(FEEDS)
        airflow().ask("POST", "/dags/nightly_labs/dagRuns", {"logical_date": None})
        print(f"{files} late files are there; nightly_labs runs.", flush=True)
        return
    if not DONE.exists():
        if any(path for path in FEEDS.iterdir()):
            sys.exit("feeder: /feeds holds the files of a run that was broken off; `docker-compose down -v` and start anew.")
        last = last_night(datetime.now(UTC))
        with pipeline.opened() as here:
            feed(FEEDS, last, here)
        DONE.write_text(last.isoformat(), encoding="utf-8")
    airflow().unpause("nightly_labs", time.sleep)
    print(f"nightly_labs is unpaused; night {DONE.read_text(encoding='utf-8')} runs in Airflow.", flush=True)


if __name__ == "__main__":
    main()
