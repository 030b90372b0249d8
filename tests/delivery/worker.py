"""A delivery worker in a process of its own, killed at a named point. Arguments: point, Slack URL, SMTP port.

Which database it works on comes from the environment, as for every process.
"""

from __future__ import annotations

import os
import sys

from monitors.database import open_database
from monitors.delivery.deliver import deliver
from monitors.history import ledger
from monitors.settings import from_process
from tests.delivery.builders import NOW, config


def main(point: str, slack: str, smtp: str) -> None:
    def crash(reached: str) -> None:
        if reached == point:
            os._exit(137)  # as SIGKILL leaves it: nothing flushed, nothing rolled back, nothing closed

    settings = from_process()
    deliver(
        open_database(settings), config(slack, int(smtp)), settings, lambda: NOW, ledger.append,
        wait=lambda seconds: None, crash=crash,
    )  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
