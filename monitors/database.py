"""The one way to PostgreSQL: statements out of sql/, transactions and bulk reads by role, and getting it
ready.

Two places. *Embedded*: without NEPHROWATCH_DATABASE_URL, a server of our own in NEPHROWATCH_HOME, made,
bootstrapped and migrated at first use. *External*: that URL is an administrator's, used by `bootstrap` and
nothing else; everything after logs in as a role (see `logins`), and only the migrator owns anything.
"""

from __future__ import annotations

import datetime as dt
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg.sql import SQL, Identifier, Literal
from sqlalchemy.engine import URL

from monitors import embedded
from monitors.columnar import copy_frame, filled, numpy_arrays, numpy_frame
from monitors.errors import NotReadyError
from monitors.logins import (
    Role,
    given_url,
    is_embedded,
    known_urls,
    libpq_url,
    make_engine,
    parsed,
    passwords,
    refused,
    session_url,
    where,
)  # fmt: skip
from monitors.settings import DATABASE_URL, Settings

__all__ = [
    "Database", "Role", "bootstrap", "bootstrap_sql", "copy_frame", "head", "migrate", "open_database", "sql",
    "status", "stop",
]  # fmt: skip

SQL_FOLDER = Path(__file__).resolve().parent.parent / "sql"
EMBEDDED_NAME = "nephrowatch"  # the database within the embedded server
SIGNER = "signer"  # where a connection carries what signs entries of the ledger
READY_LOCK = 0x6E657068  # advisory lock of bootstrap and migrate: 'neph'


def sql(name: str) -> sa.TextClause:
    """The statement in sql/<name>.sql, such as `store/results`, with `:name` parameters.

    `:name::type` is no parameter to SQLAlchemy; write `CAST(:name AS type)`.
    """
    return _clause(name)


@cache
def _clause(name: str) -> sa.TextClause:
    return sa.text(_text(name))


@cache
def _text(name: str) -> str:
    return (SQL_FOLDER / f"{name}.sql").read_text(encoding="utf-8").strip().removesuffix(";")


class Database:
    """One database under several logins. Its repr shows no password; pools are made when first used."""

    def __init__(self, urls: Mapping[Role, URL]) -> None:
        self._urls = dict(urls)
        self.signer: Any = None  # signs entries of the ledger; its key is never in the database
        self._engines: dict[Role, sa.Engine] = {}
        self._readers: dict[tuple[Role, int], Any] = {}  # one ADBC connection a role and thread: making one takes 60 ms

    def __repr__(self) -> str:
        places = {where(url).removeprefix("The database ") for url in self._urls.values()}
        return f"Database({', '.join(sorted(places))})"

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles this machine can log in as."""
        return tuple(self._urls)

    def address(self, role: Role) -> URL:
        """The role's URL as an object. Raises NotReadyError when its password is not known here."""
        if role not in self._urls:
            raise NotReadyError(
                f"No password of {role} is known here; run `nephrowatch db bootstrap` or set {role.variable}."
            )
        return self._urls[role]

    def url(self, role: Role) -> str:
        """postgresql://user:password@host:port/name, for other programs. Raises NotReadyError as `address`
        does.
        """
        return libpq_url(self.address(role))

    @contextmanager
    def begin(self, role: Role) -> Iterator[sa.Connection]:
        """One transaction: commits at exit, rolls back on error. Raises NotReadyError when it cannot connect.

        Connections are pooled: create temporary tables ON COMMIT DROP.
        """
        if role not in self._engines:
            self._engines[role] = make_engine(self.address(role))
        try:
            connection = self._engines[role].connect()
        except sa.exc.OperationalError as problem:
            raise refused(self.address(role), problem) from None
        connection.info[SIGNER] = self.signer
        with connection, connection.begin():
            yield connection

    def frame(self, role: Role, name: str, **ints: int | bool | dt.date) -> pd.DataFrame:
        """What sql/<name>.sql answers as a frame, in a transaction of its own. For large reads.

        Numpy-backed columns: integers -> intN (float64 where there is a NULL), double precision -> float64
        (NULL is NaN), timestamptz -> datetime64[us, UTC], date -> datetime64[s], boolean -> bool (object
        where there is a NULL), text -> object. Cast `numeric` and `uuid` in the statement. Only int, bool and
        date parameters.
        """
        return numpy_frame(self._arrow(role, name, ints))

    def arrays(self, role: Role, name: str, **ints: int | bool | dt.date) -> dict[str, Any]:
        """As `frame`, each column an array and times datetime64[us]: for millions of rows."""
        return numpy_arrays(self._arrow(role, name, ints))

    def _arrow(self, role: Role, name: str, ints: Mapping[str, int | bool | dt.date]) -> Any:
        import adbc_driver_postgresql.dbapi as adbc

        statement = filled(name, _text(name), ints)
        mine = role, threading.get_ident()
        if mine not in self._readers:
            try:
                self._readers[mine] = adbc.connect(libpq_url(session_url(self.address(role))), autocommit=True)
            except adbc.Error as problem:
                raise refused(self.address(role), problem) from None
        try:
            with self._readers[mine].cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetch_arrow_table()
        except BaseException:  # a connection that failed once is not trusted again
            self._readers.pop(mine).close()
            raise

    def dispose(self) -> None:
        """Close every pooled connection."""
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()
        while self._readers:
            self._readers.popitem()[1].close()


