"""How many true rises of phosphate are noticed, and how soon: everybody rises, on a known day, to 6.5 mg/dL or more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from monitors.rules.judge import judge
from monitors.rules.model import Analyte, Drugs, Rule
from monitors.rules.standing import FIRING, HOLDING
from monitors.simulate.assumptions import CADENCES, Assumptions
from monitors.simulate.cohort import Bools, cohort
from monitors.simulate.draws import Feed, feed

HISTORY, WINDOW, AFTER = 26, 13, 30  # weeks before the first rise, in which rises begin, watched beyond the last
RULES = ("R01", "R02")
APART = 18  # days between counted draws


def measure_rises(
    given: Assumptions, rng: np.random.Generator, patients: int, rules: Sequence[Rule],
    analytes: Mapping[str, Analyte], drugs: Drugs,
) -> pd.DataFrame:  # fmt: skip
    """One row a rise nobody had been alerted about before: unit, level (true mg/dL), third (noticed by the third counted draw),
    draws (by the third draw of any kind), days (until noticed; -1 never)."""
    unit = cohort(given, rng, patients, HISTORY + WINDOW + AFTER, drifting=(HISTORY, HISTORY + WINDOW))
    fed = feed(given, rng, unit, analytes, drugs)
    chosen = [rule for rule in rules if rule.id in RULES]
    only = fed.rows["analyte"] == analytes["phosphate"].number
    seen = Feed(unit, {name: column[only] for name, column in fed.rows.items()}, fed.quarterly[only], fed.medications, fed.took,
                fed.phosphate, fed.marked, fed.patients, fed.lists)  # fmt: skip
    raised = np.zeros(unit.phosphate.shape, dtype=bool)
    latched = np.zeros(unit.phosphate.shape, dtype=bool)
    for week in range(HISTORY - 1, unit.weeks):
        series, people, taken, facts = seen.frames(week)
        outcomes = judge(series, people, taken, chosen, analytes, facts=facts).outcomes
        raised[:, week] = np.any([outcomes[rule.id] == FIRING for rule in chosen], axis=0)
        latched[:, week] = raised[:, week] | np.any([outcomes[rule.id] == HOLDING for rule in chosen], axis=0)
    rows = [_rise(fed, patient, raised[patient], latched[patient]) for patient in range(patients)]
    return pd.DataFrame([row for row in rows if row is not None], columns=["unit", "level", "third", "draws", "days"])


def _rise(fed: Feed, patient: int, raised: Bools, latched: Bools) -> tuple[str, float, bool, bool, int] | None:
    """None where an alert was open before the rise, or three counted draws did not take place."""
    onset = int(fed.unit.onset[patient])
    drawn = np.flatnonzero(fed.took[patient] & ~fed.marked[patient])
    drawn = drawn[drawn >= onset]
    counted: list[int] = []
    for week in drawn.tolist():
        if not counted or 7 * (week - counted[-1]) >= APART:
            counted.append(week)
    if latched[onset - 1] or len(counted) < 3:
        return None
    noticed = np.flatnonzero(raised[onset:])
    first = onset + int(noticed[0]) if len(noticed) else 1 << 20
    level = float(fed.unit.phosphate[patient, onset])
    days = 7 * (first - onset) + 1 if len(noticed) else -1
    return CADENCES[fed.unit.cadence[patient]], level, first <= counted[2], first <= int(drawn[2]), days
