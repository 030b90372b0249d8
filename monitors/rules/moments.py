"""The instants at which a rule over several signals is looked at, and what was newest at each."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from monitors.measures import IntArray
from monitors.rules.courses import Nights

DAY_US = 86_400_000_000


@dataclass(frozen=True)
class Moments:
    """Distinct (patient, instant, local day), sorted. Arrays (n,). made: what was already worked out at them, by name."""

    rank: IntArray
    at: IntArray
    day: IntArray
    made: dict[str, IntArray] = field(default_factory=dict, compare=False)

    def __len__(self) -> int:
        return len(self.rank)


def instants(nights: Nights, rank: IntArray, day: IntArray) -> IntArray:
    """The instant of a day without a draw: that day at the unit's cut-off, as_of minus whole days."""
    return np.asarray(nights.as_of[rank] - (nights.day[rank] - day) * DAY_US)


def distinct(rank: IntArray, at: IntArray, day: IntArray) -> tuple[Moments, IntArray]:
    """Distinct moments and the place of each given one among them."""
    order = np.lexsort((day, at, rank))
    sorted_ = rank[order], at[order], day[order]
    new = np.ones(len(order), dtype=bool)
    if len(order):
        new[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in sorted_])
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.cumsum(new) - 1
    return Moments(sorted_[0][new], sorted_[1][new], sorted_[2][new]), place


def newest_at(rank: IntArray, at: IntArray, moments: Moments) -> IntArray:
    """Row of the patient's newest draw at or before each moment, -1 where there is none. rank, at: sorted rows."""
    if not len(rank) or not len(moments):
        return np.full(len(moments), -1, dtype=np.int64)
    known = np.zeros(int(max(rank[-1], moments.rank[-1])) + 1, dtype=bool)
    known[moments.rank] = True
    rows = np.flatnonzero(known[rank])
    both_rank = np.concatenate([rank[rows], moments.rank])
    both_at = np.concatenate([at[rows], moments.at])
    order = np.lexsort((both_at, both_rank))  # stable: at one instant the draw stands before the moment
    last = np.maximum.accumulate(np.where(order < len(rows), order, -1)) if len(rows) else np.full(len(order), -1)
    found = np.full(len(moments), -1, dtype=np.int64)
    later = order >= len(rows)
    found[order[later] - len(rows)] = last[later]
    row = np.where(found >= 0, rows[np.maximum(found, 0)] if len(rows) else -1, -1)
    return np.where((row >= 0) & (rank[np.maximum(row, 0)] == moments.rank), row, -1)
