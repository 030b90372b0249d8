"""What a rule, an analyte and a drug list may say: the whole language, as types.

A rule is any-of `signals`, optionally only while `exposure` to a drug class lasts. A signal follows one
measure: it raises on a `Breach`, and clears on any of its `clear` breaches; both are judged at every draw.
A limit is written in both unit systems and compared in the one reported.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from monitors.documents import Document
from monitors.records import Severity
from monitors.units import Limit, Quantity


def _limit(value: Any) -> Limit:
    return value if isinstance(value, Limit) else Limit.parse(str(value))


LimitText = Annotated[Limit, BeforeValidator(_limit), PlainSerializer(str, return_type=str)]


# --------------------------------------------------------------------------------------- analytes.yaml
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


# -------------------------------------------------------------------------------------------- a rule
class UpperLimit(Document):
    """A multiple of the assay's upper limit, with the limit to use where the assay states none."""

    times: float = Field(gt=0)
    otherwise: LimitText


def _either(value: Any) -> Any:
    return value if value is None or isinstance(value, Mapping | UpperLimit) else _limit(value)


def _written(value: Limit | UpperLimit | None) -> Any:
    return str(value) if isinstance(value, Limit) else value.model_dump() if value is not None else None


LimitOrMultiple = Annotated[Limit | UpperLimit | None, BeforeValidator(_either), PlainSerializer(_written)]


class Breach(Document):
    """Values beyond a limit. Exactly one comparison. anchors: how many anchors must breach, the latest
    among them; of: how many anchors are looked at (default: the same number)."""

    above: LimitOrMultiple = None
    at_least: LimitOrMultiple = None
    below: LimitOrMultiple = None
    at_or_below: LimitOrMultiple = None
    anchors: int = Field(1, ge=1, le=3)
    of: int = Field(0, ge=0, le=3)

    @model_validator(mode="after")
    def _one_comparison(self) -> Breach:
        if sum(limit is not None for limit in (self.above, self.at_least, self.below, self.at_or_below)) != 1:
            raise ValueError("give exactly one of above, at_least, below, at_or_below")
        if self.of and self.of < self.anchors:
            raise ValueError(f"{self.anchors} of {self.of} anchors cannot be")
        return self

    @property
    def comparison(self) -> Literal["above", "at_least", "below", "at_or_below"]:
        for name in ("above", "at_least", "below"):
            if getattr(self, name) is not None:
                return name
        return "at_or_below"

    @property
    def limit(self) -> Limit | UpperLimit:
        limit = getattr(self, self.comparison)
        assert isinstance(limit, Limit | UpperLimit)
        return limit

    @property
    def window(self) -> int:
        return self.of or self.anchors


class Anchors(Document):
    """Which draws count for persistence: the latest, then the newest at least `apart_days` earlier, and so
    on; a gap of more than `gap_days` ends the chain. lookback_days: how far back the fold reads."""

    apart_days: int = Field(18, ge=1)
    gap_days: int = Field(75, ge=1)
    lookback_days: int = Field(400, ge=30)


class Signal(Document):
    """One measure followed over time, or (`rule`) another rule's finding taken draw by draw."""

    name: str
    measure: str | None = None
    rule: str | None = None
    raise_: Breach | None = Field(None, alias="raise")
    clear: list[Breach] = []
    anchors: Anchors | None = Field(None, description="where this signal is drawn at another pace than its rule's")

    @model_validator(mode="after")
    def _one_source(self) -> Signal:
        if (self.measure is None) == (self.rule is None):
            raise ValueError("a signal follows a measure or a rule, one of them")
        if self.measure is not None and (self.raise_ is None or not self.clear):
            raise ValueError("a measure needs 'raise' and 'clear'")
        if self.rule is not None and (self.raise_ is not None or self.clear or self.anchors is not None):
            raise ValueError("a rule brings its own raise, clear and anchors")
        return self


class Exposure(Document):
    """The rule applies while the patient is on a drug class, and `washout_days` after a stop."""

    drug_class: str
    washout_days: int = Field(30, ge=0)


class Mean(Document):
    """Mean of the exact (uncensored) values of the last `days`, over at least `values` of them."""

    at_least: LimitText
    days: int = Field(gt=0)
    values: int = Field(ge=1)


class Repeated(Document):
    """The rule's own raise seen at `anchors` of the last `of` anchors, the latest among them."""

    anchors: int = Field(2, ge=1, le=3)
    of: int = Field(3, ge=1, le=3)


class Step(Document):
    """Raises severity `to` when its one condition holds at a raising draw."""

    to: Severity
    mean: Mean | None = None
    latest: Breach | None = None
    repeated: Repeated | None = None

    @model_validator(mode="after")
    def _one_condition(self) -> Step:
        if sum(part is not None for part in (self.mean, self.latest, self.repeated)) != 1:
            raise ValueError("give exactly one of mean, latest, repeated")
        if self.latest is not None and self.latest.window > 1:
            raise ValueError("latest looks at one value; use repeated for anchors")
        return self


class Source(Document):
    text: str
    tag: Literal["found", "design", "knowledge"]


class Provenance(Document):
    """Where a rule comes from. review is 'none (draft from literature)' until a named clinician signs."""

    review: str = "none (draft from literature)"
    authored_by: str
    sources: list[Source] = Field(min_length=1)
    why_it_matters: str


class Rule(Document):
    """One clinical rule. requires: measures without a recent value of which it is not assessable.
    opens: False for a rule that is only a condition for others. tell_at_baseline: told even where it was
    present at start."""

    id: str = Field(pattern=r"^R\d{2}$")
    version: int = Field(ge=1)
    title: str
    group: str
    owner: str
    severity: Severity
    steps: list[Step] = []
    opens: bool = True
    tell_at_baseline: bool = False
    shadow: bool = False
    requires: list[str] = Field(min_length=1)
    optional: list[str] = []
    exposure: Exposure | None = None
    anchors: Anchors = Anchors()
    signals: list[Signal] = Field(min_length=1)
    questions: list[str] = Field(min_length=1, description="what the card asks the owner to review")
    provenance: Provenance

    @property
    def limits(self) -> str:
        """Hash of what decides: a change of it is a new baseline at every unit."""
        deciding = {"severity", "steps", "exposure", "anchors", "signals", "requires", "opens", "shadow"}
        parts = self.model_dump_json(include=deciding)
        return hashlib.sha256(parts.encode()).hexdigest()[:16]

    @property
    def lookback_days(self) -> int:
        """How far back the rule and every signal of it read: what is older may have been left behind."""
        return min([self.anchors.lookback_days, *(signal.anchors.lookback_days for signal in self.signals if signal.anchors)])

    @property
    def mentions(self) -> list[str]:
        """Ids of the rules whose findings this one reads."""
        return [signal.rule for signal in self.signals if signal.rule]
