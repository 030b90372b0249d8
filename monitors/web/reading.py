"""The one way a page reads: a transaction that sees the viewer's units, and writes down who looked before it answers.

No log, no data: where the ledger cannot be written, nothing is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from monitors.database import Role, sql
from monitors.history import ledger
from monitors.pipeline import Here
from monitors.web.access import EVERYWHERE, Session


@dataclass(frozen=True)
class Reading:
    """A connection and whose it is. `rows` and `one` run sql/web/<name>.sql; looks: what `log` was told, still to be written."""

    connection: Connection
    session: Session
    now: datetime
    looks: list[dict[str, Any]] = field(default_factory=list)

    def rows(self, name: str, **given: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in self.connection.execute(sql(name), given).mappings()]

    def one(self, name: str, **given: Any) -> dict[str, Any] | None:
        found = self.rows(name, **given)
        return found[0] if found else None

    def log(self, what: str, *, patient_id: int | None = None, ref: str | None = None, unit: str = "", detail: str = "") -> None:
        """Who looks at what: written into the ledger and beside it when the reading ends, before anything is shown.

        Nothing personal about the patient goes into the entry.
        """
        viewer = self.session.viewer
        emergency = self.session.emergency(self.now).get(unit, "") if unit not in viewer.units else ""
        self.looks.append({
            "what": what, "viewer": viewer.key, "role": viewer.role, "patient": patient_id, "ref": ref, "unit": unit,
            "detail": detail, "emergency": emergency,
        })  # fmt: skip

    def write_down(self) -> None:
        """Last of all: the head of the ledger is locked from here to the commit, and every other page waits for it."""
        entries = ledger.append(self.connection, [("page_read", look) for look in self.looks])
        for (seq, _), look in zip(entries, self.looks, strict=True):
            self.connection.execute(sql("web/looked"), {
                **{name: look[name] for name in ("viewer", "role", "what", "unit", "ref", "emergency")},
                "patient_id": look["patient"], "seq": seq, "at": self.now, "name": self.session.viewer.name,
            })  # fmt: skip


@contextmanager
def reading(here: Here, session: Session) -> Iterator[Reading]:
    """What the page reads and writes down is one transaction: it answers only after that has been committed."""
    now = here.clock()
    scope = session.viewer.scope
    if scope != EVERYWHERE:
        scope = ",".join(filter(None, [scope, *session.emergency(now)]))
    with here.db.begin(Role.PAGES) as connection:
        connection.execute(sql("web/serve"), {"units": scope})
        read = Reading(connection, session, now)
        yield read
        read.write_down()
