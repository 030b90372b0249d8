"""Limits, values and conditions in the words of a ward round: no keys, no codes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from monitors.rules.breaches import Breach, UpperLimit
from monitors.rules.conditions import Condition
from monitors.rules.model import Analyte, Drugs, Rule
from monitors.units import Limit

MEASURES = {
    "pth": "PTH", "crp": "CRP", "inr": "INR", "alt": "ALT", "vitamin_d": "25-OH vitamin D", "ionised_calcium": "ionised calcium",
    "computed_adjusted_calcium": "calcium adjusted for albumin", "calcium_higher": "calcium (measured or adjusted, the higher)",
    "calcium_lower": "calcium (measured or adjusted, the lower)", "ca_p": "calcium × phosphate of one sample",
    "ca_p_higher": "calcium × phosphate of one sample (measured or adjusted calcium, the higher)",
    "bio_intact_pth": "bio-intact PTH",
    "alkaline_phosphatase": "alkaline phosphatase", "adjusted_calcium": "calcium adjusted by the laboratory",
}  # fmt: skip
GROUPS = {
    "phosphate_low": "low phosphate", "calcium_high": "high calcium", "calcium_low": "low calcium", "pth": "PTH",
    "gap": "gaps in monitoring", "phosphate": "high phosphate", "calciphylaxis": "calciphylaxis risk",
    "pattern": "pattern of the three values",
}  # fmt: skip
UNITS = {"mg2/dL2": "mg²/dL²", "mmol2/L2": "mmol²/L²", "ukat/L": "µkat/L", "{INR}": "", "umol/L": "µmol/L"}
MASS = ("active_vitamin_d", "nutritional_vitamin_d", "etelcalcetide", "denosumab", "sodium_thiosulfate", "iv_iron")  # no article
COMPARISONS = {"above": "above {}", "at_least": "{} or more", "below": "below {}", "at_or_below": "{} or less"}
MULTIPLES = {**COMPARISONS, "at_least": "at or above {}", "at_or_below": "at or below {}"}
PLACES = {"mg/dL": 1, "g/dL": 1, "mmol/L": 2, "mmol2/L2": 2}
COUNTS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight", 9: "nine"}
FACTS = {  # concept -> (while it holds, within so many days)
    "admission": ("the patient is in hospital", "the patient was in hospital within the last {} days"),
    "bmi": ("body mass index {} (kg/m²)", ""), "calciphylaxis": ("calciphylaxis is on record as a diagnosis", ""),
    "diabetes": ("diabetes", ""), "prior_calciphylaxis": ("calciphylaxis in the past is on record", ""),
    "elemental_calcium": ("", "elemental calcium from binders {} mg a day was recorded within the last {} days"),
    "female": ("female sex", ""), "parathyroidectomy": ("", "there was parathyroid surgery within the last {} days"),
    "pregnancy": ("pregnancy", ""), "missed_session": ("", "{} sessions were missed within the last {} days"),
    "session": ("", "the newest Kt/V, no older than {} days, {}"),
    "weight_loss": ("", "weight loss was recorded within the last {} days"),
}  # fmt: skip
INPUTS = {
    "medications": "a drug list", "draws": "any blood result at all", "fact:session": "dialysis sessions with their Kt/V",
    "fact:missed_session": "missed sessions", "fact:parathyroidectomy": "a record of parathyroid surgery",
    "fact:calciphylaxis": "diagnoses (calciphylaxis)", "fact:elemental_calcium": "doses of calcium-based binders",
}  # fmt: skip


@dataclass(frozen=True)
class Words:
    """The catalogue's own names for drugs and rules."""

    analytes: Mapping[str, Analyte]
    drugs: Drugs
    rules: Mapping[str, Rule]

    def classes(self, names: Iterable[str], bare: bool = False) -> str:
        """'a vitamin K antagonist or active vitamin D'; bare: without articles."""
        return joined([self.drug_class(name) if bare else self.a_drug(name) for name in names], "or")

    def a_drug(self, name: str) -> str:
        if name == "other_anticoagulant":
            return "another anticoagulant"
        return self.drug_class(name) if name in MASS else f"a {self.drug_class(name)}"

    def drug_class(self, name: str) -> str:
        title = self.drugs.classes[name].title
        return title[0].lower() + title[1:]

    def ingredients(self, drug_class: str) -> str:
        found = [name for name, one in self.drugs.ingredients.items() if drug_class in one.classes]
        return ", ".join(name.replace("_", " ") for name in found)

    def rule(self, rule_id: str) -> str:
        title = self.rules[rule_id].title
        return f"{rule_id} ({title if title[:2].isupper() else title[0].lower() + title[1:]})"

    def input(self, name: str) -> str:
        if name.startswith("drug:"):
            return f"to know whether {self.a_drug(name.removeprefix('drug:'))} is taken"
        return INPUTS.get(name) or measure(name)

    # ------------------------------------------------------------------------------------------ conditions
    def condition(self, given: Condition) -> str:
        """A condition as a clause: 'a calcium-based phosphate binder is taken'."""
        if given.on is not None:
            return self._on(given)
        if given.measure is not None and given.is_ is not None:
            return self._measure(given)
        if given.rule is not None:
            return f"{self.rule(given.rule)} is open"
        if given.fact is not None:
            return _fact(given)
        if given.not_ is not None:
            return self._not(given.not_)
        if given.count is not None:
            return f"at least {number(given.at_least or 0)} of the {number(len(given.count))} factors below are known to be there"
        if given.all is not None:
            return ", and ".join(self.condition(one) for one in given.all)
        return "either " + ", or ".join(self.condition(one) for one in given.any or [])

    def _on(self, given: Condition) -> str:
        names = self.classes(given.on or [])
        if given.started_within_days is not None:
            return f"{names} was begun within the last {given.started_within_days} days"
        until = f", or was until {given.tail_days} days ago" if given.tail_days else ""
        return f"{names} is taken{until}"

    def _measure(self, given: Condition) -> str:
        breach, name = given.is_, measure(given.measure or "")
        assert breach is not None
        if _any_value(breach):
            return f"there is a {name} result of the last {given.within_days} days"
        if breach.window > 1:
            return f"{name} is {by_anchors(breach)} (the newest no older than {given.within_days} days)"
        return f"the newest {name} (no older than {given.within_days} days) is {limit_of(breach)}"

    def _not(self, given: Condition) -> str:
        if given.on is not None:
            return f"no {self.classes(given.on, bare=True)} is taken"
        if given.measure is not None and given.is_ is not None and _any_value(given.is_):
            return f"there is no {measure(given.measure)} result of the last {given.within_days} days"
        return f"it is not so that {self.condition(given)}"


