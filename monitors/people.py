"""Who works where, in which role, and what that role may do: people.yaml. Pure.

Every button, link and escalation resolves to one of these people, with a role and a unit at that instant. Who is not
here can read nothing and press nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from pydantic import Field, field_validator, model_validator

from monitors.documents import Document

ACTIONS = ("take", "release", "acknowledge", "unacknowledge", "snooze", "dismiss", "outcome")
EVERYWHERE = "*"


class RoleModel(Document):
    """What a role may do about an episode. covers: the owner roles it may answer for besides itself."""

    may: list[str] = []
    covers: list[str] = []

    @field_validator("may")
    @classmethod
    def _known(cls, may: list[str]) -> list[str]:
        if strange := [action for action in may if action not in ACTIONS]:
            raise ValueError(f"'{strange[0]}' is no action; there are {', '.join(ACTIONS)}")
        return may


class Held(Document):
    """A role, held from the first day to the last, both included; a day left out is open."""

    role: str
    first: date | None = None
    last: date | None = None

    def on(self, day: date) -> bool:
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)


class Duty(Document):
    """On call from an instant until another. Written with a zone: 2026-04-15T17:00+01:00."""

    first: datetime
    until: datetime

    @model_validator(mode="after")
    def _with_zone(self) -> Duty:
        if self.first.tzinfo is None or self.until.tzinfo is None:
            raise ValueError("on call needs an offset, as in 2026-04-15T17:00+01:00")
        if self.until <= self.first:
            raise ValueError("on call ends before it begins")
        return self


class Person(Document):
    """One person. login: what the web pages and `--as` know them by; on_call: true means always."""

    name: str = Field(min_length=1)
    login: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]*$")
    roles: list[Held] = Field(min_length=1)
    units: list[str]
    email: str | None = None
    slack: str | None = Field(None, pattern=r"^[UW][A-Z0-9]{2,}$", description="Slack's id of the user, not a name")
    on_call: bool | list[Duty] = False

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: Any) -> Any:
        """`role: nurse` and `roles: [nurse]` are short for roles without dates."""
        if not isinstance(given, dict):
            return given
        given = dict(given)
        if "role" in given:
            if "roles" in given:
                raise ValueError("give either role or roles")
            given["roles"] = [given.pop("role")]
        if isinstance(given.get("roles"), list):
            given["roles"] = [{"role": one} if isinstance(one, str) else one for one in given["roles"]]
        return given

    @property
    def key(self) -> str:
        """What an action is recorded under."""
        return self.login or self.email or self.name

    def roles_at(self, now: datetime) -> tuple[str, ...]:
        """The roles held at an instant (days are UTC's)."""
        return tuple(held.role for held in self.roles if held.on(now.date()))

    def works_in(self, unit: str) -> bool:
        return EVERYWHERE in self.units or unit in self.units

    def on_call_at(self, now: datetime) -> bool:
        if isinstance(self.on_call, bool):
            return self.on_call
        return any(duty.first <= now < duty.until for duty in self.on_call)


_ALL = list(ACTIONS)
ROLES = {
    "nephrologist": RoleModel(may=_ALL, covers=["dietitian", "nurse", "pharmacist"]),
    "nurse": RoleModel(may=_ALL, covers=["dietitian"]),
    "dietitian": RoleModel(may=_ALL),
    "pharmacist": RoleModel(may=_ALL),
}  # any other role may look, and do nothing


class People(Document):
    """people.yaml. roles: what each role may do; left out, the ones above."""

    roles: dict[str, RoleModel] = ROLES
    people: list[Person] = []

    @model_validator(mode="after")
    def _told_apart(self) -> People:
        for what in ("login", "email", "slack"):
            held = [str(getattr(one, what)).casefold() for one in self.people if getattr(one, what)]
            if twice := sorted({name for name in held if held.count(name) > 1}):
                raise ValueError(f"two people have the {what} {twice[0]}")
        return self

    def may(self, person: Person, action: str, owner: str | None, now: datetime) -> str | None:
        """The role in which a person may do this about what `owner` answers for; None: in none.

        Taking, releasing and recording an outcome need the right only; a judgement on the evidence (acknowledge, snooze,
        dismiss, and taking those back) is for the owner's role or one that covers it.
        """
        for role in person.roles_at(now):
            rights = self.roles.get(role)
            if rights is None or action not in rights.may:
                continue
            if owner is None or action in ("take", "release", "outcome") or owner == role or owner in rights.covers:
                return role
        return None

    def by_login(self, login: str) -> Person | None:
        """By login or e-mail address, in any case."""
        wanted = login.strip().casefold()
        return next((one for one in self.people if wanted and wanted in _names(one)), None)

    def by_email(self, email: str) -> Person | None:
        wanted = email.strip().casefold()
        return next((one for one in self.people if wanted and (one.email or "").casefold() == wanted), None)

    def by_slack(self, user: str) -> Person | None:
        return next((one for one in self.people if user and one.slack == user), None)

    def of(self, unit: str, role: str, now: datetime) -> list[Person]:
        """Everybody who has a role at a unit now; those on call first."""
        found = [one for one in self.people if one.works_in(unit) and role in one.roles_at(now)]
        return sorted(found, key=lambda one: not one.on_call_at(now))

    def on_call(self, unit: str, role: str, now: datetime) -> list[Person]:
        return [one for one in self.of(unit, role, now) if one.on_call_at(now)]


def _names(person: Person) -> Iterable[str]:
    return {name.casefold() for name in (person.login, person.email) if name}
