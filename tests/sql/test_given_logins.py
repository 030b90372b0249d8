"""A server set up from secrets kept as files: the administrator's URL and one URL a login, passwords included."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from monitors import embedded
from monitors.database import bootstrap, migrate, open_database, status
from monitors.errors import NotReadyError, UserError
from monitors.logins import Role
from monitors.settings import Settings, settings_from
from tests.conftest import NOT_DURABLE, remove_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.Server]:
    """A server of this file's own: its logins' passwords are changed here."""
    home = tmp_path_factory.mktemp("given")
    try:
        yield embedded.start(home, NOT_DURABLE)
    finally:
        remove_server(home)


@pytest.fixture
def by_files(server: embedded.Server, tmp_path: Path) -> Settings:
    """Settings as services get them: every URL in a file, with a line break at its end."""
    administrator = sa.make_url(server.url("postgres"))
    environment = {"NEPHROWATCH_HOME": str(tmp_path / "home")}
    for variable, url in {
        "NEPHROWATCH_DATABASE_URL": administrator,
        **{role.variable: administrator.set(username=role.value, password=f"of-{role.value}-only") for role in Role},
    }.items():
        (tmp_path / variable).write_text(url.render_as_string(hide_password=False) + "\n", encoding="utf-8")
        environment[f"{variable}_FILE"] = str(tmp_path / variable)
    return settings_from(environment)


def test_logins_work_with_the_passwords_of_their_files(by_files: Settings) -> None:
    bootstrap(by_files)
    assert set(status(by_files)["roles"].values()) == {"refused"}, "without being asked to, it sets no given password"
    for _ in range(2):  # again is fine
        bootstrap(by_files, set_given=True)
        migrate(by_files)
    assert set(status(by_files)["roles"].values()) == {"works"}
    assert (by_files.home / "roles.json").read_text(encoding="utf-8") == "{}", "nothing is kept that was given"
    mine = {key: value for key, value in by_files.environment.items() if "_WEB_" in key or key == "NEPHROWATCH_HOME"}
    only = open_database(settings_from(mine))
    assert only.roles == (Role.WEB,), "a service knows the login it is given, and no other"
    only.dispose()


@pytest.mark.parametrize("change", [
    {"username": "postgres"}, {"database": "elsewhere"}, {"password": None},
], ids=["of another login", "of another database", "without a password"])  # fmt: skip
def test_a_given_login_that_cannot_be_right_is_named(by_files: Settings, change: dict[str, str | None]) -> None:
    role = Role.DELIVERY
    file = Path(by_files.environment[f"{role.variable}_FILE"])
    url = sa.make_url(file.read_text(encoding="utf-8").strip())
    parts = {**url._asdict(), **change}
    file.write_text(sa.URL.create(**parts).render_as_string(hide_password=False), encoding="utf-8")
    with pytest.raises(NotReadyError, match=role.variable) as said:
        bootstrap(by_files, set_given=True)
    assert "of-nephrowatch" not in str(said.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="NEPHROWATCH_DATABASE_URL_FILE points to"):
        settings_from({"NEPHROWATCH_DATABASE_URL_FILE": str(tmp_path / "absent")})
