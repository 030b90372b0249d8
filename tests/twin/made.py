"""Made-up patients: irregular draws and values at, just under and just over every limit of the catalogue.

All chance comes from one `random.Random`, seeded for volume, or Hypothesis's own, so that a failure shrinks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from random import Random

from monitors.records import Flag
from monitors.rules.breaches import Breach, UpperLimit
from monitors.rules.model import Rule
from monitors.rules.substances import Analyte
from tests.twin.rows import DAY, Fact, Medication, Patient, Result, Site
from tests.twin.values import round6

HOUR = DAY // 24
TODAY = 20_558  # 15 April 2026
UNITS = {"N1": (TODAY * DAY + 3 * HOUR, 2), "N2": (TODAY * DAY - 2 * HOUR, -5)}  # (cut-off, first hour of a local day, UTC)
OF = {"computed_adjusted_calcium": "calcium", "calcium_higher": "calcium", "calcium_lower": "calcium"}
USUAL = {  # (conventional, SI) values without a limit near them
    "phosphate": ((4.2, 5.3), (1.4, 1.7)), "calcium": ((9.0, 9.3), (2.25, 2.3)), "albumin": ((3.7, 4.1), (37.0, 41.0)),
    "pth": ((300.0, 420.0, 520.0), (31.8, 45.0, 55.0)), "ionised_calcium": ((4.6, 4.8), (1.15, 1.2)),
    "potassium": ((4.8, 5.2), (4.8, 5.2)), "alkaline_phosphatase": ((90.0, 110.0), (1.5, 1.8)),
    "crp": ((0.3, 0.8), (3.0, 8.0)), "alt": ((20.0, 30.0), (0.3, 0.5)), "inr": ((1.0, 2.4), (1.0, 2.4)),
    "magnesium": ((2.2,), (0.9,)), "vitamin_d": ((25.0,), (62.0,)),
}  # fmt: skip
OFTEN = {
    "phosphate": 0.85, "calcium": 0.85, "albumin": 0.45, "pth": 0.35, "ionised_calcium": 0.12, "potassium": 0.35,
    "alkaline_phosphatase": 0.25, "crp": 0.25, "alt": 0.2, "inr": 0.2, "magnesium": 0.1, "vitamin_d": 0.05,
}  # fmt: skip
UPPER = {"pth": (65.0, 50.0, 72.0), "alkaline_phosphatase": (130.0, 105.0), "alt": (40.0, 35.0)}
GAPS = (0, 1, 3, 7, 7, 7, 14, 17, 18, 20, 21, 28, 28, 28, 28, 30, 31, 35, 50, 51, 75, 76, 95, 125, 190, 215, 216)
CLASSES = (
    "vka", "vka", "other_anticoagulant", "calcium_binder", "calcium_binder", "active_vitamin_d", "active_vitamin_d",
    "calcimimetic", "oral_calcimimetic", "etelcalcetide", "denosumab", "iv_iron", "sodium_thiosulfate", "magnesium_binder", "",
)  # fmt: skip
AGO = (0, 1, 7, 8, 13, 14, 15, 27, 28, 29, 30, 31, 60, 61, 84, 90, 91, 180, 182, 183, 300, 400, 410, 440)
SITES = (
    Site(), Site(), Site(known=False), Site(facts=False), Site(lacking=("alt", "fact:session")), Site(basis="adjusted"),
    Site(facts=False, known=False, lacking=("alt", "crp", "inr"), basis="adjusted"),
    Site(lacking=("fact:parathyroidectomy", "fact:calciphylaxis", "ionised_calcium", "vitamin_d")),
)  # fmt: skip


def limits_of(rules: Sequence[Rule]) -> Iterator[tuple[str, Breach]]:
    """(measure, breach) of everything the catalogue compares."""
    for rule in rules:
        for signal in rule.signals:
            if signal.measure and signal.raise_:
                yield from ((signal.measure, breach) for breach in (signal.raise_, *signal.clear))
        follows = next((signal.measure for signal in rule.signals if signal.measure), "")
        for step in rule.steps:
            if step.latest is not None:
                yield follows, step.latest
        for condition in rule.conditions:
            if condition.measure and condition.is_:
                yield condition.measure, condition.is_


class Maker:
    """Makes patients. numbers: (analyte, SI) -> the values worth trying, in order."""

    def __init__(self, rules: Sequence[Rule], analytes: Mapping[str, Analyte]) -> None:
        self.analytes = analytes
        self.numbers: dict[tuple[str, bool], list[float]] = {
            (name, si): list(pair[si]) for name, pair in USUAL.items() for si in (False, True)
        }
        for measure, breach in limits_of(rules):
            name = OF.get(measure, measure)
            for limit in breach.limits if name in USUAL else ():
                for si in (False, True):
                    for number in self.around(name, si, limit):
                        self.numbers[name, si].append(number)
        self.numbers = {key: sorted({n for n in found if n > 0.25}) for key, found in self.numbers.items()}

    def around(self, name: str, si: bool, limit: object) -> list[float]:
        """Exactly at a limit, one step under and one over."""
        if isinstance(limit, UpperLimit):
            scale = self.analytes[name].to_si if si else 1.0
            at = [round6(limit.times * round6(round6(upper) * scale)) for upper in UPPER.get(name, ())]
            at.append(limit.otherwise.si if si else limit.otherwise.conventional)
        else:
            at = [limit.si if si else limit.conventional]  # type: ignore[attr-defined]
        step = {"mg/dL": 0.1, "g/dL": 0.1, "pg/mL": 1.0, "mmol/L": 0.01, "g/L": 1.0, "pmol/L": 0.1}
        described = self.analytes[name]
        by = step.get(described.si if si else described.conventional, 0.1)
        return [round(one + k * by, 5) for one in at for k in (-1, 0, 1)]

    def patient(self, random: Random, number: int) -> Patient:
        unit = random.choice(("N1", "N2"))
        as_of, first_hour = UNITS[unit]
        excluded = "outside_population:modality" if random.random() < 0.02 else ""
        draws = random.choice((0, 1, 2, 3, 4, 5, 6, 6, 7, 8, 8, 9, 10, 12))
        cadence = random.choice((GAPS, GAPS, (7,), (28,), (30, 31), (0, 1, 3)))
        gaps = [random.choice(cadence if random.random() < 0.9 else GAPS) for _ in range(draws)]
        quiet = random.choice((0, 0, 0, 0, 0, 1, 1, 2, 3, 5, 7, 10, 14, 20, 28, 31, 50, 51, 74, 75, 76, 216))
        day = TODAY - quiet - sum(gaps[1:])
        moods = {name: (random.random(), random.random()) for name in USUAL}
        panels = {name: random.choice((0.0, often, often, min(1.0, 1.6 * often))) for name, often in OFTEN.items()}
        si = random.random() < 0.4
        results: list[Result] = []
        for index in range(draws):
            day += gaps[index] if index else 0
            hour = random.choice((0, 0, 0, 5, 11))
            at = min(day * DAY + (first_hour + hour) * HOUR, as_of - 1)
            share = index / max(1, draws - 1)
            self.draw(random, number, day, at, panels, moods, share, si, results)
        facts = self.facts(random, number)
        return Patient(number, unit, as_of, TODAY, excluded, tuple(results), self.drugs(random), facts)

    def draw(
        self, random: Random, number: int, day: int, at: int, panels: Mapping[str, float],
        moods: Mapping[str, tuple[float, float]], share: float, si: bool, results: list[Result],
    ) -> None:  # fmt: skip
        """One draw: usually one accession, one mark for all of it."""
        accession = number * 100_000 + len(results)
        mark = random.choice((0,) * 14 + (Flag.PRE_DIALYSIS, Flag.POST_DIALYSIS, Flag.INPATIENT, Flag.PRELIMINARY))
        assay = random.choice((0, 0, 0, 0, 0, 1, 2))
        names = [name for name, often in panels.items() if random.random() < often]
        if names and random.random() < 0.05:
            names.append(random.choice(names))
        for name in names:
            own_si = si != (random.random() < 0.06)
            begins, ends = moods[name]
            options = self.numbers[name, own_si]
            wanted = begins + (ends - begins) * share + random.uniform(-0.25, 0.25)
            reported = options[min(max(int(wanted * len(options)), 0), len(options) - 1)]
            described = self.analytes[name]
            value = round6(reported / described.to_si) if own_si else reported
            sign = random.choice((Flag.BELOW, Flag.AT_MOST, Flag.ABOVE, Flag.AT_LEAST)) if random.random() < 0.06 else 0
            method, upper = -1, math.nan
            if name in UPPER:
                method = (7, 9, 7)[assay]
                upper = (UPPER[name][0], UPPER[name][-1], math.nan)[assay]
            own_draw = accession if random.random() < 0.93 else accession + 50_000 + len(results) % 1000
            late = random.choice((1, 20, 60, 400)) if random.random() < 0.1 else 0  # found, or corrected, later
            flags = int(mark | sign | (Flag.SI if own_si else 0))
            results.append(Result(described.number, at, day, value, flags, own_draw, number * 10_000 + len(results) + 1,
                                  method, upper, min(day + late, TODAY)))  # fmt: skip

    @staticmethod
    def drugs(random: Random) -> tuple[Medication, ...]:
        rows = []
        for _ in range(random.choice((0, 1, 2, 3, 4, 6))):
            start = random.choice((-1, TODAY - random.choice(AGO)))
            stop = TODAY - random.choice(AGO) if random.random() < 0.35 else -1
            supply = random.choice((-1, -1, 0, 14, 28, 90))
            listed = random.choice((-1, TODAY - random.choice((0, 3, 29, 30, 31, 60, 200))))
            rows.append(Medication(random.choice(CLASSES), start, stop, supply, listed))
        return tuple(rows)

    @staticmethod
    def facts(random: Random, number: int) -> tuple[Fact, ...]:
        found: list[tuple[str, int, int, float]] = []
        for _ in range(random.choice((0, 0, 0, 1, 2, 3))):  # stays, which may overlap
            day = TODAY - random.choice((0, 3, 20, 40, 60, 90, 100))
            found.append(("admission", day, random.choice((-1, day + 1, day + 5, day + 30)), math.nan))
        if random.random() < 0.12:
            found.append(("parathyroidectomy", TODAY - random.choice(AGO), -1, math.nan))
        if random.random() < 0.05:
            day = TODAY - random.choice(AGO)
            found.append(("calciphylaxis", day, random.choice((-1, -1, day + 60)), math.nan))
        if random.random() < 0.03:
            found.append(("pregnancy", TODAY - 100, random.choice((-1, TODAY, TODAY + 1)), math.nan))
        if random.random() < 0.4:
            for _ in range(random.choice((1, 2, 3))):
                value = random.choice((1.0, 1.19, 1.2, 1.21, 1.5, math.nan))
                found.append(("session", TODAY - random.choice((0, 2, 10, 45, 46, 80)), -1, value))
        for _ in range(random.choice((0, 0, 0, 1, 2, 3))):
            found.append(("missed_session", TODAY - random.choice((0, 5, 27, 28, 29, 40, 70)), -1, math.nan))
        if random.random() < 0.1:
            value = random.choice((1500.0, 1501.0, 900.0))
            found.append(("elemental_calcium", TODAY - random.choice((0, 30, 90, 91)), -1, value))
        if random.random() < 0.3:
            found.append(("diabetes", TODAY - 1000, -1, math.nan))
        return tuple(Fact(*one, number * 100 + n) for n, one in enumerate(found))
