"""How the times of a feed are read: the formats of its mapping, and the forms HL7 v2 and FHIR prescribe."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from monitors.feeds.readings import coded, pick

TIME_STATES = ("read", "missing", "unreadable")

# A time less precise than a day (2026, 202603) is none. A fraction finer than a microsecond is cut off.
_FORMS = {
    "hl7v2": re.compile(
        r"(?P<Y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})(?:(?P<H>[0-9]{2})(?:(?P<M>[0-9]{2})(?:(?P<S>[0-9]{2})(?:\.(?P<f>[0-9]+))?)?)?)?"
        r"(?P<z>[+-][0-9]{4})?"
    ),
    "fhir": re.compile(
        r"(?P<Y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})(?:T(?P<H>[0-9]{2}):(?P<M>[0-9]{2}):(?P<S>[0-9]{2})(?:\.(?P<f>[0-9]+))?"
        r"(?P<z>Z|[+-][0-9]{2}:[0-9]{2})?)?"
    ),
}  # fmt: skip


def _plain(text: str, standard: str) -> str:
    """A time of the standard as `%Y-%m-%dT%H:%M:%S.%f` with `%z` where it had one; the text itself when it is none."""
    found = _FORMS[standard].fullmatch(text)
    if found is None:
        return text
    part = found.groupdict(default="")
    clock = ":".join(part[name] or "00" for name in "HMS")
    zone = part["z"].replace(":", "").replace("Z", "+0000")
    return f"{part['Y']}-{part['m']}-{part['d']}T{clock}.{(part['f'] or '0')[:6]}{zone}"


class Times(NamedTuple):
    """instant: (n,) datetime64[us, UTC] or NaT; assumed: (n,) True where the text had no zone; state: TIME_STATES."""

    instant: pd.Series
    assumed: np.ndarray
    state: pd.Categorical[Any]


def times(texts: pd.Series, formats: Sequence[str], zone: str, standard: str = "csv") -> Times:
    """Instants of the texts by the first format that fits; without an offset they are local to `zone`.

    standard: `hl7v2` or `fhir` reads the form it prescribes first (HL7 v2 TS, FHIR dateTime and instant). A day
    without a time of day is its first instant. A local time a clock change skips moves to the first instant after
    the gap; one that happens twice means the first. Neither is ever an error.
    """
    codes, distinct = pd.factorize(texts)
    written = pd.Series(distinct, dtype="str")
    written = written.where(np.array([text.isascii() for text in written], dtype=bool))
    if standard in _FORMS:
        written = pd.Series([text if pd.isna(text) else _plain(text, standard) for text in written], dtype="str")
        formats = ("%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S.%f%z", *formats)
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


def dates(texts: pd.Series, formats: Sequence[str], zone: str, standard: str = "csv") -> Dates:
    """Calendar days of the texts, in `zone` where the text carries an offset."""
    read = times(texts, formats, zone, standard)
    local = read.instant.dt.tz_convert(zone).dt.tz_localize(None)
    return Dates(local.dt.normalize().astype("datetime64[s]"), read.state)


BIRTH_STATES = (*TIME_STATES, "unknown")
_DAY = re.compile(r"^([0-9]{8})[0-9.]*(?:[+-][0-9]{4})?$")
_PARTIAL = re.compile(
    r"(?P<Y>[0-9]{4})(?:[-/.]?(?P<m>[0-9]{2}))?(?:[-/.]?(?P<d>[0-9]{2}))?(?:[T ]?[0-9:.]{2,})?(?:Z|[+-][0-9:]{4,5})?"
)


def births(texts: pd.Series, formats: Sequence[str], zone: str, standard: str = "csv") -> Dates:
    """Dates of birth, state one of BIRTH_STATES. A year or month alone, zeros and days no calendar has are what systems
    write when they do not know it: 'unknown', and no reason to keep a result out. A whole date in a form nobody
    described is 'unreadable'. The offset of a midnight says nothing of the day: it is dropped."""
    if standard == "hl7v2":
        texts = pd.Series(pick(texts, lambda text: _DAY.sub(r"\1", text), None), index=texts.index, dtype="str")
    read = dates(texts, formats, zone, standard)
    never = pick(texts, _never_a_day, False, "bool") & (read.state == "unreadable")
    return Dates(read.day, coded(np.where(never, BIRTH_STATES.index("unknown"), read.state.codes), BIRTH_STATES))


def _never_a_day(text: str) -> bool:
    if not text.strip("0 ./-T:"):
        return True
    found = _PARTIAL.fullmatch(text.strip())
    if found is None:
        return False
    try:
        dt.date(int(found["Y"]), int(found["m"] or 0), int(found["d"] or 0))
    except ValueError:
        return True
    return False
