"""Run one night in this process and die by SIGKILL right after the n-th commit. A script for test_crash.py."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from typing import Any

from monitors import config, episodes, pipeline, settings
from monitors.database import Database, Role, open_database


def run(night: date, die_after: int) -> int:
    """Commits of a whole night; never returns when `die_after` is one of them."""
    committed = 0
    begin = Database.begin

    @contextmanager
    def counting(self: Database, role: Role) -> Iterator[Any]:
        nonlocal committed
        with begin(self, role) as connection:
            yield connection
        committed += 1
        if committed == die_after:
            os.kill(os.getpid(), signal.SIGKILL)

    Database.begin = counting  # type: ignore[method-assign, assignment]
    episodes.MOST_CHANGES = 1  # so that a night has many commits to die between
    found = settings.from_process()
    moment = datetime.combine(night, time(5, 0), UTC)
    here = pipeline.Here(found, config.load(found.config), open_database(found), lambda: moment, lambda seconds: None)
    try:
        pipeline.night(night, live=True, here=here)
    finally:
        Database.begin = begin  # type: ignore[method-assign]
        here.db.dispose()
    return committed


if __name__ == "__main__":
    print(run(date.fromisoformat(sys.argv[1]), int(sys.argv[2])))
