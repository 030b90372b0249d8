"""How well drug names are recognised: precision and recall a class, on two hospitals' real lists.

The names are public and de-identified (eICU-CRD Demo, MIMIC-III Demo; both ODbL v1.0) and stay where they lie, beside
this checkout (docs/test-data.md). Every distinct name was read once by a person; `labelled.csv` keeps what that person
decided, keyed by the SHA-256 of the name (`folded`), with the classes it belongs to. An empty label is a look-alike:
read, and none of ours. A name that is not listed was read as well and resembles nothing of ours.

How was decided: by the ingredients the name says, and where it says none, by the source's own ingredient number. A
calcium salt is a calcium binder whatever it was given for, and so is aluminium hydroxide one without calcium; calcium
for injection, and calcium whose salt neither says, is not. Heparin that keeps a line open (flush, lock, 10 units/mL) is
no anticoagulation. Vitamins that do not say D are not vitamin D.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from monitors.rules.model import Drugs
from tests.public_data import DATA

LABELS = Path(__file__).with_name("labelled.csv")
LISTS = {  # file below DATA -> its columns of names
    "eicu-demo-meds/medication.csv": ("drugname",),
    "eicu-demo-meds/admissiondrug.csv": ("drugname",),
    "mimic3-demo/prescriptions.csv": ("drug", "drug_name_poe", "drug_name_generic"),
}
READ = 2209  # distinct names a person read; any other number, and some were never judged


@dataclass(frozen=True)
class Measured:
    """One class. right: names found and belonging; wrong: found only; missed: belonging only. The names themselves."""

    right: tuple[str, ...]
    wrong: tuple[str, ...]
    missed: tuple[str, ...]

    @property
    def precision(self) -> float:
        """Share of the names found that belong; 1 where none was found."""
        found = len(self.right) + len(self.wrong)
        return len(self.right) / found if found else 1.0

    @property
    def recall(self) -> float:
        """Share of the names that belong that were found; 1 where none belongs."""
        belong = len(self.right) + len(self.missed)
        return len(self.right) / belong if belong else 1.0


def folded(name: str) -> str:
    """A name as it is counted: case and repeated white space do not make another."""
    return " ".join(name.casefold().split())


def names(folder: Path = DATA) -> list[str]:
    """Every distinct name of the lists, folded, sorted. Raises FileNotFoundError."""
    found = set()
    for file, columns in LISTS.items():
        with (folder / file).open(encoding="utf-8", newline="") as rows:
            found |= {folded(row[column]) for row in csv.DictReader(rows) for column in columns}
    return sorted(found - {""})


def labels() -> dict[str, frozenset[str]]:
    """SHA-256 of a folded name -> the classes a person gave it."""
    with LABELS.open(encoding="utf-8", newline="") as rows:
        return {row["sha256"]: frozenset(row["classes"].split()) for row in csv.DictReader(rows)}


def key(name: str) -> str:
    return hashlib.sha256(folded(name).encode()).hexdigest()


def classes_by(drugs: Drugs) -> Callable[[str], frozenset[str]]:
    """What the shipped matching says of a name."""

    def classes(name: str) -> frozenset[str]:
        ingredient = drugs.ingredient_of(name)
        return frozenset(drugs.ingredients[ingredient].classes if ingredient else ())

    return classes


def measure(
    given: Iterable[str], truth: Mapping[str, frozenset[str]], says: Callable[[str], frozenset[str]], classes: Iterable[str]
) -> dict[str, Measured]:
    """Class -> what was right, wrong and missed among `given`. truth: by `key`; a name without one belongs nowhere."""
    pairs = [(name, truth.get(key(name), frozenset()), says(name)) for name in given]
    return {
        one: Measured(
            tuple(name for name, belongs, found in pairs if one in belongs and one in found),
            tuple(name for name, belongs, found in pairs if one in found - belongs),
            tuple(name for name, belongs, found in pairs if one in belongs - found),
        )
        for one in classes
    }


def table(measured: Mapping[str, Measured]) -> str:
    """One line a class: precision, recall, names right, wrong and missed."""
    lines = [f"{'class':24}{'precision':>10}{'recall':>8}{'right':>7}{'wrong':>7}{'missed':>8}"]
    for name, one in measured.items():
        counts = f"{len(one.right):7}{len(one.wrong):7}{len(one.missed):8}"
        lines.append(f"{name:24}{one.precision:10.3f}{one.recall:8.3f}{counts}" + ("" if one.right or one.missed else "  (none)"))
    return "\n".join(lines)