def _any_value(breach: Breach) -> bool:
    """Whether any result at all satisfies it: a way to ask whether there is one."""
    return isinstance(breach.at_least, Limit) and breach.at_least.conventional == 0


def _fact(given: Condition) -> str:
    holds, recent = FACTS[given.fact or ""]
    beyond = f"above {given.above:g}" if given.above is not None else f"below {given.below:g}" if given.below is not None else ""
    if given.fact == "bmi":
        return holds.format("of 30 or more" if given.above == 29.99 else beyond)
    if given.within_days is None:
        return holds
    if given.fact == "elemental_calcium":
        return recent.format(beyond, given.within_days)
    if given.fact == "session":
        return recent.format(given.within_days, f"is {beyond}")
    if given.times is not None:
        return recent.format(f"at least {number(given.times)}", given.within_days)
    return recent.format(given.within_days)


# ----------------------------------------------------------------------------------------------- values and limits
def measure(name: str) -> str:
    return MEASURES.get(name, name.replace("_", " "))


def number(count: int) -> str:
    return COUNTS.get(count, str(count))


def joined(parts: list[str], joint: str) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {joint} {parts[-1]}"


def sentence(text: str) -> str:
    return text[0].upper() + text[1:] + ("" if text.endswith((".", "?")) else ".")


