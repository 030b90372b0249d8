"""The one way a page reads: a transaction that sees the viewer's units, and writes down who looked before it answers.

No log, no data: where the ledger cannot be written, nothing is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from monitors.database import Role, sql
from monitors.history import ledger
from monitors.pipeline import Here
from monitors.web.access import EVERYWHERE, Session


@dataclass(frozen=True)
class Reading:
    """A connection and whose it is. `rows` and `one` run sql/web/<name>.sql."""

    connection: Connection
    session: Session
    now: datetime

    def rows(self, name: str, **given: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in self.connection.execute(sql(name), given).mappings()]

    def one(self, name: str, **given: Any) -> dict[str, Any] | None:
        found = self.rows(name, **given)
        return found[0] if found else None

    def log(self, what: str, *, patient_id: int | None = None, ref: str | None = None, unit: str = "", detail: str = "") -> None:
        """Who looks at what, into the ledger and beside it. Nothing personal about the patient goes into the entry."""
        viewer = self.session.viewer
        emergency = self.session.emergency(self.now).get(unit, "") if unit not in viewer.units else ""
        body = {
            "what": what, "viewer": viewer.key, "role": viewer.role, "patient": patient_id, "ref": ref, "unit": unit,
            "detail": detail, "emergency": emergency,
        }  # fmt: skip
        [(seq, _)] = ledger.append(self.connection, [("page_read", body)])
        self.connection.execute(sql("web/looked"), {
            "seq": seq, "at": self.now, "viewer": viewer.key, "name": viewer.name, "role": viewer.role, "what": what,
            "unit": unit, "patient_id": patient_id, "ref": ref, "emergency": emergency,
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
        yield Reading(connection, session, now)
