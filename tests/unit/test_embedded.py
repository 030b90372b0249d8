"""The embedded server's life: made privately, found again, and back after whatever killed it."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from monitors import embedded
from monitors.database import Role, head, open_database, status, stop
from monitors.errors import NotReadyError
from monitors.settings import settings_from
from tests.conftest import NOT_DURABLE, remove_server


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("embedded") / "home"
    try:
        embedded.start(home, NOT_DURABLE)
        yield home
    finally:
        embedded.start(home, NOT_DURABLE)
        remove_server(home)


@pytest.fixture
def running(home: Path) -> embedded.Server:
    return embedded.start(home, NOT_DURABLE)


def test_passwords_and_data_are_for_their_owner_only(home: Path, running: embedded.Server) -> None:
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "postgres.json").stat().st_mode) == 0o600
    for private in (running.folder, running.data):
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert stat.S_IMODE((running.folder / "server.log").stat().st_mode) == 0o600
    assert not (running.folder / "password").exists()
    assert running.password not in repr(running)
    assert running.password not in (running.folder / "server.log").read_text()


def test_the_server_never_runs_as_root(running: embedded.Server) -> None:
    assert running.data.stat().st_uid != 0  # PostgreSQL itself insists on running as the owner of its data


def test_every_door_asks_for_a_password(running: embedded.Server) -> None:
    with _superuser(running) as connection:
        doors = connection.execute("SELECT DISTINCT auth_method FROM pg_hba_file_rules").fetchall()
        passwords = connection.execute(
            "SELECT DISTINCT left(rolpassword, 13) FROM pg_authid WHERE rolpassword <> ''"
        )
        listening = connection.execute(
            "SELECT current_setting('listen_addresses'), current_setting('unix_socket_directories')"
        )
        assert (doors, passwords.fetchall(), listening.fetchall()) == (
            [("scram-sha-256",)],
            [("SCRAM-SHA-256",)],
            [("127.0.0.1", "")],
        )
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(running.url("postgres").replace(running.password, "wrong"))


def test_it_is_set_for_the_nights_load_and_keeps_checksums(running: embedded.Server) -> None:
    with _superuser(running) as connection:
        assert [
            connection.execute(f"SHOW {name}").fetchone()
            for name in ("jit", "data_checksums", "server_encoding", "log_error_verbosity")
        ] == [("off",), ("on",), ("UTF8",), ("terse",)]


def test_a_second_start_finds_the_first(home: Path, running: embedded.Server) -> None:
    before = (running.data / "postmaster.pid").read_text()
    assert embedded.start(home) == running == embedded.running(home)
    assert (running.data / "postmaster.pid").read_text() == before


def test_stopped_is_stopped_and_two_starters_make_one_server(home: Path, running: embedded.Server) -> None:
    assert embedded.stop(home) is True
    assert embedded.stop(home) is False
    assert embedded.running(home) is None
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: embedded.start(home, NOT_DURABLE), range(2))
    assert first == second


def test_killed_it_starts_again_with_what_was_committed(home: Path, running: embedded.Server) -> None:
    with _superuser(running) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    os.kill(int((running.data / "postmaster.pid").read_text().split("\n")[0]), signal.SIGKILL)
    while embedded.running(home):
        pass  # the signal is on its way
    with _superuser(embedded.start(home, NOT_DURABLE)) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_a_pid_left_behind_that_is_now_another_programs_is_no_hindrance(
    home: Path, running: embedded.Server
) -> None:
    left_behind = (running.data / "postmaster.pid").read_text().split("\n")
    embedded.stop(home)
    (running.data / "postmaster.pid").write_text("\n".join([str(os.getpid()), *left_behind[1:]]))
    assert embedded.running(home) is None
    assert embedded.stop(home) is False
    with _superuser(embedded.start(home, NOT_DURABLE)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_port_taken_meanwhile_is_changed_for_good(home: Path, running: embedded.Server) -> None:
    embedded.stop(home)
    with socket.create_server(("127.0.0.1", running.port)):
        moved = embedded.start(home, NOT_DURABLE)
    assert moved.port != running.port
    assert json.loads((home / "postgres.json").read_text())["port"] == moved.port
    with _superuser(moved) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_data_of_another_release_are_not_touched(home: Path, running: embedded.Server) -> None:
    embedded.stop(home)
    version = running.data / "PG_VERSION"
    version.write_text("13\n")
    with pytest.raises(NotReadyError, match=r"written by PostgreSQL 13"):
        embedded.start(home)
    version.write_text("18\n")


def test_a_setting_it_cannot_start_with_is_told_in_the_servers_own_words(
    home: Path, running: embedded.Server
) -> None:
    embedded.stop(home)
    with pytest.raises(NotReadyError, match=r"did not start.*no_such_setting"):
        embedded.start(home, {**NOT_DURABLE, "no_such_setting": "1"})


def test_without_its_password_file_the_data_are_not_overwritten(home: Path, running: embedded.Server) -> None:
    kept = (home / "postgres.json").rename(home / "aside")
    with pytest.raises(NotReadyError, match=r"postgres\.json is gone"):
        embedded.start(home)
    kept.rename(home / "postgres.json")


def test_a_damaged_password_file_is_named(home: Path, running: embedded.Server) -> None:
    path = home / "postgres.json"
    kept = path.read_text()
    path.write_text("{")
    with pytest.raises(NotReadyError, match=r"postgres\.json cannot be read"):
        embedded.running(home)
    path.write_text(kept)


def test_first_use_makes_everything_and_status_only_looks(home: Path, running: embedded.Server) -> None:
    settings = settings_from({"NEPHROWATCH_HOME": str(home)})
    assert status(settings)["reachable"] is False
    with ThreadPoolExecutor(2) as pool:  # two first uses at once
        opened = list(pool.map(open_database, [settings, settings]))
    with opened[0].begin(Role.READER) as connection:
        assert connection.exec_driver_sql("SELECT current_user").scalar() == Role.READER
    for one in opened:
        one.dispose()
    assert stat.S_IMODE((home / "roles.json").stat().st_mode) == 0o600
    found = status(settings)
    assert (found["where"], found["running"], found["revision"]) == ("embedded", True, head())
    assert stop(settings) is True
    assert (status(settings)["running"], embedded.running(home)) == (False, None)


def test_a_home_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotReadyError, match="NEPHROWATCH_HOME"):
        embedded.start(tmp_path / "file" / "home")


def _superuser(server: embedded.Server) -> closing[psycopg.Connection]:
    return closing(psycopg.connect(server.url("postgres"), autocommit=True))
