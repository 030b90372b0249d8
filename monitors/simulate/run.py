"""One simulated unit from seed to figures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from monitors.config import Config
from monitors.simulate.assumptions import CADENCES, Assumptions
from monitors.simulate.cohort import cohort
from monitors.simulate.count import MONTH_WEEKS, Counted
from monitors.simulate.draws import feed
from monitors.simulate.page import Result
from monitors.simulate.plain import POLICIES, alerts
from monitors.simulate.sensitivity import measure_rises
from monitors.simulate.watch import watch

HISTORY = 26  # weeks of draws before the baseline night


def run(
    given: Assumptions, config: Config, patients: int, months: int, seed: int, every: int = 1, rises: int = 2000,
    said: Callable[[str], None] = lambda line: None,
) -> Result:  # fmt: skip
    """every: judge each so many weeks only. rises: patients of the other unit, in which everybody's phosphate rises.
    The same arguments give the same figures, to the last digit."""
    weeks = HISTORY + round(months * MONTH_WEEKS)
    rng = np.random.default_rng(seed)
    unit = cohort(given, rng, patients, weeks)
    fed = feed(given, rng, unit, config.analytes, config.drugs)
    pinged = alerts(fed, HISTORY + 1)
    seen = watch(fed, range(HISTORY, weeks, every), config.rules, config.analytes, given.of("not_fed"), said)
    shares = {name: float(given.of("cadence_share")[name]) for name in CADENCES}
    counted = Counted(seen.frame(), seen.census().assign(patients=lambda one: one["patients"] * every), shares, HISTORY)
    months_of = counted.months(counted.census[counted.census["week"] > HISTORY])
    plain = pd.DataFrame({
        policy: pd.Series(fed.patients[rows[:, 1]]).value_counts().reindex(list(CADENCES), fill_value=0) / months_of
        for policy, rows in pinged.items()
    }).T.reindex(list(POLICIES))  # fmt: skip
    plain["overall"] = plain @ pd.Series(shares).reindex(plain.columns)
    again = np.random.default_rng(seed + 1)
    noticed = measure_rises(given, again, rises, config.rules, config.analytes, config.drugs)
    rules = {rule.id: rule for rule in config.rules}
    return Result(patients, months, seed, config.ruleset, counted, plain, noticed, rules, given)
