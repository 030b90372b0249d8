"""All checks, in the order in which one would mend what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from monitors import config, database
from monitors.doctor import machine, reach, server, work
from monitors.doctor.findings import Check, Finding, Look, fault, fine
from monitors.errors import ConfigError, NotReadyError, UserError
from monitors.settings import Settings

LOCAL: tuple[Check, ...] = (
    machine.home, machine.secrets, machine.disk, machine.archive, machine.link, machine.payload_key, machine.people,
    server.logins, server.setup, server.clock, server.powers, server.guards,
    work.nights, work.messages, work.untold, work.alarms, work.feeds, work.archived, work.sealed, work.history, work.reviewed,
)  # fmt: skip
NETWORK: tuple[Check, ...] = (reach.destinations, reach.presses, reach.heartbeat_answers)


def examine(settings: Settings, clock: Callable[[], datetime], *, network: bool = True) -> list[Finding]:
    """Every finding about this installation. Changes nothing and tells nobody.

    network: also ask the destinations whether they would take a message, and the heartbeat's address whether it answers.
    The embedded server is not started: if it does not run, that is a finding.
    """
    found: list[Finding] = []
    checked = None
    try:
        checked = config.load(settings.config)
        found.append(fine("configuration", f"{settings.config}: {len(checked.site.units)} units, {len(checked.feeds)} feeds, "
                                           f"{len(checked.rules)} rules."))  # fmt: skip
    except (ConfigError, UserError) as problem:
        found.append(fault("configuration", str(problem), "Mend that line; until then no night can run."))
    db, standing = _database(settings)
    found.append(standing)
    try:
        look = Look(settings, clock(), clock, checked, db)
        for check in LOCAL + (NETWORK if network else ()):
            found += _tried(check, look)
    finally:
        if db is not None:
            db.dispose()
    return found


def _database(settings: Settings) -> tuple[database.Database | None, Finding]:
    """The database if it is ready for this program, without starting or changing it."""
    try:
        stands = database.status(settings)
        if stands["where"] == "embedded" and not stands["running"]:
            return None, fault("database", "The embedded server does not run.", "nephrowatch db start")
        if not stands["reachable"] and not any(word == "refused" for word in stands["roles"].values()):
            return None, fault("database", "No login's password is known here.", "nephrowatch db bootstrap")
        if stands["where"] == "embedded" and stands["revision"] != stands["head"]:  # to open it would bring it up to date
            return None, fault("database", f"The tables are at revision {stands['revision']}, this program at {stands['head']}.",
                               "Back up, then nephrowatch db migrate.")  # fmt: skip
        opened = database.open_database(settings)
    except (NotReadyError, UserError) as problem:
        return None, fault("database", str(problem), "Do what the sentence says, then ask again.")
    return opened, fine("database", f"{stands['where']}, at revision {stands['revision']}.")


def _tried(check: Check, look: Look) -> Iterator[Finding]:
    """A check that fails is itself a finding; the others go on."""
    try:
        yield from check(look)
    except (NotReadyError, UserError) as problem:
        yield fault(check.__name__.replace("_", " "), str(problem), "Do what the sentence says, then ask again.")
    except Exception as problem:
        yield fault(check.__name__.replace("_", " "), f"Could not be looked at: {type(problem).__name__}.",
                    "Report it with the name of the check; the other checks are not touched by it.")  # fmt: skip
