"""The database server: who can log in, how it is set up, whose clock goes wrong, what guards the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, timedelta

from monitors import database
from monitors.doctor.findings import Finding, Look, fault, fine, note

OLDEST = 160000  # server_version_num of the oldest server the statements are tried on
APART, FAR_APART = timedelta(seconds=5), timedelta(minutes=1)
CONNECTIONS = 60  # pools of every service, and Airflow's tasks, at once


def logins(look: Look) -> Iterator[Finding]:
    stands = database.status(look.settings)
    unknown = [login for login, word in stands["roles"].items() if word == "unknown"]
    refused = [login for login, word in stands["roles"].items() if word == "refused"]
    if refused and stands["reachable"]:
        yield fault("logins", f"The database refuses {', '.join(refused)}.",
                    "nephrowatch db bootstrap, as an administrator: it sets their passwords anew.")  # fmt: skip
    if unknown and stands["reachable"]:
        yield note("logins", f"No password of {', '.join(unknown)} is known on this machine.",
                   "In order where a service needs one login only; else nephrowatch db bootstrap, or set the variables of "
                   "docs/operations.md.")  # fmt: skip
    if not refused and not unknown:
        yield fine("logins", f"All {len(stands['roles'])} logins work.")


def setup(look: Look) -> Iterator[Finding]:
    for server in look.rows("server"):
        wrong = False
        if server["version"] < OLDEST:
            wrong = True
            major = server["version"] // 10000
            yield fault("server", f"PostgreSQL {major} is older than {OLDEST // 10000}.", "Upgrade the server.")
        if server["encoding"] != "UTF8":
            wrong = True
            yield fault("server", f"The database is encoded in {server['encoding']}.",
                        "Make it anew with ENCODING 'UTF8': names and comments come in every script.")  # fmt: skip
        for setting in ("fsync", "full_page_writes"):
            if server[setting] != "on":
                wrong = True
                yield fault("server", f"{setting} is off: a power failure may lose what was decided, or the database.",
                            f"Set {setting} = on in postgresql.conf and reload.")  # fmt: skip
        if server["max_connections"] < CONNECTIONS:
            wrong = True
            yield note("server", f"max_connections is {server['max_connections']}.",
                       f"Raise it to {CONNECTIONS} or more, or put a pooler in front: see docs/operations.md.")  # fmt: skip
        if not wrong:
            yield fine("server", f"PostgreSQL {server['version'] // 10000}, durable, UTF-8.")


def clock(look: Look) -> Iterator[Finding]:
    """Leases, nights and deadlines are times: two clocks that disagree make messages late or twice claimed."""
    before, servers, after = look.clock(), look.rows("server"), look.clock()
    for server in servers:
        there = server["now"].astimezone(UTC)
        apart = max(before - there, there - after, timedelta())
        says = f"This machine's clock and the database's are {apart.total_seconds():.0f} s apart."
        if apart > FAR_APART:
            yield fault("clock", says, "Let both follow a time server (chrony or systemd-timesyncd), then ask again.")
        elif apart > APART:
            yield note("clock", says, "Let both follow a time server.")
        else:
            yield fine("clock", says)
    for night in look.rows("nights"):
        if night["newest_time"] and night["newest_time"] > look.now + FAR_APART:
            yield fault("clock", f"A night was sealed at {night['newest_time']:%Y-%m-%d %H:%M} UTC, still to come: a clock "
                                 "went back.", "Set the clock right before the next night.")  # fmt: skip


def powers(look: Look) -> Iterator[Finding]:
    found = look.rows("powers")
    for row in found:
        yield fault("rights", f"{row['login']} {row['may']}.", "Take that right from it; until then the limits between "
                    "logins do not hold.")  # fmt: skip
    if look.db is not None and not found:
        yield fine("rights", "No login may do more than it was made for.")


def guards(look: Look) -> Iterator[Finding]:
    found = look.rows("guards")
    for row in found:
        yield fault("ledger guard", f"history.{row['name']} {row['what']}.",
                    "Find out who did that and when; verify the history against a checkpoint kept elsewhere; then put it back "
                    "(docs/operations.md, *History fails to verify*).")  # fmt: skip
    if look.db is not None and not found:
        yield fine("ledger guard", "The ledger refuses change.")
