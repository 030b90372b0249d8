"""The files of the demo's two units that send messages and resources, and what is planted in them.

N4 (HL7 v2): one batch a night and kind. N5 (FHIR): a Bulk Data export for history, a Bundle a night.
What is planted stands in `PLANTED`, in the words the morning summary prints, each with the trace it must leave.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

from monitors.demo import fhir_dialect, hl7_dialect, lists
from monitors.demo.dialects import Laboratory
from monitors.demo.fhir_dialect import PRAIRIE
from monitors.demo.hl7_dialect import SOUTHERN


@dataclass(frozen=True)
class Planted:
    """A mistake put in on purpose. trace: what it must leave behind, as sql/read/summary_planted.sql words it."""

    feed: str
    what: str
    trace: str


LIVE = 3  # nights whose files come one by one; everything before them is history
WAITING = "waiting"
LABORATORIES: dict[str, Laboratory] = {"N4": SOUTHERN, "N5": PRAIRIE}
LISTED = {"N4": 10, "N5": 8}  # days before the last night of the newest orders
OLD_NUMBER = "TEST-90001"  # of the story `merged`, until the A40
NOBODY = "TEST-90009"  # a patient no file speaks of
PLANTED = (
    Planted("n4-messages", "a provisional phosphate, final the next night", "stored: preliminary"),
    Planted("n4-messages", "the same phosphate corrected the night after", "stored: corrected"),
    Planted("n4-messages", "a calcium withdrawn as wrong", "stored: wrong"),
    Planted("n4-messages", "two numbers of one patient, merged by an A40", "identity: merge"),
    Planted("n4-messages", "a message in a batch that lost its patient", "set aside: missing_patient"),
    Planted("n4-messages", "a haemolysed specimen", "set aside: specimen_condition"),
    Planted("n4-messages", "urine with the code of a blood test", "set aside: wrong_specimen"),
    Planted("n4-messages", "a potassium of 7.6 without a unit", "unverified critical: high"),
    Planted("n4-messages", "words for a number", "set aside: not_a_number"),
    Planted("n4-messages", "a result without its value", "set aside: missing_value"),
    Planted("n5-resources", "a preliminary calcium, final the next night", "stored: preliminary"),
    Planted("n5-resources", "a phosphate entered in error", "stored: entered-in-error"),
    Planted("n5-resources", "a result of a patient nobody sent", "set aside: unresolved_reference"),
    Planted("n5-resources", "a haemolysed specimen", "set aside: specimen_condition"),
    Planted("n5-resources", "urine with the code of a blood test", "set aside: wrong_specimen"),
    Planted("n5-resources", "a quantity without its unit", "set aside: missing_unit"),
    Planted("n5-resources", "a valueString for a number", "set aside: not_a_number"),
    Planted("n5-resources", "a dataAbsentReason", "set aside: missing_value"),
)
People = Mapping[str, hl7_dialect.Person]


def files(people: pd.DataFrame, rows: pd.DataFrame, last_night: date) -> dict[str, bytes]:
    """Every file of N4 and N5 by name, below the feeds' folder. rows: as generate.results gives them."""
    rows = rows[rows["timing"] == "pre"]  # neither says which draws were taken after dialysis, so they take none
    by_number = {str(one["identifier"]): one for one in people.to_dict("records")}
    told = people[people["story"] == "merged"].iloc[0]
    by_number[OLD_NUMBER] = {**told.to_dict(), "identifier": OLD_NUMBER}
    return _southern(by_number, rows[rows["unit"] == "N4"], people[people["unit"] == "N4"], last_night) | _prairie(
        by_number, rows[rows["unit"] == "N5"], people[people["unit"] == "N5"], last_night
    )


def _southern(by_number: People, rows: pd.DataFrame, people: pd.DataFrame, last_night: date) -> dict[str, bytes]:
    rows = rows.copy()
    merged = str(people.loc[people["story"] == "merged", "identifier"].iloc[0])
    rows.loc[(rows["story"] == "merged") & (rows["arrives"] > LIVE), "identifier"] = OLD_NUMBER
    drawn = _planted(rows, SOUTHERN)
    start, first = last_night - timedelta(days=400), hl7_dialect.sent_at(last_night - timedelta(days=LIVE))
    made = {
        "n4/1-adt-history.hl7": hl7_dialect.registrations(people.to_dict("records"), start, first),
        "n4/2-oru-history.hl7": hl7_dialect.results(drawn["history"], by_number, first),
        "n4/3-rde-history.hl7": hl7_dialect.orders(_ordered(people, "N4", last_night), by_number, first),
    }
    for back in reversed(range(LIVE)):
        night = last_night - timedelta(days=back)
        sent = hl7_dialect.sent_at(night - timedelta(days=1), 22)
        batch = hl7_dialect.results(drawn[back], by_number, sent)
        if back == 1:
            broken = hl7_dialect.results(drawn["lost"], by_number, sent)
            batch[1:1] = [hl7_dialect.without_patient(one) for one in broken]
            made[f"{WAITING}/{night}/n4/1-adt-{night}.hl7"] = [hl7_dialect.merge(by_number[merged], OLD_NUMBER, sent)]
        made[f"{WAITING}/{night}/n4/2-oru-{night}.hl7"] = batch
    return {name: hl7_dialect.batch(messages, first) for name, messages in made.items()}


