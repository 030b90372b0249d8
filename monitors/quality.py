"""Great Expectations over one file's rows: which are good, which go to quarantine with which reason, and
whether the whole file is held.

Every predicate stands in `expectations/<kind>.json`, in order of priority; an expectation's `meta` carries the
reason, the sentence and the remedy a failing row is given. This module holds none of its own, but one: a row
without the keys the store needs is never good, whatever a suite lets through.
"""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from monitors.config import Feed
from monitors.errors import ConfigError

EXPECTATIONS = Path(__file__).resolve().parent.parent / "expectations"
NEEDED = {
    "labs": ("patient", "unit", "collected_at"),
    "medications": ("patient",),
    "census": ("patient", "unit", "effective_on"),
}
INCOMPLETE = {
    "reason": "incomplete",
    "sentence": "The row lacks what identifies it, and no expectation of the suite said so.",
    "remedy": "Compare the suite of this kind of feed with the one shipped.",
}


@dataclass(frozen=True)
class Checked:
    """good: rows to store, all columns; bad: the others, with reason, sentence, remedy beside them. gate: reason
    and sentence when the file is held whole."""

    good: pd.DataFrame
    bad: pd.DataFrame
    gate: tuple[str, str] | None

    @property
    def received(self) -> int:
        return len(self.good) + len(self.bad)


def check(frame: pd.DataFrame, feed: Feed, now: datetime, folder: Path = EXPECTATIONS) -> Checked:
    """Split the rows of one file. `now`: when the file is judged; nothing may be dated after it.

    Raises ConfigError when the suite of the feed's kind cannot be read or asks for what is not there.
    """
    suite = _suite(folder / f"{feed.kind}.json")
    frame = _dated(frame.reset_index(drop=True), now)
    first = np.full(len(frame), len(suite["expectations"]), dtype=np.int16)  # the first expectation each row fails
    if len(frame):
        for number, rows in _failing(frame, suite, folder / f"{feed.kind}.json"):
            first[rows] = np.minimum(first[rows], number)
    verdicts = [*(e["meta"] for e in suite["expectations"]), None]
    if (lacking := (first == len(verdicts) - 1) & _incomplete(frame, feed.kind)).any():
        verdicts.append(INCOMPLETE)
        first[lacking] = len(verdicts) - 1
    is_bad = np.array([verdict is not None for verdict in verdicts])[first]
    bad = frame[is_bad].copy()
    for name in ("reason", "sentence", "remedy"):
        bad[name] = np.array([verdict[name] if verdict else "" for verdict in verdicts], dtype=object)[first[is_bad]]
    planned = np.array([bool(verdict and verdict.get("expected")) for verdict in verdicts])[first[is_bad]]
    return Checked(frame[~is_bad] if is_bad.any() else frame, bad, _gate(len(frame), bad, planned, feed))


def _suite(path: Path) -> dict[str, Any]:
    try:
        suite: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise ConfigError(str(path), 0, f"the suite of expectations cannot be read: {problem}") from None
    for number, expectation in enumerate(suite.get("expectations") or [{}], 1):
        if lacking := {"reason", "sentence", "remedy"} - set(expectation.get("meta") or ()):
            raise ConfigError(str(path), 0, f"expectation {number} has no '{sorted(lacking)[0]}' in its meta")
    return suite


def _dated(frame: pd.DataFrame, now: datetime) -> pd.DataFrame:
    """With days_ahead and days_ago: how far the row's times lie after and before `now`, the farthest of them."""
    if "collected_at" not in frame:
        return frame
    instants = [frame[name] for name in ("collected_at", "issued_at")]
    days = [((at - pd.Timestamp(now)) / pd.Timedelta(days=1)).to_numpy(dtype=np.float64) for at in instants]
    return frame.assign(days_ahead=np.fmax(*days).astype(np.float32), days_ago=np.fmax(*(-d for d in days)).astype(np.float32))


