"""Receive and check one night's files in this process and die by SIGKILL before the n-th statement that stores. A script for
test_loads.py."""

from __future__ import annotations

import os
import signal
import sys
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine

from monitors import config, pipeline, settings
from monitors.database import open_database


def run(night: date, die_before: int) -> None:
    """Counts the statements of every connection of the pipeline, COPY left out: it is inside one of ours."""
    seen = 0

    def counted(connection: Connection, *what: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == die_before:
            os.kill(os.getpid(), signal.SIGKILL)

    found = settings.from_process()
    moment = datetime.combine(night, time(5, 0), UTC)
    here = pipeline.Here(found, config.load(found.config), open_database(found), lambda: moment, lambda seconds: None)
    run_id = pipeline.begin(night, here=here)
    pipeline.receive(run_id, here=here)
    event.listen(Engine, "before_cursor_execute", counted)
    pipeline.check(run_id, here=here)
    here.db.dispose()


if __name__ == "__main__":
    run(date.fromisoformat(sys.argv[1]), int(sys.argv[2]))
