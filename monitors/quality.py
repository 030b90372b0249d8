"""Great Expectations over one file's rows: which are good, which go to quarantine with which reason, and
whether the whole file is held.

Every predicate stands in `expectations/<kind>.json`, in order of priority; an expectation's `meta` carries the
reason, the sentence and the remedy a failing row is given. This module holds none of its own, but one: a row
without the keys the store needs is never good, whatever a suite lets through.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from monitors import criticals, quality_gates, quality_suite
from monitors.config import Feed
from monitors.quality_suite import EXPECTATIONS, planned_reasons
from monitors.rules.model import Analyte

NEEDED = {
    "labs": ("patient", "unit", "collected_at"),
    "medications": ("patient",),
    "census": ("patient", "unit", "effective_on"),
    "facts": ("patient", "fact", "happened_on"),
    "links": ("patient", "merged_patient", "effective_at"),
}
INCOMPLETE = {
    "reason": "incomplete",
    "sentence": "The row lacks what identifies it, and no expectation of the suite said so.",
    "remedy": "Compare the suite of this kind of feed with the one shipped.",
}
OLDEST_BIRTH = pd.Timestamp("1890-01-01")  # an earlier date of birth is what a system writes when it does not know
DATED = ("collected_at", "issued_at", "effective_at", "effective_on", "happened_on", "listed_on")
TEXTS, MARKS = ("reason", "sentence", "remedy"), ("expected", "releasable")


@dataclass(frozen=True)
class Checked:
    """good: rows to store, all columns. bad: the others; beside their columns reason, sentence, remedy (text), expected
    (kept out as planned), releasable (a person may overrule) and critical ('', 'low' or 'high': would the number be
    critical in any unit it may have been meant in). gate: reason and sentence when this frame alone would hold the file."""

    good: pd.DataFrame
    bad: pd.DataFrame
    gate: tuple[str, str] | None

    @property
    def received(self) -> int:
        return len(self.good) + len(self.bad)


def check(
    frame: pd.DataFrame, feed: Feed, now: datetime, folder: Path = EXPECTATIONS, *, kind: str | None = None,
    history: pd.DataFrame | None = None, analytes: Mapping[str, Analyte] | None = None,
) -> Checked:  # fmt: skip
    """Split one derived frame of one file. kind: of its rows (default: the feed's). `now`: when the file is judged;
    nothing may be dated after it. history: stored results of the frame's patients, for the specimen gates (see
    quality_gates.states). analytes: of analytes.yaml, for gates and critical limits.

    Raises ConfigError when the suite of the kind cannot be read or asks for what is not there.
    """
    kind = kind or feed.kind or ""
    if kind == "labs" and not analytes:  # without them no critical value would be found, and nobody would notice
        raise TypeError("laboratory rows are checked with the analytes of analytes.yaml")
    analytes = analytes or {}
    path = folder / f"{kind}.json"
    suite = quality_suite.load(path)
    frame = prepared(frame, now, kind, history, analytes)
    verdicts: list[dict[str, Any]] = [*(e["meta"] for e in suite["expectations"]), {}, INCOMPLETE]
    fine = len(verdicts) - 2
    first = np.full(len(frame), fine, dtype=np.int16)  # the first expectation each row fails
    if len(frame):
        for number, rows in quality_suite.failing(frame, suite, path):
            first[rows] = np.minimum(first[rows], number)
    first[(first == fine) & _incomplete(frame, kind)] = fine + 1
    is_bad = first != fine
    bad = frame[is_bad].copy()
    for name in TEXTS:
        texts = pd.Index([verdict.get(name, "") for verdict in verdicts], dtype="str")
        bad[name] = texts[first[is_bad]]
    for name in MARKS:
        bad[name] = np.array([bool(verdict.get(name)) for verdict in verdicts])[first[is_bad]]
    never = np.array([bool(verdict.get("never_critical")) for verdict in verdicts])[first[is_bad]]
    bad["critical"] = np.where(never, "", criticals.columns(bad, analytes, frame, history))
    good = frame[~is_bad] if is_bad.any() else frame
    checked = Checked(good, bad, None)
    return Checked(good, bad, gate({kind: checked}, 0, feed))


def prepared(
    frame: pd.DataFrame, now: datetime, kind: str, history: pd.DataFrame | None, analytes: Mapping[str, Analyte]
) -> pd.DataFrame:
    """A derived frame with every column the suite of its kind looks at: days from `now`, and the gates' states."""
    frame = _births(_dated(frame.reset_index(drop=True), now), now)
    if kind == "labs":
        frame = pd.concat([frame, quality_gates.states(frame, history, analytes)], axis=1)
    return frame


