"""What a rule may say: the whole language, as types (docs/rule-language.md is the same in words).

A rule is any-of `signals`, optionally only while `exposure` to drugs lasts. A signal raises and clears, at draws or at
the days on which something turns; a condition says how things stand. A limit is written in both unit systems and
compared in the one reported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import Field, model_validator

from monitors.documents import Document
from monitors.records import Severity
from monitors.rules.breaches import Anchors, Breach, Fall, LimitText, Mean, UpperLimit
from monitors.rules.conditions import Condition
from monitors.rules.substances import Analyte, Analytes, DrugClass, Drugs, Ingredient, UnitOf

Mode = Literal["live", "shadow", "page_only"]


class After(Document):
    """Only from `from_days` to `to_days` after a drug of these classes was begun (the newest beginning counts)."""

    on: list[str] = Field(min_length=1)
    from_days: int = Field(0, ge=0)
    to_days: int = Field(ge=1)


class Overdue(Document):
    """More than `days` without a valid result of a measure: since the newest one or, with `after`, since the drug was begun if
    that is later; where there never was one, since the patient was first seen. needs_previous: only where there was
    one. pause: facts during which the clock stands still."""

    measure: str
    days: int = Field(ge=1)
    after: After | None = None
    needs_previous: bool = False
    pause: list[str] = ["admission"]


class Signal(Document):
    """One limb: what raises and what clears. Exactly one of measure, rule, state, overdue.

    reads: which values of the measure count: `anchored` (not post-dialysis, inpatient or preliminary), `every`, or
    `every_pre_dialysis`. while: it raises only where this is true, and is over where it is false. unless: it does not raise
    where this is true, and is over there; what is not known blocks nothing. anchors: where it is
    drawn at another pace than its rule's. severity, mode: its own. requires: inputs without which it is left out.
    """

    name: str
    measure: str | None = None
    rule: str | None = None
    state: Condition | None = None
    overdue: Overdue | None = None
    raise_: Breach | None = Field(None, alias="raise")
    clear: list[Breach] = []
    reads: Literal["anchored", "every", "every_pre_dialysis"] = "anchored"
    while_: Condition | None = Field(None, alias="while")
    unless: Condition | None = None
    anchors: Anchors | None = None
    repeated: Repeated | None = Field(None, description="a state must be seen at so many anchors")
    severity: Severity | None = None
    mode: Mode = "live"
    requires: list[str] = []

    @model_validator(mode="after")
    def _one_source(self) -> Signal:
        if sum(source is not None for source in (self.measure, self.rule, self.state, self.overdue)) != 1:
            raise ValueError("a signal follows a measure or a rule, a state or an overdue test: one of them")
        if self.measure is not None and (self.raise_ is None or not self.clear):
            raise ValueError("a measure needs 'raise' and 'clear'")
        if self.measure is None and (self.raise_ is not None or self.clear or self.reads != "anchored"):
            raise ValueError("only a measure has 'raise', 'clear' and 'reads'; a rule brings its own")
        if self.rule is not None and self.anchors is not None:
            raise ValueError("a rule brings its own raise, clear and anchors")
        if self.repeated is not None and self.state is None:
            raise ValueError("'repeated' is for a state; a measure says anchors in its 'raise'")
        if self.reads != "anchored" and self.raise_ is not None and self.raise_.window > 1:
            raise ValueError("every value is judged alone: anchors need reads: anchored")
        return self

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return tuple(condition for condition in (self.state, self.while_, self.unless) if condition is not None)


class Presumed(Document):
    """A laboratory value that stands in for a drug list: breached, while none of `unless` is recorded as taken."""

    measure: str
    is_: Breach = Field(alias="is")
    unless: list[str] = Field(min_length=1)


class Exposure(Document):
    """The rule applies while the patient is on a drug class (or any of a list), and `tail_days` after; `washout_days`
    after the end it is over. longer: classes with a tail of their own."""

    drug_class: str | list[str]
    washout_days: int = Field(30, ge=0)
    tail_days: int = Field(0, ge=0)
    longer: dict[str, int] = {}
    presumed: Presumed | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        return (self.drug_class,) if isinstance(self.drug_class, str) else tuple(self.drug_class)

    @property
    def tails(self) -> dict[str, int]:
        """How many days each class still counts after its end."""
        return {name: self.longer.get(name, self.tail_days) for name in self.classes}


class StepMean(Mean):
    """The rolling mean reaches a limit."""

    at_least: LimitText


class Repeated(Document):
    """The rule's own raise seen at `anchors` of the last `of` anchors, the latest among them."""

    anchors: int = Field(2, ge=1, le=3)
    of: int = Field(3, ge=1, le=3)


