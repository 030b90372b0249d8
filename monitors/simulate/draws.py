"""The draws of a made-up unit and the frames judging takes, as known on the night of any week."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from monitors.records import Flag
from monitors.rules.sources import FACTS
from monitors.rules.substances import Analyte, Drugs
from monitors.simulate.assumptions import CADENCES, Assumptions
from monitors.simulate.cohort import FIRST_TUESDAY, Bools, Cohort, Floats, Ints
from monitors.units import round6

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
EVERY = {"monthly": 0, "four-weekly": 4, "fortnightly": 2, "weekly": 1}
DECIMALS = {  # conventional, SI: as laboratories print them
    "phosphate": (1, 2), "calcium": (1, 2), "albumin": (1, 0), "pth": (0, 1), "crp": (2, 0), "potassium": (1, 1),
    "alkaline_phosphatase": (0, 2),
}  # fmt: skip
QUARTERLY = ("pth", "alkaline_phosphatase")
KEPT_DAYS = {True: 730, False: 430}  # how far back a night is shown quarterly tests, and the others: all the rules read
ORDER = ("patient_id", "analyte", "at", "id")


def day_of(week: int) -> int:
    """The draw day of a week, days since 1970-01-01."""
    return FIRST_TUESDAY + 7 * week


def night_of(week: int) -> date:
    """The night that first sees a week's draws: the next morning's date."""
    return date(1970, 1, 1) + timedelta(days=int(day_of(week)) + 1)


def scheduled(cadence: Ints, weeks: int) -> Bools:
    """(n, weeks): whether a draw is due; monthly means the first Tuesday of a month."""
    week = np.arange(weeks)
    monthly = np.array([(night_of(w) - timedelta(days=1)).day <= 7 for w in range(weeks)])
    due = np.stack([monthly if not EVERY[name] else week % EVERY[name] == 0 for name in CADENCES])
    return np.asarray(due[cadence])


def attended(given: Assumptions, rng: np.random.Generator, unit: Cohort) -> Bools:
    """(n, weeks): draws that took place, some of them a week late."""
    due = scheduled(unit.cadence, unit.weeks)
    missed = due & (rng.random(due.shape) < given.number("missed"))
    weekly = (unit.cadence == CADENCES.index("weekly"))[:, None]
    again = missed & ~weekly & (rng.random(due.shape) < given.number("caught_up"))
    took = due & ~missed
    took[:, 1:] |= again[:, :-1]
    week = np.arange(unit.weeks)[None, :]
    return np.asarray(took & (week >= unit.entry[:, None]) & (week < unit.exit[:, None]))


def spaced(took: Bools, weeks: int) -> Bools:
    """Of the draws, those that also carry a test done at most every so many weeks: the first, and each as soon as it is due."""
    carries = np.zeros_like(took)
    last = np.full(len(took), -weeks)
    for week in range(took.shape[1]):
        carries[:, week] = took[:, week] & (week - last >= weeks)
        last = np.where(carries[:, week], week, last)
    return carries


@dataclass(frozen=True)
class Feed:
    """All draws. rows: series columns of everything, in order; quarterly: which of them are quarterly tests. medications: text,
    class, patient, start, stop. took: (n, weeks) draws; phosphate: (n, weeks) mg/dL as printed, where it was drawn; marked:
    draws judging leaves out. patients: (n,) names of cadences. lists: (n, weeks) day of the newest drug list, -1 none."""

    unit: Cohort
    rows: dict[str, np.ndarray]
    quarterly: Bools
    medications: pd.DataFrame
    took: Bools
    phosphate: Floats
    marked: Bools
    patients: np.ndarray
    lists: Ints

    def frames(self, week: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        """series, patients, medications, facts as known at 04:00 the morning after a week's draws."""
        tonight = day_of(week) + 1
        present = self.unit.present(week)
        ids = np.flatnonzero(present) + 1
        row, age = self.rows["patient_id"] - 1, tonight - self.rows["day"]
        kept = present[row] & (age > 0) & (age <= np.where(self.quarterly, KEPT_DAYS[True], KEPT_DAYS[False]))
        series = pd.DataFrame({name: column[kept] for name, column in self.rows.items()})
        people = pd.DataFrame({
            "patient_id": ids, "unit": self.patients[ids - 1], "as_of": tonight * DAY_US + 4 * HOUR_US,
            "as_of_day": tonight, "excluded": np.full(len(ids), "", dtype=object),
        })  # fmt: skip
        return series, people, self._drugs(present, tonight), self._facts(present, week)

    def _drugs(self, present: Bools, tonight: int) -> pd.DataFrame:
        all_rows = self.medications
        shown = present[all_rows["patient_id"].to_numpy() - 1] & (all_rows["known_day"].to_numpy() < tonight)
        frame: pd.DataFrame = all_rows[shown].drop(columns="known_day").reset_index(drop=True)
        frame["stop_day"] = frame["stop_day"].where(frame["stop_day"] < tonight, -1)
        newest = self.lists[frame["patient_id"].to_numpy() - 1, (tonight - 1 - day_of(0)) // 7]
        named = (frame["drug_class"].to_numpy() != "") & (newest > frame["start_day"].to_numpy())
        frame["listed_day"] = np.where(named, newest, frame["listed_day"])  # every list names what is taken
        return frame

    def _facts(self, present: Bools, week: int) -> pd.DataFrame:
        person, when = np.nonzero(self.unit.admitted[:, : week + 1] & present[:, None])
        begun = day_of(0) - 3 + 7 * when
        static = [(name, np.flatnonzero(mark & present)) for name, mark in (
            ("female", self.unit.female), ("diabetes", self.unit.diabetes))]  # fmt: skip
        columns = [(np.full(len(person), "admission", dtype=object), person, begun, begun + 7)]
        columns += [(np.full(len(who), name, dtype=object), who, np.zeros(len(who), np.int64), np.full(len(who), -1))
                    for name, who in static]  # fmt: skip
        fact, who, day, end = (np.concatenate(parts) for parts in zip(*columns, strict=True))
        tonight = day_of(week) + 1
        parts = (who + 1, fact, day, np.where(end < tonight, end, -1), np.full(len(who), np.nan), np.arange(len(who)))
        return pd.DataFrame(dict(zip(FACTS, parts, strict=True)))


def feed(given: Assumptions, rng: np.random.Generator, unit: Cohort, analytes: Mapping[str, Analyte], drugs: Drugs) -> Feed:
    """Everything the laboratory and the pharmacy would have sent over the whole time."""
    took = attended(given, rng, unit)
    shape = took.shape
    post = rng.random(shape) < given.number("post_dialysis")
    marked = post & (rng.random(shape) < given.number("post_dialysis_marked"))
    flags = np.where(marked, int(Flag.POST_DIALYSIS), 0) | np.where(unit.admitted, int(Flag.INPATIENT), 0)
    levels = _levels(given, rng, unit, post)
    monthly = spaced(took, 4)
    carried = {"phosphate": took, "calcium": took, "potassium": took, "albumin": monthly, "crp": monthly}
    carried |= dict.fromkeys(QUARTERLY, spaced(took, 12))
    parts: list[dict[str, np.ndarray]] = []
    printed = np.full(shape, np.nan)
    for name, drawn in carried.items():
        person, week = np.nonzero(drawn)
        si, analyte = unit.si[person], analytes[name]
        plain, other = DECIMALS[name]
        conventional = np.maximum(levels[name][person, week], 0.05)
        in_si = np.round(conventional * analyte.to_si, other)
        value = round6(np.where(si, in_si / analyte.to_si, np.round(conventional, plain)))
        if name == "phosphate":
            printed[person, week] = np.where(si, in_si * (5.5 / 1.78), value)  # 1.78 mmol/L is as 5.5 mg/dL
        limit = given.number("pth_upper_limit") if name == "pth" else np.nan
        day = day_of(0) + 7 * week
        parts.append({
            "patient_id": person + 1, "analyte": np.full(len(person), analyte.number), "at": day * DAY_US + 8 * HOUR_US,
            "day": day, "value": value, "flags": flags[person, week] | np.where(si, int(Flag.SI), 0),
            "draw": person * 1000 + week, "method": np.full(len(person), 1 if name == "pth" else -1),
            "upper_limit": np.full(len(person), limit),
        })  # fmt: skip
    rows = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    rows["id"] = np.arange(1, len(rows["day"]) + 1)
    order = np.lexsort([rows[name] for name in reversed(ORDER)])
    rows = {name: column[order] for name, column in rows.items()}
    numbers = [analytes[name].number for name in QUARTERLY]
    names = np.array(CADENCES, dtype=object)[unit.cadence]
    quarterly, left_out = np.isin(rows["analyte"], numbers), marked | unit.admitted
    lists = np.maximum.accumulate(np.where(unit.listed, day_of(0) + 7 * np.arange(unit.weeks), -1), axis=1)
    return Feed(unit, rows, quarterly, _prescribed(unit, drugs), took, printed, left_out, names, lists)


def _levels(given: Assumptions, rng: np.random.Generator, unit: Cohort, post: Bools) -> dict[str, Floats]:
    """What each draw would read, (n, weeks), conventional units: true level, within-patient variation, what goes wrong."""
    n, shape = len(unit), unit.phosphate.shape

    def noise(cv: float) -> Floats:
        return np.asarray(1 + cv * rng.standard_normal(shape))

    phosphate = unit.phosphate * noise(given.number("phosphate_within"))
    phosphate = np.where(post, phosphate * given.number("post_dialysis_phosphate"), phosphate)
    phosphate = np.where(rng.random(shape) < given.number("contaminated"), rng.uniform(25, 36, shape), phosphate)
    mean, between, within = given.of("potassium")
    potassium = rng.normal(mean, between, n)[:, None] * noise(within)
    potassium = np.where(post, potassium * given.number("post_dialysis_potassium"), potassium)
    potassium += 1.5 * (rng.random(shape) < given.number("haemolysed"))
    mean, between, within = given.of("albumin")
    albumin = rng.normal(mean, between, n)[:, None] * noise(within) + unit.admitted * given.number("admitted_albumin")
    median, spread, within = given.of("crp_mg_per_l")
    crp = median * np.exp(spread * rng.standard_normal(n))[:, None] * np.maximum(noise(within), 0.1) / 10
    crp = crp * np.where(unit.admitted, given.number("admitted_crp"), 1.0)
    median, spread, within = given.of("alkaline_phosphatase")
    return {
        "phosphate": phosphate, "calcium": unit.calcium * noise(given.number("calcium_within")), "potassium": potassium,
        "albumin": albumin, "crp": crp, "pth": unit.pth * noise(given.number("pth_within")),
        "alkaline_phosphatase": median * np.exp(spread * rng.standard_normal(n))[:, None] * noise(within),
    }  # fmt: skip


def _prescribed(unit: Cohort, drugs: Drugs) -> pd.DataFrame:
    """One row a drug, class and patient, and one a list; known_day: when the feed said so first."""
    columns: list[tuple[np.ndarray, ...]] = []
    for text, weeks in unit.on.items():
        ingredient = drugs.ingredient_of(text)
        assert ingredient is not None, f"medications.yaml knows no {text}"
        person = np.flatnonzero(weeks[:, 0] >= 0)
        start, stop = (day_of(0) + 7 * weeks[person, column] for column in (0, 1))
        start = np.maximum(start, day_of(0) + 7 * unit.entry[person])
        stop = np.where(weeks[person, 1] < unit.weeks, np.maximum(stop, start), 1 << 20)
        for drug_class in drugs.ingredients[ingredient].classes:
            name, words = np.full(len(person), drug_class, dtype=object), np.full(len(person), text, dtype=object)
            columns.append((person + 1, name, words, start, stop, np.full(len(person), -1), start))
    person, week = np.nonzero(unit.listed)
    here = (week >= unit.entry[person]) & (week < unit.exit[person])
    person, day = person[here], day_of(0) + 7 * week[here]
    none, blank = np.full(len(person), -1), np.full(len(person), "", dtype=object)
    columns.append((person + 1, blank, blank, none, none, day, day))
    parts = [np.concatenate(part) for part in zip(*columns, strict=True)]
    names = ("patient_id", "drug_class", "drug_text", "start_day", "stop_day", "listed_day", "known_day")
    frame = pd.DataFrame(dict(zip(names, parts, strict=True)))
    frame["stop_day"] = frame["stop_day"].astype(np.int64)
    return frame.assign(supply_days=-1, medication_id=np.arange(1, len(frame) + 1))
