"""Whether a result is overdue: too long without a valid one, or too long since a drug was begun."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from monitors.measures import DAYS, BoolArray, IntArray
from monitors.rules.model import After, Overdue
from monitors.rules.moments import Moments, newest_drawn
from monitors.rules.sources import Sources
from monitors.trends import day_key, unkeyed


class Due(NamedTuple):
    """At each moment: whether it is overdue, and since which day the clock runs (-DAYS: it does not)."""

    overdue: BoolArray
    since: IntArray


def due(test: Overdue, moments: Moments, sources: Sources) -> Due:
    """A result counts from the moment it was drawn; a preliminary one does not count."""
    values = sources.measures.reading("valid").of(test.measure)
    row = newest_drawn(values, moments)
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


def could_be_due(test: Overdue, sources: Sources, lookback_days: int) -> BoolArray:
    """Patients for whom it may have been overdue within the look-back, (patients,): an upper bound."""
    if test.after is not None:
        first = sources.nights.day - lookback_days - test.after.to_days
        return sources.taken.ever_on(test.after.on, len(sources), first, sources.nights.day)
    found = np.zeros(len(sources), dtype=bool)
    found[due_days(test, sources)[0]] = True
    return found


def due_days(test: Overdue, sources: Sources) -> tuple[IntArray, IntArray]:
    """(rank, day) on which it became overdue: after each result that was followed by none for long enough; and, with
    `after`, counted from the drug. Days on which the clock stood still push it back."""
    values = sources.measures.reading("valid").of(test.measure)
    last = np.append(values.rank[1:] != values.rank[:-1], True)[: len(values)]
    following = np.where(last, sources.nights.day[values.rank], np.append(values.day[1:], 0)[: len(values)])
    late = following - values.day > test.days
    ranks, since, until = [values.rank[late]], [values.day[late]], [following[late]]
    if test.after is None and not test.needs_previous:
        seen = sources.measures.seen[0]
        begins = np.searchsorted(values.rank, np.arange(len(sources)), "left")
        ends_ = np.searchsorted(values.rank, np.arange(len(sources)), "right")
        first = np.where(ends_ > begins, np.append(values.day, 0)[begins], sources.nights.day)
        rank = np.flatnonzero(first - seen > test.days)
        ranks.append(rank)
        since.append(seen[rank])
        until.append(first[rank])
    over: list[tuple[IntArray, IntArray]] = []
    if test.after is not None:
        for name in test.after.on:
            owner, begun = unkeyed(sources.taken.of(name).starts)
            ranks.append(owner)
            since.append(begun + test.after.from_days)
            until.append(np.full(len(begun), DAYS))
            over.append((owner, begun + test.after.to_days + 1))
    rank = np.concatenate(ranks)
    due_on = _pushed_back(rank, np.concatenate(since), test, sources)
    turns = due_on <= np.concatenate(until)  # pushed back beyond the next result, it never was
    pairs = [(rank[turns], due_on[turns]), *over]
    return np.concatenate([owner for owner, _ in pairs]), np.concatenate([day for _, day in pairs])


def _pushed_back(rank: IntArray, since: IntArray, test: Overdue, sources: Sources) -> IntArray:
    """The day each clock, running from `since`, is over: so many days later, not counting those it stood still."""
    day = since + test.days + 1
    stays: dict[int, list[tuple[int, int]]] = {}
    for owner, start, end in _stays(test, sources):
        stays.setdefault(owner, []).append((start, end))
    for row in np.flatnonzero(np.isin(rank, list(stays))).tolist():
        for start, end in stays[int(rank[row])]:
            if start < day[row]:  # merged and in order: a stay that begins before it is due pushes it back
                day[row] += max(0, end - max(start, int(since[row])))
    return day


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
    for rank, day, end in _stays(test, sources):
        first, last = np.searchsorted(moments.rank, [rank, rank + 1])
        mine = slice(first, last)
        paused[mine] += np.maximum(np.minimum(moments.day[mine], end) - np.maximum(since[mine], day), 0)
    return paused


def _stays(test: Overdue, sources: Sources) -> list[tuple[int, int, int]]:
    """(rank, first day, day after) the clock stands still, in order; stays that overlap count once."""
    told = [sources.known.of(concept) for concept in test.pause if not sources.known.lacks(f"fact:{concept}")]
    rows = sorted(row for one in told for row in zip(one.rank.tolist(), one.day.tolist(), one.end.tolist(), strict=True))
    stays: list[tuple[int, int, int]] = []
    owner, until = -1, 0
    for rank, day, end in rows:
        begins = max(day, until) if rank == owner else day
        if end > begins:
            stays.append((rank, begins, end))
        owner, until = rank, max(until, end) if rank == owner else end
    return stays
