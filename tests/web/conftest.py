"""A small site after a live night, and somebody of every role signed in to its pages."""

from __future__ import annotations

import re
import shutil
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import httpx
import pytest

from monitors.database import Database, open_database, sql
from monitors.web.access import Access, Viewer
from monitors.web.app import application
from tests.conftest import TEMPLATE, TestServer
from tests.site import Site, draw, monthly

with warnings.catch_warnings():  # it would rather have another client library
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

LAST = date(2026, 4, 14)
WHO = {
    "care": Viewer("nurse@renal.example", "Nurse Example", "nurse", Access.CARE, ("N1",)),
    "doctor": Viewer("near@renal.example", "Dr. Near", "nephrologist", Access.CARE, ("N1",)),
    "foreign": Viewer("far@renal.example", "Dr. Far", "nephrologist", Access.CARE, ("N2",)),
    "engineer": Viewer("data@renal.example", "Data Engineer", "data engineer", Access.ENGINEER, ("*",)),
    "auditor": Viewer("audit@renal.example", "Auditor Example", "auditor", Access.AUDITOR, ("*",)),
    "owner": Viewer("rules@renal.example", "Rule Owner", "rule owner", Access.RULE_OWNER, ("*",)),
    "admin": Viewer("admin@renal.example", "Administrator", "administrator", Access.ADMIN, ("*",)),
}


PEOPLE = """
roles:
  nephrologist:
    may: [take, release, acknowledge, unacknowledge, snooze, dismiss, outcome]
    covers: [dietitian, nurse, pharmacist]
  nurse: {may: [take, release, outcome], covers: [dietitian]}
people:
  - {name: Nurse Example, login: nurse@renal.example, role: nurse, units: [N1]}
  - {name: Dr. Near, login: near@renal.example, role: nephrologist, units: [N1]}
  - {name: Dr. Far, login: far@renal.example, role: nephrologist, units: [N2]}
"""


@dataclass
class Web:
    """The app of a site. `as_(who)` is a browser that is signed in."""

    site: Site
    app: object
    ref: str
    clients: dict[str, TestClient] = field(default_factory=dict)

    def browser(self) -> TestClient:
        return TestClient(self.app, base_url="http://pages.example", follow_redirects=False, raise_server_exceptions=False)

    def as_(self, who: str) -> TestClient:
        if who not in self.clients:
            client = self.browser()
            pages = self.app.state.pages
            token = pages.sessions.once(WHO[who], pages.here.clock())
            answer = client.post("/sign-in/once", data={"token": token})
            assert answer.status_code == 303
            self.clients[who] = client
        return self.clients[who]

    def csrf(self, who: str) -> str:
        sid = self.as_(who).cookies["nephrowatch_session"]
        pages = self.app.state.pages
        return pages.sessions.find(sid, pages.here.clock()).csrf

    def post(self, who: str, path: str, **data: str) -> httpx.Response:
        headers = {"Origin": "http://pages.example"}
        return self.as_(who).post(path, data={"csrf": self.csrf(who), **data}, headers=headers)

    def patient(self, who: str) -> str:
        """The address of the one patient in N1, as this viewer's pages write it."""
        pages = self.app.state.pages
        [(number,)] = self.site.rows("SELECT patient_id FROM nephrowatch.episodes WHERE unit = 'N1' ORDER BY 1 LIMIT 1")
        return f"/patients/{pages.sessions.seal(WHO[who], number)}"


    def filled(self, path: str, who: str) -> str:
        """An address of this site: {ref} open, {seen} one that is acknowledged, {patient} as this viewer's pages write it,
        {old} and {new} rule sets."""
        seen = self.site.rows("SELECT ref FROM nephrowatch.episodes WHERE state = 'acknowledged' ORDER BY episode_id LIMIT 1")
        sets = [row.ruleset for row in self.site.rows("SELECT ruleset FROM nephrowatch.rulesets ORDER BY first_used, ruleset")]
        acknowledged = seen[0].ref if seen else self.ref
        return path.format(ref=self.ref, seen=acknowledged, patient=self.patient(who), old=sets[0], new=sets[-1])


def links(text: str, prefix: str) -> list[str]:
    return re.findall(rf'href="({prefix}[^"]*)"', text)


@dataclass(frozen=True)
class Night:
    """A site after its night, made once a worker: the name of its database, its folder, the time."""

    name: str
    root: Path
    clock: datetime


@pytest.fixture(scope="session")
def after_a_night(server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    root = tmp_path_factory.mktemp("web")
    with a_database(server, root, TEMPLATE) as (name, database):
        site = Site(root, database)
        a_night(site)
        database.dispose()
        yield Night(name, root, site.clock)


@contextmanager
def a_database(server: TestServer, root: Path, template: str) -> Iterator[tuple[str, Database]]:
    """(name, database): a copy of a database of the tests' server, gone at the end."""
    name = f"web_{uuid.uuid4().hex[:12]}"
    home = root / "home"
    home.mkdir(parents=True, exist_ok=True)
    shutil.copy(server.home / "roles.json", home)
    server.run(f"CREATE DATABASE {name} TEMPLATE {template}")
    server.run(str(sql("bootstrap/rights")), name)
    database = open_database(server.settings(name, home))
    try:
        yield name, database
    finally:
        database.dispose()
        server.run(f"DROP DATABASE {name} WITH (FORCE)")


def a_night(site: Site) -> None:
    """T1 and T2 are high, each in a unit of its own; T1 takes warfarin; T3 is calm."""
    site.waive()
    site.patients("T1", "T3")
    site.patients("T2", unit="N2")
    site.labs("a.csv", *monthly("T1", LAST, {"P": 5.2, "CA": 9.3}, {"P": 6.6, "CA": 9.6}, {"P": 6.9, "CA": 9.8, "PTH": 540}),
              *draw("T3", LAST, P=4.4, CA=9.0))  # fmt: skip
    site.labs("b.csv", *monthly("T2", LAST, {"P": 6.6, "CA": 9.6}, {"P": 6.9, "CA": 9.8}), feed="n2-labs")
    site.medications("m.csv", {"patient": "T1", "drug": "warfarin", "start": "2026-01-05", "listed": "2026-04-10"})
    site.night(date(2026, 4, 15))


@pytest.fixture
def web(server: TestServer, after_a_night: Night, tmp_path: Path) -> Iterator[Web]:
    with a_web(server, after_a_night, tmp_path) as web:
        yield web


@contextmanager
def a_web(server: TestServer, after_a_night: Night, root: Path) -> Iterator[Web]:
    """The pages of a copy of the site, in a folder of their own."""
    shutil.copytree(after_a_night.root, root, dirs_exist_ok=True)
    with a_database(server, root, after_a_night.name) as (name, database):
        site = Site(root, database)
        site.database_url = server.server.url(name)
        site.clock = after_a_night.clock
        (site.root / "config" / "people.yaml").write_text(PEOPLE)
        yield opened(site)


def opened(site: Site) -> Web:
    """The pages of a site, its ledger recomputed."""
    app = application(site.here)
    app.state.pages.verifier.refresh(app.state.pages)
    [(ref,)] = site.rows("SELECT ref FROM nephrowatch.episodes WHERE unit = 'N1' ORDER BY episode_id LIMIT 1")
    return Web(site, app, ref)
