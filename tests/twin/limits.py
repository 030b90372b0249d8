"""One limb followed over its values: when it raises, when it clears, and the anchors that say so."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from monitors.rules.breaches import Anchors, Breach, Change, Fall, Mean, Rises, UpperLimit
from monitors.units import Limit
from tests.twin.values import Interval, Point, round6

SAID: dict[int, tuple] = {}  # type: ignore[type-arg]
OTHER_SIDE = {"above": "at_or_below", "at_least": "below", "below": "at_least", "at_or_below": "above"}


def limit_of(limit: Limit | UpperLimit | None, point: Point) -> float:
    """The limit in the unit system of the value; times the assay's own upper limit where it states one."""
    if isinstance(limit, UpperLimit):
        if not math.isnan(point.upper_limit):
            return round6(limit.times * point.upper_limit)
        limit = limit.otherwise
    assert limit is not None
    return limit.si if point.si else limit.conventional


def chain(points: Sequence[Point], newest: int, pace: Anchors) -> list[int]:
    """Anchors, newest first: a value, the newest at least `apart_days` earlier, again. Too long a gap, or another assay,
    ends the chain."""
    anchors = [newest]
    for number in range(newest - 1, -1, -1):
        apart = points[anchors[-1]].day - points[number].day
        if apart >= pace.apart_days:
            if apart > pace.gap_days or points[number].method != points[anchors[-1]].method:
                break
            anchors.append(number)
    return anchors


def beyond(breach: Breach, points: Sequence[Point], number: int, pace: Anchors) -> bool:
    """Whether one value breaches for certain: by itself, or by the mean or the movement that ends with it."""
    point = points[number]
    comparison, limit, but_below, mean_wanted = said_by(breach)
    if comparison and mean_wanted is None:
        if not point.value.surely(comparison, limit_of(limit, point)):
            return False
        return but_below is None or not point.value.surely("at_least", limit_of(but_below, point))
    if breach.change is not None:
        return moved(breach.change, points, number, pace)
    if breach.rises is not None:
        return rose(breach.rises, points, number, pace)
    if breach.fall is not None:
        return fell(breach.fall, points, number)
    assert isinstance(limit, Limit)
    assert mean_wanted is not None
    mean = mean_of(mean_wanted, points, number)
    if mean is None:
        return False
    against = limit.si if mean[1] else limit.conventional
    return Interval(mean[0], mean[0], mean[0]).surely(comparison, against)


def said_by(breach: Breach) -> tuple[str, Limit | UpperLimit | None, Limit | UpperLimit | None, Mean | None]:
    """(comparison, limit, end of a range, mean) of a breach, looked up once; '' where it compares values with each other."""
    if id(breach) not in SAID:
        plain = breach.compares
        SAID[id(breach)] = (
            breach, (breach.comparison if plain else "", breach.limit if plain else None, breach.but_below, breach.mean)
        )
    return SAID[id(breach)][1]


def surely_not(breach: Breach, point: Point) -> bool:
    """Whether one value certainly does not breach a plain limit."""
    if point.value.surely(OTHER_SIDE[breach.comparison], limit_of(breach.limit, point)):
        return True
    return breach.but_below is not None and point.value.surely("at_least", limit_of(breach.but_below, point))


def mean_of(mean: Mean, points: Sequence[Point], number: int) -> tuple[float, bool] | None:
    """(mean, whether in SI) of the exact values of the last days; in SI where all were. None with too few of them."""
    exact = averaged(mean, points, number)
    if len(exact) < mean.values:
        return None
    si = all(point.si for point in exact)
    return round6(math.fsum(point.value.written if si else point.number for point in exact) / len(exact)), si


def averaged(mean: Mean, points: Sequence[Point], number: int) -> list[Point]:
    """The exact values of the last days, the newest among them."""
    first = points[number].day - mean.days
    return [point for point in points[: number + 1] if point.day > first and point.value.exact]


def compared(change: Change, points: Sequence[Point], number: int, pace: Anchors) -> list[int]:
    """The anchors before the newest value whose median it is compared with."""
    earlier = chain(points, number, pace)[1 : change.of + 1]
    return [n for n in earlier if points[n].value.exact and points[number].day - points[n].day <= change.within_days]


