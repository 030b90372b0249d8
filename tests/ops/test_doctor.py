"""`nephrowatch doctor` finds what is planted, names it where it is, and says what to do; it changes nothing itself."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from monitors import cli, database
from monitors.doctor import Finding, State, examine
from monitors.doctor import machine as machine_checks
from monitors.settings import settings_from
from tests.conftest import TestServer
from tests.nights.conftest import a_site
from tests.site import Site, monthly

NIGHT = date(2026, 4, 15)
PEOPLE = """
roles: {nephrologist: {may: [take, acknowledge]}}
people:
  - {name: Dr. Example, login: example, role: nephrologist, units: ["*"], on_call: true}
"""
# What the tests' own server and stand-ins look like; everything else of a healthy site is in order.
USUAL = {("server", "fsync"), ("server", "full_page_writes")}


@dataclass
class Patient:
    """A site after a night, and the environment its doctor runs in. now: this machine's clock."""

    site: Site
    server: TestServer
    environment: dict[str, str]
    now: datetime

    def findings(self) -> list[Finding]:
        return list(examine(settings_from(self.environment), lambda: self.now))

    def faults(self) -> list[Finding]:
        return [f for f in self.findings() if f.state is State.FAULT and (f.check, f.says.split()[0]) not in USUAL]

    def run(self, statement: str) -> None:
        with psycopg.connect(self.site.database_url, autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]

    @property
    def config(self) -> Path:
        return self.site.root / "config"

    @property
    def home(self) -> Path:
        return self.site.root / "home"

    def rewrite(self, name: str, old: str, new: str) -> None:
        path = self.config / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


@pytest.fixture
def patient(server: TestServer, tmp_path: Path) -> Iterator[Patient]:
    with a_site(server, tmp_path / "site") as site:
        (site.root / "config" / "people.yaml").write_text(PEOPLE)
        (site.root / "home").chmod(0o700)
        site.patients("T1")
        site.labs("labs.csv", *monthly("T1", NIGHT - timedelta(days=1), {"P": 6.8, "CA": 9.7}, {"P": 6.9, "CA": 9.6}))
        site.night(NIGHT)
        environment = site.environment | {"NEPHROWATCH_DATABASE_URL": site.database_url}
        # The database's clock is the real one; the machine's clock of these tests is that, unless a test says otherwise.
        yield Patient(site, server, environment, datetime.now(UTC))


def settled(patient: Patient) -> None:
    """The site's only night is long ago for a clock of today: give it a finished one of tonight."""
    patient.run(f"UPDATE nephrowatch.runs SET night = '{patient.now:%Y-%m-%d}'")
    patient.run("UPDATE nephrowatch.outbox SET created_at = now()")


@contextmanager
def role(patient: Patient, statement: str, back: str) -> Iterator[None]:
    """Logins belong to the whole server, which other tests use next."""
    patient.run(statement)
    try:
        yield
    finally:
        patient.run(back)


