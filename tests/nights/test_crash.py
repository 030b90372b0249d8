"""Kill a night between commits, run it again: the same episodes, changes and outbox keys as undisturbed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitors import pipeline
from tests.conftest import TestServer
from tests.nights.conftest import a_site
from tests.nights.test_one_night import NIGHT, a_unit
from tests.site import REPOSITORY, Site

PLACES = 6


def child(site: Site, die_after: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.nights.crash_child", NIGHT.isoformat(), str(die_after)],
        env={**os.environ, **site.environment, "NEPHROWATCH_DATABASE_URL": site.database_url, "PYTHONPATH": str(REPOSITORY)},
        cwd=REPOSITORY, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


FILES = "SELECT feed, name, rows_received, rows_stored, rows_known, rows_quarantined FROM nephrowatch.files ORDER BY feed, name"


@dataclass(frozen=True)
class Undisturbed:
    """What a night leaves behind that nobody killed, and in how many commits."""

    commits: int
    left: dict[str, Any]


def left_by(site: Site) -> dict[str, Any]:
    return {"changes": site.changes(), "outbox": site.outbox_keys(), "episodes": site.episodes(), "files": site.rows(FILES)}


def prepare(site: Site) -> None:
    site.shard_rows = 8  # several shards, so that a kill can fall between them
    site.write()
    a_unit(site)


@pytest.fixture(scope="module")
def undisturbed(server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Undisturbed]:
    """One for all places of this file, which stay on one worker."""
    with a_site(server, tmp_path_factory.mktemp("undisturbed") / "site") as plain:
        prepare(plain)
        done = child(plain, die_after=0)
        assert done.returncode == 0, done.stderr
        yield Undisturbed(int(done.stdout), left_by(plain))


@pytest.mark.crash
@pytest.mark.parametrize("place", range(1, PLACES + 1))
def test_sigkill_between_commits_then_a_re_run_is_as_if_undisturbed(
    server: TestServer, tmp_path: Path, undisturbed: Undisturbed, place: int
) -> None:
    with a_site(server, tmp_path / "killed") as killed:
        _killed_and_run_again(killed, undisturbed, place)


def _killed_and_run_again(killed: Site, undisturbed: Undisturbed, place: int) -> None:
    prepare(killed)
    died = child(killed, die_after=max(1, undisturbed.commits * place // (PLACES + 1)))
    assert died.returncode == -signal.SIGKILL, died.stderr
    killed.clock += timedelta(minutes=30)  # the leases of the dead have run out
    killed.night(NIGHT)
    killed.clock += timedelta(hours=2)  # what the dead had begun to send is tried again after a pause
    pipeline.deliver(here=killed.here)
    assert left_by(killed) == undisturbed.left
    assert [row[0] for row in killed.rows("SELECT count(*) FROM nephrowatch.outbox WHERE state <> 'delivered'")] == [0]
