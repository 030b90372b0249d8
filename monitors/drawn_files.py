"""Drawn cases in YAML, as a clinician writes them: read, checked for slips of the pen, and judged. docs/rule-tests.md. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from pydantic import Field

from monitors import documents
from monitors.documents import Document
from monitors.drawn import MARKS, MEASURES, Frames, Table, finding_of, said
from monitors.errors import UserError
from monitors.rules.model import Analyte, Drugs, Rule

OTHERS = ("date", "patient", "marks", "time", "ULN", "assay", "known")  # columns that are no measure and no rule
NUMBERS = ("ULN", "assay", "known")
SAID = re.compile(r"clear( noted| superseded)?|(firing|holding)( WARNING| HIGH| CRITICAL)?|not assessable( \S+)?")


class _Drug(Document):
    drug: str
    from_: str | None = Field(None, alias="from")
    to: str | None = None
    supply: int | None = None
    listed: str | None = None


class _Fact(Document):
    fact: str
    from_: str = Field(alias="from")
    to: str | None = None
    value: float | None = None


class _Case(Document):
    name: str
    drugs: list[_Drug] = []
    lists: list[str] = []
    facts: list[_Fact] | None = None
    lacking: list[str] = []
    excluded: str = ""
    rows: list[dict[str, str | int | float | None]]


class _File(Document):
    tests: list[_Case]


@dataclass(frozen=True)
class Tried:
    """One case, judged. expected: how many answers it expects; wrong: (where, rule, expected, judged, sentence)."""

    name: str
    expected: int
    wrong: tuple[tuple[str, str, str, str, str], ...]


def read(text: str, file: str, known: Collection[str]) -> list[Table]:
    """The cases of one YAML file. known: ids of the rules there are. Raises UserError that names file, case and row."""
    found = documents.parse(text, file, _File)
    return [_table(case, file, known) for case in found.tests]


def _table(case: _Case, file: str, known: Collection[str]) -> Table:
    lines = [("drug", " ".join([one.drug, *_said(one)])) for one in case.drugs]
    lines += [("list", day) for day in case.lists] + [("lacking", name) for name in case.lacking]
    if case.facts is not None:
        lines += [("facts", "known"), *(("fact", " ".join([one.fact, *_said(one)])) for one in case.facts)]
    if case.excluded:
        lines.append(("excluded", case.excluded))
    dated = [day for drug in case.drugs for day in _days(drug)] + [day for fact in case.facts or [] for day in _days(fact)]
    for day in (*case.lists, *dated):
        _day(day, f"{file}: test {case.name!r}")
    names = {name: short for short, name in MEASURES.items()}
    rows = []
    for number, given in enumerate(case.rows, 1):
        where = f"{file}: test {case.name!r}, row {number}"
        row = {names.get(name, name): "" if cell is None else str(cell) for name, cell in given.items()}
        for name, cell in row.items():
            if name not in (*OTHERS, *MEASURES, *known):
                near = difflib.get_close_matches(name, [*OTHERS, *MEASURES, *names, *known], 1, 0.5)
                short = {**{one: one for one in MEASURES}, **names}
                hint = f"did you mean {short.get(near[0], near[0])}?" if near else f"measures are {', '.join(MEASURES)}."
                raise UserError(f"{where}: {name!r} is no column, measure or rule; {hint}")
            if name in NUMBERS and cell and not re.fullmatch(r"\d+(\.\d+)?", cell):
                raise UserError(f"{where}: {name} is {cell!r}; write a number.")
            if name in known and cell and not SAID.fullmatch(cell):
                known_words = "clear, firing HIGH, holding WARNING or not assessable"
                raise UserError(f"{where}: {name} cannot say {cell!r}; write {known_words}.")
        _day(row.get("date", ""), where)
        if unknown := set(row.get("marks", "").split()) - {*MARKS, "apart"}:
            raise UserError(f"{where}: {sorted(unknown)[0]!r} is no mark; there are {', '.join([*MARKS, 'apart'])}.")
        rows.append(row)
    if not any(row.get(rule) for row in rows for rule in known):
        raise UserError(f"{file}: test {case.name!r} expects nothing: give a row a rule, like R01: clear.")
    return Table(case.name, tuple(lines), tuple(rows))


def _said(given: _Drug | _Fact) -> list[str]:
    words = {"from": given.from_, "to": given.to, **({"supply": given.supply, "listed": given.listed} if isinstance(given, _Drug)
             else {"value": given.value})}  # fmt: skip
    return [word for name, value in words.items() if value is not None for word in (name, str(value))]


def _days(given: _Drug | _Fact) -> list[str]:
    listed = given.listed if isinstance(given, _Drug) else None
    return [day for day in (given.from_, given.to, listed) if day is not None]


def _day(text: str, where: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise UserError(f"{where}: {text or 'no date'!r} is not a date; write it like 2026-04-15.") from None


def tried(table: Table, rules: Sequence[Rule], analytes: Mapping[str, Analyte], drugs: Drugs, file: str, basis: str) -> Tried:
    """One case under some rules. An expectation may leave out the severity, or the reason. Raises UserError."""
    for kind, text in table.lines:
        if kind == "drug" and drugs.ingredient_of(name := re.split(r"\s+(?:from|to|supply|listed)\s+", text)[0]) is None:
            raise UserError(f"{file}: test {table.name!r}: medications.yaml knows no drug {name!r}.")
    try:
        frames, expected = table.frames(Frames(analytes, drugs))
    except (UserError, ValueError) as problem:
        raise UserError(f"{file}: test {table.name!r}: {problem}") from None
    judged = frames.judged(rules, table.lacking, calcium_basis=basis)
    wrong = []
    for patient, where, rule, words in expected:
        answer, finding = said(judged, patient, rule), finding_of(judged, patient, rule)
        if answer != words and not (words in ("firing", "holding", "not assessable") and answer.startswith(words)):
            row = where.removeprefix(f"{table.name}, ").strip()
            wrong.append((row, rule, words, answer, finding.sentence if finding else ""))
    return Tried(table.name, len(expected), tuple(wrong))