# Each: what is done to a healthy site, the check that must name it, a word of what it says, a word of the remedy.
Plant = Callable[[Patient], Any]
FAULTS: dict[str, tuple[Plant, str, str, str]] = {
    "a typing mistake in routes.yaml": (
        lambda p: p.rewrite("routes.yaml", "messages: [digest]", "mesages: [digest]"), "configuration", "routes.yaml",
        "Mend that line"),
    "a destination without its token": (
        lambda p: p.environment.pop("SLACK_BOT_TOKEN"), "secrets", "SLACK_BOT_TOKEN", "outbox"),
    "passwords others can read": (
        lambda p: (p.home / "roles.json").chmod(0o644), "home", "roles.json", "chmod go="),
    "a home others can open": (
        lambda p: p.home.chmod(0o755), "home", "can be opened by others", "chmod go="),
    "an archive everybody can read": (
        lambda p: (p.home / "archive").chmod(0o755), "archive", "raw files", "chmod o="),
    "a raw file that was lost": (
        lambda p: shutil.rmtree(next(d for d in (p.home / "archive").iterdir() if d.is_dir())), "archive", "missing or damaged",
        "Restore the archive"),
    "a raw file that was changed": (
        lambda p: next(f for f in (p.home / "archive").rglob("*") if f.is_file()).write_bytes(b"other"), "archive",
        "missing or damaged", "Restore the archive"),
    "links without TLS": (
        lambda p: p.rewrite("site.yaml", "https://nephrowatch.example", "http://nephrowatch.example"), "link",
        "without TLS", "https"),
    "nobody to acknowledge": (
        lambda p: (p.config / "people.yaml").write_text("people: []\n"), "people", "unit N1", "may` has acknowledge"),
    "a payload key that is too short": (
        lambda p: p.environment.update(NEPHROWATCH_PAYLOAD_KEY="short"), "payload key", "shorter", "then ask again"),
    "a wrong password": (
        lambda p: (p.home / "roles.json").write_text(
            (p.home / "roles.json").read_text().replace('"nephrowatch_web": "', '"nephrowatch_web": "x')),
        "logins", "nephrowatch_web", "bootstrap"),
    "no database": (
        lambda p: p.environment.update(NEPHROWATCH_DATABASE_URL="postgresql://a:b@127.0.0.1:9/none"), "database",
        "does not answer", "ask again"),
    "a schema of another version": (
        lambda p: p.run("UPDATE nephrowatch.alembic_version SET version_num = '0001'"), "database", "older than", "ask again"),
    "a trigger of the ledger switched off": (
        lambda p: p.run("ALTER TABLE history.ledger DISABLE TRIGGER USER"), "ledger guard", "history.ledger", "checkpoint"),
    "a login that may write to the ledger": (
        lambda p: p.run("GRANT UPDATE ON history.ledger TO nephrowatch_delivery"), "ledger guard",
        "nephrowatch_delivery", "Find out"),
    "a changed entry of the ledger": (
        lambda p: (p.run("ALTER TABLE history.ledger DISABLE TRIGGER USER"),
                   p.run("UPDATE history.ledger SET kind = 'forged' WHERE seq = 2"),
                   p.run("ALTER TABLE history.ledger ENABLE TRIGGER USER")), "history", "entry 2", "keep the database"),
    "a night that was not finished": (
        lambda p: p.run(f"UPDATE nephrowatch.runs SET night = '{p.now - timedelta(days=3):%Y-%m-%d}'"), "nights", "due was",
        "nightly_labs"),
    "messages that do not leave": (
        lambda p: p.run("UPDATE nephrowatch.outbox SET state = 'pending', created_at = now() - interval '2 hours'"), "messages",
        "over an hour", "nephrowatch deliver"),
    "messages that were given up": (
        lambda p: p.run("UPDATE nephrowatch.outbox SET state = 'dead'"), "messages", "given up", "tell the unit"),
    "a feed's folder that is gone": (
        lambda p: shutil.rmtree(p.config / "feeds" / "n1-labs"), "feeds", "n1-labs", "location"),
    "a mail server that does not answer": (
        lambda p: p.rewrite("routes.yaml", f"port: {p.site.smtp}", "port: 9"), "destinations", "mail", "notify test"),
    "a channel the bot was put out of": (
        lambda p: p.site.slack_standin.about.update(is_member=False), "destinations", "slack", "notify test"),
    "buttons whose presses nobody can hear": (
        lambda p: (p.rewrite("routes.yaml", "channel: C0TEST01,", "channel: C0TEST01, app_token: SLACK_APP_TOKEN,"),
                   p.environment.update(SLACK_APP_TOKEN="xapp-test")),
        "presses", "invalid_auth", "SLACK_APP_TOKEN"),
    "an app token that is none": (
        lambda p: (p.rewrite("routes.yaml", "channel: C0TEST01,", "channel: C0TEST01, app_token: SLACK_APP_TOKEN,"),
                   p.environment.update(SLACK_APP_TOKEN="xoxb-test")),
        "presses", "begin with xapp-", "docs/slack.md"),
    "a heartbeat nobody hears": (
        lambda p: p.environment.update(NEPHROWATCH_HEARTBEAT_URL="http://127.0.0.1:9/"), "heartbeat", "does not answer", "host"),
    "a clock that is wrong": (
        lambda p: setattr(p, "now", p.now + timedelta(minutes=10)), "clock", "apart", "time server"),
    "a clock that went back": (
        lambda p: p.run("UPDATE nephrowatch.judgements SET sealed_at = now() + interval '3 days'"), "clock", "went back",
        "clock right"),
}  # fmt: skip


def test_a_healthy_site_has_no_fault(patient: Patient) -> None:
    settled(patient)
    assert patient.faults() == []


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_planted_is_found(name: str, patient: Patient) -> None:
    plant, check, says, remedy = FAULTS[name]
    settled(patient)
    plant(patient)
    found = [f for f in patient.faults() if f.check == check]
    assert any(says in f.says and remedy in f.remedy for f in found), [(f.check, f.says, f.remedy) for f in patient.faults()]