class Step(Document):
    """Raises severity `to` when its one condition holds at a raising draw."""

    to: Severity
    mean: StepMean | None = None
    latest: Breach | None = None
    repeated: Repeated | None = None
    while_: Condition | None = Field(None, alias="while")
    younger_hours: int | None = Field(None, ge=1, description="the raising sample is younger than this at the night's end")

    @model_validator(mode="after")
    def _one_condition(self) -> Step:
        parts = (self.mean, self.latest, self.repeated, self.while_, self.younger_hours)
        if sum(part is not None for part in parts) != 1:
            raise ValueError("give exactly one of mean, latest, repeated, while, younger_hours")
        if self.latest is not None and (self.latest.window > 1 or not self.latest.compares or self.latest.mean is not None):
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
    """One clinical rule. requires: inputs without which it is not assessable (measures without a recent value).
    opens: False for a rule that is only a condition or a fact for others. page_only, list_only: shown on the patient's
    page, or on the cards of what else is open; neither opens anything. tell_at_baseline: told even where it was
    present at start. facts: named conditions printed on the card, deciding nothing."""

    id: str = Field(pattern=r"^R\d{2}$")
    version: int = Field(ge=1)
    title: str
    group: str
    owner: str
    population: Literal["adults on in-centre haemodialysis"] = "adults on in-centre haemodialysis"
    severity: Severity
    steps: list[Step] = []
    opens: bool = True
    tell_at_baseline: bool = False
    shadow: bool = False
    page_only: bool = False
    list_only: bool = False
    requires: list[str] = Field(min_length=1)
    optional: list[str] = []
    exposure: Exposure | None = None
    anchors: Anchors = Anchors()
    signals: list[Signal] = Field(min_length=1)
    facts: dict[str, Condition] = {}
    questions: list[str] = Field(min_length=1, description="what the card asks the owner to review")
    provenance: Provenance

    @model_validator(mode="after")
    def _says_one_thing(self) -> Rule:
        if (self.page_only or self.list_only) and self.opens:
            raise ValueError("a page_only or list_only rule opens nothing: say opens: false")
        names = [signal.name for signal in self.signals]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two signals are named '{twice[0]}'")
        return self

    @property
    def limits(self) -> str:
        """Hash of what decides: a change of it is a new baseline at every unit. What stands at its default is left out, so
        that the language may grow without making every rule new."""
        deciding = {"severity", "steps", "exposure", "anchors", "signals", "requires", "opens", "shadow"}
        parts = self.model_dump_json(include=deciding, exclude_defaults=True)
        return hashlib.sha256(parts.encode()).hexdigest()[:16]

    @property
    def lookback_days(self) -> int:
        """How far back the rule and every signal of it read: what is older may have been left behind."""
        return min([self.anchors.lookback_days, *(signal.anchors.lookback_days for signal in self.signals if signal.anchors)])

    @property
    def awaits(self) -> bool:
        """Whether it says that a result is missing: one that was drawn in time and comes late takes that back."""
        return any(signal.overdue is not None and signal.mode == "live" for signal in self.signals)

    @property
    def measures(self) -> Mapping[str, Breach]:
        """{measure: what raises it} of its live signals that hold values against a limit; the first of each measure."""
        live = [signal for signal in reversed(self.signals) if signal.mode == "live"]
        return {one.measure: one.raise_ for one in live if one.measure and one.raise_ and one.raise_.compares}

    def beyond(self, measure: str, value: float, unit: str) -> float:
        """How far a value lies beyond the limit that raises its measure; see `Breach.beyond`."""
        return self.measures[measure].beyond(value, unit)

    @property
    def over_events(self) -> bool:
        """Whether it folds over events rather than over the draws of its one signal."""
        (first, *more) = self.signals
        return bool(more) or self.exposure is not None or first.measure is None or len(first.conditions) > 0

    @property
    def conditions(self) -> Iterator[Condition]:
        """Every condition it states, with those inside them; facts last."""
        stated = [c for signal in self.signals for c in signal.conditions]
        stated += [step.while_ for step in self.steps if step.while_ is not None]
        for condition in (*stated, *self.facts.values()):
            yield from condition.walk()

    @property
    def mentions(self) -> list[str]:
        """Ids of the rules whose findings this one reads."""
        inside = [condition.rule for condition in self.conditions if condition.rule]
        return [*(signal.rule for signal in self.signals if signal.rule), *inside]


Signal.model_rebuild()

__all__ = [
    "After", "Analyte", "Analytes", "Anchors", "Breach", "Condition", "DrugClass", "Drugs", "Exposure", "Fall", "Ingredient",
    "Mean", "Overdue", "Presumed", "Provenance", "Repeated", "Rule", "Signal", "Source", "Step", "StepMean", "UnitOf",
    "UpperLimit",
]  # fmt: skip
