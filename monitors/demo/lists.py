"""Medication lists and census of the demo's three units that send CSV, as pharmacy and administration would send them.

A list is reconciled every four weeks: a row a drug, or one row `NONE`. A drug that ended is written once
more, with its stop. A few patients of N2 were left out of the last two lists, so nobody knows what they take.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from datetime import date, timedelta

import pandas as pd

from monitors.demo.cohort import CLINICIANS

LISTED = {"N1": 9, "N2": 16, "N3": 12}  # days before the last night of the newest list
LISTS = 4
LEFT_OUT = 14  # every n-th ordinary patient of N2
DRUGS = ("vka", "binder", "vitamin_d", "calcimimetic")
DOSES = {
    "warfarin": "3 mg", "phenprocoumon": "1.5 mg", "acenocoumarol": "2 mg", "sevelamer carbonate": "2.4 g",
    "calcium acetate": "1 g", "lanthanum carbonate": "750 mg", "alfacalcidol": "0.25 microgram",
    "calcitriol": "0.25 microgram",
    "paricalcitol": "1 microgram", "cinacalcet": "30 mg", "etelcalcetide": "5 mg",
}  # fmt: skip
MEDICATION_COLUMNS = ["Patient", "Order", "Drug", "Dose", "Start", "Stop", "Reconciled"]


def medications(people: pd.DataFrame, last_night: date) -> dict[str, bytes]:
    """The lists of every unit, by file name; the last live night but one brings a change of N1's list."""
    files = {}
    for unit in LISTED:
        own = people[people["unit"] == unit]
        for number in reversed(range(LISTS)):
            back = LISTED[unit] + 28 * number
            listed = own if number > 1 or unit != "N2" else own[~_left_out(own)]
            rows = on_list(listed, back, last_night)
            files[f"{unit.lower()}/medications/list-{last_night - timedelta(days=back)}.csv"] = _csv(
                rows, MEDICATION_COLUMNS
            )
    starter = people[(people["unit"] == "N1") & (people["story"] == "") & (people["vitamin_d"] == "")].iloc[0]
    night = last_night - timedelta(days=1)
    day = (night - timedelta(days=1)).isoformat()
    change = [
        [
            starter["identifier"],
            f"RX-{starter['identifier'][5:]}-9",
            "calcitriol",
            "0.25 microgram",
            day,
            "",
            day,
        ]
    ]
    files[f"waiting/{night}/n1/medications/change-{night}.csv"] = _csv(change, MEDICATION_COLUMNS)
    return files


def _left_out(own: pd.DataFrame) -> pd.Series:
    ordinary = (own["story"] == "") & (own["vka"] == "")
    return ordinary & (ordinary.cumsum() % LEFT_OUT == 0)


def on_list(people: pd.DataFrame, back: int, last_night: date) -> list[list[str]]:
    """What a list of `back` days before the last night says: a row of MEDICATION_COLUMNS a drug, NONE for no drug."""
    listed = (last_night - timedelta(days=back)).isoformat()
    rows = []
    for patient in people.to_dict("records"):
        on = []
        for number, drug in enumerate(DRUGS):
            text, since, stopped = (
                patient[drug],
                patient[f"{drug}_since"],
                patient["vka_stopped"] if drug == "vka" else 0,
            )
            if not text or since < back or stopped > back + 28:
                continue
            stop = (last_night - timedelta(days=stopped)).isoformat() if stopped > back else ""
            start = (last_night - timedelta(days=since)).isoformat()
            on.append(
                [
                    patient["identifier"],
                    f"RX-{patient['identifier'][5:]}-{number}",
                    text,
                    DOSES[text],
                    start,
                    stop,
                    listed,
                ]
            )
        rows += on or [
            [patient["identifier"], f"RX-{patient['identifier'][5:]}-NONE", "NONE", "", "", "", listed]
        ]
    return rows


CENSUS_COLUMNS = [
    "Patient", "Family", "Given", "Born", "Sex", "Unit", "Modality", "Schedule", "Clinician", "Status",
    "Since",
]  # fmt: skip


def census(people: pd.DataFrame, last_night: date) -> dict[str, bytes]:
    """Who belongs where, a year ago and since; the last night brings a move from N1 to N3 and a death."""
    year_ago, yesterday = last_night - timedelta(days=400), last_night - timedelta(days=1)
    files = {}
    for unit in LISTED:
        rows = [
            _person(patient, unit, "active", year_ago)
            for patient in people[people["unit"] == unit].to_dict("records")
        ]
        files[f"{unit.lower()}/census/census-{last_night - timedelta(days=30)}.csv"] = _csv(
            rows, CENSUS_COLUMNS
        )
    changes = [
        _person(patient, "N3", "active" if patient["story"] == "moves" else "died", yesterday)
        for patient in people[people["story"].isin(["moves", "dies"])].to_dict("records")
    ]
    files[f"waiting/{last_night}/n3/census/census-{last_night}.csv"] = _csv(changes, CENSUS_COLUMNS)
    return files


def _person(patient: Mapping[Hashable, object], unit: str, status: str, since: date) -> list[str]:
    born = patient["born"]
    return [
        str(patient["identifier"]), str(patient["family"]), str(patient["given"]),
        born.isoformat() if isinstance(born, date) else "", str(patient["sex"]), unit,
        str(patient["modality"]), str(patient["schedule"]), CLINICIANS[unit], status, since.isoformat(),
    ]  # fmt: skip


def _csv(rows: list[list[str]], columns: list[str]) -> bytes:
    return pd.DataFrame(rows, columns=columns).to_csv(index=False, sep=";", lineterminator="\r\n").encode()
