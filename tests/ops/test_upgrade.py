"""Every database a released version may have left behind, brought forward by `db migrate`, and then worked on.

What was decided stays decided, the history still verifies, nobody is told a second time, and the next night goes on.
"""

from __future__ import annotations

import gzip
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from monitors import pipeline
from monitors.database import head, migrate, open_database, sql
from monitors.demo.standins import SlackStandIn, SmtpStandIn
from monitors.errors import NotReadyError
from tests.conftest import TestServer
from tests.ops.released import RELEASES, tool
from tests.site import Site, draw

pytestmark = pytest.mark.long
NEXT = date(2026, 4, 16)
KEPT = ("results", "findings", "episodes", "limbs", "changes", "outbox", "attempts", "told", "files", "quarantine", "medications")


@pytest.fixture(params=sorted(path.name.split(".")[0] for path in RELEASES.glob("*.sql.gz")))
def left_behind(request: pytest.FixtureRequest, server: TestServer, tmp_path: Path) -> Iterator[tuple[str, Site]]:
    """(database URL of the administrator, the site that is to go on with it), not migrated yet."""
    name, root = f"old_{uuid.uuid4().hex[:12]}", tmp_path / "site"
    home = root / "home"
    home.mkdir(parents=True)
    shutil.copy(server.home / "roles.json", home)
    server.run(f"CREATE DATABASE {name}")
    url = server.server.url(name)
    with ExitStack() as stack:
        stack.callback(server.run, f"DROP DATABASE {name} WITH (FORCE)")
        dump = gzip.decompress((RELEASES / f"{request.param}.sql.gz").read_bytes())
        subprocess.run([tool("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null", url], input=dump, check=True)
        server.run(str(sql("bootstrap/rights")), name)
        slack = stack.enter_context(SlackStandIn())
        smtp = stack.enter_context(SmtpStandIn())
        settings = server.settings(name, home)
        with pytest.raises(NotReadyError, match="nephrowatch db migrate"):
            open_database(settings)
        before = counts(url)
        assert migrate(settings) == head()
        assert counts(url) == before, "a migration lost or made rows"
        database = open_database(settings)
        stack.callback(database.dispose)
        site = Site(root, database, slack.api_url, smtp.port)
        site.database_url, site.slack_standin, site.smtp_standin = url, slack, smtp
        yield url, site


def counts(url: str) -> dict[str, Any]:
    with psycopg.connect(url) as connection:
        return {table: connection.execute(f"SELECT count(*) FROM nephrowatch.{table}").fetchone() for table in KEPT}  # type: ignore[call-overload]


def test_a_database_of_a_released_version_goes_on(left_behind: tuple[str, Site]) -> None:
    _, site = left_behind
    verified = pipeline.verify(here=site.here)
    assert verified["first_bad"] is None
    assert verified["entries"] > 10
    episodes, changes, keys = site.episodes(), site.changes(), site.outbox_keys()
    assert {e["patient"] for e in episodes} == {"T1", "T3"}
    assert [e["told"] for e in episodes if e["group"] == "calciphylaxis"] == [[("mail", "HIGH"), ("slack", "HIGH")]]

    site.night(date(2026, 4, 15))  # the same night, under the new version, decides nothing again about what it did not change
    told_again = [key for key in site.outbox_keys() if key not in keys and key[1] in ("alert", "withdrawn", "handed_over")]
    assert told_again == []
    assert [change for change in changes if change not in site.changes()] == []

    site.labs("three.csv", *draw("T1", NEXT.replace(day=15), P=4.4, CA=9.3))
    site.night(NEXT)
    assert pipeline.verify(here=site.here)["first_bad"] is None
    t1 = [e for e in site.episodes() if e["patient"] == "T1" and "calcium" in e["group"]]
    assert [e["state"] for e in t1] == ["resolved"]


def test_there_are_releases_to_come_from() -> None:
    assert {"0001.sql.gz", "0003.sql.gz"} <= {path.name for path in RELEASES.iterdir()}
