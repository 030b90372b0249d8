"""Whether a result is overdue: too long without a valid one, or too long since a drug was begun."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from monitors.measures import DAYS, BoolArray, IntArray
from monitors.rules.courses import newest_days
from monitors.rules.model import After, Overdue
from monitors.rules.moments import Moments, newest_at
from monitors.rules.sources import Sources
from monitors.trends import day_key


class Due(NamedTuple):
    """At each moment: whether it is overdue, and since which day the clock runs (-DAYS: it does not)."""

    overdue: BoolArray
    since: IntArray


def due(test: Overdue, moments: Moments, sources: Sources) -> Due:
    """A result counts from the moment it was drawn; a preliminary one does not count."""
    values = sources.measures.reading("valid").of(test.measure)
    row = newest_at(values.rank, values.at, moments)
    newest = np.append(values.day, -DAYS)[row]
    if test.needs_previous or test.after is not None:
        since = newest
    else:
        first = sources.measures.seen[0][moments.rank]
        since = np.where(row >= 0, newest, np.where(first < DAYS, first, -DAYS))
    applies = since > -DAYS
    if test.after is not None:
        begun = _begun(test.after, moments, sources)
        applies = begun > -DAYS
        since = np.where(applies, np.maximum(newest, begun + test.after.from_days), -DAYS)
    paused = _paused(test, moments, since, sources)
    return Due(applies & (moments.day - since - paused > test.days), np.where(applies, since, -DAYS))


def could_be_due(test: Overdue, sources: Sources) -> BoolArray:
    """Patients for whom it may be overdue as of the night, (patients,): an upper bound."""
    patients = len(sources)
    if test.after is not None:
        on = sources.taken.ever_on(
            test.after.on, patients, sources.nights.day - test.after.to_days, sources.nights.day
        )
        newest = newest_days(sources.measures.reading("valid").of(test.measure), patients)
        return np.asarray(on & (sources.nights.day - newest > test.days))
    newest = newest_days(sources.measures.reading("valid").of(test.measure), patients)
    since = newest if test.needs_previous else np.where(newest > -DAYS, newest, sources.measures.seen[0])
    return np.asarray((since > -DAYS) & (sources.nights.day - since > test.days))


def due_days(test: Overdue, sources: Sources, of: BoolArray) -> tuple[IntArray, IntArray]:
    """(rank, day) on which it becomes overdue, counted from the newest result; and, with `after`, from the drug."""
    rank = np.flatnonzero(of)
    newest = newest_days(sources.measures.reading("valid").of(test.measure), len(sources))[rank]
    since = np.where(newest > -DAYS, newest, sources.measures.seen[0][rank])
    ranks, days = [rank], [since + test.days + 1]
    if test.after is not None:
        for name in test.after.on:
            starts = sources.taken.of(name).starts
            owner = (starts + DAYS // 2) // DAYS
            begun = starts - owner * DAYS
            for ahead in (test.after.from_days + test.days + 1, test.after.to_days + 1):
                ranks.append(owner)
                days.append(begun + ahead)
    return np.concatenate(ranks), np.concatenate(days)


def _begun(after: After, moments: Moments, sources: Sources) -> IntArray:
    """Day the newest period began that lies inside the window at each moment; -DAYS where there is none."""
    found = np.full(len(moments), -DAYS)
    key = day_key(moments.rank, moments.day)
    for name in after.on:
        starts = sources.taken.of(name).starts
        if not len(starts):
            continue
        place = np.searchsorted(starts, key, "right") - 1
        begun = starts[np.maximum(place, 0)] - moments.rank * DAYS
        inside = (place >= 0) & (moments.day - begun >= after.from_days) & (moments.day - begun <= after.to_days)
        found = np.maximum(found, np.where(inside, begun, -DAYS))
    return found


def _paused(test: Overdue, moments: Moments, since: IntArray, sources: Sources) -> IntArray:
    """Days between `since` and each moment on which the clock stood still."""
    paused = np.zeros(len(moments), dtype=np.int64)
    for concept in test.pause:
        if sources.known.lacks(f"fact:{concept}"):
            continue
        told = sources.known.of(concept)
        for rank, day, end in zip(told.rank.tolist(), told.day.tolist(), told.end.tolist(), strict=True):
            first, last = np.searchsorted(moments.rank, [rank, rank + 1])
            mine = slice(first, last)
            overlap = np.minimum(moments.day[mine], end) - np.maximum(since[mine], day)
            paused[mine] += np.maximum(overlap, 0)
    return paused
