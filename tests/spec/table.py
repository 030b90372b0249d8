"""Reads the drawn tables of this folder: Markdown a clinician can check, judged row by row.

A table stands under a `### name` heading, after any of these lines:
    drug: warfarin 3 mg from 2026-01-01 [to 2026-03-01] [supply 28] [listed 2026-01-01]
    list: 2026-03-01                      a drug list was reconciled, without naming what is on it
    excluded: outside_population:age_unknown
    fact: parathyroidectomy from 2026-01-01 [to 2026-03-01] [value 1.1]
    lacking: alt                          an input this site has no feed of; without any `fact:` or `facts:` line, no facts
    facts: known                          the site has facts, but none is recorded
Columns: `patient` (rows of one patient; default one patient a table), `date`, measures with their unit
(`P mg/dL`, `Ca mmol/L`, `albumin g/L`, `PTH pg/mL`), `ULN` (in the PTH column's unit), `assay`, `marks` (post, inpatient,
preliminary, apart: each result of the row its own accession; alone: not the accession of that day's other row),
`time` (hh:mm, UTC), `known` (a number that says when the row became known; the site then says so of all), then one
column a rule. A value may carry a sign or a unit of its own (`<3`, `1.79 mmol/L`). A
row without values is a draw that was missed. What a rule column says is expected with everything up to that row
known, judged at 23:00 of that date; an empty cell expects nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path

import pandas as pd

from monitors import documents
from monitors.records import Finding, Flag
from monitors.rules.judge import Judged, judge
from monitors.rules.load import parse_rules
from monitors.rules.model import Analyte, Analytes, Drugs, Rule
from monitors.rules.sources import FACTS
from monitors.units import round6

CONFIG = Path(__file__).parents[2] / "config"
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


@cache
def catalogue() -> tuple[dict[str, Analyte], Drugs, tuple[Rule, ...]]:
    """The analytes, drugs and rules as shipped."""
    analytes = documents.parse((CONFIG / "analytes.yaml").read_text("utf-8"), "analytes.yaml", Analytes).analytes
    drugs = documents.parse((CONFIG / "medications.yaml").read_text("utf-8"), "medications.yaml", Drugs)
    texts = {path.name: path.read_text("utf-8") for path in sorted((CONFIG / "rules").glob("*.yaml"))}
    return analytes, drugs, parse_rules(texts, analytes, drugs)


def days(text: str) -> int:
    return date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal()


@dataclass
class Frames:
    """The three frames judge takes, grown row by row."""

    series: list[tuple] = field(default_factory=list)
    patients: list[tuple] = field(default_factory=list)
    medications: list[tuple] = field(default_factory=list)
    facts: list[tuple] | None = None
    known: dict[int, int] = field(default_factory=dict)

    def judge(self, **choices: object) -> Judged:
        analytes, _, rules = catalogue()
        frames = self.series_frame(), self.patients_frame(), self.medications_frame()
        return judge(*frames, rules, analytes, facts=self.facts_frame(), **choices)

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
        sign, number, own = re.fullmatch(r"(<=|>=|<|>|)\s*([\d.]+)\s*(\S*)", text).groups()
        analyte = catalogue()[0][measure]
        si = (own or unit) == analyte.si
        assert si or (own or unit) == analyte.conventional, f"{own or unit} is no unit of {measure}"
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
        drugs = catalogue()[1]
        ingredient = drugs.ingredient_of(text) if text else None
        for drug_class in drugs.ingredients[ingredient].classes if ingredient else [""]:
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

    def frames(self) -> tuple[Frames, list[tuple[int, str, str, str]]]:
        """Everything to judge at once, one made-up patient for each row that expects something, and what is
        expected: (patient, where, rule, words)."""
        frames, expected = Frames(), []
        for number, row in enumerate(self.rows):
            rules = {name: cell for name, cell in row.items() if re.fullmatch(r"R\d\d", name) and cell}
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


def read(text: str) -> list[Table]:
    """Every table of a page."""
    tables = []
    for section in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
        name, *body = section.splitlines()
        said = (re.match(r"^(drug|list|excluded|facts|fact|lacking):\s*(.*)", line) for line in body)
        lines = tuple((m[1], m[2].strip()) for m in said if m)
        cells = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in body if line.startswith("|")]
        head, _, *drawn = cells
        tables.append(Table(name.strip(), lines, tuple(dict(zip(head, row, strict=True)) for row in drawn)))
    return tables


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
    assert len(found) <= 1, f"{rule} of patient {patient} was found {len(found)} times"
    return found[0] if found else None