# -------------------------------------------------------------------------------------- making it ready
def open_database(settings: Settings) -> Database:
    """The database, ready for this program. The embedded one is started, bootstrapped and migrated if need
    be.

    Raises NotReadyError, naming the command to run, when an external one cannot be reached, has no roles or
    tables yet, or has a schema older or newer than this program.
    """
    if is_embedded(settings):
        _prepare_embedded(settings)
    database = Database(known_urls(settings, _base(settings)))
    try:
        _check_revision(database)
    except BaseException:
        database.dispose()
        raise
    return database


def bootstrap(settings: Settings, *, set_given: bool = False) -> None:
    """Make the roles, their passwords (<home>/roles.json) and their rights on the database. Doing it again is
    fine.

    A role whose URL is in the environment keeps its password; with set_given it gets the one of that URL.
    Raises NotReadyError when the administrator's login may not do this: then a DBA runs `bootstrap_sql()`.
    """
    embedded.private_folder(settings.home)
    url = _administrator(settings)
    engine = make_engine(url)
    try:
        with embedded.locked(settings.home / "roles.lock"), engine.begin() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(READY_LOCK)))
            connection.execute(sql("bootstrap/roles"))
            connection.execute(sql("bootstrap/rights"))
            saved = passwords(settings)
            for role in Role:
                given = given_url(settings, role)
                if given is None:
                    _set_password(connection, role, saved.setdefault(role.value, secrets.token_urlsafe(24)))
                elif set_given:
                    _set_password(connection, role, _password_for(given, role, url))
            # Before the commit: a crash in between leaves passwords that the next bootstrap sets.
            embedded.write_private(settings.home / "roles.json", saved)
    except sa.exc.OperationalError as problem:
        raise refused(url, problem) from None
    except (sa.exc.ProgrammingError, psycopg.errors.InsufficientPrivilege) as problem:
        if not isinstance(getattr(problem, "orig", problem), psycopg.errors.InsufficientPrivilege):
            raise
        raise NotReadyError(
            f"{where(url)} does not let {url.username} make roles; let its DBA run what "
            f"`nephrowatch db bootstrap --print` prints, and set {', '.join(role.variable for role in Role)}."
        ) from None
    finally:
        engine.dispose()


def bootstrap_sql() -> str:
    """What `bootstrap` does, as SQL for a DBA to read and run. Holds no password: they set one for each
    login.
    """
    logins = "\n".join(f"--   \\password {role}  ->  {role.variable}" for role in Role)
    statements = ";\n\n".join(_text(f"bootstrap/{name}") for name in ("roles", "rights"))
    return f"{statements};\n\n-- Then give each login a password, and Nephrowatch its URL:\n{logins}\n"


def migrate(settings: Settings) -> str:
    """Bring the schema to this program's revision, as nephrowatch_migrator; returns that. Raises
    NotReadyError.
    """
    if is_embedded(settings):
        _administrator(settings)  # starts it
    database = Database(known_urls(settings, _base(settings)))
    config = Config()
    config.set_main_option("script_location", str(SQL_FOLDER / "migrations").replace("%", "%%"))
    try:
        with database.begin(Role.MIGRATOR) as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(READY_LOCK)))
            revision = _revision(connection)
            if revision is not None and not _known(revision):
                raise _newer(database.address(Role.MIGRATOR), revision)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except sa.exc.ProgrammingError as problem:
        if not isinstance(problem.orig, psycopg.errors.InsufficientPrivilege):
            raise
        raise NotReadyError(
            f"{where(database.address(Role.MIGRATOR))} does not let {Role.MIGRATOR} make the schema; "
            "run `nephrowatch db bootstrap` again, as the database's owner."
        ) from None
    finally:
        database.dispose()
    return head()


def status(settings: Settings) -> dict[str, Any]:
    """How things stand; starts and changes nothing.

    where: embedded | external; running: the embedded server's process (None when external); reachable: some
    login works; revision, head: of the schema, of this program; roles: login -> works | refused | unknown.
    """
    own = is_embedded(settings)
    database = Database(known_urls(settings, _base(settings)))
    roles, revision = {role.value: "unknown" for role in Role}, None
    for role in database.roles:
        try:
            with database.begin(role) as connection:
                roles[role.value] = "works"
                revision = revision or _revision(connection)
        except NotReadyError:
            roles[role.value] = "refused"
    database.dispose()
    return {
        "where": "embedded" if own else "external",
        "running": embedded.running(settings.home) is not None if own else None,
        "reachable": "works" in roles.values(), "revision": revision, "head": head(), "roles": roles,
    }  # fmt: skip


