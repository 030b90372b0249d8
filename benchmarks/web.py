"""Every page over ten years of history, as each role, over HTTP: at rest, and while a night of changes is reconciled.

    python benchmarks/web.py --patients 500          # half a minute
    python benchmarks/web.py                         # 10,000 patients, about ten minutes

Makes the ten years of `ten_years` on an embedded server of its own (gone at the end), starts the pages as `nephrowatch web` does
(one process, on this machine only), and asks for every GET route of the application that the role may open, --requests times
each, one after another. Then `stages.reconcile`, in a process of its own, makes a night's changes (two a patient), and the same
is asked until it has done. Latency is that of a whole answer, seen by the client. The design asks for 300 ms at the 95th
percentile; files (exports) are no pages, and stand apart.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import socket
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa
import ten_years
from rich.console import Console
from rich.table import Table

from monitors import config as configuration
from monitors import embedded, pipeline, stages
from monitors.database import EMBEDDED_NAME, Role, open_database
from monitors.settings import settings_from

TARGET = 0.3
WHO = {  # key of people.yaml, name, role, units
    "care, one unit": ("north", "Dr. Example North", "nephrologist", ("N1",)),
    "care, all units": ("nurse", "Example Nurse", "nurse", ("*",)),
    "engineer": ("data", "Example Data Engineer", "data engineer", ("*",)),
    "auditor": ("auditor", "Example Auditor", "auditor", ("*",)),
    "rule owner": ("owner", "Example Rule Owner", "rule owner", ("*",)),
    "administrator": ("admin", "Example Administrator", "administrator", ("*",)),
}
SEARCHES = ("", "?unit=N1", "?rule=R01", "?state=resolved&severity=CRITICAL", "?actor=Example+North", "?actor=nobody",
            "?withheld=true", "?ref={ref}", "?ref=NW-0000", "?last={long_ago}", "?first={long_ago}&last={long_ago}", "?rule=R20",
            "?unit=N1&rule=R05&withheld=true&actor=nurse&severity=HIGH")  # fmt: skip
ASKED = {  # route -> what is asked of it; {ref} and {sealed} go round over many alerts and patients
    "/": ("", "?unit=N1", "?unit=N1&after=1.0.0.0.N1"), "/round": ("", "?unit=N1"),
    "/alerts/{ref}": ("",), "/history": SEARCHES, "/feeds": ("",),
    "/patients/{sealed}": ("", "?months=all", "?months=36&known=3000"), "/patients/{sealed}/looked": ("",), "/looked": ("",),
    "/rules": ("", "?old={ruleset}&new={ruleset}"), "/sign-in": ("",), "/sign-in/once": ("?token=x",), "/style.css": ("",),
    "/history/export.{form}": ("?first={long_ago}&last={long_ago}", "?unit=N1", ""),
    "/api/v1/episodes": ("",), "/api/v1/episodes/{ref}": ("",), "/api/v1/history": ("", "?rule=R20"), "/api/v1/ledger": ("",),
    "/api/v1/openapi.json": ("",),
}  # fmt: skip
LEFT_OUT = {"/sign-in/openid": "no provider", "/sign-in/callback": "no provider"}
FILES = "/history/export.{form}"
Spent = dict[tuple[str, str], list[float]]  # (address as asked, role) -> seconds


def environment(home: Path) -> dict[str, str]:
    folder = Path(__file__).resolve().parent.parent / "config"
    return {"NEPHROWATCH_HOME": str(home), "NEPHROWATCH_CONFIG": str(folder), "PATH": os.environ["PATH"]}


# ------------------------------------------------------------------------------------------------ other processes
def serve(home: Path, port: int, ready: Any) -> None:
    """The pages; says who has which session, and which addresses there are."""
    import uvicorn

    from monitors.web.access import ROLES, Viewer
    from monitors.web.app import application

    with pipeline.opened(found=settings_from(environment(home))) as here:
        app = application(here)
        pages = app.state.pages
        pages.export_limit.most = 10**6
        with here.db.begin(Role.WEB) as connection:
            found = connection.execute(sa.text(
                "SELECT unit, array_agg(ref ORDER BY md5(ref)), array_agg(patient_id ORDER BY md5(ref)) "
                "FROM nephrowatch.episodes GROUP BY unit")).all()  # fmt: skip
        people: dict[str, dict[str, Any]] = {}
        for name, (key, known_as, role, units) in WHO.items():
            viewer = Viewer(key, known_as, role, ROLES[role], units)
            mine = [(ref, patient) for unit, refs, ids in found if units == ("*",) or unit in units
                    for ref, patient in list(zip(refs, ids, strict=True))[:100]]  # fmt: skip
            people[name] = {"cookie": pages.sessions.begin(viewer, here.clock()).sid, "refs": [ref for ref, _ in mine],
                            "sealed": [pages.sessions.seal(viewer, patient) for _, patient in mine]}  # fmt: skip
        ready.send((people, sorted(routes(app))))
        uvicorn.run(app, host="127.0.0.1", port=port, access_log=False, log_level="warning", server_header=False)


def routes(app: Any) -> set[str]:
    """Paths of every GET route."""
    from fastapi.routing import APIRoute

    found, todo = set(), list(app.routes)
    while todo:
        route = todo.pop()
        if isinstance(route, APIRoute):
            found |= {route.path} if "GET" in route.methods else set()
        else:
            todo += (getattr(route, "original_router", None) or route.router).routes
    return found


def decide(home: Path, run_id: int, ready: Any) -> None:
    """Reconcile a night, as the nightly run does."""
    with pipeline.opened(found=settings_from(environment(home))) as here:
        started = time.perf_counter()
        made = stages.reconcile(here.db, here.config, run_id, datetime.now(UTC))
        ready.send((sum(made.values()), time.perf_counter() - started))


# ------------------------------------------------------------------------------------------------ asking
class Asker:
    """Asks for every address as everybody, round and round."""

    def __init__(self, port: int, people: Mapping[str, Any], paths: list[str], words: Mapping[str, str]) -> None:
        missing = set(paths) - set(ASKED) - set(LEFT_OUT)
        assert not missing, f"routes nobody asks for here: {sorted(missing)}"
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False)
        self.people, self.words = people, words
        self.todo = [(who, path, query) for path in paths if path in ASKED for query in ASKED[path] for who in people]
        self.turn = 0

    def ask(self, who: str, path: str, query: str) -> tuple[int, float]:
        one, self.turn = self.people[who], self.turn + 1
        words = {**self.words, "form": "csv", "ref": one["refs"][self.turn % len(one["refs"])],
                 "sealed": one["sealed"][self.turn % len(one["sealed"])]}  # fmt: skip
        address = (path + query).format(**words)
        started = time.perf_counter()
        answer = self.client.get(address, headers={"Cookie": f"nephrowatch_session={one['cookie']}"})
        return answer.status_code, time.perf_counter() - started

    def open_to_each(self) -> None:
        """Ask each once, to warm up, and leave out what a role may not open. What fails stops everything."""
        kept = []
        for who, path, query in self.todo:
            status, _ = self.ask(who, path, query)
            assert status in (200, 303, 403), f"{path}{query} as {who}: status {status}"
            if status == 200:
                kept.append((who, path, query))
        self.todo = kept

    def rounds(self, most: int, over: Any = lambda: False) -> Spent:
        spent: Spent = defaultdict(list)
        for turn in range(most):
            for who, path, query in self.todo:
                if path == FILES and turn % 20:  # a file takes seconds: few of them
                    continue
                if over():
                    return spent
                status, took = self.ask(who, path, query)
                assert status == 200, f"{path}{query} as {who}: status {status}"
                spent[path + query, who].append(took)
        return spent


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def report(console: Console, title: str, spent: Spent) -> float:
    """p50, p95 and the longest of each page over everybody who may open it, and the p95 of the role that waits longest for it;
    returns the worst p95 of a page."""
    pages: dict[str, dict[str, list[float]]] = defaultdict(dict)
    for (address, who), values in spent.items():
        pages[address][who] = values
    table = Table(title=title)
    for column in ("page", "asked", "p50 ms", "p95 ms", "max ms", "p95 ms of", "the role"):
        table.add_column(column, justify="left" if column in ("page", "the role") else "right")
    worst = 0.0
    for address, by_role in pages.items():
        who = max(by_role, key=lambda one: quantile(by_role[one], 0.95))
        every = [value for one in by_role.values() for value in one]
        p95 = quantile(every, 0.95)
        if not address.startswith(FILES):
            worst = max(worst, p95)
        numbers = (quantile(every, 0.5), p95, max(every), quantile(by_role[who], 0.95))
        table.add_row(("" if p95 < TARGET else "! ") + address, str(len(every)), *(f"{1000 * n:.0f}" for n in numbers), who)
    console.print(table)
    every = [value for (address, _), values in spent.items() if not address.startswith(FILES) for value in values]
    console.print(f"all pages: {len(every):,} asked, p50 {1000 * quantile(every, 0.5):.0f} ms, "
                  f"p95 {1000 * quantile(every, 0.95):.0f} ms; worst p95 of a page {1000 * worst:.0f} ms "
                  f"(target: below {1000 * TARGET:.0f})")  # fmt: skip
    return worst


@contextmanager
def process(target: Any, *given: Any) -> Iterator[Any]:
    """Run target(*given, pipe) in a process of its own, ended at the end; yields our end of the pipe."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=target, args=(*given, theirs))  # not daemonic: the pages have a child of their own
    child.start()
    try:
        yield ours
    finally:
        child.terminate()
        child.join(20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=10_000)
    parser.add_argument("--requests", type=int, default=100, help="of each page as each role")
    parser.add_argument("--keep", type=Path, help="keep the ten years in this folder, and use them again if they are there")
    wanted = parser.parse_args()
    console = Console(width=130)
    config = configuration.load(Path(environment(Path())["NEPHROWATCH_CONFIG"]))
    home = wanted.keep or Path(tempfile.mkdtemp(prefix="nephrowatch-benchmark-"))
    built = home / f"built-{wanted.patients}"
    try:
        db = open_database(settings_from(environment(home)))
        server = embedded.running(home)
        assert server is not None
        if not built.exists():
            started = time.perf_counter()
            counts = ten_years.build(db, server.url(EMBEDDED_NAME), config, wanted.patients)
            built.touch()
            said = ", ".join(f"{number:,} {what}" for what, number in counts.items())
            console.print(f"built in {time.perf_counter() - started:.0f} s: {said}")
        db.dispose()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with process(serve, home, port) as pages:
            people, paths = pages.recv()
            words = {"long_ago": str(datetime(datetime.now(UTC).year - 5, 3, 1, tzinfo=UTC).date()), "ruleset": config.ruleset}
            asker = Asker(port, people, paths, words)
            _wait(asker.client)
            asker.open_to_each()
            console.print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
            report(console, f"{wanted.patients:,} patients, at rest", asker.rounds(wanted.requests))
            run_id = ten_years.tonight(server.url(EMBEDDED_NAME), config, wanted.patients)
            with process(decide, home, run_id) as deciding:
                spent = asker.rounds(10**6, deciding.poll)
                changes, took = deciding.recv()
            report(console, f"{wanted.patients:,} patients, while {changes:,} changes were reconciled in {took:.0f} s", spent)
            console.print(f"load average {os.getloadavg()[0]:.1f}; not asked: {LEFT_OUT}")
    finally:
        folder = (running := embedded.running(home)) and running.folder
        embedded.stop(home)
        if not wanted.keep:
            shutil.rmtree(home, ignore_errors=True)
            shutil.rmtree(folder, ignore_errors=True) if folder else None


def _wait(client: httpx.Client) -> None:
    for _ in range(200):
        try:
            client.get("/sign-in")
            return
        except httpx.TransportError:
            time.sleep(0.1)
    raise SystemExit("The pages did not start.")


if __name__ == "__main__":
    main()
