"""What is measured and what is prescribed: the models of analytes.yaml and medications.yaml."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from typing import Literal

from pydantic import Field, model_validator

from monitors.documents import Document
from monitors.rules.breaches import LimitText
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


Property = Literal["mass", "moles", "activity", "ratio"]


class LoincCode(Document):
    """A LOINC code of an analyte. property: what kind of quantity its name promises; a unit of another kind
    contradicts it. first, last: days of collection it is good for, both included."""

    code: str
    property: Property | None = None
    first: dt.date | None = None
    last: dt.date | None = None
    source: str = ""


class Critical(Document):
    """Limits beyond which a value is never silenced by a gate, whatever the rules say of it."""

    below: LimitText | None = None
    at_or_below: LimitText | None = None
    above: LimitText | None = None
    at_least: LimitText | None = None
    source: str

    @model_validator(mode="after")
    def _one_a_side(self) -> Critical:
        if (self.below and self.at_or_below) or (self.above and self.at_least):
            raise ValueError("critical: give one limit a side, below or at_or_below, above or at_least")
        return self


class Analyte(Document):
    """One thing measured in blood. number: the key stored with results; never reused. units: by UCUM code.
    not_from: tubes whose additive spoils it. critical: see Critical. reference_change: change between two values of
    one stable patient that is exceeded by chance in 1 of 20, as a share (0.126: up by the factor 1.126 or down by it)."""

    number: int = Field(ge=1, le=32767)
    title: str
    specimen: str = "serum or plasma"
    not_from: list[Literal["EDTA", "citrate", "oxalate"]] = []
    loinc: list[str | LoincCode] = []
    conventional: str
    si: str
    units: dict[str, UnitOf]
    critical: Critical | None = None
    reference_change: float | None = Field(None, gt=0)
    source: str = Field(description="where factor and plausible range come from")

    @property
    def codes(self) -> dict[str, LoincCode]:
        """Its LOINC codes, described."""
        described = (code if isinstance(code, LoincCode) else LoincCode(code=code) for code in self.loinc)
        return {code.code: code for code in described}

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


def property_of(ucum: str) -> Property | None:
    """What kind of quantity a unit measures: mass per volume, amount (moles or charges), activity, or a bare ratio."""
    per = ucum.split("/")[0]
    if per.endswith(("mol", "eq")):
        return "moles"
    if per.endswith("g"):
        return "mass"
    return "activity" if per in ("U", "ukat", "[iU]") else "ratio" if per.startswith("{") else None


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

    @model_validator(mode="after")
    def _codes_differ(self) -> Analytes:
        seen: dict[str, str] = {}
        for name, analyte in self.analytes.items():
            for code in analyte.codes:
                if code in seen:
                    raise ValueError(f"{name} and {seen[code]} share LOINC {code}")
                seen[code] = name
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
    """One active ingredient, or a fixed combination. words: whole words that name it (generic and brand), any case,
    each entry's words in any order. rxcui: RxNorm numbers, which count only where the text says they are such. not_with:
    words, or words in a row, that make it something else (a topical form, say)."""

    classes: list[str] = Field(min_length=1)
    words: list[str] = Field(min_length=1)
    atc: list[str] = []
    rxcui: list[str] = []
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
        """The ingredient a drug text, a 7-character ATC code or an RxNorm number ('RxCUI 11289') names, by whole words
        ('darbepoetin' is not 'epoetin'); None when it names none of ours. First match in file order."""
        row = _words(text)
        words = set(row)
        numbers = words if words & {"rxcui", "rxnorm"} else set()
        for name, ingredient in self.ingredients.items():
            if any(code.casefold() in words for code in ingredient.atc) or numbers & set(ingredient.rxcui):
                return name
            named = any(set(_words(word)) <= words for word in ingredient.words)
            if named and not any(f" {' '.join(_words(phrase))} " in f" {' '.join(row)} " for phrase in ingredient.not_with):
                return name
        return None


def _words(text: str) -> list[str]:
    """The words of a text in order, without case, accents or punctuation."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return re.findall(r"\w+", "".join(sign for sign in plain if not unicodedata.combining(sign)))
