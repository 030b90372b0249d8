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
from functools import cache
from pathlib import Path

from monitors import documents, drawn
from monitors.drawn import MEASURES, MEDICATIONS, days, finding_of, said
from monitors.rules.judge import Judged
from monitors.rules.load import parse_rules
from monitors.rules.model import Analyte, Analytes, Drugs, Rule

__all__ = ["MEASURES", "MEDICATIONS", "Frames", "Table", "catalogue", "days", "finding_of", "read", "said"]

CONFIG = Path(__file__).parents[2] / "config"


@cache
def catalogue() -> tuple[dict[str, Analyte], Drugs, tuple[Rule, ...]]:
    """The analytes, drugs and rules as shipped."""
    analytes = documents.parse((CONFIG / "analytes.yaml").read_text("utf-8"), "analytes.yaml", Analytes).analytes
    drugs = documents.parse((CONFIG / "medications.yaml").read_text("utf-8"), "medications.yaml", Drugs)
    texts = {path.name: path.read_text("utf-8") for path in sorted((CONFIG / "rules").glob("*.yaml"))}
    return analytes, drugs, parse_rules(texts, analytes, drugs)


class Frames(drawn.Frames):
    """Of the analytes, drugs and rules as shipped."""

    def __init__(self) -> None:
        super().__init__(*catalogue()[:2])

    def judge(self, **choices: object) -> Judged:
        return self.judged(catalogue()[2], **choices)


class Table(drawn.Table):
    """A drawn table, of the catalogue as shipped."""

    def frames(self) -> tuple[Frames, list[tuple[int, str, str, str]]]:
        return super().frames(Frames())


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
