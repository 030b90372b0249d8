"""How one text of a feed is read: numbers, units, times, words. Each text once, however often it occurs.

Strict on purpose: what is not certainly a number, a unit or a time is reported as a state, never guessed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd

from monitors.records import Flag
from monitors.rules.model import Analyte

T = TypeVar("T")

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_RANGE = re.compile(rf"(?:{_NUMBER.pattern})\s*[-–]\s*({_NUMBER.pattern})")
_SYMBOLS = (("<=", Flag.AT_MOST), ("≤", Flag.AT_MOST), (">=", Flag.AT_LEAST), ("≥", Flag.AT_LEAST))
_COMMA = str.maketrans({",": ".", ".": ","})
COMPARATORS = {Flag.BELOW: "<", Flag.AT_MOST: "<=", Flag.ABOVE: ">", Flag.AT_LEAST: ">="}


class Number(NamedTuple):
    """A number as written. flag: its comparator as a bit of `records.Flag`, 0 for none. NaN: not a number."""

    value: float
    flag: int = 0


NOT_A_NUMBER = Number(math.nan)


def each(texts: pd.Series, read: Callable[[str], T], missing: T) -> tuple[np.ndarray, list[T]]:
    """Read every distinct text once. Gives (n,) positions into the list of readings; `missing` stands last."""
    codes, distinct = pd.factorize(texts)
    readings = [read(str(text)) for text in distinct]
    readings.append(missing)
    return np.where(codes < 0, len(readings) - 1, codes), readings


def pick(texts: pd.Series, read: Callable[[str], T], missing: T, dtype: str = "object") -> np.ndarray:
    """(n,) readings of the texts, as an array of `dtype`."""
    places, readings = each(texts, read, missing)
    found: np.ndarray = np.array(readings, dtype=dtype)
    return np.asarray(found[places])


def states(places: np.ndarray, names: Sequence[str], of: Sequence[str]) -> pd.Categorical[Any]:
    """A column of states: `names` are those there are, `of` the state of each reading."""
    return coded(np.array([names.index(state) for state in of], dtype=np.int8)[places], names)


def coded(codes: np.ndarray, names: Sequence[str]) -> pd.Categorical[Any]:
    """(n,) positions in `names` as a column of states, one byte each."""
    return pd.Categorical.from_codes(codes.astype(np.int8), pd.Index(list(names)))


def number(
    text: str, less_than: Sequence[str] = ("<",), more_than: Sequence[str] = (">",), decimal: str = "."
) -> Number:
    """A plain decimal number of ASCII digits, after an optional comparator or censoring word of the feed.

    decimal: the mark between whole and fraction; the other one makes the text no number. No exponent, no mark of
    thousands, no NaN or infinity: anything else is NOT_A_NUMBER.
    """
    rest, flag = text.strip(), 0
    words = [*((word, Flag.BELOW) for word in less_than), *((word, Flag.ABOVE) for word in more_than)]
    for word, bit in (*_SYMBOLS, *sorted(words, key=lambda pair: -len(pair[0]))):
        if rest.casefold().startswith(word.casefold()):
            rest, flag = rest[len(word) :].strip(), int(bit)
            break
    if decimal == ",":
        rest = rest.translate(_COMMA)
    if not _NUMBER.fullmatch(rest):
        return NOT_A_NUMBER
    value = float(rest)
    return Number(value, flag) if math.isfinite(value) else NOT_A_NUMBER


_LEADING = re.compile(  # and neither the first half of a range, a ratio or a time, nor a part of a longer number
    r"[<>=≤≥~ ]*([+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:[eE][+-]?[0-9]{1,2})?)(?!\s*[-–:/]\s*[0-9])(?![0-9.,])"
)
_FLAG = re.compile(r"(?:(?:[*!#([]+|(?:HH?|LL?|AA?|HIGH|LOW|CRIT(?:ICAL)?|PANIC|ABNORMAL)\b)[\s:=*!-]*)+", re.IGNORECASE)
_APART = re.compile(r"[~;|]")


def seems(text: str) -> float:
    """The number a text that is none begins with (`7.1 H`, `6,1`, `0.6*`, `7.1 mmol/L`, and behind a flag `H 7.1`, `*7.1`), NaN
    where there is none, and for ranges, ratios and times. It is no result; it is asked only whether it would be critical."""
    return _seems(text, 0)


def seems_last(text: str) -> float:
    """As `seems`, of the last of several values in one text (`4.1~7.9`, `4.1; 7.9`); NaN where there is one."""
    return _seems(text, -1) if _APART.search(text) else math.nan


def _seems(text: str, which: int) -> float:
    parts = [part.strip() for part in _APART.split(text) if part.strip()] or [""]
    flag = _FLAG.match(parts[which])
    found = _LEADING.match(parts[which][flag.end() if flag else 0 :])
    value = float(found[1].replace(",", ".")) if found else math.nan
    return value if math.isfinite(value) else math.nan


def upper_limit(text: str, decimal: str = ".") -> float:
    """The upper end of a reference interval: `65`, `<65` or `15-65`. NaN when it is none of these, or not above 0."""
    span = _RANGE.fullmatch(text.strip().translate(_COMMA) if decimal == "," else text.strip())
    read = number(span[1]) if span else number(text, decimal=decimal)
    return read.value if read.flag in (0, Flag.BELOW, Flag.AT_MOST) and read.value > 0 else math.nan


def whole(text: str) -> float:
    """A whole number of ASCII digits; NaN when it is not one."""
    return float(text) if re.fullmatch(r"[0-9]{1,6}", text) else math.nan


UNIT_STATES = ("known", "missing", "unknown", "conflict", "contradicts", "withdrawn")


class UnitReading(NamedTuple):
    """What a unit text means for one analyte. ucum and numbers are empty unless state is 'known'."""

    state: str
    ucum: str = ""
    si: bool = False
    per_conventional: float = math.nan
    lowest: float = math.nan
    highest: float = math.nan


def unit(text: str | None, analyte: Analyte | None, ours: Mapping[str, str], spellings: frozenset[str]) -> UnitReading:
    """A unit as the feed (`ours`), then the analyte, spells it.

    A spelling no analyte has is unknown; one of another analyte is a conflict; nothing written is missing,
    unless the feed says what nothing means and the analyte takes that.
    """
    if analyte is None:
        return UnitReading("unknown")
    written = ours.get(text or "", text)
    for ucum, described in analyte.units.items():
        if written == ucum or written in described.spellings:
            si = ucum == analyte.si and analyte.si != analyte.conventional
            return UnitReading("known", ucum, si, described.per_conventional, *described.plausible)
    if text is None:
        return UnitReading("missing")
    return UnitReading("conflict" if written in spellings else "unknown")
