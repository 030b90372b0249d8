"""A small site after a live night, and somebody of every role signed in to its pages."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import httpx
import pytest

from monitors.database import Database
from monitors.web.access import Access, Viewer
from monitors.web.app import application
from tests.site import Site, draw, monthly

with warnings.catch_warnings():  # it would rather have another client library
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

LAST = date(2026, 4, 14)
WHO = {
    "care": Viewer("nurse@renal.example", "Nurse Example", "nurse", Access.CARE, ("N1",)),
    "foreign": Viewer("far@renal.example", "Dr. Far", "nephrologist", Access.CARE, ("N2",)),
    "engineer": Viewer("data@renal.example", "Data Engineer", "data engineer", Access.ENGINEER, ("*",)),
    "auditor": Viewer("audit@renal.example", "Auditor Example", "auditor", Access.AUDITOR, ("*",)),
    "owner": Viewer("rules@renal.example", "Rule Owner", "rule owner", Access.RULE_OWNER, ("*",)),
    "admin": Viewer("admin@renal.example", "Administrator", "administrator", Access.ADMIN, ("*",)),
}


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


def links(text: str, prefix: str) -> list[str]:
    return re.findall(rf'href="({prefix}[^"]*)"', text)


@pytest.fixture
def web(database: Database, tmp_path: Path) -> Web:
    site = Site(tmp_path, database)
    site.waive()
    site.patients("T1", "T3")
    site.patients("T2", unit="N2")
    site.labs("a.csv", *monthly("T1", LAST, {"P": 5.2, "CA": 9.3}, {"P": 6.6, "CA": 9.6}, {"P": 6.9, "CA": 9.8, "PTH": 540}),
              *draw("T3", LAST, P=4.4, CA=9.0))  # fmt: skip
    site.labs("b.csv", *monthly("T2", LAST, {"P": 6.6, "CA": 9.6}, {"P": 6.9, "CA": 9.8}), feed="n2-labs")
    site.medications("m.csv", {"patient": "T1", "drug": "warfarin", "start": "2026-01-05", "listed": "2026-04-10"})
    site.night(date(2026, 4, 15))
    app = application(site.here)
    app.state.pages.verifier.refresh(app.state.pages)
    [(ref,)] = site.rows("SELECT ref FROM nephrowatch.episodes WHERE unit = 'N1' ORDER BY episode_id LIMIT 1")
    return Web(site, app, ref)
