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


def number(text: str, less_than: Sequence[str] = ("<",), more_than: Sequence[str] = (">",)) -> Number:
    """A plain decimal number of ASCII digits, after an optional comparator or censoring word of the feed.

    No exponent, no thousands or decimal comma, no NaN or infinity: anything else is NOT_A_NUMBER.
    """
    rest, flag = text.strip(), 0
    words = [*((word, Flag.BELOW) for word in less_than), *((word, Flag.ABOVE) for word in more_than)]
    for word, bit in (*_SYMBOLS, *sorted(words, key=lambda pair: -len(pair[0]))):
        if rest.casefold().startswith(word.casefold()):
            rest, flag = rest[len(word) :].strip(), int(bit)
            break
    if not _NUMBER.fullmatch(rest):
        return NOT_A_NUMBER
    value = float(rest)
    return Number(value, flag) if math.isfinite(value) else NOT_A_NUMBER


def upper_limit(text: str) -> float:
    """The upper end of a reference interval: `65`, `<65` or `15-65`. NaN when it is none of these, or not above 0."""
    span = _RANGE.fullmatch(text.strip())
    read = number(span[1] if span else text)
    return read.value if read.flag in (0, Flag.BELOW, Flag.AT_MOST) and read.value > 0 else math.nan


def whole(text: str) -> float:
    """A whole number of ASCII digits; NaN when it is not one."""
    return float(text) if re.fullmatch(r"[0-9]{1,6}", text) else math.nan


UNIT_STATES = ("known", "missing", "unknown", "conflict", "withdrawn")


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


TIME_STATES = ("read", "missing", "unreadable")


class Times(NamedTuple):
    """instant: (n,) datetime64[us, UTC] or NaT; assumed: (n,) True where the text had no zone; state: TIME_STATES."""

    instant: pd.Series
    assumed: np.ndarray
    state: pd.Categorical[Any]


def times(texts: pd.Series, formats: Sequence[str], zone: str) -> Times:
    """Instants of the texts by the first format that fits; without an offset they are local to `zone`.

    A local time a clock change skips moves to the first instant after the gap; one that happens twice means
    the first. Neither is ever an error.
    """
    codes, distinct = pd.factorize(texts)
    written = pd.Series(distinct, dtype="str")
    written = written.where(np.array([text.isascii() for text in written], dtype=bool))
    instant = pd.Series(pd.NaT, index=written.index, dtype="datetime64[us, UTC]")
    assumed = np.zeros(len(written), dtype=bool)
    for fmt in formats:
        left = instant.isna() & written.notna()
        if not left.any():
            break
        offset = "%z" in fmt
        read = pd.to_datetime(written[left], format=fmt, errors="coerce", utc=offset)
        if not offset:
            first = np.ones(len(read), dtype=bool)
            read = read.dt.tz_localize(zone, ambiguous=first, nonexistent="shift_forward").dt.tz_convert("UTC")
            assumed[left.to_numpy()] = read.notna().to_numpy()
        instant[left] = read.astype("datetime64[us, UTC]")
    read_state = np.append(np.where(instant.notna(), 0, 2), 1).astype(np.int8)
    places = np.where(codes < 0, len(written), codes)
    with_missing = pd.concat([instant, pd.Series([pd.NaT], dtype=instant.dtype)], ignore_index=True)
    return Times(
        with_missing.take(places).reset_index(drop=True),
        np.append(assumed, False)[places],
        coded(read_state[places], TIME_STATES),
    )


class Dates(NamedTuple):
    """day: (n,) datetime64[s] at midnight or NaT; state: TIME_STATES."""

    day: pd.Series
    state: pd.Categorical[Any]


def dates(texts: pd.Series, formats: Sequence[str], zone: str) -> Dates:
    """Calendar days of the texts, in `zone` where the text carries an offset."""
    read = times(texts, formats, zone)
    local = read.instant.dt.tz_convert(zone).dt.tz_localize(None)
    return Dates(local.dt.normalize().astype("datetime64[s]"), read.state)
