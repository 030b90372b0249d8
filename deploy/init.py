"""Make the database server ready for the services of docker-compose.yml, and end. Doing it again brings things up to date.

Logins (Airflow's, and Nephrowatch's by `nephrowatch db bootstrap`) get the passwords of the secrets; then both schemas are
migrated, each by its own login. Only this step knows the administrator's password.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier, Literal
from sqlalchemy.engine import URL, make_url

CONNECTIONS = 60  # of Airflow; the rest of the server's is Nephrowatch's


def airflow_database(administrator: str, wanted: URL) -> None:
    """Airflow's login and database on the same server. Its password reaches the server as a SCRAM verifier only."""
    login, name = str(wanted.username), str(wanted.database)
    with psycopg.connect(administrator, autocommit=True) as session:
        if session.execute("SELECT FROM pg_roles WHERE rolname = %s", (login,)).fetchone() is None:
            session.execute(SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE").format(Identifier(login)))
        verifier = session.pgconn.encrypt_password(
            str(wanted.password).encode(), login.encode(), b"scram-sha-256"
        ).decode()
        session.execute(SQL("ALTER ROLE {} CONNECTION LIMIT {} PASSWORD {}").format(
            Identifier(login), Literal(CONNECTIONS), Literal(verifier)))  # fmt: skip
        if session.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).fetchone() is None:
            session.execute(SQL("CREATE DATABASE {} OWNER {}").format(Identifier(name), Identifier(login)))
        session.execute(SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(Identifier(name)))


def main() -> None:
    def step(what: str, *command: str) -> None:
        print(f"init: {what}", flush=True)
        if subprocess.run(command).returncode:
            sys.exit(f"init: {what} failed; what it said stands above.")

    administrator = Path(os.environ["NEPHROWATCH_DATABASE_URL_FILE"]).read_text(encoding="utf-8").strip()
    print("init: Airflow's login and database", flush=True)
    airflow_database(administrator, make_url(Path("/run/secrets/airflow_database_url").read_text(encoding="utf-8").strip()))
    step("Nephrowatch's logins", "nephrowatch", "db", "bootstrap", "--given-passwords")
    step("Nephrowatch's tables", "nephrowatch", "db", "migrate")
    step("Airflow's tables", "airflow", "db", "migrate")
    print("init: ready", flush=True)


if __name__ == "__main__":
    main()
