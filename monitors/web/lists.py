"""Who stands on a list, a bounded page at a time, in the order of the morning list; each patient once, with all they have open.

A page ends at a place, and the next begins after it: whoever is acknowledged meanwhile moves to the end, and is not passed over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from starlette.exceptions import HTTPException

from monitors.records import local_day
from monitors.web.reading import Reading

SHOWN, LEAST = 100, 10  # patients of a page; of each unit, where there are several
BANDS = ("Needs a look today", "Needs a look today", "New since yesterday", "Open, acknowledged by nobody",
         *["Acknowledged, snoozed or dismissed"] * 3)  # fmt: skip
_WRITTEN = re.compile(r"([0-6])\.([0-7])\.([0-9]{1,7})\.([A-Z0-9-]{1,40})\.([A-Za-z0-9][A-Za-z0-9_.-]{0,79})", re.ASCII)


@dataclass(frozen=True)
class Place:
    """Where a page of a list ends. What each part is, sql/web/list.sql says; an empty unit is before everybody."""

    band: int = 0
    days: int = 0
    newest: int = 0
    ref: str = ""
    unit: str = ""

    @classmethod
    def read(cls, text: str) -> Place:
        """A place as an address carries it; '' is the beginning. Raises a 422 for anything else."""
        if not text:
            return cls()
        found = _WRITTEN.fullmatch(text)
        if found is None:
            raise HTTPException(422, "That page of the list cannot be found; begin again with the first.")
        return cls(int(found[1]), int(found[2]), int(found[3]), found[4], found[5])

    def __str__(self) -> str:
        return f"{self.band}.{self.days}.{self.newest}.{self.ref}.{self.unit}"


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


def listed(
    read: Reading, zones: dict[str, str], unit: str = "", after: str = "", most: int = SHOWN, all_: int = 10**9
) -> dict[str, Part]:  # fmt: skip
    """By unit ('' every one), at most `most` patients each and `all_` together, after a place. zones: unit -> time zone."""
    place = Place.read(after)
    rows = read.rows("web/list", unit=unit, now=read.now, most=most, all=all_, **{
        f"after_{name}": value for name, value in vars(place).items()})  # fmt: skip
    wanted = [episode for row in rows for episode in row["episodes"]]
    details = {row["episode_id"]: row for row in read.rows("web/listed", episodes=wanted)} if wanted else {}
    by_unit: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        episodes = [details[number] for number in row["episodes"] if number in details]
        shown = {**row, "episodes": episodes, "section": BANDS[row["band"]], "today": local_day(read.now, zones[row["unit"]])}
        by_unit.setdefault(row["unit"], []).append(shown)
    return {code: _part(patients) for code, patients in by_unit.items()}


def _part(patients: list[dict[str, Any]]) -> Part:
    first, last = patients[0], patients[-1]
    more = last["place"] < last["of_unit"]
    return Part(patients, first["place"], first["of_unit"], str(place_of(last)) if more else "")


def place_of(row: dict[str, Any]) -> Place:
    """Where a page ends whose last patient this is."""
    return Place(row["band"], row["days"], row["newest"], row["ref"], row["unit"])
