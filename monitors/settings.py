"""Where this installation lives: read once from the environment, as a function of a mapping.

NEPHROWATCH_CONFIG        folder with site.yaml, feeds.yaml, ...      default ./config
NEPHROWATCH_HOME          what this machine keeps (embedded database, archive, role passwords)
                                                                      default ~/.local/share/nephrowatch
NEPHROWATCH_DATABASE_URL  postgresql://... ; default: the embedded server in NEPHROWATCH_HOME
                          (or NEPHROWATCH_DATABASE_URL_FILE: the file that holds it)
Secrets (Slack token, SMTP password) are named in routes.yaml and read from the variable of that name, or
from the file that NAME_FILE points to.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from monitors.errors import UserError

DATABASE_URL = "NEPHROWATCH_DATABASE_URL"


@dataclass(frozen=True)
class Settings:
    """config: folder; home: folder; database_url: as given, or None for the embedded server."""

    config: Path
    home: Path
    database_url: str | None
    environment: Mapping[str, str] = field(repr=False, compare=False)

    def secret(self, name: str) -> str:
        """A secret by its variable's name, or from the file `NAME_FILE` points to. Raises UserError."""
        if value := self.environment.get(name):
            return value
        if path := self.environment.get(f"{name}_FILE"):
            try:
                return Path(path).read_text(encoding="utf-8").strip()
            except OSError as problem:
                raise UserError(f"{name}_FILE points to {path}, which cannot be read: {problem.strerror}.") from None
        raise UserError(f"The secret {name} is not set: set {name}, or {name}_FILE to a file that holds it.")


def settings_from(environment: Mapping[str, str]) -> Settings:
    """Settings out of an environment. Nothing is created here, and no file read but that of the database's URL."""
    home = environment.get("NEPHROWATCH_HOME")
    found = Settings(
        config=Path(environment.get("NEPHROWATCH_CONFIG") or "config"),
        home=Path(home) if home else Path.home() / ".local" / "share" / "nephrowatch",
        database_url=None,
        environment=environment,
    )
    named = environment.get(DATABASE_URL) or environment.get(f"{DATABASE_URL}_FILE")
    return replace(found, database_url=found.secret(DATABASE_URL)) if named else found


def from_process() -> Settings:
    """Settings of this process's own environment."""
    return settings_from(os.environ)
