"""What a judgement reads, each thing prepared once and shared by all rules: measures, drugs, facts, other rules."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from monitors.draws import newest_at
from monitors.measures import DAYS, BoolArray, IntArray, Measures, patient_ranks
from monitors.rules.courses import Course, Nights
from monitors.rules.model import Rule
from monitors.rules.moments import Moments
from monitors.trends import OFF, ON, UNKNOWN, Periods, day_key, exposure, list_days, medication_periods

FACTS = ("patient_id", "fact", "day", "end_day", "value", "fact_id")


@dataclass
class Taken:
    """Exposure of every patient to any drug class, from the medications frame."""

    medications: pd.DataFrame
    patients: IntArray
    periods: pd.DataFrame = field(init=False)
    lists: IntArray = field(init=False)
    _of: dict[str, Periods] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rank = patient_ranks(self.medications["patient_id"].to_numpy(), self.patients)
        self.periods = medication_periods(self.medications, rank)
        self.lists = list_days(self.medications, rank)

    def of(self, drug_class: str) -> Periods:
        if drug_class not in self._of:
            self._of[drug_class] = exposure(self.periods, self.lists, drug_class)
        return self._of[drug_class]

    def state(self, classes: Iterable[str], rank: IntArray, day: IntArray, tails: Mapping[str, int]) -> IntArray:
        """ON with any class (or within its tail), OFF with all of them, else UNKNOWN."""
        on, unknown = np.zeros(len(rank), dtype=bool), np.zeros(len(rank), dtype=bool)
        for name in classes:
            periods = self.of(name)
            state = periods.state(rank, day)
            on |= state == ON
            if tail := tails.get(name, 0):
                on |= periods.ended_within(rank, day, tail)
            unknown |= state == UNKNOWN
        return np.where(on, ON, np.where(unknown, UNKNOWN, OFF))

    def off_for(self, classes: Iterable[str], rank: IntArray, day: IntArray, days: int) -> BoolArray:
        """Whether off every class that day, and on none of them in the `days` before."""
        off = np.ones(len(rank), dtype=bool)
        for name in classes:
            off &= self.of(name).off_for(rank, day, days)
        return off

    def ever_on(self, classes: Iterable[str], patients: int, first: IntArray, last: IntArray) -> BoolArray:
        ever = np.zeros(patients, dtype=bool)
        for name in classes:
            ever |= self.of(name).ever_on(patients, first, last)
        return ever


@dataclass(frozen=True)
class Told:
    """What the facts frame says of one concept: sorted by patient and day. end: exclusive, DAYS where none."""

    rank: IntArray
    day: IntArray
    end: IntArray
    value: np.ndarray
    fact_id: IntArray


@dataclass
class Known:
    """The facts of a shard by concept, and what this site has no feed of."""

    facts: pd.DataFrame | None
    patients: IntArray
    lacking: Collection[str] = ()
    _of: dict[str, Told] = field(default_factory=dict)

    def lacks(self, name: str) -> bool:
        """Whether the site has no such input: 'fact:bmi', 'alt', 'medications'."""
        return name in self.lacking or (self.facts is None and name.startswith("fact:"))

    def of(self, concept: str) -> Told:
        if concept not in self._of:
            none = np.zeros(0, dtype=np.int64)
            if self.facts is None:
                self._of[concept] = Told(none, none, none, np.zeros(0), none)
            else:
                rows = self.facts[self.facts["fact"].to_numpy() == concept]
                rank = patient_ranks(rows["patient_id"].to_numpy(), self.patients)
                day, end = rows["day"].to_numpy().astype(np.int64), rows["end_day"].to_numpy().astype(np.int64)
                numbers = rows["fact_id"].to_numpy().astype(np.int64)
                order = np.lexsort((numbers, day, rank))
                order = order[rank[order] >= 0]
                end = np.where(end < 0, DAYS, end)
                value = rows["value"].to_numpy().astype(np.float64)
                self._of[concept] = Told(rank[order], day[order], end[order], value[order], numbers[order])
        return self._of[concept]

    def holds(self, concept: str, rank: IntArray, day: IntArray) -> BoolArray:
        """Whether a fact holds on each (patient, day): begun, and not ended."""
        told = self.of(concept)
        begun = np.searchsorted(day_key(told.rank, told.day), day_key(rank, day), "right")
        over = np.searchsorted(np.sort(day_key(told.rank, np.minimum(told.end, DAYS // 2 - 1))), day_key(rank, day), "right")
        return np.asarray(begun > over)

    def times(self, concept: str, rank: IntArray, day: IntArray, days: int) -> IntArray:
        """How often it began in the `days` before each (patient, day), that day included."""
        told, key = self.of(concept), day_key(rank, day)
        keys = day_key(told.rank, told.day)
        return np.asarray(np.searchsorted(keys, key, "right") - np.searchsorted(keys, key - days, "left"))

    def newest(self, concept: str, rank: IntArray, day: IntArray) -> IntArray:
        """Row of the newest fact at each (patient, day), -1 none."""
        told = self.of(concept)
        row = np.searchsorted(day_key(told.rank, told.day), day_key(rank, day), "right") - 1
        if not len(told.rank):
            return np.full(len(rank), -1, dtype=np.int64)
        return np.where((row >= 0) & (told.rank[np.maximum(row, 0)] == rank), row, -1)


@dataclass
class Sources:
    """Everything one shard is judged from. courses, not_assessable: of the rules judged so far."""

    measures: Measures
    nights: Nights
    taken: Taken
    known: Known
    rules: Mapping[str, Rule]
    courses: dict[str, Course] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.nights)

    def tonight(self, patients: IntArray) -> Moments:
        """The night's end of some patients, ascending."""
        return Moments(patients, self.nights.as_of[patients], self.nights.day[patients], self._newest_draw[patients])

    @cached_property
    def _newest_draw(self) -> IntArray:
        draws = self.measures.draws
        return newest_at(draws.rank, draws.at, np.arange(len(self)), self.nights.as_of)