def _prairie(by_number: People, rows: pd.DataFrame, people: pd.DataFrame, last_night: date) -> dict[str, bytes]:
    drawn = _planted(rows, PRAIRIE)
    start = last_night - timedelta(days=400)
    ordered = _ordered(people, "N5", last_night)
    everybody = [by_number[str(identifier)] for identifier in people["identifier"]]
    history = [
        *map(fhir_dialect.patient, everybody),
        *(fhir_dialect.care(one, start) for one in everybody),
        *fhir_dialect.requests(ordered),
        *fhir_dialect.medication_lists(people["identifier"], ordered, last_night - timedelta(days=LISTED["N5"])),
        *fhir_dialect.results(drawn["history"]),
    ]
    made = {f"n5/{name}": content for name, content in fhir_dialect.ndjson(history).items()}
    for back in reversed(range(LIVE)):
        night = last_night - timedelta(days=back)
        resources = fhir_dialect.results(drawn[back], contained=1 if back == 0 else 0)
        if back == 1:
            resources += fhir_dialect.results(drawn["lost"].assign(identifier=NOBODY))
        made[f"{WAITING}/{night}/n5/results-{night}.json"] = fhir_dialect.bundle(resources, f"results-{night}")
    return made


def _ordered(people: pd.DataFrame, unit: str, last_night: date) -> list[list[str]]:
    return [row for row in lists.on_list(people, LISTED[unit], last_night) if row[2] != "NONE"]


def _planted(rows: pd.DataFrame, laboratory: Laboratory) -> dict[object, pd.DataFrame]:
    """What a laboratory sends, and when: 'history', nights before the last (2, 1, 0), and 'lost', on the second night.

    A result that changes is one ordinary phosphate of the first night (N4) or calcium (N5).
    """
    rows = rows.assign(specimen="", condition="")
    plain = (rows["story"] == "") & (rows["analyte"] != "haemoglobin")
    history = rows[rows["arrives"] > LIVE].copy()
    old = history.index[plain[history.index] & (history["back"] > 35)]
    history.loc[old[:1], "unit_text"] = ""
    history.loc[old[40:41], "value_text"] = "see comment"
    history.loc[old[80:81], "value_text"] = ""
    phosphate = history.index[plain[history.index] & (history["analyte"] == "phosphate") & (history["back"] > 35)]
    _own_specimen(history, phosphate[5:6], "UR", "U")
    nights: dict[object, pd.DataFrame] = {"history": history}
    for back in range(LIVE):
        nights[back] = rows[rows["arrives"] == back + 1].copy()
    changing = _first(nights[2], "phosphate" if laboratory is SOUTHERN else "calcium")
    once = nights[2].loc[changing]
    nights[2].loc[changing, "status"] = laboratory.statuses["preliminary"]
    nights[2].loc[changing, "value_text"] = [f"{float(text) + 0.2:.2f}" for text in once["value_text"]]
    haemolysed = _first(nights[2], "potassium", 1)
    _own_specimen(nights[2], haemolysed, "SER", "H")
    nights[2].loc[haemolysed, "condition"] = "HEM"
    nights[1] = pd.concat([nights[1], _again(once, laboratory, 1, "final")])
    withdrawn = "calcium" if laboratory is SOUTHERN else "phosphate"
    wrong = rows[plain & (rows["analyte"] == withdrawn) & (rows["back"] > 6)].iloc[-1:]
    nights[0] = pd.concat([nights[0], _again(wrong, laboratory, 0, "wrong")])
    if laboratory is SOUTHERN:
        right = _again(once, laboratory, 0, "corrected").assign(note="repeated by another method")
        nights[0] = pd.concat([nights[0], right.assign(value_text=[f"{float(text) - 0.1:.2f}" for text in once["value_text"]])])
        urgent = _first(nights[0], "potassium")
        nights[0].loc[urgent, ["value_text", "unit_text"]] = ["7.6", ""]
    lost = _first(nights[1], "phosphate")
    nights["lost"] = nights[1].loc[lost].assign(accession=lambda some: some["accession"] + "L")
    return nights


def _first(rows: pd.DataFrame, analyte: str, nth: int = 0) -> pd.Index:
    """The nth ordinary result of an analyte."""
    return rows.index[(rows["story"] == "") & (rows["analyte"] == analyte)][nth : nth + 1]


def _own_specimen(rows: pd.DataFrame, which: pd.Index, kind: str, mark: str) -> None:
    """These results stand on a specimen of their own."""
    rows.loc[which, "accession"] += mark
    rows.loc[which, "specimen"] = kind


def _again(rows: pd.DataFrame, laboratory: Laboratory, back: int, status: str) -> pd.DataFrame:
    """The same results once more, issued on the eve of the night `back`, with another status."""
    issued = rows["at"].dt.normalize() + pd.to_timedelta(rows["back"] - back - 1, unit="D") + pd.Timedelta(hours=17)
    return rows.assign(status=laboratory.statuses[status], issued=laboratory.when(issued))
