"""What raises a rule, what clears it and how severe it is, each as one clause."""

from __future__ import annotations

from monitors.rules.breaches import Breach
from monitors.rules.model import Overdue, Rule, Signal, Step
from monitors.rules.words import Words, limit, limit_of, measure, number, value_clause

MODES = {"shadow": "shadow: recorded, told to nobody", "page_only": "page only: opens nothing"}


def raise_words(signal: Signal, rule: Rule, words: Words) -> str:
    if signal.overdue is not None:
        text = _overdue(signal.overdue, words)
    elif signal.rule is not None:
        text = f"{words.rule(signal.rule)} is open"
    elif signal.state is not None:
        seen = signal.repeated
        again = ""
        if seen is not None and seen.anchors > 1:
            again = f", seen at {number(seen.anchors)} counted draws in a row" if seen.of <= seen.anchors else (
                f", seen at {number(seen.anchors)} of {number(seen.of)} counted draws")  # fmt: skip
        text = words.condition(signal.state) + again
    else:
        assert signal.measure is not None and signal.raise_ is not None  # noqa: PT018
        text = value_clause(signal.measure, signal.raise_, signal.reads)
    if signal.while_ is not None:
        text += f"; only while {words.condition(signal.while_)}"
    if signal.unless is not None:
        text += f"; not where {words.condition(signal.unless)}"
    return text


def clear_words(signal: Signal, rule: Rule, words: Words) -> str:
    if signal.overdue is not None:
        return "a valid result; a cancelled one does not count"
    if signal.rule is not None:
        return f"{signal.rule} has cleared"
    if signal.state is not None:
        return "when this no longer holds"
    assert signal.measure is not None
    return ", or ".join(_clear(signal.measure, breach, signal.reads) for breach in signal.clear)


def _clear(name: str, breach: Breach, reads: str) -> str:
    if breach.mean is not None or breach.window > 1:
        return value_clause(name, breach, reads).removeprefix(f"{measure(name)} ")
    return f"{limit_of(breach)} once"


def _overdue(test: Overdue, words: Words) -> str:
    text = f"no valid {measure(test.measure)} result for more than {test.days} days"
    if test.after is not None:
        drug, first, last = words.classes(test.after.on), test.after.from_days, test.after.to_days
        window = f"in the first {last} days" if first == 0 else f"from day {first} to day {last}"
        text += f", {window} after {drug} was begun (counted from the later of the two)"
    if test.needs_previous:
        text += ", in a patient who had one before"
    return text


def severity_words(signal: Signal, rule: Rule) -> str:
    severity = str(signal.severity or rule.severity)
    if signal.mode != "live":
        return MODES[signal.mode]
    return severity if not rule.shadow else f"{severity} (shadow)"


def step_words(step: Step, rule: Rule, words: Words) -> str:
    """'HIGH when the mean of the last 183 days ...'."""
    name = next((signal.measure for signal in rule.signals if signal.measure), "")
    if step.mean is not None:
        least = f"over at least {number(step.mean.values)} values"
        return (f"{step.to} when the mean {measure(name)} of the last {step.mean.days} days, {least}, is "
                f"{limit(step.mean.at_least)} or more.")  # fmt: skip
    if step.latest is not None:
        return f"{step.to} when the newest {measure(name)} is {limit_of(step.latest)}."
    if step.repeated is not None:
        seen = f"{number(step.repeated.anchors)} of {number(step.repeated.of)} counted draws"
        return f"{step.to} when raised at {seen}, each time by a new value."
    if step.younger_hours is not None:
        return f"{step.to} when the sample is less than {step.younger_hours} hours old as the night ends."
    assert step.while_ is not None
    return f"{step.to} while {words.condition(step.while_)}."
