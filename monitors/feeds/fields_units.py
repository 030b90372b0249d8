"""Which unit a laboratory result is in, looked up once for every code and text that occur together."""

from __future__ import annotations

import numpy as np
import pandas as pd

from monitors.config import Config, Feed
from monitors.feeds import readings
from monitors.feeds.columns import labels, text
from monitors.feeds.readings import UNIT_STATES
from monitors.rules.substances import Analyte, property_of


def read(
    frame: pd.DataFrame, code_at: np.ndarray, codes: list[str], names: list[str], feed: Feed, config: Config
) -> dict[str, np.ndarray]:
    """(n,) each: state (positions in UNIT_STATES), ucum, si, per_conventional, lowest, highest. Row i is of the code
    codes[code_at[i]], which is the analyte names[code_at[i]]. Two units for one number must mean the same."""
    unit = _units(text(frame, "unit_text"), code_at, codes, names, feed, config)
    if "unit_beside" in frame and frame["unit_beside"].notna().any():
        other = _units(frame["unit_beside"], code_at, codes, names, feed, config)
        one, two = unit["per_conventional"], other["per_conventional"]
        differ = np.isfinite(one) & np.isfinite(two) & (one != two)
        unit["state"] = np.where(differ, UNIT_STATES.index("contradicts"), unit["state"])
    return unit


def _units(
    unit_text: pd.Series, code_at: np.ndarray, codes: list[str], names: list[str], feed: Feed, config: Config
) -> dict[str, np.ndarray]:
    """The meaning of each (code, unit text) pair that occurs, looked up once a pair."""
    spellings = frozenset(
        text for a in config.analytes.values() for ucum, u in a.units.items() for text in (ucum, *u.spellings)
    )
    text_at, texts = readings.each(unit_text, str, "")
    pair, which = distinct(code_at * len(texts) + text_at, len(codes) * len(texts))
    read = []
    for p in pair:
        name, written = names[p // len(texts)], p % len(texts)
        analyte = config.analytes.get(name)
        unit = readings.unit(
            None if written == len(texts) - 1 else texts[written], analyte, feed.mapping.units, spellings
        )
        contradicts = unit.state == "known" and _contradicts(codes[p // len(texts)], analyte, unit.ucum)
        read.append(unit._replace(state="contradicts") if contradicts else unit)
    return {
        "state": np.array([UNIT_STATES.index(r.state) for r in read], dtype=np.int8)[which],
        "ucum": labels(which, [r.ucum or None for r in read]),
        "si": np.array([r.si for r in read], dtype=bool)[which],
        **{
            name: np.array([getattr(r, name) for r in read], dtype=np.float64)[which]
            for name in ("per_conventional", "lowest", "highest")
        },
    }


def distinct(keys: np.ndarray, below: int) -> tuple[np.ndarray, np.ndarray]:
    """The distinct keys (0 <= key < below) in order, and (n,) which of them each is; without sorting."""
    if below > 4 * len(keys) + 1024:
        return np.unique(keys, return_inverse=True)
    there = np.zeros(below, dtype=bool)
    there[keys] = True
    return np.flatnonzero(there), (np.cumsum(there) - 1)[keys]


def _contradicts(code: str, analyte: Analyte | None, ucum: str) -> bool:
    """A LOINC code that promises a mass with a unit of amounts, or the other way about."""
    described = analyte.codes.get(code) if analyte else None
    return described is not None and described.property is not None and described.property != property_of(ucum)
