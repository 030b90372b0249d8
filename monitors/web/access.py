"""Who is signed in, what their role opens, and what a session is. No I/O but the memory of this process.

A session lives in this process only: a random id in a cookie, and here whom it means. So signing out, or a restart, ends
it for certain. What identifies a patient in an address is sealed for one viewer, and worth nothing to another.
"""

from __future__ import annotations

import base64
import hmac
import secrets
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

LASTS = timedelta(hours=9)  # one shift
EMERGENCY_LASTS = timedelta(minutes=30)
ONCE_LASTS = timedelta(minutes=30)
EVERYWHERE = "*"


class Access(StrEnum):
    """What somebody may open. The value is how it is called."""

    CARE = "care team"
    ENGINEER = "engineer"
    AUDITOR = "auditor"
    RULE_OWNER = "rule owner"
    ADMIN = "administrator"


ROLES = {  # the roles of people.yaml
    "nephrologist": Access.CARE, "nurse": Access.CARE, "dietitian": Access.CARE, "pharmacist": Access.CARE,
    "data engineer": Access.ENGINEER, "auditor": Access.AUDITOR, "rule owner": Access.RULE_OWNER,
    "administrator": Access.ADMIN,
}  # fmt: skip
_PATIENTS = {Access.CARE, Access.AUDITOR, Access.ADMIN}
AREAS: dict[str, set[Access]] = {
    "any": set(Access),
    "patients": _PATIENTS,  # morning, patient, alert, history
    "act": {Access.CARE},
    "emergency": {Access.CARE},
    "looked": {Access.AUDITOR, Access.ADMIN},
    "rules": set(Access),
    "feeds": {Access.CARE, Access.ENGINEER, Access.AUDITOR, Access.ADMIN},
}


@dataclass(frozen=True)
class Viewer:
    """Somebody signed in. key: as people.yaml knows them; units: codes, or ('*',) for every unit."""

    key: str
    name: str
    role: str
    access: Access
    units: tuple[str, ...]

    def may(self, area: str) -> bool:
        return self.access in AREAS[area]

    @property
    def scope(self) -> str:
        """The units as the database is told them: '*' or a comma-separated list; '' sees nothing."""
        return EVERYWHERE if EVERYWHERE in self.units else ",".join(self.units)


@dataclass(frozen=True)
class Session:
    """sid: what the cookie holds; csrf: what every form holds; opened: foreign units opened in an emergency, and why."""

    sid: str
    csrf: str
    viewer: Viewer
    until: datetime
    opened: dict[str, tuple[datetime, str]] = field(default_factory=dict)

    def emergency(self, now: datetime) -> dict[str, str]:
        """Foreign units open at this moment: unit -> reason given."""
        return {unit: reason for unit, (until, reason) in self.opened.items() if now < until}


class Sessions:
    """Every session of this process, and the one-time tokens."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_sid: dict[str, Session] = {}
        self._once: dict[str, tuple[Viewer, datetime]] = {}
        self._key = AESSIV.generate_key(256)

    def begin(self, viewer: Viewer, now: datetime) -> Session:
        session = Session(secrets.token_urlsafe(32), secrets.token_urlsafe(24), viewer, now + LASTS)
        with self._lock:
            self._by_sid = {sid: s for sid, s in self._by_sid.items() if now < s.until}
            self._by_sid[session.sid] = session
        return session

    def find(self, sid: str, now: datetime) -> Session | None:
        """None for an unknown, ended or expired session."""
        session = self._by_sid.get(sid)
        return session if session is not None and now < session.until else None

    def end(self, sid: str) -> None:
        with self._lock:
            self._by_sid.pop(sid, None)

    def open_unit(self, session: Session, unit: str, reason: str, now: datetime) -> None:
        """Let a session see a foreign unit for half an hour."""
        with self._lock:
            opened = {**session.opened, unit: (now + EMERGENCY_LASTS, reason)}
            self._by_sid[session.sid] = replace(session, opened=opened)

    def once(self, viewer: Viewer, now: datetime) -> str:
        """A token that signs in once, within half an hour."""
        token = secrets.token_urlsafe(24)
        self._once[token] = viewer, now + ONCE_LASTS
        return token

    def redeem(self, token: str, now: datetime) -> Viewer | None:
        """Whom a one-time token means; it is spent by asking."""
        with self._lock:
            viewer, until = self._once.pop(token, (None, now))
        return viewer if now < until else None

    def seal(self, viewer: Viewer, patient_id: int) -> str:
        """A patient's number as this viewer's addresses carry it."""
        sealed = AESSIV(self._key).encrypt(patient_id.to_bytes(8, "big"), [viewer.key.encode()])
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def unseal(self, viewer: Viewer, text: str) -> int | None:
        """The number again; None where it was not sealed for this viewer by this process."""
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            return int.from_bytes(AESSIV(self._key).decrypt(raw, [viewer.key.encode()]), "big")
        except (ValueError, InvalidTag):
            return None


class Limit:
    """At most `most` in `within` by key."""

    def __init__(self, most: int, within: timedelta) -> None:
        self.most, self.within = most, within
        self._seen: dict[str, deque[datetime]] = {}
        self._lock = threading.Lock()

    def allows(self, key: str, now: datetime) -> bool:
        with self._lock:
            if len(self._seen) > 10_000:
                self._seen.clear()
            seen = self._seen.setdefault(key, deque())
            while seen and seen[0] <= now - self.within:
                seen.popleft()
            if len(seen) >= self.most:
                return False
            seen.append(now)
            return True


def same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())


CurrentUser = Callable[[str], Viewer | None]  # an e-mail address or login, verified by whoever signed them in
