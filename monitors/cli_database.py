"""`nephrowatch db`: start, stop, make ready, and how it stands."""

from __future__ import annotations

from typing import Annotated

import typer

from monitors import database, settings
from monitors.cli_words import Json, out, print_json, table
from monitors.errors import UserError

YES = {True: "yes", False: "no", None: "not known"}

app = typer.Typer(help="The database.", no_args_is_help=True)


@app.command("start")
def start() -> None:
    """Start the embedded PostgreSQL (made, and brought up to date, on first use)."""
    found = settings.from_process()
    if found.database_url:
        raise UserError("NEPHROWATCH_DATABASE_URL names a server of yours; start that one with its own tools.")
    database.open_database(found).dispose()
    out.print("The embedded database runs.")


@app.command("stop")
def stop() -> None:
    """Stop the embedded PostgreSQL."""
    stopped = database.stop(settings.from_process())
    out.print("The embedded database is stopped." if stopped else "The embedded database was not running.")


@app.command("bootstrap")
def bootstrap(
    show: Annotated[bool, typer.Option("--print", help="Print the SQL for a database administrator instead.")] = False,
    given: Annotated[
        bool, typer.Option("--given-passwords", help="Logins whose URLs are given get the passwords in them, too.")
    ] = False,
) -> None:
    """Create the roles, each with what it may do and no more."""
    if show:
        print(database.bootstrap_sql())
        return
    database.bootstrap(settings.from_process(), set_given=given)
    out.print("The roles are there. Next: nephrowatch db migrate")


@app.command("migrate")
def migrate() -> None:
    """Bring the tables up to date."""
    database.migrate(settings.from_process())
    out.print("The tables are up to date.")


@app.command("status")
def status(as_json: Json = False) -> None:
    """Where the database is and whether it is ready."""
    found = database.status(settings.from_process())
    if as_json:
        print_json(found)
        return
    logins = "; ".join(
        f"{word}: {', '.join(login.removeprefix('nephrowatch_') for login, says in found['roles'].items() if says == word)}"
        for word in dict.fromkeys(found["roles"].values())
    )
    table(("what", "is"), [
        ("where", found["where"]), ("running", YES[found["running"]]), ("reachable", YES[found["reachable"]]),
        ("revision", f"{found['revision']}, this program's is {found['head']}"), ("logins", logins or "none known"),
    ], "")  # fmt: skip
