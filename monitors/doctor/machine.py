"""This machine: folders, secrets, disk, archive, and what the configuration says of people and links."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import fsspec

from monitors.delivery import vault
from monitors.destinations import EmailDestination, SlackDestination, WebhookDestination
from monitors.doctor.findings import Finding, Look, fault, fine, note
from monitors.errors import UserError
from monitors.receiving import archive_url

LEAST, LOW = 1, 5  # GiB free: below the first a night may not end, below the second somebody should plan
HERE = ("localhost", "127.0.0.1", "::1")
MOUNTED = Path("/run/secrets")  # of one container alone: a file in there has the host's mode, and the host's folder around it


def home(look: Look) -> Iterator[Finding]:
    folder = look.settings.home
    if not folder.is_dir():
        yield fault("home", f"{folder} (NEPHROWATCH_HOME) is no folder.", f"mkdir -m 700 {folder}, or set NEPHROWATCH_HOME")
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield fault("home", f"{folder} cannot be written to by this account.",
                    f"Give it to the account that runs the nights: chown USER {folder}")
        return
    passwords = folder / "roles.json"
    open_to = [path for path in (folder, passwords) if path.exists() and _mode(path) & 0o077]
    for path in open_to:
        yield fault("home", f"{path} can be opened by others (mode {_mode(path):04o}).", f"chmod go= {path}")
    if not open_to:
        yield fine("home", f"{folder}: this account's alone.")


def secrets(look: Look) -> Iterator[Finding]:
    """Every secret the configuration names is there, and files of secrets are nobody else's."""
    environment, wrong = look.settings.environment, False
    for name, path in sorted((n, p) for n, p in environment.items() if n.endswith("_FILE") and _ours(n, look)):
        file = Path(path)
        if file.is_file() and _mode(file) & 0o007 and not file.is_relative_to(MOUNTED):
            wrong = True
            yield note("secrets", f"{name} points to {file}, which everybody can read.", f"chmod o= {file}")
    for problem, destinations in _unset(look).items():
        wrong = True
        yield fault("secrets", f"{', '.join(destinations)}: {problem}", "Until then messages to there wait in the outbox.")
    if not wrong and look.config is not None:
        yield fine("secrets", "Every secret the configuration names is there.")


def lacking(look: Look) -> set[str]:
    """The destinations some secret of which is not there."""
    return {name for names in _unset(look).values() for name in names}


def _unset(look: Look) -> dict[str, list[str]]:
    """{what is wrong with a secret: the destinations that need it}."""
    found: dict[str, list[str]] = {}
    for secret, destination in _named(look):
        try:
            look.settings.secret(secret)
        except UserError as problem:
            found.setdefault(str(problem), []).append(destination)
    return found


def disk(look: Look) -> Iterator[Finding]:
    places = {"NEPHROWATCH_HOME": look.settings.home}
    if (archived := _archive_folder(look)) is not None:
        places["the archive"] = archived
    for what, place in places.items():
        there = next((p for p in (place, *place.parents) if p.exists()), Path("/"))
        free = shutil.disk_usage(there).free / 2**30
        says = f"{free:.1f} GiB free for {what} ({place})."
        if free < LEAST:
            yield fault("disk", says, f"Free some, or move {what} to a larger disk: a night that cannot write does not end.")
        elif free < LOW:
            yield note("disk", says, "Plan for more; raw files are kept for good.")
        else:
            yield fine("disk", says)


def archive(look: Look) -> Iterator[Finding]:
    if look.config is None:
        return
    url = archive_url(look.config, look.settings)
    remedy = "Mend `archive:` in site.yaml, or its rights: without the archive no file is taken in."
    if (folder := _archive_folder(look)) is not None:
        if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
            yield fault("archive", f"{folder} cannot be written to by this account.", remedy)
            return
        if folder.exists() and _mode(folder) & 0o007:
            yield fault("archive", f"{folder} holds patients' raw files and can be opened by everybody.", f"chmod o= {folder}")
            return
    else:
        try:
            system, root = fsspec.core.url_to_fs(url)
            system.ls(root) if system.exists(root) else None
        except Exception as problem:  # each file system has errors of its own
            yield fault("archive", f"The archive cannot be reached ({type(problem).__name__}).", remedy)
            return
    yield fine("archive", "Raw files can be kept.")


def link(look: Look) -> Iterator[Finding]:
    """Messages point to the pages: an address of this machine is no use in somebody's pocket."""
    if look.config is None:
        return
    address = urlsplit(look.config.site.link)
    if address.hostname in HERE:
        yield note("link", f"Messages point to {address.hostname}, which on a reader's telephone is the telephone.",
                   "Set `link:` in site.yaml to the https address of the pages.")  # fmt: skip
    elif address.scheme != "https":
        yield fault("link", "Messages point to a page without TLS.", "Set `link:` in site.yaml to an https address.")
    else:
        yield fine("link", f"Messages point to {address.hostname}.")


def payload_key(look: Look) -> Iterator[Finding]:
    if vault.vault(look.settings) is None:  # raises UserError for one that is too short
        yield note("payload key", f"{vault.KEY} is not set: of what was sent only a hash is kept, so nobody can read it later.",
                   f"Make one with `openssl rand -hex 32` and set {vault.KEY}_FILE; keep a copy with the backups.")  # fmt: skip
    else:
        yield fine("payload key", "What is sent is kept, encrypted.")


def people(look: Look) -> Iterator[Finding]:
    """Somebody of each unit can answer for a message tonight."""
    if look.config is None:
        return
    known, alone = look.config.people, []
    for unit in look.config.site.units:
        able = [
            role for person in known.people if person.works_in(unit.code) for role in person.roles_at(look.now)
            if role in known.roles and "acknowledge" in known.roles[role].may
        ]  # fmt: skip
        if not able:
            alone.append(unit.code)
            yield fault("people", f"Nobody in people.yaml may acknowledge an alert of unit {unit.code} today.",
                        "Add a person with a role whose `may` has acknowledge, and the unit.")  # fmt: skip
    if not alone:
        yield fine("people", "Every unit has somebody who may acknowledge.")


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _ours(name: str, look: Look) -> bool:
    return name.startswith("NEPHROWATCH_") or name.removesuffix("_FILE") in {secret for secret, _ in _named(look)}


def _named(look: Look) -> list[tuple[str, str]]:
    """(variable, destination that needs it) of every secret the configuration names."""
    found: list[tuple[str, str]] = []
    for name, to in look.config.routes.destinations.items() if look.config else ():
        if isinstance(to, SlackDestination):
            found += [(secret, name) for secret in (to.token, to.app_token) if secret]
        elif isinstance(to, WebhookDestination):
            found.append((to.secret, name))
        elif isinstance(to, EmailDestination) and to.user:
            found += [(to.user, name), (to.password or "", name)]
    return found


def _archive_folder(look: Look) -> Path | None:
    """The archive as a folder of this machine, if it is one."""
    if look.config is None:
        return None
    url = archive_url(look.config, look.settings)
    return Path(url.removeprefix("file://")) if url.startswith("file://") else None
