"""A believable year of blood draws: what would be measured, before any laboratory writes it down.

Within-patient variation (CV): phosphate 13.1 %, calcium 3.8 %, PTH 20.3 % (Corte & Venta 2020); albumin 4 %,
potassium 8 %, ALP 10 %, CRP 60 %, INR 15 % are assumptions of this demo.
Drug effects are rough and only there so that series bend: phosphate -0.9 mg/dL on a new binder; PTH x 0.7
and calcium +0.3 mg/dL on new vitamin D; PTH x 0.6 and calcium -0.5 mg/dL on a new calcimimetic.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from monitors.demo.cohort import STORIES
from monitors.units import FloatArray

DAYS = 395
CV = {
    "phosphate": 0.131, "calcium": 0.038, "pth": 0.203, "albumin": 0.04, "potassium": 0.08,
    "alkaline_phosphatase": 0.10, "crp": 0.60, "inr": 0.15,
}  # fmt: skip
TRUTH = {"alkaline_phosphatase": "alp"}  # analyte -> column of the cohort where the name differs
QUARTERLY = ("pth", "alkaline_phosphatase", "crp")
MISSED = 0.04
POST_DIALYSIS = 0.01
LEFT_BY_A_SESSION = {"phosphate": 0.42, "potassium": 0.70}  # share, roughly


def draws(people: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """One row a blood draw, oldest first: patient (row of `people`), back (days before the last night, 1 or
    more), turn (0 = the patient's newest), minute (of the local day), post (after dialysis)."""
    count = np.maximum(0, (DAYS - people["newest"].to_numpy()) // people["cadence"].to_numpy() + 1)
    patient = np.repeat(np.arange(len(people)), count)
    turn = np.arange(len(patient)) - np.repeat(np.cumsum(count) - count, count)
    back = people["newest"].to_numpy()[patient] + turn * people["cadence"].to_numpy()[patient]
    plain = people["story"].to_numpy()[patient] == ""
    kept = ~(plain & (rng.random(len(patient)) < MISSED))
    early = rng.random(len(people)) < 0.6  # the patient's shift starts at 06:00, else at 11:30
    minute = np.where(early, 6 * 60, 11 * 60 + 30)[patient] + rng.integers(0, 90, len(patient))
    all_pre = pd.DataFrame({"patient": patient, "back": back, "turn": turn, "minute": minute, "post": False})
    pre = all_pre[kept]
    again = plain[kept] & (rng.random(len(pre)) < POST_DIALYSIS)
    post = pre[again].assign(post=True, minute=pre["minute"][again] + 245)
    both = pd.concat([pre, post])
    order = np.lexsort((both["patient"], both["minute"], -both["back"]))
    return pd.DataFrame(both.iloc[order].reset_index(drop=True))


def measured(people: pd.DataFrame, drawn: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """One row a result: draw (row of `drawn`), patient, back, analyte, value (conventional unit)."""
    parts = []
    for analyte, cv in CV.items():
        some = drawn[_asked(analyte, people, drawn)]
        value = _truth(analyte, people, some) * np.exp(_noise(cv, len(some), rng))
        value = np.where(some["post"], value * LEFT_BY_A_SESSION.get(analyte, 1.0), value)
        parts.append(some.assign(draw=some.index, analyte=analyte, value=_told(analyte, some, value)))
    rows = pd.concat(parts)[["draw", "patient", "back", "analyte", "value"]]
    return rows.sort_values("draw", kind="stable").reset_index(drop=True)


def _asked(analyte: str, people: pd.DataFrame, drawn: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which draws were asked for an analyte: every one, every four weeks, or every twelve."""
    days = drawn["turn"].to_numpy() * _of(people, "cadence", drawn)
    if analyte == "inr":
        asked = (people["vka"].to_numpy()[drawn["patient"]] != "") & (days % 28 == 0)
    elif analyte in QUARTERLY:
        asked = (days % 84 == 0) & ~drawn["post"].to_numpy()
    else:
        asked = np.full(len(drawn), True)
    return np.asarray(asked, dtype=np.bool_)


def _truth(analyte: str, people: pd.DataFrame, drawn: pd.DataFrame) -> FloatArray:
    """What is true of each patient on the day of each draw, drifts and drug effects included."""
    if analyte == "inr":
        return np.full(len(drawn), 2.4)
    truth = _of(people, TRUTH.get(analyte, analyte), drawn)
    back = drawn["back"].to_numpy()
    new = {drug: _of(people, f"{drug}_new", drawn) for drug in ("binder", "vitamin_d", "calcimimetic")}
    works = {drug: new[drug] * (back < _of(people, f"{drug}_since", drawn)) for drug in new}
    if analyte == "phosphate":
        onset = np.maximum(_of(people, "onset", drawn), 1)
        gained = _of(people, "drift", drawn) * np.clip((onset - back) / onset, 0, 1)
        return np.asarray(truth + gained + 0.9 * (new["binder"] - works["binder"]))
    if analyte == "pth":
        return np.asarray(truth * 0.7 ** works["vitamin_d"] * 0.6 ** works["calcimimetic"])
    if analyte == "calcium":
        return truth + 0.3 * works["vitamin_d"] - 0.5 * works["calcimimetic"]
    return truth


def _of(people: pd.DataFrame, column: str, drawn: pd.DataFrame) -> FloatArray:
    """A column of the cohort, as a number for each draw."""
    return np.asarray(people[column].to_numpy()[drawn["patient"]], dtype=np.float64)


def _noise(cv: float, n: int, rng: np.random.Generator) -> FloatArray:
    """Logarithms of factors with mean 1 and the coefficient of variation asked for."""
    variance = np.log1p(cv * cv)
    return rng.normal(-variance / 2, np.sqrt(variance), n)


def _told(analyte: str, some: pd.DataFrame, value: FloatArray) -> FloatArray:
    """Values as drawn, but those of a story as written down."""
    value, turn, who = value.copy(), some["turn"].to_numpy(), some["patient"].to_numpy()
    for patient, story in enumerate(STORIES):
        if analyte == "albumin":  # near normal, so that adjusted and measured calcium tell the same
            value[who == patient] = 3.9
        elif analyte in ("phosphate", "calcium", "pth"):
            apart = 3 if analyte == "pth" else 1
            for number, written in enumerate(getattr(story, analyte)):
                value[(who == patient) & (turn == number * apart)] = written
    return value
