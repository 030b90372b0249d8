"""The results a finding rests on, cited for many patients at once.

Everything is gathered column by column and only then turned into `Evidence`: a shard has tens of thousands.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import repeat

import numpy as np

from monitors.measures import IntArray, Interval, Measures, Values
from monitors.records import Evidence
from monitors.rules.breaches import Breach
from monitors.rules.courses import Course
from monitors.rules.model import Rule
from monitors.rules.movements import highest_before, spread
from monitors.trends import before_of, window_start

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=1 << 17)  # one draw gives many results, and each many rules
def instant(at: int) -> datetime:
    """µs since 1970 as a time in UTC."""
    return EPOCH + timedelta(microseconds=at)


def signs(interval: Interval) -> list[str | None]:
    """The sign to print before each value: '', <, <=, >, >=; None where nothing bounds it on either side."""
    value, lo, hi = interval
    if lo is hi:
        return [""] * len(value)
    bounded = np.flatnonzero(lo != hi).tolist()
    found: list[str | None] = [""] * len(value)
    for row in bounded:
        found[row] = comparator(float(value[row]), float(lo[row]), float(hi[row]))
    return found


def comparator(value: float, lo: float, hi: float) -> str | None:
    """The sign to print before a value: '', <, <=, >, >=; None where nothing bounds it on either side."""
    if lo == hi:
        return ""
    if math.isfinite(hi):
        return "<" if hi < value else "<="
    if math.isfinite(lo):
        return ">" if lo > value else ">="
    return None


def cite(values: Values, rows: IntArray, role: str) -> list[list[Evidence]]:
    """Each of some values as evidence, followed by the results it was derived from."""
    interval = values.interval.take(rows)
    parts = [(part, index[rows]) for part, index in values.parts]
    part_ids = [np.where(place >= 0, part.id[place], 0).tolist() if len(part) else [0] * len(rows) for part, place in parts]
    made_of = [tuple(filter(None, ids)) for ids in zip(*part_ids, strict=True)] if parts else repeat(())
    found = map(
        Evidence, repeat(values.measure), interval.value.tolist(), [values.units[si] for si in values.si[rows].tolist()],
        map(instant, values.at[rows].tolist()), values.id[rows].tolist(), signs(interval), repeat(role), made_of,
    )  # fmt: skip
    cited = [[] if item.comparator is None else [item] for item in found]
    for part, place in parts:
        given = np.flatnonzero(place >= 0)
        for owner, items in zip(given.tolist(), cite(part, place[given], role), strict=True):
            cited[owner].extend(items)
    return cited


def chain_of(course: Course, rows: IntArray, window: int) -> list[IntArray]:
    """The anchors each row looks at, itself first: `window` arrays of rows, -1 where the chain has ended."""
    assert course.previous is not None
    anchors = [rows]
    while len(anchors) < window:
        anchors.append(before_of(course.previous, anchors[-1]))
    return anchors


def latched_evidence(rules: Mapping[str, Rule], rule: Rule, course: Course, rows: IntArray, measures: Measures
                     ) -> list[tuple[Evidence, ...]]:  # fmt: skip
    """What a latched rule rests on at each of some rows of its course: for each latched signal its newest value and
    the anchors of its last raise; the parts after the product they make; the newest values its conditions look at.
    Each result once, in a stable order."""
    seen: list[dict[tuple[str, int], Evidence]] = [{} for _ in rows]
    window = max((step.repeated.of for step in rule.steps if step.repeated), default=1)
    for owners, values, places, role in _citations(rules, rule, course, rows, np.arange(len(rows)), window, measures):
        for owner, items in zip(owners.tolist(), cite(values, places, role), strict=True):
            for item in items:
                seen[owner].setdefault((item.analyte, item.result_id), item)
    return [tuple(items.values()) for items in seen]


Citation = tuple[IntArray, Values, IntArray, str]  # owners, values, the row each owner cites, role


def _citations(
    rules: Mapping[str, Rule], rule: Rule, course: Course, rows: IntArray, owners: IntArray, least: int, measures: Measures
) -> Iterator[Citation]:
    if course.values is not None:
        described = course.described[0]
        if described.raise_ is not None:
            yield from _anchors(course, rows, owners, described.raise_, least)
        return
    for number, described in enumerate(course.described):
        stands, signal, places = course.latched[number][rows], course.signals[number], course.newest[number][rows]
        if signal is not None:
            stands = stands & (places >= 0)
            if described.rule is not None:
                yield from _citations(
                    rules, rules[described.rule], signal, places[stands], owners[stands], 1, measures
                )  # fmt: skip
            elif described.raise_ is not None:
                yield from _anchors(signal, places[stands], owners[stands], described.raise_, least)
        looked_at = [one.measure for condition in described.conditions for one in condition.walk() if one.measure]
        for name in dict.fromkeys(looked_at):
            yield from _newest(measures, name, course.rank[rows[stands]], owners[stands])
        if described.overdue is not None:  # the result its clock runs from, wherever it was drawn
            valid = measures.reading("valid")
            yield from _newest(valid, described.overdue.measure, course.rank[rows[stands]], owners[stands])
    if rule.exposure is not None and rule.exposure.presumed is not None and course.presumed is not None:
        stands = course.presumed[rows]
        yield from _newest(measures, rule.exposure.presumed.measure, course.rank[rows[stands]], owners[stands])


def _newest(measures: Measures, name: str, patients: IntArray, owners: IntArray) -> Iterator[Citation]:
    values = measures.of(name)
    places = measures.newest(name)[patients]
    yield owners[places >= 0], values, places[places >= 0], "condition"


def _anchors(course: Course, rows: IntArray, owners: IntArray, breach: Breach, least: int) -> Iterator[Citation]:
    """The newest value of a signal and, of its last raise, every value the raise was decided by."""
    values = course.values
    assert values is not None
    raised, window = course.fold.last_raise[rows], max(breach.compared, least)
    later = rows != raised
    yield owners[later], values, rows[later], "latest"
    for number, anchors in enumerate(chain_of(course, raised, window), start=1):
        there = anchors >= 0
        if breach.change is not None and number > 1:
            there &= values.exact[anchors] & (values.day[raised] - values.day[anchors] <= breach.change.within_days)
        yield owners[there], values, anchors[there], f"anchor {number}" if window > 1 else "latest"
    if breach.mean is not None:
        owner, inside = spread(window_start(values, raised, breach.mean.days - 1), raised)
        exact = values.exact[inside]
        yield owners[owner[exact]], values, inside[exact], "in the mean"
    if breach.fall is not None:
        yield owners, values, highest_before(breach.fall, values, raised), "highest before"


def newest_evidence(measures: Measures, names: Sequence[str], patients: IntArray) -> list[tuple[Evidence, ...]]:
    """The newest value of some measures, whatever their age: what a clear or unassessable finding shows."""
    seen: list[dict[tuple[str, int], Evidence]] = [{} for _ in patients]
    for name in names:
        values = measures.of(name)
        rows = measures.newest(name)[patients]
        owners = np.flatnonzero(rows >= 0)
        for owner, items in zip(owners.tolist(), cite(values, rows[owners], "latest"), strict=True):
            for item in items:
                seen[owner].setdefault((item.analyte, item.result_id), item)
    return [tuple(items.values()) for items in seen]
