"""Fixtures: one embedded server a session, one database a test, copied from a migrated template.

database   a fresh, migrated Database of this test alone
settings   the Settings it was opened with (database_url is an administrator's)
"""

from __future__ import annotations

import os
import shutil
import signal
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from monitors import embedded
from monitors.database import Database, bootstrap, migrate, open_database, sql
from monitors.settings import Settings, settings_from

REPOSITORY = Path(__file__).resolve().parent.parent
TEMPLATE = "template_nephrowatch"
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB", "autovacuum": "off"}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests that share a set-up of their file stay on one worker; all others go wherever there is time."""
    from xdist.scheduler import LoadScopeScheduling

    shared = {path for path in (REPOSITORY / "tests").rglob("test_*.py") if 'scope="module"' in path.read_text(encoding="utf-8")}

    class BySetUp(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return file if REPOSITORY / file in shared else nodeid

    return BySetUp(config, log)


@pytest.fixture
def show(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Keep a table for the end of the run, where it is printed whichever worker made it."""
    return lambda table: record_property("shown", table)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests have to show: the tables a reader of the run should see."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            for name, table in getattr(report, "user_properties", []) if getattr(report, "when", "") == "call" else []:
                if name == "shown":
                    terminalreporter.section(report.nodeid, sep="-")
                    terminalreporter.line(str(table))


@pytest.fixture(autouse=True)
def _nothing_real(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test sees the database, home or configuration of the person who runs it."""
    for name in list(os.environ):
        if name.startswith(("NEPHROWATCH_", "PG")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NEPHROWATCH_HOME", str(tmp_path_factory.getbasetemp() / "home"))


@dataclass(frozen=True)
class TestServer:
    """The session's server. home: holds roles.json, whose passwords are good in every database of it."""

    __test__ = False
    server: embedded.Server
    home: Path

    def settings(self, name: str, home: Path) -> Settings:
        """Settings that mean database `name`, with a home of their own."""
        return settings_from({
            "NEPHROWATCH_HOME": str(home), "NEPHROWATCH_CONFIG": str(REPOSITORY / "config"),
            "NEPHROWATCH_DATABASE_URL": self.server.url(name),
        })  # fmt: skip

    def run(self, statement: str, database: str = "postgres") -> None:
        with closing(psycopg.connect(self.server.url(database), autocommit=True)) as connection:
            connection.execute(statement)  # type: ignore[call-overload]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestServer]:
    """An embedded server with the migrated template in it; gone at the end, data and all."""
    home = tmp_path_factory.mktemp("server")
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # a time limit, too, ends with clean-up
    try:
        ours = TestServer(embedded.start(home, NOT_DURABLE), home)
        ours.run(f"CREATE DATABASE {TEMPLATE}")
        settings = ours.settings(TEMPLATE, home)
        bootstrap(settings)
        migrate(settings)
        yield ours
    finally:
        remove_server(home)
        signal.signal(signal.SIGTERM, before)


def remove_server(home: Path) -> None:
    """Stop the server of `home` and remove its data."""
    kept = embedded.running(home)
    embedded.stop(home)
    if kept:
        shutil.rmtree(kept.folder)


@pytest.fixture
def settings(server: TestServer, tmp_path: Path) -> Iterator[Settings]:
    name = f"test_{uuid.uuid4().hex[:12]}"
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(server.home / "roles.json", home)
    server.run(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    server.run(str(sql("bootstrap/rights")), name)  # rights on the database itself are not copied
    yield server.settings(name, home)
    server.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    opened = open_database(replace(settings))
    yield opened
    opened.dispose()
