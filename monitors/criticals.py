"""Would a number be critical in any unit it may have been meant in? Asked of every row that is kept back.

A gate or the quarantine may hold a trend, never silence a value that would be critical (clinical-decisions H2, H3).
The limits stand in analytes.yaml, in both unit systems, and are compared in the unit reported.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

import numpy as np
import pandas as pd

from monitors.rules.substances import Analyte, Critical
from monitors.units import System, round6

DECLARED = frozenset({"known"})  # the unit said is the unit meant
DOUBTED = frozenset({"contradicts", "flipped"})  # a unit is said, and another may be meant
NEVER = frozenset({"withdrawn"})
SIDES = ("", "low", "high")


def critical_in_any_unit(
    number: np.ndarray, comparator: np.ndarray, unit_state: np.ndarray, ucum: np.ndarray, analyte: Analyte,
    seen: Collection[str] = (),
) -> np.ndarray:  # fmt: skip
    """(n,) '', 'low' or 'high' for numbers of one analyte, as reported.

    number: (n,) NaN for none; comparator: (n,) '' or one of < <= > >=; unit_state: (n,) of readings.UNIT_STATES or
    'flipped'; ucum: (n,) unit declared, None where unknown. A declared unit is believed, unless the number is beyond
    belief in it or it is in doubt; then, and where none is declared, each of the analyte's two unit systems counts in
    which the number is believable; when it is so in none, the declared unit, or else both. Charges (meq/L) are never
    guessed: in them every ordinary calcium would look critical. seen: units the source is seen to use for the analyte; a
    number without a unit that is believable in one of them is asked in these alone: an ordinary 0.95 of a laboratory that
    reports mmol/L is no alarm. A censored number counts only where every value it may
    stand for is critical. Where one system says low and the other high, the one of the conventional unit stands.
    """
    found = np.zeros(len(number), dtype=np.int8)
    if analyte.critical is None:
        return np.array(SIDES, dtype=object)[found]
    alive = ~np.isnan(number) & ~np.isin(unit_state, list(NEVER))
    declared = {unit: np.asarray(ucum == unit, dtype=bool) for unit in analyte.units}
    believed = {unit: _believable(number, analyte, unit) for unit in analyte.units}
    in_declared = np.any([declared[unit] & believed[unit] for unit in analyte.units], axis=0)
    sure = in_declared & np.isin(unit_state, list(DECLARED))
    systems = list(dict.fromkeys((analyte.conventional, analyte.si)))
    nowhere = ~np.any([believed[unit] for unit in systems], axis=0) & ~in_declared
    undeclared = ~np.any(list(declared.values()), axis=0)
    usual = undeclared & np.any([np.zeros(len(number), dtype=bool), *(believed[unit] for unit in seen)], axis=0)
    for unit in reversed([*systems, *(u for u in analyte.units if u not in systems)]):  # the conventional one has the last word
        applies = declared[unit] & (believed[unit] | nowhere)
        if unit in systems:
            applies |= ~sure & ~usual & (believed[unit] | (nowhere & undeclared))
        if unit in seen:
            applies |= usual & believed[unit]
        for side, beyond in _beyond(number, comparator, analyte, unit, analyte.critical):
            found[alive & applies & beyond] = side
    return np.array(SIDES, dtype=object)[found]


def columns(
    frame: pd.DataFrame, analytes: Mapping[str, Analyte], beside: pd.DataFrame | None = None, history: pd.DataFrame | None = None
) -> np.ndarray:
    """(n,) `critical` of derived laboratory rows; a frame of another kind has none. beside: all rows of the file, and
    history the stored results of its patients: which units the source uses."""
    out = np.full(len(frame), "", dtype=object)
    if "number" not in frame:
        return out
    first = frame["number"].fillna(frame["seems"]).to_numpy(dtype=np.float64)
    last = frame["seems_last"].to_numpy(dtype=np.float64) if "seems_last" in frame else np.full(len(frame), np.nan)
    for number in (first, last) if np.isfinite(last).any() else (first,):
        out = np.where(out == "", _sides(frame, number, analytes, frame if beside is None else beside, history), out)
    return out


def _sides(
    frame: pd.DataFrame, number: np.ndarray, analytes: Mapping[str, Analyte], beside: pd.DataFrame, history: pd.DataFrame | None
) -> np.ndarray:
    """(n,) '', 'low' or 'high' for the numbers of derived laboratory rows."""
    out = np.full(len(frame), "", dtype=object)
    named = frame["analyte_name"].to_numpy(dtype=object)
    state = frame["unit_state"].to_numpy(dtype=object)
    if "flip_state" in frame:
        state = np.where(frame["flip_state"] == "flipped", "flipped", state)
    ucum, comparator = (frame[name].to_numpy(dtype=object) for name in ("measured_in", "comparator"))
    for name, analyte in analytes.items():
        if analyte.critical is not None and len(rows := np.flatnonzero(named == name)):
            meant = _nearly(frame["unit_text"].iloc[rows], analyte)
            there = (state[rows] == "unknown") & pd.notna(meant)
            out[rows] = critical_in_any_unit(
                number[rows], comparator[rows], np.where(there, "known", state[rows]), np.where(there, meant, ucum[rows]),
                analyte, _seen(name, analyte, beside, history),
            )  # fmt: skip
    return out


def _nearly(texts: pd.Series, analyte: Analyte) -> np.ndarray:
    """(n,) the unit a spelling nobody described would be but for case, points and blanks (`mEq/L.`), else None. Never
    enough to store a value by."""
    spelt = {_bare(text): ucum for ucum, unit in analyte.units.items() for text in (ucum, *unit.spellings)}
    return np.array([spelt.get(_bare(text)) if isinstance(text, str) else None for text in texts], dtype=object)


def _bare(text: str) -> str:
    return re.sub(r"[\s._-]", "", text.casefold())


def _seen(name: str, analyte: Analyte, frame: pd.DataFrame, history: pd.DataFrame | None) -> list[str]:
    """Units in which the file, or the patients' past, has this analyte."""
    said = frame["measured_in"][((frame["analyte_name"] == name) & (frame["unit_state"] == "known")).to_numpy()]
    found = set(said.dropna().unique())
    if history is not None and len(history):
        written = set(history["unit_text"][history["analyte"] == analyte.number].dropna().unique())
        found |= {ucum for ucum, unit in analyte.units.items() if written & {ucum, *unit.spellings}}
    return [unit for unit in analyte.units if unit in found]