def highest(fall: Fall, points: Sequence[Point], number: int) -> Point:
    """The highest exact value of the days before, the newest of equals."""
    before = [p for p in points[: number + 1] if p.value.exact and points[number].day - p.day <= fall.days]
    return max(reversed(before), key=lambda point: point.number)


def moved(change: Change, points: Sequence[Point], number: int, pace: Anchors) -> bool:
    """The newest value against the median of the exact anchors before it (at least two), in per cent."""
    newest = points[number]
    before = [points[n].number for n in compared(change, points, number, pace)]
    if len(before) < 2 or not newest.value.exact or median(before) == 0:
        return False
    percent = round6(100 * newest.number / median(before) - 100)
    rise = change.rise_percent is not None and percent >= change.rise_percent
    fall = change.fall_percent is not None and percent <= -change.fall_percent
    steady = change.steady_percent is not None and abs(percent) <= change.steady_percent
    return rise or fall or steady


def rose(rises: Rises, points: Sequence[Point], number: int, pace: Anchors) -> bool:
    """So many rises in a row over the anchors, by enough in all and over long enough."""
    anchors = [points[n] for n in chain(points, number, pace)[: rises.count + 1]]
    if len(anchors) <= rises.count or not all(anchor.value.exact for anchor in anchors):
        return False
    in_a_row = all(later.number > earlier.number for later, earlier in pairwise(anchors))
    newest, oldest = anchors[0], anchors[-1]
    if not in_a_row or oldest.number == 0:
        return False
    return round6(100 * newest.number / oldest.number - 100) >= rises.total_percent and newest.day - oldest.day >= rises.days


def fell(fall: Fall, points: Sequence[Point], number: int) -> bool:
    """At least so much below the highest exact value of the days before it, in its own unit system."""
    newest = points[number]
    before = [p for p in points[: number + 1] if p.value.exact and newest.day - p.day <= fall.days]
    if not newest.value.exact or not before:
        return False
    top = highest(fall, points, number)
    then = round6(top.number * newest.to_si) if newest.si else top.number
    by = fall.by.si if newest.si else fall.by.conventional
    return round6(then - newest.value.written) >= by


def met(breach: Breach, points: Sequence[Point], number: int, pace: Anchors, after: int = -1) -> bool:
    """Whether the newest anchor breaches, and enough of those looked at; earlier ones only if later than `after`."""
    if not beyond(breach, points, number, pace):
        return False
    if breach.anchors == 1:
        return True
    earlier = chain(points, number, pace)[1 : breach.window]
    return 1 + sum(n > after and beyond(breach, points, n, pace) for n in earlier) >= breach.anchors


@dataclass(frozen=True)
class Draw:
    """Where a limb stands at one value: raised, or cleared, there; since: the first raise after the last clear, None where it
    is not latched; last: the last raise; late: what raised became known after this value, and nothing cleared it."""

    point: Point
    raised: bool
    cleared: bool
    since: int | None
    last: int | None
    late: bool

    @property
    def latched(self) -> bool:
        return self.since is not None

    @property
    def stands(self) -> bool:
        return self.raised or self.late


def follow(raises: Breach, clears: Sequence[Breach], points: Sequence[Point], pace: Anchors, late: bool) -> list[Draw]:
    """Every value of a limb in turn. Raise wins over clear; a value at or before the last clear supports no new raise."""
    draws: list[Draw] = []
    last_clear, since, last = -1, None, None
    for number, point in enumerate(points):
        raised = met(raises, points, number, pace, last_clear)
        cleared = not raised and any(met(clear, points, number, pace) for clear in clears)
        if raised:
            since, last = number if since is None else since, number
        elif cleared:
            since, last_clear = None, number
        known_late = False
        if late and since is not None:
            known_late = any(draws[n].raised and points[n].known > point.known for n in range(since, number))
        draws.append(Draw(point, raised, cleared, since, last, known_late))
    return draws
