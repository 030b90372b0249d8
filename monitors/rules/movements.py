"""Values against earlier values: reference change, runs of rises, falls. Exact values of one assay only.

Log-symmetric: a rise by r % and a fall by 100 r / (100 + r) % are the same distance (Fokkema's form of the reference
change value), so +72 % goes with -42 %.
"""

from __future__ import annotations

import numpy as np

from monitors.measures import BoolArray, IntArray, Values
from monitors.rules.breaches import Change, Fall, Rises
from monitors.trends import before_of, window_start
from monitors.units import FloatArray, round6


def _common(values: Values) -> FloatArray:
    """Values in the conventional unit, so that a series reported in both systems can be compared; NaN where bounded."""
    reported = values.interval.value
    conventional = np.where(values.si, round6(reported / values.to_si), reported)
    return np.where(values.exact, conventional, np.nan)


def moves(change: Change, values: Values, previous: IntArray) -> BoolArray:
    """Whether each value moved (or rested, steady_percent) against the median of the anchors before it."""
    if not len(values):
        return np.zeros(0, dtype=bool)
    number = _common(values)
    rows, before = np.arange(len(values)), []
    for _ in range(change.of):
        rows = before_of(previous, rows)
        near = (rows >= 0) & (values.day - values.day[rows] <= change.within_days)
        before.append(np.where(near, number[rows], np.nan))
    stacked = np.sort(np.stack(before), axis=0)  # NaN last
    count = np.sum(~np.isnan(stacked), axis=0)
    everyone = np.arange(len(values))
    low = stacked[np.maximum(count - 1, 0) // 2, everyone]
    high = stacked[np.minimum(count // 2, change.of - 1), everyone]
    with np.errstate(invalid="ignore", divide="ignore"):
        percent = round6(100 * number / ((low + high) / 2) - 100)
    known = (count >= 2) & np.isfinite(percent)
    found = np.zeros(len(values), dtype=bool)
    with np.errstate(invalid="ignore"):
        if change.rise_percent is not None:
            found |= percent >= change.rise_percent
        if change.fall_percent is not None:
            found |= percent <= -change.fall_percent
        if change.steady_percent is not None:
            found |= np.abs(percent) <= change.steady_percent
    return np.asarray(found & known)


def rises_in_a_row(rises: Rises, values: Values, previous: IntArray) -> BoolArray:
    """Whether the newest `count` steps of the chain all rose, by enough in all and over long enough."""
    if not len(values):
        return np.zeros(0, dtype=bool)
    number = _common(values)
    rows = np.arange(len(values))
    rose = np.ones(len(values), dtype=bool)
    with np.errstate(invalid="ignore", divide="ignore"):
        for _ in range(rises.count):
            earlier = before_of(previous, rows)
            rose &= (earlier >= 0) & (number[rows] > number[earlier])
            rows = earlier
        total = round6(100 * number / number[rows] - 100) >= rises.total_percent
    return rose & total & (values.day - values.day[rows] >= rises.days)


def falls(fall: Fall, values: Values) -> BoolArray:
    """Whether each value lies at least `by` below the highest exact one of the days before it, in its own unit system."""
    if not len(values):
        return np.zeros(0, dtype=bool)
    rows = np.arange(len(values))
    number = np.where(np.isnan(_common(values)), -np.inf, _common(values))
    cut = np.column_stack([window_start(values, rows, fall.days), rows + 1]).ravel()
    highest = np.maximum.reduceat(np.append(number, -np.inf), cut)[::2]
    then = np.where(values.si, round6(highest * values.to_si), highest)
    with np.errstate(invalid="ignore"):
        return np.asarray(round6(then - values.interval.value) >= fall.by.per(values.si)) & values.exact & np.isfinite(highest)


def spread(start: IntArray, end: IntArray) -> tuple[IntArray, IntArray]:
    """(which range, row) of every row from each start to its end, newest first."""
    length = end - start + 1
    which = np.repeat(np.arange(len(length)), length)
    return which, end[which] - (np.arange(len(which)) - np.repeat(np.cumsum(length) - length, length))


def highest_before(fall: Fall, values: Values, rows: IntArray) -> IntArray:
    """The row each of some falling rows fell from: the highest exact value of the days before, the newest of equals."""
    if not len(rows):
        return rows
    number = np.where(np.isnan(_common(values)), -np.inf, _common(values))
    start = window_start(values, rows, fall.days)
    span, row = spread(start, rows)
    begins = np.flatnonzero(row == rows[span])
    highest = np.maximum.reduceat(number[row], begins)
    return np.asarray(np.maximum.reduceat(np.where(number[row] == highest[span], row, -1), begins))