def with_criticals(frame: pd.DataFrame, analytes: Mapping[str, Analyte]) -> pd.DataFrame:
    """Good rows with their `critical`, for a file that is held whole."""
    return frame.assign(critical=criticals.columns(frame, analytes))


def gate(checked: Mapping[str, Checked], refused_rows: int, feed: Feed) -> tuple[str, str] | None:
    """Whether a file is held whole: reason and sentence, or None. checked: by kind of its rows; refused_rows: parts of
    it that are no rows, each one bad. Rows kept out as planned count neither as good nor as bad. A message file or a
    FHIR bundle without a row of ours is in order; a CSV file with nothing below its header is not. The share holds no
    file of fewer rows than gate.min_share_rows: one comment among the three results of a message says nothing of the rest.
    """
    received = sum(part.received for part in checked.values()) + refused_rows
    if received < feed.gate.min_rows:
        if received == 0 and feed.format == "csv":
            return "no_rows", "The file has a header and no row; ask the sender whether that is meant."
        if received or feed.gate.min_rows > 1:
            expected = f"the feed expects {feed.gate.min_rows} or more; ask the sender."
            return "too_few_rows", f"The file has {received} rows and {expected}"
    planned, reasons = 0, Counter({"refused": refused_rows} if refused_rows else {})
    for part in checked.values():
        as_planned = part.bad["expected"].to_numpy(dtype=bool)
        planned += int(as_planned.sum())
        reasons.update(part.bad["reason"][~as_planned])
    counted = received - planned
    if counted >= feed.gate.min_share_rows and reasons.total() / counted > feed.gate.max_bad_share:
        named = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common(4))
        return "too_many_bad", (
            f"{reasons.total()} of {counted} rows cannot be used ({named}), more than the feed's gate of "
            f"{feed.gate.max_bad_share:.0%}; mend the mapping or ask the sender."
        )
    return None


def _dated(frame: pd.DataFrame, now: datetime) -> pd.DataFrame:
    """With days_ahead and days_ago: how far the row's times lie after and before `now`, the farthest of them, in days
    begun (0.2 is 1, 1.0 is 1), so that few numbers occur."""
    named = [name for name in DATED if name in frame]
    if not named:
        return frame
    at = pd.Timestamp(now).tz_convert("UTC")
    days = np.full((2, len(frame)), np.nan)
    for name in named:
        moment = at if frame[name].dt.tz is not None else at.tz_localize(None)
        ahead = ((frame[name] - moment) / pd.Timedelta(days=1)).to_numpy(dtype=np.float64)
        days = np.fmax(days, np.stack([ahead, -ahead]))
    begun = np.ceil(days).astype(np.float32)
    return frame.assign(days_ahead=begun[0], days_ago=begun[1])


def _births(frame: pd.DataFrame, now: datetime) -> pd.DataFrame:
    """Dates of birth before OLDEST_BIRTH or after tomorrow are not known: without a day, state 'unknown'."""
    if "date_of_birth" not in frame:
        return frame
    day = frame["date_of_birth"]
    never = (day < OLDEST_BIRTH) | (day > pd.Timestamp(now).tz_localize(None).normalize() + pd.Timedelta(days=1))
    if not never.any():
        return frame
    return frame.assign(date_of_birth=day.mask(never), birth_state=frame["birth_state"].where(~never, "unknown"))


def _incomplete(frame: pd.DataFrame, kind: str) -> np.ndarray:
    lacking = frame[list(NEEDED[kind])].isna().any(axis=1)
    if kind == "labs":
        lacking = lacking | (frame["analyte"] == 0)
    return lacking.to_numpy(dtype=bool)


__all__ = ["EXPECTATIONS", "Checked", "check", "gate", "planned_reasons", "prepared", "with_criticals"]
