"""Simpler ways to alert about phosphate, run over the same draws: what persistence and hysteresis each buy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from monitors.simulate.draws import Feed

APART, GAP = 18, 75  # days between anchors, longest gap: as R01
LIMIT, CLEAR = 5.5, 5.0  # mg/dL
POLICIES = ("every value above 5.5", "persistence", "persistence and hysteresis")


def alerts(feed: Feed, first: int) -> dict[str, np.ndarray]:
    """policy -> (alerts, 2) of week and patient (0-based), from week `first` on."""
    found: dict[str, list[tuple[int, int]]] = {policy: [] for policy in POLICIES}
    for patient in range(len(feed.unit)):
        drawn = np.flatnonzero(feed.took[patient] & ~feed.marked[patient])
        values = [(int(week), float(feed.phosphate[patient, week])) for week in drawn]
        for policy, week in _one(values):
            if week >= first:
                found[policy].append((week, patient))
    return {policy: np.array(rows, dtype=np.int64).reshape(-1, 2) for policy, rows in found.items()}


def _one(values: list[tuple[int, float]]) -> Iterator[tuple[str, int]]:
    """(policy, week) of each alert of one patient: a ping a value, or the beginning of an episode."""
    breached = opened = False
    cleared = -1
    for place, (week, value) in enumerate(values):
        if value > LIMIT:
            yield POLICIES[0], week
        anchors = list(_anchors(values, place))
        fires = _persists(anchors, -1)
        if fires and not breached:
            yield POLICIES[1], week
        breached = fires
        if _persists(anchors, cleared):
            if not opened:
                yield POLICIES[2], week
            opened = True
        elif _clears(anchors):
            opened, cleared = False, week


def _anchors(values: list[tuple[int, float]], place: int) -> Iterator[tuple[int, float]]:
    """The draw, then the newest at least 18 days before it, and again: three at most."""
    week, _ = values[place]
    yield values[place]
    count = 1
    for earlier in reversed(values[:place]):
        if 7 * (week - earlier[0]) > GAP or count == 3:
            return
        if 7 * (week - earlier[0]) >= APART:
            yield earlier
            week, count = earlier[0], count + 1


def _persists(anchors: list[tuple[int, float]], cleared: int) -> bool:
    """The newest anchor and one of the two before it above the limit; nothing at or before the last clear counts."""
    high = [week > cleared and value > LIMIT for week, value in anchors]
    return high[0] and sum(high) >= 2


def _clears(anchors: list[tuple[int, float]]) -> bool:
    values = [value for _, value in anchors]
    return (len(values) >= 2 and max(values[:2]) <= CLEAR) or (len(values) == 3 and max(values) <= LIMIT)


def latched(feed: Feed) -> set[int]:
    """Ids of the patients who would have an open phosphate alert at the end, under persistence and hysteresis."""
    found = set()
    for patient in range(len(feed.unit)):
        drawn = np.flatnonzero(feed.took[patient] & ~feed.marked[patient])
        values = [(int(week), float(feed.phosphate[patient, week])) for week in drawn]
        cleared, opened = -1, False
        for place in range(len(values)):
            anchors = list(_anchors(values, place))
            if _persists(anchors, cleared):
                opened = True
            elif _clears(anchors):
                opened, cleared = False, values[place][0]
        if opened:
            found.add(patient + 1)
    return found
