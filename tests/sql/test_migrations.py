"""From nothing to a schema this program can work with, and the sentences said when it is not there."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import numpy as np
import psycopg
import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from monitors.database import (
    SQL_FOLDER,
    Database,
    Role,
    bootstrap,
    bootstrap_sql,
    head,
    migrate,
    open_database,
    status,
    stop,
)
from monitors.errors import NotReadyError
from monitors.settings import Settings
from monitors.units import round6


@pytest.fixture
def empty(settings: Settings, server) -> Iterator[Settings]:
    """Settings of a database without tables; the roles exist in the server, and their passwords are known."""
    name = settings.database_url.rpartition("/")[2] + "_empty"
    server.run(f"CREATE DATABASE {name}")
    yield replace(settings, database_url=server.server.url(name))
    server.run(f"DROP DATABASE {name} WITH (FORCE)")


def test_there_is_one_head_and_a_fresh_database_is_at_it(database: Database, settings: Settings) -> None:
    assert ScriptDirectory(str(SQL_FOLDER / "migrations")).get_heads() == [head()]
    found = status(settings)
    assert (found["where"], found["running"], found["reachable"], found["revision"]) == (
        "external",
        None,
        True,
        head(),
    )
    assert set(found["roles"].values()) == {"works"}


def test_migrating_and_bootstrapping_again_changes_nothing(empty: Settings) -> None:
    bootstrap(empty)
    before = (empty.home / "roles.json").read_text()
    assert migrate(empty) == head()
    schema = _columns(empty)
    bootstrap(empty)
    migrate(empty)
    assert _columns(empty) == schema
    assert (empty.home / "roles.json").read_text() == before
    open_database(empty).dispose()


def test_lost_passwords_are_made_anew(settings: Settings, server) -> None:
    kept = server.home / "roles.json"
    mine = settings.home / "roles.json"
    mine.unlink()
    with pytest.raises(NotReadyError, match="nephrowatch db bootstrap"):
        open_database(settings)
    bootstrap(settings)
    try:
        assert stat.S_IMODE(mine.stat().st_mode) == 0o600
        assert mine.read_text() != kept.read_text()
        open_database(settings).dispose()
    finally:
        mine.write_bytes(kept.read_bytes())
        bootstrap(settings)  # the passwords of the other tests again


def test_without_tables_the_sentence_names_migrate(empty: Settings) -> None:
    with pytest.raises(NotReadyError, match=r"no tables.*nephrowatch db migrate"):
        open_database(empty)


@pytest.mark.parametrize(("revision", "sentence"), [
    ("9999", "install the newer Nephrowatch"), ("0000", "install the newer Nephrowatch"),
])  # fmt: skip
def test_an_unknown_revision_is_left_alone(
    database: Database, settings: Settings, revision: str, sentence: str
) -> None:
    with database.begin(Role.MIGRATOR) as connection:
        connection.execute(
            sa.text("UPDATE nephrowatch.alembic_version SET version_num = :to"), {"to": revision}
        )
    for opens in (open_database, migrate):
        with pytest.raises(NotReadyError, match=sentence):
            opens(settings)


def test_an_older_revision_names_migrate(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitors.database.head", lambda: "0002_of_tomorrow")
    with pytest.raises(NotReadyError, match=r"older than this program's.*nephrowatch db migrate"):
        open_database(settings)


def test_a_login_that_may_not_make_roles_is_told_of_the_statements_for_a_dba(
    settings: Settings, database: Database
) -> None:
    with pytest.raises(NotReadyError, match=r"nephrowatch db bootstrap --print"):
        bootstrap(replace(settings, database_url=database.url(Role.READER)))


def test_the_statements_for_a_dba_do_what_bootstrap_does_and_hold_no_password(empty: Settings) -> None:
    with closing(psycopg.connect(empty.database_url, autocommit=True)) as connection:
        connection.execute(bootstrap_sql())
    migrate(empty)
    open_database(empty).dispose()
    assert "PASSWORD '" not in bootstrap_sql()


def test_a_login_of_the_environment_wins_and_needs_no_administrator(
    database: Database, settings: Settings, tmp_path
) -> None:
    secret = tmp_path / "delivery_url"
    secret.write_text(database.url(Role.DELIVERY) + "\n")
    environment = {"NEPHROWATCH_DATABASE_URL_DELIVERY_FILE": str(secret)}
    only_delivery = Settings(settings.config, tmp_path / "elsewhere", None, environment)
    opened = open_database(only_delivery)
    with opened.begin(Role.DELIVERY) as connection:
        assert connection.scalar(sa.text("SELECT current_user")) == Role.DELIVERY
    with pytest.raises(NotReadyError, match="NEPHROWATCH_DATABASE_URL_WEB"):
        opened.url(Role.WEB)
    opened.dispose()
    with pytest.raises(NotReadyError, match="its own tools"):
        stop(only_delivery)
    with pytest.raises(NotReadyError, match="NEPHROWATCH_DATABASE_URL is not set"):
        bootstrap(only_delivery)


@pytest.mark.parametrize("address", [
    "postgresql://admin:s3cret@127.0.0.1:1/care", "postgresql://admin:s3cret@127.0.0.1:notaport/care",
    "s3cret", "mysql://admin:s3cret@127.0.0.1/care", "postgresql://admin:s3cret@127.0.0.1",
])  # fmt: skip
def test_an_unreachable_address_is_one_sentence_without_the_password(
    settings: Settings, address: str
) -> None:
    for opens in (open_database, bootstrap, migrate):
        with pytest.raises(NotReadyError) as caught:
            opens(replace(settings, database_url=address))
        assert "s3cret" not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_wrong_password_is_refused_by_the_server(settings: Settings) -> None:
    wrong = sa.make_url(settings.database_url).set(password="wrong").render_as_string(hide_password=False)
    with pytest.raises(NotReadyError, match="refused postgres"):
        bootstrap(replace(settings, database_url=wrong))


def test_nothing_printed_of_a_database_holds_a_password(database: Database, settings: Settings) -> None:
    assert (settings.home / "roles.json").read_text().count(Role.WEB) == 1
    password = sa.make_url(database.url(Role.WEB)).password
    assert password not in repr(database)
    assert password not in repr(database.address(Role.WEB))


def test_sql_rounds_like_everybody_else(database: Database) -> None:
    @hypothesis_settings(deadline=None, max_examples=30)
    @given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=200))
    def agree(values: list[float]) -> None:
        with database.begin(Role.READER) as connection:
            rounded = connection.execute(
                sa.text(
                    "SELECT nephrowatch.round6(x) "
                    "FROM unnest(CAST(:values AS float8[])) WITH ORDINALITY u(x, n) ORDER BY n"
                ),
                {"values": values},
            )
            assert np.array(rounded.scalars().all()).tobytes() == round6(np.array(values)).tobytes()

    agree()


def _columns(settings: Settings) -> list[tuple]:
    with closing(psycopg.connect(settings.database_url)) as connection:
        return connection.execute(
            "SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns "
            "WHERE table_schema IN ('nephrowatch', 'history') ORDER BY 1, 2, ordinal_position"
        ).fetchall()
