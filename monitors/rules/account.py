"""The words of an explanation: one value used or not, one test with its answer, a condition as a phrase."""

from __future__ import annotations

from dataclasses import dataclass

from monitors.measures import Values
from monitors.records import utc_text
from monitors.rules.breaches import Breach, UpperLimit
from monitors.rules.conditions import Condition
from monitors.rules.evidence import comparator, instant
from monitors.rules.model import Step
from monitors.rules.sentences import name_of

ANSWERS = {True: "met", False: "not met", None: "unknown"}


@dataclass(frozen=True)
class Used:
    """One current result (or derived value) of the patient: what was made of it, or why nothing was."""

    measure: str
    value: float
    unit: str
    comparator: str
    collected_at: str
    result_id: int
    used: bool
    why: str


@dataclass(frozen=True)
class Test:
    """One test at the night's end. about: the signal or input; asks: in words; numbers: what it was answered by."""

    __test__ = False
    about: str
    kind: str  # raise | clear | latched | while | unless | state | overdue | exposure | presumed | input | rule | step
    asks: str
    answer: str
    numbers: str = ""


def used(values: Values, row: int, counts: bool, why: str) -> Used:
    """A row of a measure as it was reported, and what was made of it."""
    value, lo, hi = (float(end[row]) for end in values.interval)
    sign = comparator(value, lo, hi)
    return Used(
        values.measure, value, values.units[int(values.si[row])], "?" if sign is None else sign,
        utc_text(instant(int(values.at[row]))), int(values.id[row]), counts, why,
    )  # fmt: skip


def number(values: Values, row: int) -> str:
    """`<5.4 mg/dL`: a value with its sign and the unit it was reported in."""
    one = used(values, row, True, "")
    return f"{one.comparator}{one.value:g} {one.unit}"


def asked(breach: Breach) -> str:
    """What a breach asks of a value, with its limit in both unit systems."""
    if not breach.compares:
        return "a movement of values"
    words, limit = breach.comparison.replace("_", " "), breach.limit
    if isinstance(limit, UpperLimit):
        return f"{words} {limit.times:g} times the assay's upper limit ({limit.otherwise} where it states none)"
    return f"{words} {limit}"


def often(breach: Breach) -> str:
    """At how many anchors, where more than one is looked at."""
    return f" at {breach.anchors} of {breach.window} anchors, the latest among them" if breach.window > 1 else ""


def step_words(step: Step) -> str:
    """What a step asks of the draw that raised."""
    if step.mean is not None:
        return f"mean of {step.mean.days} days at or above {step.mean.at_least}, of at least {step.mean.values} values"
    if step.latest is not None:
        return f"the value that raised {asked(step.latest)}"
    if step.repeated is not None:
        return f"raised at {step.repeated.anchors} of {step.repeated.of} anchors, the latest among them"
    if step.while_ is not None:
        return words(step.while_)
    return f"the sample that raised younger than {step.younger_hours} h at the night's end"


def words(condition: Condition) -> str:
    """A condition in words, without what is inside it."""
    within = f" within {condition.within_days} days" if condition.within_days is not None else ""
    if condition.on is not None:
        begun = f", begun within {condition.started_within_days} days" if condition.started_within_days else ""
        return f"takes {' or '.join(name_of(name) for name in condition.on)}{begun}"
    if condition.measure is not None and condition.is_ is not None:
        return f"{name_of(condition.measure)} {asked(condition.is_)}{often(condition.is_)}{within}"
    if condition.rule is not None:
        return f"{condition.rule} is firing or holding"
    if condition.fact is not None:
        both = (("above", condition.above), ("below", condition.below))
        limits = [f"{word} {limit:g}" for word, limit in both if limit is not None]
        times = f" {condition.times} times" if condition.times else ""
        return " ".join([name_of(condition.fact), *limits]) + times + within
    if condition.count is not None:
        return f"at least {condition.at_least} of {len(condition.count)} ({', '.join(condition.count)})"
    return {"all": "all of", "any": "any of"}.get(condition.kind, "not")
