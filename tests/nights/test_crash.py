"""Kill a night between commits, run it again: the same episodes, changes and outbox keys as undisturbed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest

from monitors import pipeline
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


@pytest.mark.crash
@pytest.mark.parametrize("place", range(1, PLACES + 1))
def test_sigkill_between_commits_then_a_re_run_is_as_if_undisturbed(two_sites: tuple[Site, Site], place: int) -> None:
    plain, killed = two_sites
    for site in two_sites:
        site.shard_rows = 8  # several shards, so that a kill can fall between them
        site.write()
        a_unit(site)
    undisturbed = child(plain, die_after=0)
    assert undisturbed.returncode == 0, undisturbed.stderr
    commits = int(undisturbed.stdout)
    died = child(killed, die_after=max(1, commits * place // (PLACES + 1)))
    assert died.returncode == -signal.SIGKILL, died.stderr
    killed.clock += timedelta(minutes=30)  # the leases of the dead have run out
    killed.night(NIGHT)
    killed.clock += timedelta(hours=2)  # what the dead had begun to send is tried again after a pause
    pipeline.deliver(here=killed.here)
    assert killed.changes() == plain.changes()
    assert killed.outbox_keys() == plain.outbox_keys()
    assert killed.episodes() == plain.episodes()
    assert killed.rows(FILES) == plain.rows(FILES)
    assert [row[0] for row in killed.rows("SELECT count(*) FROM nephrowatch.outbox WHERE state <> 'delivered'")] == [0]
