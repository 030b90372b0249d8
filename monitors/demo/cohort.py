"""Who the demo's patients are, and what is true of them: drawn once from a random generator.

All truths are in conventional units (P, Ca mg/dL; albumin g/dL; PTH pg/mL; K mmol/L; ALP U/L; CRP mg/L).
Spread between patients, with its source: true phosphate 5.3 mg/dL, SD 1.2 (the simulated unit of the clinical
reference, 0.4); calcium 9.1 (0.45), PTH median 270 (log-SD 0.7) and the rest are assumptions of this demo.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

UNITS = ("N1", "N2", "N3", "N4", "N5")
ADULTS = {"N1": 102, "N2": 100, "N3": 98, "N4": 36, "N5": 34}
VKA_SHARE = 0.06
WEEKLY_SHARE = 0.4  # of N3; everybody else is drawn every four weeks
SCHEDULES = (
    "Mon/Wed/Fri",
    "Tue/Thu/Sat",
    "Mon/Wed/Fri",
    "Tue/Thu/Sat",
    "Mon/Wed/Fri",
    "Tue/Thu/Sat",
    "Sun/Tue/Thu",
)
CLINICIANS = {"N1": "Dr. Example North", "N2": "Dr. Example East", "N3": "Dr. Example South", "N4": "Dr. Example Far",
              "N5": "Dr. Example Prairie"}  # fmt: skip
GIVEN = (
    "Alex", "Robin", "Sam", "Kim", "Jo", "Chris", "Pat", "Lee", "Max", "Toni", "Charlie", "Dana", "Jules",
    "Nico", "Sascha", "Andrea", "Casey", "Jamie", "Morgan", "Taylor",
)  # fmt: skip
BINDERS = {"": 0.2, "sevelamer carbonate": 0.45, "calcium acetate": 0.25, "lanthanum carbonate": 0.1}
VITAMIN_D = {"": 0.45, "alfacalcidol": 0.25, "calcitriol": 0.2, "paricalcitol": 0.1}
CALCIMIMETICS = {"": 0.82, "cinacalcet": 0.12, "etelcalcetide": 0.06}
FAMILY = ("EXAMPLE", "SAMPLE", "PLACEHOLDER", "SYNTHETIC")


@dataclass(frozen=True)
class Story:
    """A patient whose course is written down, so that every demo shows it whatever the seed.

    drawn: nights before the last one whose file brings the newest draw (0 = the last night's). The lists run
    from the newest draw backwards, every 28 days (PTH: every 84); the rest is drawn as for anybody.
    """

    name: str
    unit: str
    drawn: int
    phosphate: tuple[float, ...] = ()
    calcium: tuple[float, ...] = ()
    pth: tuple[float, ...] = ()
    vka: str = ""


QUIET = (4.7, 9.0, 250.0)
CALM = (4.6, 4.8, 4.5, 4.7, 4.9, 4.6, 4.7)
EVEN = (9.0, 9.1, 9.0, 8.9, 9.1, 9.0, 9.0)
STORIES = (
    # High for two draws while on a vitamin K antagonist: told on the first live night, baseline or not.
    Story("vka_high_at_start", "N1", 2, (7.0, 6.8, 5.2, *CALM), (9.6, 9.5, 9.3, *EVEN), vka="warfarin"),
    Story("vka_high_at_start", "N3", 2, (6.9, 6.7, 5.3, *CALM), (9.5, 9.6, 9.2, *EVEN), vka="phenprocoumon"),
    # The second high draw arrives on a later live night.
    Story("vka_becomes_high", "N1", 1, (6.9, 6.6, 5.1, *CALM), (9.7, 9.5, 9.2, *EVEN), vka="warfarin"),
    Story("vka_becomes_high", "N2", 0, (7.1, 6.7, 5.2, *CALM), (9.6, 9.6, 9.2, *EVEN), vka="warfarin"),
    # Two high draws that the laboratory corrects on the last night: what was told is withdrawn.
    Story("corrected_away", "N2", 2, (7.6, 7.4, *CALM, 4.6), (9.3, 9.2, *EVEN), vka="warfarin"),
    # Phosphate climbing slowly: on a list for months, HIGH once its six-month mean passes 6.5.
    Story("climbs", "N1", 1, (8.3, 7.5, 6.9, 6.3, 5.9, 5.7, 5.2, 4.9)),
    Story("climbs", "N3", 0, (8.4, 7.4, 6.9, 6.4, 5.9, 5.7, 5.2, 4.9)),
    # A binder works. The draw of four weeks ago was reported late, with the newest: both low, they end the episode.
    Story("settles", "N1", 1, (4.3, 4.4, 6.3, 6.4, 6.2, 6.0, 5.8)),
    Story("settles", "N2", 0, (4.2, 4.5, 6.4, 6.1, 6.2, 6.0, 5.8)),
    # PTH beyond nine times the assay's upper limit, then beyond what it can count.
    Story("pth_high", "N2", 1, CALM, EVEN, (1250.0, 900.0, 560.0, 480.0)),
    Story("pth_beyond_range", "N2", 1, CALM, EVEN, (2900.0, 1450.0, 520.0, 430.0)),
    # Moves to another unit, and dies, with an open episode.
    Story("moves", "N1", 3, (7.2, 7.0, 5.4, *CALM), (9.4, 9.5, 9.3, *EVEN), vka="acenocoumarol"),
    Story("dies", "N3", 3, (7.4, 7.3, 7.2, 7.0, 7.1, 6.9, 7.0)),
    # Known under two numbers: only when they are merged do the two high draws meet.
    Story("merged", "N4", 1, (7.3, 7.1, 5.2, *CALM), (9.6, 9.5, 9.2, *EVEN), vka="warfarin"),
    Story("climbs", "N4", 0, (8.2, 7.6, 6.9, 6.4, 5.9, 5.7, 5.2, 4.9)),
    Story("vka_becomes_high", "N5", 1, (7.0, 6.8, 5.2, *CALM), (9.6, 9.5, 9.2, *EVEN), vka="warfarin"),
    # Outside the population the rules are meant for.
    Story("child", "N1", 3, (6.6, 6.4, 6.5, 6.3)),
    Story("peritoneal", "N2", 3, (6.2, 6.3, 6.1, 6.0)),
    Story("age_unknown", "N3", 3, (6.4, 6.2, 6.3, 6.1)),
)


def cohort(last_night: date, rng: np.random.Generator) -> pd.DataFrame:
    """One row a patient, stories first, indexed 0..n-1.

    Columns: identifier, unit, story, cadence and newest (days between draws; days from the newest draw to
    last_night), born, sex, given, family, modality, schedule, clinician, phosphate, calcium, pth, albumin,
    potassium, alp, crp (truths), vka, binder, vitamin_d, calcimimetic (drug texts, '' for none), each with
    <drug>_since (days before last_night it began) and <drug>_new (began within the year), vka_stopped (days
    before last_night; 0 never), drift and onset (mg/dL phosphate gained in the end; days before last_night it
    began, 0 none).
    """
    told = len(STORIES)
    unit = np.array(
        [s.unit for s in STORIES] + [u for u in UNITS for _ in range(ADULTS[u] - _stories(u))], dtype=object
    )
    n = len(unit)
    story = np.array([s.name for s in STORIES] + [""] * (n - told), dtype=object)
    plain = story == ""
    cadence = np.where(plain & (unit == "N3") & (rng.random(n) < WEEKLY_SHARE), 7, 28)
    newest = _newest(unit, cadence, rng)
    newest[:told] = [s.drawn + 1 for s in STORIES]
    draw_day = [last_night - timedelta(days=int(back)) for back in newest]
    vka = np.where(
        plain & (rng.random(n) < VKA_SHARE), np.where(unit == "N3", "phenprocoumon", "warfarin"), ""
    )
    vka[:told] = [s.vka for s in STORIES]
    phosphate = np.clip(rng.normal(5.3, 1.2, n), 2.8, 8.2)
    drifts = plain & (rng.random(n) < 0.04)
    frame = pd.DataFrame({
        "identifier": [f"TEST-{number:05d}" for number in _numbers(n, rng)],
        "unit": unit, "story": story, "cadence": cadence, "newest": newest,
        "born": [last_night - timedelta(days=int(days)) for days in rng.integers(24 * 365, 91 * 365, n)],
        "sex": np.where(rng.random(n) < 0.4, "F", "M"),
        "given": rng.choice(GIVEN, n), "family": rng.choice(FAMILY, n), "modality": "hd",
        "schedule": [SCHEDULES[day.weekday()] for day in draw_day],
        "clinician": [CLINICIANS[code] for code in unit],
        "phosphate": np.where(drifts, np.minimum(phosphate, 5.0), phosphate),
        "calcium": np.clip(rng.normal(9.1, 0.45, n), 7.9, 10.3),
        "pth": np.clip(270 * np.exp(rng.normal(0, 0.7, n)), 25, 1900),
        "albumin": np.clip(rng.normal(3.8, 0.3, n), 2.6, 4.6),
        "potassium": np.clip(rng.normal(4.9, 0.45, n), 3.6, 6.0),
        "alp": np.clip(95 * np.exp(rng.normal(0, 0.35, n)), 35, 420),
        "crp": np.clip(5 * np.exp(rng.normal(0, 1.0, n)), 0.4, 150),
        "vka": vka,
        "binder": rng.choice(list(BINDERS), n, p=list(BINDERS.values())),
        "vitamin_d": rng.choice(list(VITAMIN_D), n, p=list(VITAMIN_D.values())),
        "calcimimetic": rng.choice(list(CALCIMIMETICS), n, p=list(CALCIMIMETICS.values())),
        "drift": np.where(drifts, rng.uniform(1.8, 2.8, n), 0.0),
        "onset": np.where(drifts, rng.integers(110, 220, n), 0),
        "vka_stopped": np.where(plain & (vka != "") & (rng.random(n) < 0.2), rng.integers(35, 150, n), 0),
    })  # fmt: skip
    for drug, newly in (("vka", 0.2), ("binder", 0.15), ("vitamin_d", 0.2), ("calcimimetic", 0.3)):
        new = plain & (frame[drug].to_numpy() != "") & (rng.random(n) < newly)
        frame[f"{drug}_new"] = new
        frame[f"{drug}_since"] = np.where(new, rng.integers(160, 330, n), rng.integers(500, 2500, n))
    told_rows = frame["story"] != ""
    frame.loc[told_rows, ["phosphate", "calcium", "pth"]] = QUIET  # nothing but the story speaks
    frame["born"] = frame["born"].astype(object)
    frame.loc[frame.story == "child", "born"] = last_night - timedelta(days=13 * 365)
    frame.loc[frame.story == "age_unknown", "born"] = None
    frame.loc[frame.story == "peritoneal", "modality"] = "pd"
    return frame


def _stories(unit: str) -> int:
    return sum(story.unit == unit for story in STORIES)


def _newest(unit: np.ndarray, cadence: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Days from each newest draw to the last night. N1, N4 and N5 are in their laboratory week, N2 had it a fortnight ago
    (a few stragglers since), N3 draws every day of the month."""
    n = len(unit)
    week = rng.integers(1, 7, n)
    fortnight = np.where(rng.random(n) < 0.9, rng.integers(11, 18, n), rng.integers(1, 6, n))
    spread = np.where(cadence == 7, rng.integers(1, 8, n), rng.integers(1, 29, n))
    return np.select([np.isin(unit, ["N1", "N4", "N5"]), unit == "N2"], [week, fortnight], spread)


def _numbers(n: int, rng: np.random.Generator) -> np.ndarray:
    """Patient numbers in no order that tells anything."""
    return rng.permutation(np.arange(1, n + 1)) + 400
