"""What every benchmark needs: a clock, a server of its own, a process of its own, and what machine this is."""

from __future__ import annotations

import gc
import multiprocessing
import os
import platform
import re
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from monitors import embedded
from monitors.database import EMBEDDED_NAME, Database, Role, open_database
from monitors.settings import Settings, settings_from

ROOT = Path(__file__).resolve().parent.parent


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """What it answers, and its seconds."""
    gc.collect()
    started = time.perf_counter()
    answer = call()
    return answer, time.perf_counter() - started


def settings_of(home: Path, config: Path | None = None) -> Settings:
    return settings_from({"NEPHROWATCH_HOME": str(home), "NEPHROWATCH_CONFIG": str(config or ROOT / "config")})


def administrator(home: Path) -> str:
    """The URL of the superuser of the server in `home`."""
    server = embedded.running(home)
    assert server is not None
    return server.url(EMBEDDED_NAME)


def superuser(home: Path) -> sa.Engine:
    return sa.create_engine(sa.make_url(administrator(home)).set(drivername="postgresql+psycopg"))


@contextmanager
def scratch(home: Path) -> Iterator[Database]:
    """A server and database of our own, gone afterwards, data and all."""
    folder: Path | None = None
    try:
        db = open_database(settings_of(home))
        server = embedded.running(home)
        folder = server.folder if server else None
        try:
            yield db
        finally:
            db.dispose()
    finally:
        embedded.stop(home)
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def peak() -> float:
    """The most memory this process has held, in GiB. Not ru_maxrss: a new program inherits that of its parent."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found is not None
    return int(found[1]) / 2**20


def apart(call: Callable[..., Any], *given: Any) -> Any:
    """call(*given) in a new process, so that the memory it takes is its own. A failure there fails here."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(call, *given).result()


def now() -> dict[str, Any]:
    """When, and how busy the machine is: the load averages of 1, 5 and 15 minutes."""
    return {"at": datetime.now(UTC).isoformat(timespec="minutes"), "load": [round(one, 2) for one in os.getloadavg()]}


def machine(db: Database) -> dict[str, Any]:
    """What it was measured on."""
    cpu = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    memory = re.search(r"MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text(encoding="ascii"))
    with db.begin(Role.WEB) as connection:
        version = connection.execute(sa.text("SHOW server_version")).scalar_one()
        names = ("shared_buffers", "work_mem", "fsync", "max_parallel_workers_per_gather")
        shown = [f"{name} {connection.execute(sa.text(f'SHOW {name}')).scalar_one()}" for name in names]
    return {
        "processor": cpu[1] if cpu else platform.machine(), "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(int(memory[1]) / 2**20, 1) if memory else 0, "postgres": version, "server": ", ".join(shown),
        "python": platform.python_version(),
    }  # fmt: skip
