"""Drawn cases: a patient's results row by row, and what each rule is expected to say with everything up to a row known.

A clinician writes them in YAML, `nephrowatch rules test FILE...` judges them by the rules of the configuration; the tests of
this repository draw them in Markdown. docs/rule-tests.md says what may stand where. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pandas as pd

from monitors.errors import UserError
from monitors.records import Finding, Flag
from monitors.rules.judge import judge
from monitors.rules.judged import Judged
from monitors.rules.model import Analyte, Drugs, Rule
from monitors.rules.sources import FACTS
from monitors.units import round6

MEASURES = {
    "P": "phosphate", "Ca": "calcium", "albumin": "albumin", "PTH": "pth", "iCa": "ionised_calcium", "K": "potassium",
    "ALP": "alkaline_phosphatase", "ALT": "alt", "CRP": "crp", "INR": "inr", "Mg": "magnesium", "vitD": "vitamin_d",
}  # fmt: skip
SIGNS = {"<": Flag.BELOW, "<=": Flag.AT_MOST, ">": Flag.ABOVE, ">=": Flag.AT_LEAST, "": Flag(0)}
UNMARKED = Flag(0)
MARKS = {"post": Flag.POST_DIALYSIS, "inpatient": Flag.INPATIENT, "preliminary": Flag.PRELIMINARY, "pre": Flag.PRE_DIALYSIS}
DAY_US = 86_400_000_000
SERIES = {
    "patient_id": "int64", "analyte": "int16", "at": "int64", "day": "int64", "value": "float64", "flags": "int32",
    "draw": "int64", "id": "int64", "method": "int64", "upper_limit": "float64",
}  # fmt: skip
PATIENTS = ["patient_id", "unit", "as_of", "as_of_day", "excluded"]
MEDICATIONS = [
    "patient_id", "drug_class", "drug_text", "start_day", "stop_day", "supply_days", "listed_day", "medication_id",
]  # fmt: skip
RULE = re.compile(r"R\d\d")


def days(text: str) -> int:
    return date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal()


@dataclass
class Frames:
    """The frames judge takes, grown row by row."""

    analytes: Mapping[str, Analyte]
    drugs: Drugs
    series: list[tuple[Any, ...]] = field(default_factory=list)
    patients: list[tuple[Any, ...]] = field(default_factory=list)
    medications: list[tuple[Any, ...]] = field(default_factory=list)
    facts: list[tuple[Any, ...]] | None = None
    known: dict[int, int] = field(default_factory=dict)

    def judged(self, rules: Sequence[Rule], lacking: Collection[str] = (), **choices: Any) -> Judged:
        frames = self.series_frame(), self.patients_frame(), self.medications_frame()
        return judge(*frames, rules, self.analytes, facts=self.facts_frame(), lacking=lacking, **choices)

    def facts_frame(self) -> pd.DataFrame | None:
        if self.facts is None:
            return None
        kinds = {"patient_id": "int64", "day": "int64", "end_day": "int64", "value": "float64", "fact_id": "int64"}
        return pd.DataFrame(self.facts, columns=list(FACTS)).astype(kinds)

    def fact(self, patient: int, concept: str, day: int, end: int = -1, value: float = float("nan")) -> None:
        self.facts = [] if self.facts is None else self.facts
        self.facts.append((patient, concept, day, end, value, len(self.facts) + 1))

    def series_frame(self) -> pd.DataFrame:
        frame = pd.DataFrame(self.series, columns=list(SERIES)).astype(SERIES)
        if self.known:
            frame["known_since"] = [self.known.get(number, 0) for number in frame["id"].tolist()]
        return frame.sort_values(["patient_id", "analyte", "at", "id"], ignore_index=True)

    def patients_frame(self) -> pd.DataFrame:
        return pd.DataFrame(self.patients, columns=PATIENTS).astype({"patient_id": "int64"})

    def medications_frame(self) -> pd.DataFrame:
        numbers = {name: "int64" for name in MEDICATIONS if not name.startswith("drug_")}
        return pd.DataFrame(self.medications, columns=MEDICATIONS).astype(numbers)

    def result(
        self, patient: int, measure: str, text: str, unit: str, day: int, *, draw: int, clock: int = 8 * 60,
        marks: Flag = UNMARKED, method: int = -1, upper_limit: float | None = None,
    ) -> None:  # fmt: skip
        """One result as a laboratory prints it: '<3', '5.6', '1.79 mmol/L'. clock: minutes after midnight UTC."""
        found = re.fullmatch(r"(<=|>=|<|>|)\s*([\d.]+)\s*(\S*)", text)
        if found is None:
            raise UserError(f"{text!r} is no value; write it like 5.9 mg/dL or <3 pg/mL")
        sign, number, own = found.groups()
        analyte = self.analytes[measure]
        if (own or unit) not in (analyte.si, analyte.conventional):
            units = analyte.conventional if analyte.si == analyte.conventional else f"{analyte.conventional} or {analyte.si}"
            raise UserError(f"{measure} {text!r} needs its unit, {units}")
        si = (own or unit) == analyte.si
        scale = analyte.to_si if si else 1.0
        limit = float("nan") if upper_limit is None else round6(upper_limit / scale)
        flags = SIGNS[sign] | marks | (Flag.SI if si else Flag(0))
        at = day * DAY_US + clock * 60_000_000
        self.series.append((patient, analyte.number, at, day, round6(float(number) / scale), int(flags), draw,
                            len(self.series) + 1, method, limit))  # fmt: skip

    def patient(self, patient: int, day: int, excluded: str = "", unit: str = "N1") -> None:
        """One patient, judged at 23:00 of a day."""
        self.patients.append((patient, unit, day * DAY_US + 23 * 3600 * 1_000_000, day, excluded))

    def drug(
        self, patient: int, text: str, start: int = -1, stop: int = -1, supply: int = -1, listed: int = -1
    ) -> None:
        """One medication row a class of the drug; text '' says only that a list was reconciled."""
        ingredient = self.drugs.ingredient_of(text) if text else None
        for drug_class in self.drugs.ingredients[ingredient].classes if ingredient else [""]:
            self.medications.append((patient, drug_class, text, start, stop, supply, listed, len(self.medications) + 1))


@dataclass(frozen=True)
class Table:
    """One drawn table: its rows as {column: cell}, and the lines above it."""

    name: str
    lines: tuple[tuple[str, str], ...]
    rows: tuple[dict[str, str], ...]

    @property
    def lacking(self) -> tuple[str, ...]:
        return tuple(text for kind, text in self.lines if kind == "lacking")

    def frames(self, frames: Frames) -> tuple[Frames, list[tuple[int, str, str, str]]]:
        """Everything to judge at once, put into `frames`: one made-up patient for each row that expects something; and what
        is expected: (patient, where, rule, words)."""
        expected = []
        for number, row in enumerate(self.rows):
            rules = {name: cell for name, cell in row.items() if RULE.fullmatch(name) and cell}
            if not rules:
                continue
            patient = number + 1
            same = [r for r in self.rows[: number + 1] if r.get("patient", "") == row.get("patient", "")]
            frames.patient(patient, days(row["date"]), dict(self.lines).get("excluded", ""))
            if any(kind in ("fact", "facts") for kind, _ in self.lines):
                frames.facts = [] if frames.facts is None else frames.facts
            for place, earlier in enumerate(same):
                _add_row(frames, patient, earlier, draw=1000 * patient + place)
            for kind, text in self.lines:
                _add_line(frames, patient, kind, text)
            where = f"{self.name}, {row.get('patient', '')} {row['date']}"
            expected += [(patient, where, rule, words) for rule, words in rules.items()]
        return frames, expected


def _add_row(frames: Frames, patient: int, row: dict[str, str], draw: int) -> None:
    marks = Flag(0)
    for mark in row.get("marks", "").split():
        marks |= MARKS.get(mark, Flag(0))
    hour, _, minute = (row.get("time") or "08:00").partition(":")
    for column, cell in row.items():
        name, _, unit = column.partition(" ")
        if name in MEASURES and cell:
            own = draw * 10 + list(MEASURES).index(name) if "apart" in row.get("marks", "").split() else draw
            if row.get("known"):
                frames.known[len(frames.series) + 1] = int(row["known"])
            frames.result(
                patient, MEASURES[name], cell, unit, days(row["date"]), draw=own, clock=int(hour) * 60 + int(minute),
                marks=marks, method=int(row.get("assay") or -1) if name == "PTH" else -1,
                upper_limit=float(row["ULN"]) if name == "PTH" and row.get("ULN") else None,
            )  # fmt: skip


def _add_line(frames: Frames, patient: int, kind: str, text: str) -> None:
    if kind == "list":
        frames.drug(patient, "", listed=days(text))
    elif kind == "fact":
        words = re.split(r"\s+(from|to|value)\s+", text)
        said = dict(zip(words[1::2], words[2::2], strict=True))
        end, value = said.get("to"), float(said.get("value", "nan"))
        frames.fact(patient, words[0], days(said["from"]), days(end) if end else -1, value)
    elif kind == "drug":
        words = re.split(r"\s+(from|to|supply|listed)\s+", text)
        said = dict(zip(words[1::2], words[2::2], strict=True))
        frames.drug(
            patient, words[0], start=days(said["from"]) if "from" in said else -1,
            stop=days(said["to"]) if "to" in said else -1, supply=int(said.get("supply", -1)),
            listed=days(said["listed"]) if "listed" in said else -1,
        )  # fmt: skip


def said(judged: Judged, patient: int, rule: str) -> str:
    """What judging said, in the words of the tables: 'firing HIGH', 'clear', 'not assessable no_recent:phosphate'."""
    finding = finding_of(judged, patient, rule)
    if finding is None:
        return "clear"
    if finding.outcome == "not_assessable":
        return f"not assessable {finding.reason}"
    if finding.reason in ("noted", "superseded"):
        return f"{finding.outcome} {finding.reason}"
    return f"{finding.outcome} {finding.severity}" if finding.severity else str(finding.outcome)


def finding_of(judged: Judged, patient: int, rule: str) -> Finding | None:
    found = [f for f in judged.findings if f.patient_id == patient and f.rule == rule]
    return found[0] if found else None