@pytest.mark.parametrize(("grant", "back", "may"), [
    ("ALTER ROLE nephrowatch_pages BYPASSRLS", "ALTER ROLE nephrowatch_pages NOBYPASSRLS", "row-level security"),
    ("GRANT nephrowatch_ledger TO nephrowatch_web", "REVOKE nephrowatch_ledger FROM nephrowatch_web", "owner of the ledger"),
])  # fmt: skip
def test_a_login_that_may_too_much_is_found(patient: Patient, grant: str, back: str, may: str) -> None:
    settled(patient)
    with role(patient, grant, back):
        assert [f.check for f in patient.faults() if may in f.says] == ["rights"]
    assert patient.faults() == []


def test_a_secret_file_everybody_can_read_is_noted_but_not_a_containers(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Docker gives a mounted secret the mode of the host's file, which the host's folder guards."""
    key = tmp_path / "run" / "secrets" / "key"
    key.parent.mkdir(parents=True)
    key.write_text("0" * 64)
    key.chmod(0o444)
    patient.environment["NEPHROWATCH_WRITER_KEY_FILE"] = str(key)
    assert [f.remedy for f in patient.findings() if f.check == "secrets"] == [f"chmod o= {key}"]
    monkeypatch.setattr(machine_checks, "MOUNTED", key.parent)
    assert not [f.remedy for f in patient.findings() if f.check == "secrets" and str(key) in f.says]


def test_a_full_disk_is_found(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    settled(patient)
    usage = shutil.disk_usage(patient.home)
    monkeypatch.setattr(machine_checks.shutil, "disk_usage", lambda place: usage._replace(free=100_000_000))
    assert {f.check for f in patient.faults()} == {"disk"}


def test_an_embedded_server_that_does_not_run_is_said_and_not_started(patient: Patient) -> None:
    patient.environment.pop("NEPHROWATCH_DATABASE_URL")
    said = {f.check: f for f in patient.faults()}
    assert said["database"].remedy == "nephrowatch db start"
    assert not any(path.name.startswith("postgres") for path in patient.home.iterdir())


def test_an_embedded_database_that_is_behind_is_said_and_not_migrated(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To open the embedded one would bring it up to date."""
    stands = {"where": "embedded", "running": True, "reachable": True, "revision": "0001", "head": "0002", "roles": {}}
    monkeypatch.setattr(database, "status", lambda settings: stands)
    monkeypatch.setattr(database, "open_database", lambda settings: pytest.fail("it was opened"))
    said = {f.check: f for f in patient.faults()}
    assert "db migrate" in said["database"].remedy


def test_nothing_is_changed(patient: Patient) -> None:
    settled(patient)
    def state() -> tuple[Any, ...]:
        site = patient.site
        return site.outbox_keys(), site.changes(), site.rows("SELECT count(*) FROM history.ledger")

    before = state()
    patient.faults()
    assert state() == before


def test_as_a_command(patient: Patient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Faults first to be mended, no password and no patient in it, and an exit code a script can use."""
    for name, value in patient.environment.items():
        monkeypatch.setenv(name, value)
    (patient.home / "roles.json").chmod(0o644)
    with pytest.raises(SystemExit) as left:
        cli.main(["doctor", "--no-network", "--all"])
    printed = capsys.readouterr().out
    assert left.value.code == 1
    assert f"chmod go= {patient.home}/roles.json" in printed.replace("\n", "")
    assert "destinations" not in printed
    passwords = [word for word in (patient.home / "roles.json").read_text().split('"') if len(word) > 25]
    assert passwords
    assert not [word for word in [*passwords, "T1", "EXAMPLE", os.environ.get("SLACK_BOT_TOKEN", "-")] if word in printed]


def test_a_secret_that_is_not_there_is_said_once(patient: Patient) -> None:
    settled(patient)
    patient.environment.pop("SLACK_BOT_TOKEN")
    assert {f.check for f in patient.faults()} == {"secrets"}


def test_the_time_the_doctor_takes_is_no_difference_of_clocks(patient: Patient) -> None:
    began, moments = datetime.now(UTC), []

    def clock() -> datetime:
        moments.append(datetime.now(UTC))
        return began - timedelta(minutes=5) if len(moments) == 1 else moments[-1]

    found = examine(settings_from(patient.environment), clock, network=False)
    assert [f.state for f in found if f.check == "clock" and "apart" in f.says] == [State.FINE]