def _believable(number: np.ndarray, analyte: Analyte, unit: str) -> np.ndarray:
    lowest, highest = analyte.units[unit].plausible
    return (number >= lowest) & (number <= highest)


def _beyond(
    number: np.ndarray, comparator: np.ndarray, analyte: Analyte, unit: str, critical: Critical
) -> Iterator[tuple[int, np.ndarray]]:
    """(1 low | 2 high, (n,) whether the number in `unit` is certainly beyond that limit)."""
    value = number
    system = System.SI if unit == analyte.si and unit != analyte.conventional else System.CONVENTIONAL
    if unit not in (analyte.conventional, analyte.si):
        value = np.asarray(round6(number / analyte.units[unit].per_conventional))
    exact, below, above = comparator == "", np.isin(comparator, ["<", "<="]), np.isin(comparator, [">", ">="])
    if (low := critical.below or critical.at_or_below) is not None:
        limit = low.number(system)
        strict = critical.below is not None
        reached = (value < limit) | ((value == limit) & ((comparator == "<") | (not strict)))
        yield 1, (exact | below) & reached
    if (high := critical.above or critical.at_least) is not None:
        limit = high.number(system)
        strict = critical.above is not None
        reached = (value > limit) | ((value == limit) & ((comparator == ">") | (not strict)))
        yield 2, (exact | above) & reached