def stop(settings: Settings) -> bool:
    """Stop the embedded server; False if it was not running. Raises NotReadyError for an external one."""
    if not is_embedded(settings):
        raise NotReadyError("The database is not the embedded one; stop it with its own tools.")
    return embedded.stop(settings.home)


def _prepare_embedded(settings: Settings) -> None:
    _administrator(settings)
    if not _is_current(settings):
        with embedded.locked(settings.home / "prepare.lock"):
            if not _is_current(settings):
                bootstrap(settings)
                migrate(settings)


def _is_current(settings: Settings) -> bool:
    try:
        found = status(settings)
        return bool(found["revision"] == head()) and set(found["roles"].values()) == {"works"}
    except NotReadyError:
        return False


def _base(settings: Settings) -> URL | None:
    """The address that goes with roles.json, if there is one; starts nothing."""
    if settings.database_url is not None:
        return parsed(settings.database_url, DATABASE_URL)
    server = embedded.running(settings.home) if is_embedded(settings) else None
    return parsed(server.url(EMBEDDED_NAME), "the embedded server") if server else None


def _administrator(settings: Settings) -> URL:
    """The login that may make roles. The embedded server is started, and its database made."""
    if settings.database_url is not None:
        return parsed(settings.database_url, DATABASE_URL)
    if not is_embedded(settings):
        raise NotReadyError(
            f"{DATABASE_URL} is not set; set it to the URL of a login that may make roles in the database."
        )
    server = embedded.start(settings.home)
    with closing(psycopg.connect(server.url("postgres"), autocommit=True)) as session:
        if session.execute("SELECT FROM pg_database WHERE datname = %s", (EMBEDDED_NAME,)).fetchone() is None:
            with suppress(
                psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation
            ):  # another was faster
                session.execute(SQL("CREATE DATABASE {}").format(Identifier(EMBEDDED_NAME)))
    return parsed(server.url(EMBEDDED_NAME), "the embedded server")


def _password_for(given: URL, role: Role, administrator: URL) -> str:
    """The password in a login's URL, if that login may get it. Raises NotReadyError."""
    if given.username != role.value or not given.password or given.database != administrator.database:
        raise NotReadyError(
            f"{role.variable} has to be the URL of {role} with a password, in the database {administrator.database}."
        )
    return str(given.password)


def _set_password(connection: sa.Connection, role: Role, password: str) -> None:
    """Set it as a SCRAM verifier computed here: the password itself never reaches the server or its log."""
    driver: Any = connection.connection.driver_connection
    verifier = driver.pgconn.encrypt_password(
        password.encode(), role.value.encode(), b"scram-sha-256"
    ).decode()
    with driver.cursor() as cursor:
        cursor.execute(SQL("ALTER ROLE {} PASSWORD {}").format(Identifier(role.value), Literal(verifier)))


# -------------------------------------------------------------------------------------- the schema's revision
def head() -> str:
    """The schema revision this program is written for."""
    revision = _script().get_current_head()
    assert revision is not None, "sql/migrations/versions is empty"
    return revision


def _script() -> ScriptDirectory:
    return ScriptDirectory(str(SQL_FOLDER / "migrations"))


def _known(revision: str) -> bool:
    return revision in {known.revision for known in _script().walk_revisions()}


def _revision(connection: sa.Connection) -> str | None:
    """The schema's revision; None when there is no schema."""
    if connection.scalar(sql("bootstrap/has_revision")):
        return str(connection.scalar(sql("bootstrap/revision")))
    return None


def _check_revision(database: Database) -> None:
    """Raise NotReadyError unless schema and program are of one revision. Any login but the migrator's may
    ask.
    """
    asking = (Role.READER, Role.PAGES, Role.WEB, Role.DELIVERY, Role.PIPELINE)
    role = next((role for role in asking if role in database.roles), Role.READER)
    with database.begin(role) as connection:
        revision = _revision(connection)
    here = database.address(role)
    if revision is None:
        raise NotReadyError(f"{where(here)} has no tables of Nephrowatch yet; run `nephrowatch db migrate`.")
    if not _known(revision):
        raise _newer(here, revision)
    if revision != head():
        raise NotReadyError(
            f"{where(here)} is at revision {revision}, older than this program's {head()}; "
            "run `nephrowatch db migrate`."
        )


def _newer(url: URL, revision: str) -> NotReadyError:
    return NotReadyError(
        f"{where(url)} is at revision {revision}, which this program (at {head()}) does not know; "
        "install the newer Nephrowatch."
    )
