"""A server that dies under eight writers: what was acknowledged is there, in one gapless chain."""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from monitors import embedded
from monitors.database import Database, Role, bootstrap, migrate, open_database
from monitors.errors import NephrowatchError
from monitors.history import ledger
from monitors.settings import settings_from
from tests.conftest import REPOSITORY, remove_server

RESTARTS, WRITERS, BETWEEN = 5, 8, 60
# A commit of this server may be lost in a crash, but for a writer that says otherwise, as `history.append` does.
CARELESS = {"synchronous_commit": "off", "wal_writer_delay": "10s"}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    remove_server(tmp_path)


class Writers:
    """Threads that append and remember what was acknowledged, across restarts of the server."""

    def __init__(self, db: Database) -> None:
        self.db, self.acknowledged, self.refused = db, set[tuple[int, int]](), 0
        self.grown, self.up, self.done = threading.Condition(), threading.Event(), False
        self.up.set()
        self.threads = [threading.Thread(target=self.write, args=(number,)) for number in range(WRITERS)]

    def write(self, worker: int) -> None:
        number = 0
        while not self.done:
            self.up.wait(timeout=60)
            number += 1
            try:
                with self.db.begin(Role.PIPELINE) as connection:
                    ledger.append(connection, [("written", {"worker": worker, "n": number})])
            except (sa.exc.DBAPIError, NephrowatchError):
                self.refused += 1
                continue
            with self.grown:
                self.acknowledged.add((worker, number))
                self.grown.notify_all()

    def wait_for(self, more: int) -> None:
        with self.grown:
            goal = len(self.acknowledged) + more
            assert self.grown.wait_for(lambda: len(self.acknowledged) >= goal, timeout=120), "the writers make no headway"


def kill(server: embedded.Server) -> None:
    """Every process of the server at once, by SIGKILL; returns when they are gone."""
    first = int((server.data / "postmaster.pid").read_text().split()[0])
    children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    doomed = []
    for pid in (first, *map(int, children)):
        try:
            doomed.append((pid, os.pidfd_open(pid)))
        except ProcessLookupError:
            continue
    for pid, _ in doomed:
        os.kill(pid, signal.SIGKILL)
    for _, handle in doomed:
        assert select.select([handle], [], [], 60)[0], "the server outlives SIGKILL"
        os.close(handle)


@pytest.mark.crash
def test_five_hard_restarts_under_eight_writers_lose_nothing_that_was_acknowledged(
    home: Path, show: Callable[[str], None]
) -> None:
    server = embedded.start(home, CARELESS)
    settings = settings_from({"NEPHROWATCH_HOME": str(home), "NEPHROWATCH_CONFIG": str(REPOSITORY / "config"),
                              "NEPHROWATCH_DATABASE_URL": server.url("postgres")})  # fmt: skip
    bootstrap(settings)
    migrate(settings)
    writers = Writers(open_database(settings))
    for thread in writers.threads:
        thread.start()
    try:
        for _ in range(RESTARTS):
            writers.wait_for(BETWEEN)
            writers.up.clear()
            kill(server)
            server = embedded.start(home, CARELESS)
            writers.up.set()
        writers.wait_for(BETWEEN)
    finally:
        writers.done = True
        writers.up.set()
        for thread in writers.threads:
            thread.join()
    with writers.db.begin(Role.PIPELINE) as connection:
        found = ledger.verify(connection)
        kept = {(entry.body["worker"], entry.body["n"]) for entry in ledger.entries(connection) if entry.body}
    writers.db.dispose()
    lost = writers.acknowledged - kept
    show(f"{RESTARTS} hard restarts under {WRITERS} writers\n  acknowledged {len(writers.acknowledged)}\n"
         f"  refused {writers.refused}\n  in the ledger {found.entries}\n  lost {len(lost)}")  # fmt: skip
    assert lost == set()
    assert found.first_bad is None
    assert found.entries == len(kept) >= RESTARTS * BETWEEN
    assert writers.refused > 0, "no writer was at work when the server died"
