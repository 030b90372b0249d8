"""Rule texts into rules, checked against each other, in the order they must be judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from monitors import documents
from monitors.errors import ConfigError
from monitors.rules.model import Analyte, Breach, Drugs, Rule, UpperLimit
from monitors.units import Limit

# Derived measures: name -> (conventional unit, SI unit) of their limits.
DERIVED = {
    "adjusted_calcium": ("mg/dL", "mmol/L"), "calcium_higher": ("mg/dL", "mmol/L"),
    "ca_p": ("mg2/dL2", "mmol2/L2"), "ca_p_higher": ("mg2/dL2", "mmol2/L2"),
}  # fmt: skip


def parse_rules(texts: Mapping[str, str], analytes: Mapping[str, Analyte], drugs: Drugs) -> tuple[Rule, ...]:
    """Rules of {file name: YAML text}, ordered so that a rule comes after those it mentions.

    Raises ConfigError (file, line, rule): anything the model refuses, an unknown measure, drug class or
    rule, a limit in the wrong unit, a rule id twice, or rules that mention each other in a circle.
    """
    rules: dict[str, Rule] = {}
    files: dict[str, str] = {}
    for file, text in texts.items():
        rule = documents.parse(text, file, Rule)
        if rule.id in rules:
            raise ConfigError(file, documents.line_in(text, "id"), f"rule {rule.id} is already in {files[rule.id]}")
        rules[rule.id], files[rule.id] = rule, file
    for rule in rules.values():
        _check(rule, files[rule.id], texts[files[rule.id]], rules, analytes, drugs)
    return tuple(_in_order(rules, files))


def _check(
    rule: Rule, file: str, text: str, rules: Mapping[str, Rule], analytes: Mapping[str, Analyte], drugs: Drugs
) -> None:
    for place in ("requires", "optional"):
        for number, measure in enumerate(getattr(rule, place)):
            if measure not in analytes and measure not in DERIVED and measure != "medications":
                line = documents.line_in(text, place, number)
                raise ConfigError(file, line, f"{rule.id}: measure '{measure}' is neither an analyte nor derived")
    for number, signal in enumerate(rule.signals):
        line = documents.line_in(text, "signals", number)
        if signal.rule is not None and signal.rule not in rules:
            raise ConfigError(file, line, f"{rule.id}: signal '{signal.name}' mentions rule {signal.rule}, which is not here")
        if signal.measure is None:
            continue
        if signal.measure not in analytes and signal.measure not in DERIVED:
            raise ConfigError(file, line, f"{rule.id}: measure '{signal.measure}' is neither an analyte nor derived")
        breaches = [breach for breach in (signal.raise_, *signal.clear) if breach is not None]
        _check_units(rule.id, file, line, signal.measure, breaches, analytes)
    if rule.exposure and rule.exposure.drug_class not in drugs.classes:
        line = documents.line_in(text, "exposure", "drug_class")
        raise ConfigError(file, line, f"{rule.id}: drug class '{rule.exposure.drug_class}' is not in medications.yaml")
    follows = next((signal.measure for signal in rule.signals if signal.measure), None)
    for number, step in enumerate(rule.steps):
        line = documents.line_in(text, "steps", number)
        if (step.mean or step.latest) and follows is None:
            raise ConfigError(file, line, f"{rule.id}: a step needs a signal that follows a measure")
        if step.latest and follows:
            _check_units(rule.id, file, line, follows, [step.latest], analytes)


def _check_units(
    rule: str, file: str, line: int, measure: str, breaches: Iterable[Breach], analytes: Mapping[str, Analyte]
) -> None:
    units = DERIVED.get(measure) or (analytes[measure].conventional, analytes[measure].si)
    for breach in breaches:
        limit = breach.limit
        numbers: Limit = limit.otherwise if isinstance(limit, UpperLimit) else limit
        if (numbers.conventional_unit, numbers.si_unit) != units:
            raise ConfigError(
                file, line, f"{rule}: limit '{numbers}' of {measure} must be in {units[0]} | {units[1]}"
            )
        factor = _to_si(measure, analytes)
        if abs(numbers.si - numbers.conventional * factor) > 0.02 * numbers.si:
            raise ConfigError(
                file, line, f"{rule}: limit '{numbers}' of {measure}: the two numbers are not the same amount "
                f"({numbers.conventional:g} {units[0]} is about {numbers.conventional * factor:.3g} {units[1]})",
            )  # fmt: skip


def _to_si(measure: str, analytes: Mapping[str, Analyte]) -> float:
    if measure.startswith("ca_p"):
        return analytes["calcium"].to_si * analytes["phosphate"].to_si
    return analytes["calcium" if measure in DERIVED else measure].to_si


def _in_order(rules: Mapping[str, Rule], files: Mapping[str, str]) -> list[Rule]:
    done: dict[str, Rule] = {}
    waiting = dict(sorted(rules.items()))
    while waiting:
        ready = [rule for rule in waiting.values() if all(other in done for other in rule.mentions)]
        if not ready:
            circle = ", ".join(waiting)
            raise ConfigError(files[next(iter(waiting))], 0, f"rules {circle} mention each other in a circle")
        for rule in ready:
            done[rule.id] = waiting.pop(rule.id)
    return list(done.values())
