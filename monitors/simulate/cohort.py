"""A made-up dialysis unit: its patients, their true levels week by week, their drugs and admissions.

Everything stands on a grid of weeks; the unit draws on Tuesdays. Nothing here knows of rules.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitors.simulate.assumptions import CADENCES, Assumptions

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

FIRST_TUESDAY = 19_359  # 2023-01-03, days since 1970-01-01: the first draw of week 0
DRUGS = {  # drug text -> assumption that states its share ('' = drawn by a rule of its own)
    "warfarin": "vka", "apixaban": "other_anticoagulant", "calcium acetate": "calcium_binder", "sevelamer": "non_calcium_binder",
    "calcitriol": "active_vitamin_d", "cinacalcet": "", "etelcalcetide": "", "iron sucrose": "iv_iron",
    "denosumab": "denosumab", "sodium thiosulfate": "sodium_thiosulfate",
}  # fmt: skip


@dataclass(frozen=True)
class Cohort:
    """cadence: (n,) place in CADENCES. entry, exit: (n,) first week in the unit, first week no more. phosphate, calcium, pth:
    (n, weeks) true levels, mg/dL, mg/dL, pg/mL. onset, over: (n,) week of the step up of phosphate and of its end, -1 none.
    admitted: (n, weeks). on: drug text -> (n, 2) first week and first week no more (-1 never; `weeks` and beyond: open).
    listed: (n, weeks), a drug list came."""

    weeks: int
    cadence: Ints
    entry: Ints
    exit: Ints
    phosphate: Floats
    calcium: Floats
    pth: Floats
    onset: Ints
    over: Ints
    admitted: Bools
    on: dict[str, Ints]
    listed: Bools
    female: Bools
    diabetes: Bools
    si: Bools

    def __len__(self) -> int:
        return len(self.cadence)

    def present(self, week: int) -> Bools:
        return np.asarray((self.entry <= week) & (self.exit > week))


def cohort(
    given: Assumptions, rng: np.random.Generator, patients: int, weeks: int, drifting: tuple[int, int] | None = None
) -> Cohort:
    """`patients` at the start, a quarter of them on each cadence, and those who replace the leavers.

    drifting: instead of the assumed rate, every patient begins at 5.5 mg/dL or less, stays, and drifts within these weeks.
    """
    leaving = 0.0 if drifting else given.number("exit_per_year") / 52
    newcomers = int(rng.poisson(patients * leaving * weeks))
    n = patients + newcomers
    entry = np.concatenate([np.zeros(patients, np.int64), np.sort(rng.integers(1, weeks, newcomers))])
    stay = rng.exponential(1 / leaving, n) if leaving else np.full(n, weeks + 1.0)
    leave = np.minimum(entry + 1 + stay.astype(np.int64), weeks + 1)
    base = np.clip(rng.normal(given.number("phosphate_mean"), given.number("phosphate_between"), n), 2.5, 10.0)
    if drifting:
        base = np.minimum(base, rng.uniform(3.5, 5.5, n))
    winter = 1 + given.number("season") * np.cos(2 * np.pi * np.arange(weeks) / 52)
    onset, over = _steps(given, rng, n, weeks, given.number("drift_per_year"), drifting)
    low, high = (float(end) for end in given.of("drift_to"))
    stepped = np.maximum(base, rng.uniform(low, high, n))
    phosphate = np.where(_between(onset, over, weeks), stepped[:, None], base[:, None]) * winter
    pth = np.exp(
        np.log(given.number("pth_median")) + rng.normal(0, given.number("pth_between_log"), n)[:, None]
        + np.cumsum(rng.normal(0, given.number("pth_walk_log_per_year") / np.sqrt(52), (n, weeks)), axis=1)
    ) * winter  # fmt: skip
    on = _drugs(given, rng, pth, weeks)
    calcium = np.repeat(rng.normal(given.number("calcium_mean"), given.number("calcium_between"), n)[:, None], weeks, axis=1)
    begun, ended = _steps(given, rng, n, weeks, given.number("calcium_drift_per_year"), None)
    low, high = (float(end) for end in given.of("calcium_drift_by"))
    calcium += _between(begun, ended, weeks) * rng.uniform(low, high, n)[:, None]
    for drug in ("cinacalcet", "etelcalcetide"):
        calcium += _between(on[drug][:, 0], on[drug][:, 1], weeks) * given.number("calcium_on_calcimimetic")
    every = int(given.number("list_every_weeks"))
    comes = (np.arange(weeks)[None, :] + np.arange(n)[:, None]) % every == 0
    return Cohort(
        weeks, np.arange(n) % len(CADENCES), entry, leave, phosphate, calcium, pth, onset, over,
        rng.random((n, weeks)) < given.number("admissions_per_year") / 52, on,
        comes & (rng.random((n, weeks)) >= given.number("list_missing")),
        rng.random(n) < given.number("female"), rng.random(n) < given.number("diabetes"),
        rng.random(n) < given.number("si_laboratory"),
    )  # fmt: skip


def _steps(
    given: Assumptions, rng: np.random.Generator, n: int, weeks: int, per_year: float, drifting: tuple[int, int] | None
) -> tuple[Ints, Ints]:
    """Week of a step and of its end, -1 for who has none."""
    length = 13 + rng.exponential(given.number("drift_weeks") - 13, n).astype(np.int64)
    if drifting:
        onset = rng.integers(*drifting, n)
        return onset, np.full(n, weeks)
    happens = rng.random(n) < per_year * weeks / 52
    onset = np.where(happens, rng.integers(0, weeks, n), -1)
    return onset, np.where(happens, onset + length, -1)


def _between(first: Ints, end: Ints, weeks: int) -> Bools:
    """(n, weeks): whether first <= week < end, for who has a first week."""
    week = np.arange(weeks)[None, :]
    return np.asarray((first >= 0)[:, None] & (week >= first[:, None]) & (week < end[:, None]))


def _drugs(given: Assumptions, rng: np.random.Generator, pth: Floats, weeks: int) -> dict[str, Ints]:
    """Who is on what, from when to when: a share of patients at any time, each drug begun or ended at most once."""
    n, on = len(pth), {}
    high = pth[:, 0] >= 300
    mimetic = np.where(high, given.number("calcimimetic_pth_above_300"), given.number("calcimimetic_pth_below_300"))
    injected = given.number("etelcalcetide_of_calcimimetics")
    kind = rng.random(n) < injected
    own = {"cinacalcet": np.where(kind, 0.0, mimetic), "etelcalcetide": np.where(kind, mimetic, 0.0)}
    for drug, name in DRUGS.items():
        share = own[drug] if drug in own else np.full(n, given.number(name))
        taken = rng.random(n) < share
        changes = rng.random(n) < given.number("switch_per_year") * weeks / 52
        when = rng.integers(0, weeks, n)
        begins = ~taken & changes & (rng.random(n) < share / np.maximum(1 - share, 1e-9))
        first = np.where(taken, 0, np.where(begins, when, -1))
        end = np.where(taken & changes, when, weeks + 1)
        if drug == "denosumab":
            first = np.where(begins | taken, when, -1)
            end = first + 26
        on[drug] = np.column_stack([first, end])
    return on
