"""The instants at which a rule over several signals is looked at, and what was newest at each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from monitors.draws import Draws, newest_at
from monitors.measures import BoolArray, IntArray, Values
from monitors.rules.courses import Course, Nights

DAY_US = 86_400_000_000


@dataclass(frozen=True)
class Moments:
    """Distinct (patient, instant, local day), sorted. Arrays (n,). draw: the patient's newest draw of anything at or before
    each, as a place of the shard's time line, -1 none. made: what was already worked out at them, by name."""

    rank: IntArray
    at: IntArray
    day: IntArray
    draw: IntArray
    made: dict[str, IntArray] = field(default_factory=dict, compare=False)

    def __len__(self) -> int:
        return len(self.rank)


@dataclass(frozen=True)
class Rows:
    """Instants to look at, any order, some twice. Arrays (n,). drawn: whether something was drawn there."""

    rank: IntArray
    at: IntArray
    day: IntArray
    drawn: BoolArray


def joined(parts: Sequence[Rows]) -> Rows:
    return Rows(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("rank", "at", "day", "drawn")))


def instants(nights: Nights, rank: IntArray, day: IntArray) -> IntArray:
    """The instant of a day without a draw: that day at the unit's cut-off, as_of minus whole days."""
    return np.asarray(nights.as_of[rank] - (nights.day[rank] - day) * DAY_US)


def distinct(places: IntArray, others: Rows, draws: Draws) -> tuple[Moments, BoolArray]:
    """The distinct moments of some draws (places of the time line) and other instants, and which of them were drawn.

    Only the others are sorted; at one instant the draw stands before them.
    """
    others = _distinct(others)
    rank, at, day, drawn = others.rank, others.at, others.day, others.drawn
    last = newest_at(draws.rank, draws.at, rank, at)
    seen = np.zeros(len(draws) + 1, dtype=bool)  # one more place for "none"
    seen[places] = True
    same = seen[last] & (np.append(draws.at, 0)[last] == at) & (np.append(draws.day, 0)[last] == day)
    rank, at, day, last = (column[~same] for column in (rank, at, day, last))
    drawn = drawn[~same]
    here = np.flatnonzero(seen)
    begins = np.searchsorted(draws.rank, rank)
    order = np.argsort(np.concatenate([2 * here, np.where(last >= 0, 2 * last, 2 * begins - 2) + 1]), kind="stable")
    pairs = (draws.rank[here], rank), (draws.at[here], at), (draws.day[here], day), (here, last)
    rank, at, day, last = (np.concatenate(pair)[order] for pair in pairs)
    return Moments(rank, at, day, last), np.concatenate([np.ones(len(here), dtype=bool), drawn])[order]


def _distinct(rows: Rows) -> Rows:
    """Sorted, each once; drawn if one of the same was."""
    if not len(rows.rank):
        return rows
    order = np.lexsort((rows.day, rows.at, rows.rank))
    rank, at, day = (column[order] for column in (rows.rank, rows.at, rows.day))
    new = np.ones(len(order), dtype=bool)
    new[1:] = (rank[1:] != rank[:-1]) | (at[1:] != at[:-1]) | (day[1:] != day[:-1])
    return Rows(rank[new], at[new], day[new], np.logical_or.reduceat(rows.drawn[order], np.flatnonzero(new)))


def newest_drawn(values: Values, moments: Moments) -> IntArray:
    """Row of the patient's newest value at or before each moment, -1 where there is none."""
    if not len(values) or not len(moments):
        return np.full(len(moments), -1, dtype=np.int64)
    so_far = np.cumsum(np.bincount(values.place, minlength=int(moments.draw.max()) + 1))
    row = np.append(so_far, 0)[moments.draw] - 1
    return np.where((row >= 0) & (values.rank[row] == moments.rank), row, -1)


def newest_of(course: Course, moments: Moments) -> IntArray:
    """Row of the patient's newest draw or event of a course at or before each moment, -1 where there is none."""
    if course.values is not None:
        return newest_drawn(course.values, moments)
    return newest_at(course.rank, course.at, moments.rank, moments.at)
