"""The time line of a shard: every instant at which something was drawn, once for all measures and rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Draws:
    """Distinct (patient, instant), sorted; day: the local day of each. Arrays (n,)."""

    rank: IntArray
    at: IntArray
    day: IntArray

    @classmethod
    def of(cls, rank: IntArray, at: IntArray, day: IntArray) -> tuple[Self, IntArray]:
        """The draws of some rows of results, in any order, and the place of each row among them."""
        order = np.lexsort((at, rank))
        sorted_rank, sorted_at = rank[order], at[order]
        new = np.ones(len(order), dtype=bool)
        new[1:] = (sorted_rank[1:] != sorted_rank[:-1]) | (sorted_at[1:] != sorted_at[:-1])
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.cumsum(new) - 1
        return cls(sorted_rank[new], sorted_at[new], day[order][new]), place

    def __len__(self) -> int:
        return len(self.rank)


def newest_at(rank: IntArray, at: IntArray, wanted_rank: IntArray, wanted_at: IntArray) -> IntArray:
    """Row of the patient's newest of some rows at or before each instant wanted, -1 where there is none; both sorted."""
    if not len(rank) or not len(wanted_rank):
        return np.full(len(wanted_rank), -1, dtype=np.int64)
    known = np.zeros(int(max(rank[-1], wanted_rank[-1])) + 2, dtype=bool)  # one more place for rank -1
    known[wanted_rank] = True
    rows = np.flatnonzero(known[rank])
    order = np.lexsort((np.concatenate([at[rows], wanted_at]), np.concatenate([rank[rows], wanted_rank])))
    last = np.maximum.accumulate(np.where(order < len(rows), order, -1))  # stable: at one instant the row stands first
    found = np.full(len(wanted_rank), -1, dtype=np.int64)
    later = order >= len(rows)
    found[order[later] - len(rows)] = last[later]
    row = np.append(rows, -1)[found]
    return np.where((row >= 0) & (rank[row] == wanted_rank), row, -1)
