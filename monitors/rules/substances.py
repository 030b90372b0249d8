"""What is measured and what is prescribed: the models of analytes.yaml and medications.yaml."""

from __future__ import annotations

import re

from pydantic import Field, model_validator

from monitors.documents import Document
from monitors.units import Quantity


class UnitOf(Document):
    """One unit an analyte may arrive in. per_conventional: how many of it make one conventional unit
    (value_conventional = value / per_conventional). plausible: lowest and highest believable value, in this
    unit; outside it the row is quarantined."""

    per_conventional: float = Field(gt=0)
    plausible: tuple[float, float]
    spellings: list[str] = []

    @model_validator(mode="after")
    def _ordered(self) -> UnitOf:
        if not self.plausible[0] < self.plausible[1]:
            raise ValueError("plausible must be [lowest, highest]")
        return self


class Analyte(Document):
    """One thing measured in blood. number: the key stored with results; never reused. units: by UCUM code."""

    number: int = Field(ge=1, le=32767)
    title: str
    specimen: str = "serum or plasma"
    loinc: list[str] = []
    conventional: str
    si: str
    units: dict[str, UnitOf]
    source: str = Field(description="where factor and plausible range come from")

    @model_validator(mode="after")
    def _units_are_described(self) -> Analyte:
        for unit in (self.conventional, self.si):
            if unit not in self.units:
                raise ValueError(f"unit '{unit}' is not described under units")
        if self.units[self.conventional].per_conventional != 1:
            raise ValueError("the conventional unit has per_conventional 1")
        return self

    @property
    def to_si(self) -> float:
        return self.units[self.si].per_conventional

    @property
    def quantity(self) -> Quantity:
        return Quantity(self.conventional, self.si, self.to_si)


class Analytes(Document):
    analytes: dict[str, Analyte] = Field(min_length=1)

    @model_validator(mode="after")
    def _numbers_differ(self) -> Analytes:
        seen: dict[int, str] = {}
        for name, analyte in self.analytes.items():
            if analyte.number in seen:
                raise ValueError(f"{name} and {seen[analyte.number]} share number {analyte.number}")
            seen[analyte.number] = name
        return self

    def spellings(self) -> dict[str, str]:
        """Every accepted way to write a unit -> UCUM code."""
        return {
            text: ucum
            for analyte in self.analytes.values()
            for ucum, unit in analyte.units.items()
            for text in (ucum, *unit.spellings)
        }


# ------------------------------------------------------------------------------------ medications.yaml
class Ingredient(Document):
    """One active ingredient. words: whole words that name it (generic and brand), any case. not_with: words
    that make it something else (a topical form, say)."""

    classes: list[str] = Field(min_length=1)
    words: list[str] = Field(min_length=1)
    atc: list[str] = []
    not_with: list[str] = []


class DrugClass(Document):
    title: str


class Drugs(Document):
    classes: dict[str, DrugClass]
    ingredients: dict[str, Ingredient]

    @model_validator(mode="after")
    def _classes_exist(self) -> Drugs:
        for name, ingredient in self.ingredients.items():
            if unknown := [c for c in ingredient.classes if c not in self.classes]:
                raise ValueError(f"ingredient {name}: class '{unknown[0]}' is not listed under classes")
        return self

    def ingredient_of(self, text: str) -> str | None:
        """The ingredient a drug text or 7-character ATC code names, by whole words ('darbepoetin' is not
        'epoetin'); None when it names none of ours. First match in file order."""
        words = set(re.findall(r"[\w]+", text.casefold()))
        for name, ingredient in self.ingredients.items():
            if any(code.casefold() in words for code in ingredient.atc):
                return name
            named = any(set(word.casefold().split()) <= words for word in ingredient.words)
            if named and not any(set(word.casefold().split()) <= words for word in ingredient.not_with):
                return name
        return None