def _failing(frame: pd.DataFrame, suite: dict[str, Any], path: Path) -> list[tuple[int, np.ndarray]]:
    """(number of the expectation, positions of the rows that fail it), for each.

    Expectations on columns of states are asked of each combination of states that occurs, once; the others of
    every row. The answer is the same, and a million rows hold a few dozen combinations.
    """
    numbered = list(enumerate(suite["expectations"]))
    columns = {e["kwargs"].get("column") for _, e in numbered}
    stated = [name for name in frame.columns if name in columns and isinstance(frame[name].dtype, pd.CategoricalDtype)]
    combination, rows = np.zeros(len(frame), dtype=np.int64), []
    for name in stated:
        combination = combination * (len(frame[name].cat.categories) + 1) + frame[name].cat.codes.to_numpy() + 1
    _, example, which = np.unique(combination, return_index=True, return_inverse=True)
    by_state = [(n, e) for n, e in numbered if e["kwargs"].get("column") in stated]
    for number, failed in _validate(frame.iloc[example][stated], by_state, path):
        rows.append((number, np.flatnonzero(np.isin(which, failed))))
    by_row = [(n, e) for n, e in numbered if e["kwargs"].get("column") not in stated]
    rows.extend(_validate(frame[[name for name in frame.columns if name in columns and name not in stated]], by_row, path))
    return rows


def _validate(
    frame: pd.DataFrame, expectations: list[tuple[int, dict[str, Any]]], path: Path
) -> list[tuple[int, np.ndarray]]:
    """Great Expectations on one frame: positions in it that fail, for each numbered expectation."""
    if not expectations:
        return []
    gx = _great_expectations()
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    whole = context.data_sources.add_pandas("file").add_dataframe_asset("rows").add_batch_definition_whole_dataframe("all")
    numbered = [{**e, "meta": {**e["meta"], "number": number}} for number, e in expectations]
    suite = context.suites.add(gx.ExpectationSuite(name="rows", expectations=numbered))
    batch = whole.get_batch(batch_parameters={"dataframe": frame.assign(position=np.arange(len(frame)))})
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"great_expectations\.")
        validated = batch.validate(suite, result_format={
            "result_format": "COMPLETE", "unexpected_index_column_names": ["position"],
            "exclude_unexpected_values": True,
        })  # fmt: skip
    failing = []
    for result in validated.results:
        meta = result.expectation_config.meta
        if result.exception_info.get("raised_exception") or "element_count" not in result.result:
            place = f"expectation {meta['number'] + 1} ({meta['reason']})"
            raise ConfigError(str(path), 0, f"{place} cannot be asked of this feed's rows; compare it with the suite shipped")
        listed = result.result.get("unexpected_index_list") or []
        positions = [np.asarray(item["position"], dtype=np.int64).ravel() for item in listed]
        failing.append((meta["number"], np.concatenate(positions) if positions else np.array([], dtype=np.int64)))
    return failing


def _great_expectations() -> Any:
    """Imported late (seconds), without analytics, and kept from writing to the log of a run."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import great_expectations as gx
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    return gx


def _incomplete(frame: pd.DataFrame, kind: str) -> np.ndarray:
    lacking = frame[list(NEEDED[kind])].isna().any(axis=1)
    if kind == "labs":
        lacking = lacking | (frame["analyte"] == 0)
    return lacking.to_numpy(dtype=bool)


def _gate(received: int, bad: pd.DataFrame, planned: np.ndarray, feed: Feed) -> tuple[str, str] | None:
    """Rows kept out as planned count neither as good nor as bad."""
    if received < feed.gate.min_rows:
        if received == 0:
            return "no_rows", "The file has a header and no row; ask the sender whether that is meant."
        return "too_few_rows", f"The file has {received} rows and the feed expects {feed.gate.min_rows} or more; ask the sender."
    counted = received - int(planned.sum())
    reasons = Counter(bad["reason"][~planned])
    if counted and reasons.total() / counted > feed.gate.max_bad_share:
        named = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common(4))
        return "too_many_bad", (
            f"{reasons.total()} of {counted} rows cannot be used ({named}), more than the feed's gate of "
            f"{feed.gate.max_bad_share:.0%}; mend the mapping or ask the sender."
        )
    return None
