"""Sites for whole-night tests: a folder, a database of its own, and stand-ins that keep a ledger."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from monitors.database import open_database, sql
from monitors.demo.standins import SlackStandIn, SmtpStandIn
from tests.conftest import TEMPLATE, TestServer
from tests.site import Site


@contextmanager
def a_site(server: TestServer, root: Path, *, shard_rows: int = 1_000_000, waived: bool = True) -> Iterator[Site]:
    name = f"site_{uuid.uuid4().hex[:12]}"
    home = root / "home"
    home.mkdir(parents=True)
    shutil.copy(server.home / "roles.json", home)
    server.run(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    server.run(str(sql("bootstrap/rights")), name)
    with ExitStack() as stack:
        stack.callback(server.run, f"DROP DATABASE {name} WITH (FORCE)")
        slack = stack.enter_context(SlackStandIn())
        smtp = stack.enter_context(SmtpStandIn())
        database = open_database(server.settings(name, home))
        stack.callback(database.dispose)
        site = Site(root, database, slack.api_url, smtp.port, shard_rows)
        site.database_url = server.server.url(name)
        site.slack_standin, site.smtp_standin = slack, smtp
        if waived:
            site.waive()
        yield site


@pytest.fixture
def site(server: TestServer, tmp_path: Path) -> Iterator[Site]:
    with a_site(server, tmp_path / "site") as ours:
        yield ours


@pytest.fixture
def two_sites(server: TestServer, tmp_path: Path) -> Iterator[tuple[Site, Site]]:
    with a_site(server, tmp_path / "one") as one, a_site(server, tmp_path / "other") as other:
        yield one, other
