"""Who logs in to PostgreSQL, with which URL, and what is said when the database refuses.

A role's URL comes from NEPHROWATCH_DATABASE_URL_<ROLE>, or the file NEPHROWATCH_DATABASE_URL_<ROLE>_FILE
points to; failing that, from the database's own address with the password in <home>/roles.json (mode 0600),
which bootstrap made. Passwords are in no repr, log or error.
"""

from __future__ import annotations

import json
import re
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.engine import URL

from monitors.errors import NotReadyError
from monitors.settings import DATABASE_URL, Settings


class Role(StrEnum):
    """Whom a connection logs in as. The value is the login's name."""

    MIGRATOR = "nephrowatch_migrator"  # owns the tables but the ledger; migrations only
    PIPELINE = "nephrowatch_pipeline"  # receive, store, judge, reconcile
    DELIVERY = "nephrowatch_delivery"  # the outbox
    WEB = "nephrowatch_web"  # reads all, writes nothing
    PAGES = "nephrowatch_pages"  # the web pages: reads the units it serves, adds who looked
    READER = "nephrowatch_reader"  # reads counts and states, no patient

    @property
    def variable(self) -> str:
        """The environment variable that may give this login's URL."""
        return f"{DATABASE_URL}_{self.value.removeprefix('nephrowatch_').upper()}"


def given_url(settings: Settings, role: Role) -> URL | None:
    """The role's URL out of the environment, if it is there. Raises UserError when it is no good."""
    environment = settings.environment
    if environment.get(role.variable) or environment.get(f"{role.variable}_FILE"):
        return parsed(settings.secret(role.variable), role.variable)
    return None


def is_embedded(settings: Settings) -> bool:
    """Whether the database is our own: neither it nor any login of it is named."""
    return settings.database_url is None and not any(given_url(settings, role) for role in Role)


def known_urls(settings: Settings, base: URL | None) -> dict[Role, URL]:
    """Every role this machine can log in as. base: the database's address, when there is one beside the
    roles' own.
    """
    saved = passwords(settings)
    urls = {}
    for role in Role:
        if given := given_url(settings, role):
            urls[role] = given
        elif base is not None and role.value in saved:
            urls[role] = base.set(username=role.value, password=saved[role.value])
    return urls


def passwords(settings: Settings) -> dict[str, str]:
    """Login -> password, as bootstrap saved them in <home>/roles.json; empty if it has not run here."""
    path = settings.home / "roles.json"
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError):
        raise NotReadyError(
            f"{path} cannot be read or is damaged; "
            "restore it, or remove it and run `nephrowatch db bootstrap`."
        ) from None


def parsed(url: str, name: str) -> URL:
    """A URL for psycopg. name: where it came from, for the error; the URL itself may hold a password."""
    try:
        found = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        found = None
    if found is None or found.get_backend_name() not in ("postgresql", "postgres") or not found.database:
        raise NotReadyError(f"{name} is not a database URL; write postgresql://user:password@host:port/name.")
    return found.set(drivername="postgresql+psycopg")


def session_url(url: URL) -> URL:
    """The URL with what every session of ours wants: times in UTC, and a name to be seen by."""
    options = str(url.query.get("options", ""))
    return url.update_query_dict(
        {
            "options": f"{options} -ctimezone=UTC".strip(),
            "application_name": "nephrowatch",
            "connect_timeout": "10",
        }
    )


def libpq_url(url: URL) -> str:
    """postgresql://user:password@host:port/name?..., as libpq reads it: a space is %20, never '+'."""
    address, mark, query = (
        url.set(drivername="postgresql").render_as_string(hide_password=False).partition("?")
    )
    return address + mark + query.replace("+", "%20")


def make_engine(url: URL) -> sa.Engine:
    """A small pool. Parameters stay out of errors: they are patients' data."""
    return sa.create_engine(
        session_url(url), pool_size=2, max_overflow=6, pool_pre_ping=True, hide_parameters=True
    )


def where(url: URL) -> str:
    return f"The database {url.database} at {url.host or 'localhost'}:{url.port or 5432}"


def refused(url: URL, problem: BaseException) -> NotReadyError:
    """One sentence for a connection that was not made, without password or driver's chatter."""
    words = str(getattr(problem, "orig", None) or problem)
    if answer := re.search(r"FATAL:\s*([^\n]+)", words):
        return NotReadyError(
            f"{where(url)} refused {url.username} ({answer[1].strip()}); "
            "run `nephrowatch db bootstrap` if its roles are not made yet, else mend the URL or the password."
        )
    return NotReadyError(
        f"{where(url)} does not answer; "
        f"start it (`nephrowatch db start` if it is the embedded one) or mend {DATABASE_URL}."
    )
