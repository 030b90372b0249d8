"""What a check is given, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from monitors.config import Config
from monitors.database import Database, Role, sql
from monitors.settings import Settings


class State(StrEnum):
    """FAULT: alerts may be lost, late or untrue. NOTE: worth a decision. FINE: looked at, in order."""

    FAULT = "fault"
    NOTE = "note"
    FINE = "fine"


@dataclass(frozen=True)
class Finding:
    """check: a short name that stays the same. says, remedy: sentences; remedy is empty when all is in order."""

    check: str
    state: State
    says: str
    remedy: str = ""


@dataclass(frozen=True)
class Look:
    """What could be opened. config and db are None where they could not; clock: this machine's, with zone; now: when it began."""

    settings: Settings
    now: datetime
    clock: Callable[[], datetime]
    config: Config | None = None
    db: Database | None = None

    def rows(self, name: str, **parameters: Any) -> list[dict[str, Any]]:
        """The rows of sql/doctor/<name>.sql, as the login that reads all. Without a database: none."""
        if self.db is None:
            return []
        with self.db.begin(Role.WEB) as connection:
            return [dict(row) for row in connection.execute(sql(f"doctor/{name}"), parameters).mappings()]


Check = Callable[[Look], Iterator[Finding]]


def fault(check: str, says: str, remedy: str) -> Finding:
    return Finding(check, State.FAULT, says, remedy)


def note(check: str, says: str, remedy: str) -> Finding:
    return Finding(check, State.NOTE, says, remedy)


def fine(check: str, says: str) -> Finding:
    return Finding(check, State.FINE, says)
