"""What the twin reads: the rows of one patient, one dataclass a kind of row. Days since 1970, instants in us UTC."""

from __future__ import annotations

from dataclasses import dataclass

DAY = 86_400_000_000  # microseconds
NONE = -1  # "not recorded", wherever a day is missing


@dataclass(frozen=True)
class Result:
    """One current result. value, upper_limit: conventional unit; NaN upper_limit: the assay states none."""

    analyte: int
    at: int
    day: int
    value: float
    flags: int
    draw: int
    id: int
    method: int
    upper_limit: float
    known: int = 0  # when it became known; only looked at where the site says so


@dataclass(frozen=True)
class Medication:
    drug_class: str  # '' only says that a list was reconciled
    start_day: int
    stop_day: int
    supply_days: int
    listed_day: int


@dataclass(frozen=True)
class Fact:
    """Something that holds from `day` to before `end_day` (-1: still), or happened on `day`. value: NaN none."""

    concept: str
    day: int
    end_day: int
    value: float
    id: int


@dataclass(frozen=True)
class Patient:
    patient_id: int
    unit: str
    as_of: int
    as_of_day: int
    excluded: str
    results: tuple[Result, ...]
    medications: tuple[Medication, ...] = ()
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True)
class Site:
    """What a site sends. facts: any at all; known: it says when a value became known; lacking: inputs it has no feed of;
    basis: which calcium the product multiplies."""

    facts: bool = True
    known: bool = True
    lacking: tuple[str, ...] = ()
    basis: str = "measured"

    def lacks(self, name: str) -> bool:
        return name in self.lacking or (name.startswith("fact:") and not self.facts)


@dataclass(frozen=True)
class Cited:
    """A result a verdict rests on, as printed. id: of the result; of something computed, minus that of its calcium."""

    measure: str
    value: float
    unit: str
    at: int
    id: int
    sign: str
    role: str
    made_of: tuple[int, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What is said of one patient and rule. Instants in us UTC, -1 none."""

    patient_id: int
    unit: str
    rule: str
    outcome: str
    reason: str
    severity: str | None = None
    since: int = NONE
    cleared_at: int = NONE
    evidence: frozenset[Cited] = frozenset()
