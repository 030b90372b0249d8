"""Rule texts into rules, checked against each other, in the order they must be judged."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from monitors import documents
from monitors.errors import ConfigError
from monitors.rules.breaches import Breach, UpperLimit, overlap
from monitors.rules.conditions import Condition
from monitors.rules.model import Rule, Signal
from monitors.rules.overrides import Overrides, overridden
from monitors.rules.substances import Analyte, Drugs
from monitors.units import Limit

# Derived measures: name -> (conventional unit, SI unit) of their limits.
DERIVED = {
    "computed_adjusted_calcium": ("mg/dL", "mmol/L"), "calcium_higher": ("mg/dL", "mmol/L"),
    "calcium_lower": ("mg/dL", "mmol/L"), "ca_p": ("mg2/dL2", "mmol2/L2"), "ca_p_higher": ("mg2/dL2", "mmol2/L2"),
}  # fmt: skip
MEDICATIONS, DRAWS = "medications", "draws"  # inputs that are no measure: drug lists, and any result at all


def parse_rules(
    texts: Mapping[str, str], analytes: Mapping[str, Analyte], drugs: Drugs, overrides: tuple[str, str] | None = None,
    concepts: Collection[str] | None = None,
) -> tuple[Rule, ...]:  # fmt: skip
    """Rules of {file name: YAML text}, ordered so that a rule comes after those it mentions.

    overrides: (file name, YAML text) of the site's own limits. concepts: those of facts.yaml; None: any.
    Raises ConfigError (file, line, rule): anything the model refuses, an unknown measure, drug class, fact or rule, a
    limit in the wrong unit, limits of raise and clear that overlap, a rule id twice, or rules that mention each other
    in a circle.
    """
    rules: dict[str, Rule] = {}
    files: dict[str, str] = {}
    for file, text in texts.items():
        rule = documents.parse(text, file, Rule)
        if rule.id in rules:
            raise ConfigError(file, documents.line_in(text, "id"), f"rule {rule.id} is already in {files[rule.id]}")
        rules[rule.id], files[rule.id] = rule, file
    for rule in rules.values():
        _Check(rule, files[rule.id], texts[files[rule.id]], rules, analytes, drugs, concepts).all()
    if overrides is not None:
        file, text = overrides
        changes = documents.parse(text, file, Overrides)
        for name, changed in overridden(rules, changes, file, text).items():
            line = documents.line_in(text, "overrides", name)
            _Check(changed, file, "", rules, analytes, drugs, concepts, line).all()
            rules[name] = changed
    return tuple(_in_order(rules, files, texts))


@dataclass(frozen=True)
class _Check:
    """One rule against the tables. at: the line to name instead of the rule's own (an override)."""

    rule: Rule
    file: str
    text: str
    rules: Mapping[str, Rule]
    analytes: Mapping[str, Analyte]
    drugs: Drugs
    known: Collection[str] | None
    at: int = 0

    def all(self) -> None:
        rule = self.rule
        for place in ("requires", "optional"):
            for number, name in enumerate(getattr(rule, place)):
                self.input(name, (place, number))
        for number, signal in enumerate(rule.signals):
            self.signal(signal, ("signals", number))
        if rule.exposure is not None:
            self.classes((*rule.exposure.classes, *rule.exposure.longer), ("exposure", "drug_class"))
            if rule.exposure.presumed is not None:
                self.classes(rule.exposure.presumed.unless, ("exposure", "presumed"))
                self.breaches(rule.exposure.presumed.measure, [rule.exposure.presumed.is_], ("exposure", "presumed"))
        follows = next((signal.measure for signal in rule.signals if signal.measure), None)
        for number, step in enumerate(rule.steps):
            where: tuple[str | int, ...] = ("steps", number)
            if (step.mean or step.latest) and follows is None:
                raise self.wrong(where, "a step needs a signal that follows a measure")
            if step.latest and follows:
                self.breaches(follows, [step.latest], where)
            if step.mean and follows:
                self.limits(follows, [step.mean.at_least], where)
            if step.while_ is not None:
                self.condition(step.while_, where)
        for name, condition in rule.facts.items():
            self.condition(condition, ("facts", name))

    def signal(self, signal: Signal, where: tuple[str | int, ...]) -> None:
        if signal.rule is not None:
            self.mention(signal.rule, where, f"signal '{signal.name}'")
        if signal.measure is not None and signal.raise_ is not None:
            self.breaches(signal.measure, [signal.raise_, *signal.clear], where)
            if any(overlap(signal.raise_, clear) for clear in signal.clear):
                raise self.wrong(where, f"signal '{signal.name}': one value could both raise and clear")
        for name in signal.requires:
            self.input(name, where)
        for condition in signal.conditions:
            self.condition(condition, where)
        if signal.overdue is not None:
            self.measure(signal.overdue.measure, where)
            self.concepts(signal.overdue.pause, where)
            if signal.overdue.after is not None:
                self.classes(signal.overdue.after.on, where)

    def condition(self, condition: Condition, where: tuple[str | int, ...]) -> None:
        for one in condition.walk():
            self.classes(one.on or (), where)
            self.concepts([one.fact] if one.fact else (), where)
            if one.rule is not None:
                self.mention(one.rule, where, "a condition")
            if one.measure is not None and one.is_ is not None:
                self.breaches(one.measure, [one.is_], where)

    def input(self, name: str, where: tuple[str | int, ...]) -> None:
        kind, _, detail = name.partition(":")
        if kind == "drug":
            self.classes([detail], where)
        elif kind == "fact":
            self.concepts([detail], where)
        elif name not in (MEDICATIONS, DRAWS):
            self.measure(name, where)

    def measure(self, name: str, where: tuple[str | int, ...]) -> None:
        if name not in self.analytes and name not in DERIVED:
            raise self.wrong(where, f"measure '{name}' is neither an analyte nor derived")

    def classes(self, names: Iterable[str], where: tuple[str | int, ...]) -> None:
        for name in names:
            if name not in self.drugs.classes:
                raise self.wrong(where, f"drug class '{name}' is not in medications.yaml")

    def concepts(self, names: Iterable[str], where: tuple[str | int, ...]) -> None:
        for name in names:
            if self.known is not None and name not in self.known:
                near = difflib.get_close_matches(name, self.known, n=1)
                hint = f"; did you mean '{near[0]}'?" if near else ""
                raise self.wrong(where, f"fact '{name}' is not in facts.yaml{hint}")

    def mention(self, name: str, where: tuple[str | int, ...], who: str) -> None:
        if name not in self.rules:
            raise self.wrong(where, f"{who} mentions rule {name}, which is not here")

    def breaches(self, measure: str, breaches: Iterable[Breach], where: tuple[str | int, ...]) -> None:
        self.measure(measure, where)
        for breach in breaches:
            self.limits(measure, (one.otherwise if isinstance(one, UpperLimit) else one for one in breach.limits), where)

    def limits(self, measure: str, limits: Iterable[Limit], where: tuple[str | int, ...]) -> None:
        units = DERIVED.get(measure) or (self.analytes[measure].conventional, self.analytes[measure].si)
        for limit in limits:
            if (limit.conventional_unit, limit.si_unit) != units:
                raise self.wrong(where, f"limit '{limit}' of {measure} must be in {units[0]} | {units[1]}")
            same = limit.conventional * _to_si(measure, self.analytes)
            if abs(limit.si - same) > 0.02 * limit.si:
                raise self.wrong(
                    where, f"limit '{limit}' of {measure}: the two numbers are not the same amount "
                    f"({limit.conventional:g} {units[0]} is about {same:.3g} {units[1]})",
                )  # fmt: skip

    def wrong(self, where: tuple[str | int, ...], sentence: str) -> ConfigError:
        line = self.at or documents.line_in(self.text, *where)
        return ConfigError(self.file, line, f"{self.rule.id}: {sentence}")


def _to_si(measure: str, analytes: Mapping[str, Analyte]) -> float:
    if measure.startswith("ca_p"):
        return analytes["calcium"].to_si * analytes["phosphate"].to_si
    return analytes["calcium" if measure in DERIVED else measure].to_si


def _in_order(rules: Mapping[str, Rule], files: Mapping[str, str], texts: Mapping[str, str]) -> Iterator[Rule]:
    done: set[str] = set()
    waiting = dict(sorted(rules.items()))
    while waiting:
        ready = [rule for rule in waiting.values() if done.issuperset(rule.mentions)]
        if not ready:
            circle = ", ".join(waiting)
            file = files[next(iter(waiting))]
            raise ConfigError(file, documents.line_in(texts[file], "id"), f"rules {circle} mention each other in a circle")
        for rule in ready:
            done.add(rule.id)
            yield waiting.pop(rule.id)
