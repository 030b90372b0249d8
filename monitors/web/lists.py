"""Who stands on a list, a bounded page at a time, in the order of the morning list; each patient once, with all they have open.

A page ends at a place, and the next begins after it: whoever is acknowledged meanwhile moves to the end, and is not passed over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from starlette.exceptions import HTTPException

from monitors.records import Severity, State, local_day
from monitors.web.reading import Reading

SHOWN, LEAST = 50, 10  # patients of a page; of each unit, where there are several
BANDS = ("Needs a look today", "Needs a look today", "New since yesterday", "Open, acknowledged by nobody",
         *["Acknowledged, snoozed or dismissed"] * 3)  # fmt: skip
_WRITTEN = re.compile(r"([0-6])\.([0-7])\.([0-9]{1,7})\.([0-9]{1,18})\.([A-Za-z0-9][A-Za-z0-9_.-]{0,79})", re.ASCII)


@dataclass(frozen=True)
class Place:
    """Where a page of a list ends. What each part is, sql/web/list.sql says; an empty unit is before everybody."""

    band: int = 0
    days: int = 0
    newest: int = 0
    number: int = 0
    unit: str = ""

    @classmethod
    def read(cls, text: str) -> Place:
        """A place as an address carries it; '' is the beginning. Raises a 422 for anything else."""
        if not text:
            return cls()
        found = _WRITTEN.fullmatch(text)
        if found is None:
            raise HTTPException(422, "That page of the list cannot be found; begin again with the first.")
        return cls(int(found[1]), int(found[2]), int(found[3]), int(found[4]), found[5])

    def __str__(self) -> str:
        return f"{self.band}.{self.days}.{self.newest}.{self.number}.{self.unit}"


@dataclass(frozen=True)
class Part:
    """What a page shows of one unit: patients first to last of `of`, and where it ends ('' where nobody is left).

    Each patient: patient_id, schedule, today (of the unit), section, and episodes, the most pressing first.
    """

    patients: list[dict[str, Any]]
    first: int = 0
    of: int = 0
    after: str = ""

    @property
    def last(self) -> int:
        return self.first + len(self.patients) - 1

    @property
    def more(self) -> int:
        """How many come after this page."""
        return self.of - self.last if self.patients else 0

    @property
    def said(self) -> str:
        """What of the list this is: nothing is left out without a word."""
        if self.first == 1 and not self.more:
            return f"{self.of} patient{'' if self.of == 1 else 's'}, the most pressing first."
        return f"Patients {self.first} to {self.last} of {self.of}, the most pressing first."

    @property
    def sections(self) -> list[tuple[str, list[dict[str, Any]]]]:
        """Patients under the headings they stand under, in order."""
        return [(title, list(rows)) for title, rows in groupby(self.patients, lambda row: str(row["section"]))]


def listed(read: Reading, zones: dict[str, str], unit: str = "", after: str = "", most: int = SHOWN) -> dict[str, Part]:
    """By unit ('' every one), at most `most` patients each, after a place. zones: unit -> time zone."""
    place = Place.read(after)
    rows = read.rows("web/list", unit=unit, now=read.now, most=most, **{
        f"after_{name}": value for name, value in vars(place).items()})  # fmt: skip
    wanted = [episode for row in rows for episode in row["episodes"]]
    details = {row["episode_id"]: row for row in read.rows("web/listed", episodes=wanted)} if wanted else {}
    by_unit: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        episodes = sorted((details[number] for number in row["episodes"] if number in details), key=_pressing)
        shown = {**row, "episodes": episodes, "section": BANDS[row["band"]], "today": local_day(read.now, zones[row["unit"]])}
        by_unit.setdefault(row["unit"], []).append(shown)
    return {code: _part(patients) for code, patients in by_unit.items()}


def _pressing(episode: dict[str, Any]) -> tuple[bool, int, int, int]:
    """Of one patient's episodes: what waits, the worst first, then the newest change."""
    waits = State(episode["state"]) in (State.OPEN, State.STALE)
    return not waits, -Severity(episode["severity"]).rank, -episode["changed_night"].toordinal(), episode["episode_id"]


def _part(patients: list[dict[str, Any]]) -> Part:
    last, before = patients[-1], patients[0]["before"]
    place = Place(last["band"], last["days"], last["newest"], last["number"], last["unit"])
    more = before + len(patients) < last["of_unit"]
    return Part(patients, before + 1, last["of_unit"], str(place) if more else "")