def unit(code: str) -> str:
    return UNITS.get(code, code)


def pretty(text: str) -> str:
    """Unit codes in running text as they are printed."""
    for code, printed in UNITS.items():
        text = text.replace(code, printed) if printed else text
    return text


def limit(given: Limit | UpperLimit) -> str:
    """'5.5 mg/dL (1.78 mmol/L)'; a multiple with what counts where the laboratory states no limit."""
    if isinstance(given, UpperLimit):
        times = "" if given.times == 1 else f"{given.times:g} times "
        fallback = limit(given.otherwise).replace("(", "or ").replace(")", "")
        return f"{times}the assay's upper limit (where none is stated: {fallback})"
    same = given.conventional_unit == given.si_unit
    first = f"{_plain(given.conventional, 1 if same else PLACES.get(given.conventional_unit, 0))} {unit(given.conventional_unit)}"
    return first.strip() if same else f"{first} ({_plain(given.si, PLACES.get(given.si_unit, 0))} {unit(given.si_unit)})"


def _plain(value: float, places: int) -> str:
    """A number as a laboratory prints it: at least so many decimals below ten."""
    least = f"{value:,.{places}f}" if value < 10 else f"{value:,.10g}"
    return least if float(least.replace(",", "")) == value else f"{value:,.10g}"


def limit_of(breach: Breach) -> str:
    """'above 5.5 mg/dL (1.78 mmol/L)'; for a movement what moved by how much."""
    if breach.compares:
        named = MULTIPLES if isinstance(breach.limit, UpperLimit) else COMPARISONS
        words = named[breach.comparison].format(limit(breach.limit))
        return words if breach.but_below is None else f"{words}, but below {limit(breach.but_below)}"
    if breach.change is not None:
        before = f"the median of the two to {number(breach.change.of)} counted draws before"
        if breach.change.of == 2:
            before = "the median of the two counted draws before"
        assay = f"(one assay, none older than {breach.change.within_days} days)"
        if breach.change.steady_percent is not None:
            return f"within {breach.change.steady_percent:g} % of {before} {assay}"
        up, down = breach.change.rise_percent, breach.change.fall_percent
        ways = [f"{up:g} % or more above" if up else "", f"{down:g} % or more below" if down else ""]
        return f"{' or '.join(way for way in ways if way)} {before} {assay}"
    if breach.rises is not None:
        rises = breach.rises
        return (f"risen {number(rises.count)} times in a row, by {rises.total_percent:g} % or more in all, "
                f"over at least {rises.days} days (one assay)")  # fmt: skip
    assert breach.fall is not None
    return f"fallen by {limit(breach.fall.by)} or more within {breach.fall.days} days"


def by_anchors(breach: Breach) -> str:
    what = limit_of(breach)
    if breach.window == breach.anchors:
        return f"{what} on {number(breach.anchors)} counted draws in a row"
    more = "at least one" if breach.anchors == 2 else f"at least {number(breach.anchors - 1)}"
    return f"{what} on the newest counted draw and on {more} of the {number(breach.window - 1)} counted draws before it"


def value_clause(name: str, breach: Breach, reads: str = "anchored") -> str:
    """What a measure must do, as a clause with the measure in front."""
    if breach.mean is not None:
        least = f"at least {number(breach.mean.values)} values"
        return f"the mean {measure(name)} of the last {breach.mean.days} days, over {least}, {limit_of(breach)}"
    if breach.window > 1:
        return f"{measure(name)} {by_anchors(breach)}"
    which = {"every": ", any single value", "every_pre_dialysis": ", any single value not drawn after dialysis"}.get(reads, "")
    return f"{measure(name)} {limit_of(breach)}{which or ' on the newest counted draw'}"
