"""Where every patient stands under one rule: firing, holding, clear or not assessable, and the reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from monitors.measures import BoolArray, IntArray
from monitors.records import Outcome
from monitors.rules.courses import Course
from monitors.rules.events import exposed
from monitors.rules.load import DRAWS, MEDICATIONS
from monitors.rules.model import Rule
from monitors.rules.signals import exposed_within
from monitors.rules.sources import Sources
from monitors.trends import UNKNOWN

OUTCOMES = (Outcome.CLEAR, Outcome.FIRING, Outcome.HOLDING, Outcome.NOT_ASSESSABLE)
CLEAR, FIRING, HOLDING, NOT_ASSESSABLE = range(4)
NOT_RAISED, CLEARED, NOT_EXPOSED, NOT_CLEARED = "not_raised", "cleared", "not_exposed", "not_cleared"
SUPERSEDED = "superseded"  # a breach that became known after newer values had cleared it: listed, never paged
NOTED = "noted"  # only signals that are in shadow or for the page raise


@dataclass(frozen=True)
class Standing:
    """Where every patient stands under one rule, arrays (patients,). reason: places in `reasons`."""

    outcome: IntArray
    reason: IntArray
    reasons: list[str]

    def having(self, reason: str) -> IntArray:
        """Places of the patients with a reason."""
        return np.flatnonzero(self.reason == self.reasons.index(reason))


def standing_of(rule: Rule, course: Course, sources: Sources, excluded: pd.Series) -> Standing:
    """The outcome and its reason; not assessable for the first reason that applies."""
    latched, ever = (_at_end(course, marks) for marks in (course.fold.latched, course.fold.last_raise >= 0))
    raised = _at_end(course, course.standing)
    reasons = [NOT_RAISED, CLEARED, NOT_EXPOSED, SUPERSEDED, NOTED, NOT_CLEARED, firing_reason(rule)]
    place = {name: number for number, name in enumerate(reasons)}
    outcome = np.where(raised, FIRING, np.where(latched, HOLDING, CLEAR))
    reason = np.where(raised, place[reasons[-1]], np.where(latched, place[NOT_CLEARED], np.where(ever, place[CLEARED], 0)))
    if rule.exposure is not None:
        reason[~exposed_within(rule, sources)] = place[NOT_EXPOSED]
    reason[_superseded(course, reason == place[CLEARED])] = place[SUPERSEDED]
    if course.noted is not None:
        reason[_at_end(course, course.noted.raised) & (outcome == CLEAR)] = place[NOTED]
    for name, holds in reversed(list(_grounds(rule, course, sources, excluded, raised))):
        outcome[holds], reason[holds] = NOT_ASSESSABLE, len(reasons)  # the first that applies is written last, and stays
        reasons.append(name)
    return Standing(outcome, reason, reasons)


def _grounds(
    rule: Rule, course: Course, sources: Sources, excluded: pd.Series, raised: BoolArray
) -> Iterator[tuple[str, BoolArray]]:
    """Why patients cannot be assessed, in the order in which a reason counts."""
    everyone, nights = np.arange(len(sources)), sources.nights
    codes, names = pd.factorize(excluded)
    for number, name in enumerate(names):
        if name:
            yield str(name), codes == number
    for name in rule.requires:
        if sources.known.lacks(name):
            yield f"not_running:{name}", np.ones(len(sources), dtype=bool)
    for measure in rule.requires:
        if measure == MEDICATIONS or ":" in measure:
            continue
        reach = min(rule.anchors.gap_days, rule.anchors.lookback_days) if measure != DRAWS else rule.anchors.lookback_days
        missing = nights.day - newest_of(measure, sources) > reach
        if rule.over_events:  # any one signal is enough: what another lacks must not hide what is seen
            missing &= ~raised
        yield f"no_recent:{measure}", missing
    if rule.exposure is not None:
        unknown = sources.taken.state(rule.exposure.classes, everyone, nights.day, rule.exposure.tails) == UNKNOWN
        if rule.exposure.presumed is not None:
            unknown &= ~exposed(rule, sources.tonight(everyone), sources)[1]
        yield "exposure_unknown", unknown
    for name in rule.requires:
        if name.startswith("drug:"):
            unknown = sources.taken.state([name.partition(":")[2]], everyone, nights.day, {}) == UNKNOWN
            yield "exposure_unknown", unknown & ~raised


def newest_of(measure: str, sources: Sources) -> IntArray:
    """Day of each patient's newest value of a measure, or newest result of any kind (DRAWS)."""
    return sources.measures.seen[1] if measure == DRAWS else sources.measures.newest_day(measure)


def firing_reason(rule: Rule) -> str:
    """A code for why it fires, named after its live signals; one in shadow beside them says nothing."""
    if rule.exposure is not None:
        return "exposed"
    live = [signal for signal in rule.signals if signal.mode == "live"] or rule.signals
    if all(signal.overdue is not None for signal in live):
        return "overdue"
    if all(signal.state is not None for signal in live):
        return "conditions_met"
    window = max((signal.raise_.window for signal in live if signal.raise_), default=1)
    return "persistent" if window > 1 else "beyond_limit"


def _at_end(course: Course, marks: np.ndarray) -> np.ndarray:
    """A mark of each patient's newest row, False where the patient has no row."""
    return np.asarray((course.end >= 0) & np.append(marks, False)[course.end])


def _superseded(course: Course, cleared: BoolArray) -> BoolArray:
    """Patients, of those cleared, whose last breach became known only after a newer value that clears it."""
    found = np.zeros(len(cleared), dtype=bool)
    for signal in (course, *course.signals):
        if signal is None or signal.values is None or signal.stands is None or signal.values.known is None:
            continue
        patients = np.flatnonzero(cleared & (signal.end >= 0))
        rows = signal.end[patients]
        raised = signal.fold.last_raise[rows]
        over = (raised >= 0) & (signal.fold.last_clear[rows] > raised)
        if not over.any():
            continue
        clears, known = np.flatnonzero(signal.fold.cleared), signal.values.known
        cut = np.column_stack([np.searchsorted(clears, raised[over]), np.searchsorted(clears, rows[over], "right")]).ravel()
        earliest = np.minimum.reduceat(np.append(known[clears], np.iinfo(np.int64).max), cut)[::2]
        found[patients[over]] |= known[raised[over]] > earliest
    return found
