"""The suites of `expectations/`, read and asked of a frame by Great Expectations.

An expectation's `meta` carries the reason, the sentence and the remedy of a row that fails it, and where true:
`expected` (kept out as planned, counts neither way), `releasable` (a person may say: it is true nevertheless),
`never_critical` (the number is of another patient, specimen or test, or withdrawn: no reason to alarm anybody).
"""

from __future__ import annotations

import json
import logging
import os
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from monitors.errors import ConfigError

EXPECTATIONS = Path(__file__).resolve().parent.parent / "expectations"
MOST = 500_000  # values a column's answers are remembered of
# (suite, column) -> value -> numbers of the expectations it fails: asked once a process, not once a file
_ANSWERED: dict[tuple[str, str], dict[Any, tuple[int, ...]]] = {}
KINDS = ("labs", "medications", "census", "facts", "links")


def load(path: Path) -> dict[str, Any]:
    """One suite, as written. Raises ConfigError when it cannot be read or an expectation lacks its meta."""
    try:
        suite: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise ConfigError(str(path), 0, f"the suite of expectations cannot be read: {problem}") from None
    for number, expectation in enumerate(suite.get("expectations") or [{}], 1):
        if lacking := {"reason", "sentence", "remedy"} - set(expectation.get("meta") or ()):
            raise ConfigError(str(path), 0, f"expectation {number} has no '{sorted(lacking)[0]}' in its meta")
    return suite


def failing(frame: pd.DataFrame, suite: dict[str, Any], path: Path) -> list[tuple[int, np.ndarray]]:
    """(number of the expectation, positions of the rows that fail it), for each.

    What an expectation says of a row depends on the row's value in its column alone, so each value of each column is
    asked about once, side by side in one small frame: a million rows hold a few hundred, the next file few more.
    """
    numbered = list(enumerate(suite["expectations"]))
    asked = {e["kwargs"].get("column") for _, e in numbered}
    columns = [name for name in frame.columns if name in asked]
    distinct = {name: _distinct(frame[name]) for name in columns}
    values = {name: [None if pd.isna(value) else value for value in distinct[name][0]] for name in columns}
    whole = json.dumps(suite)
    known = {name: _ANSWERED.setdefault((whole, name), {}) for name in columns}
    for remembered in known.values():
        if len(remembered) > MOST:
            remembered.clear()
    new = {
        name: np.array(unknown) for name in columns
        if (unknown := [place for place, value in enumerate(values[name]) if value not in known[name]])
    }  # fmt: skip
    longest = max(map(len, new.values()), default=0)
    side_by_side = pd.DataFrame({  # shorter columns go on with their first value, which changes no answer
        name: distinct[name][0].take(np.append(places, np.full(longest - len(places), places[0])))
        for name, places in new.items()
    })  # fmt: skip
    told = [(number, e) for number, e in numbered if e["kwargs"].get("column") in {*new, *asked.difference(columns)}]
    fails: dict[str, dict[int, list[int]]] = {name: {} for name in new}
    for number, failed in _validate(side_by_side, told, path):
        of = fails[suite["expectations"][number]["kwargs"]["column"]]
        for place in failed.tolist():
            of.setdefault(place, []).append(number)
    for name, asked_now in new.items():
        known[name].update({values[name][place]: tuple(fails[name].get(at, ())) for at, place in enumerate(asked_now.tolist())})
    return [
        (number, np.flatnonzero(np.isin(distinct[name][1], failed)))
        for name in columns
        for number, failed in _by_number(known[name], values[name])
    ]


def _by_number(known: dict[Any, tuple[int, ...]], values: list[Any]) -> list[tuple[int, list[int]]]:
    found: dict[int, list[int]] = {}
    for place, value in enumerate(values):
        for number in known[value]:
            found.setdefault(number, []).append(place)
    return list(found.items())


def _distinct(column: pd.Series) -> tuple[Any, np.ndarray]:
    """The distinct values of a column, a missing one among them, and (n,) which of them each row has."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes = column.cat.codes.to_numpy()
        there = np.unique(codes)
        return pd.Categorical.from_codes(there, dtype=column.dtype), np.searchsorted(there, codes)
    if not pd.api.types.is_numeric_dtype(column.dtype):  # texts and times are asked only whether they are there
        missing = column.isna().to_numpy()
        kinds, which = np.unique(missing, return_inverse=True)
        return pd.Series([None if absent else "there" for absent in kinds], dtype="str").array, which
    codes, values = pd.factorize(column, use_na_sentinel=False)
    return pd.Series(values).array, codes


def _validate(
    frame: pd.DataFrame, expectations: list[tuple[int, dict[str, Any]]], path: Path
) -> list[tuple[int, np.ndarray]]:
    """Great Expectations on one frame: positions in it that fail, for each numbered expectation."""
    if not expectations:
        return []
    gx = great_expectations()
    numbered = [{**e, "meta": {**e["meta"], "number": number}} for number, e in expectations]
    suite = gx.ExpectationSuite(name="rows", expectations=numbered)
    batch = _whole_frames().get_batch(batch_parameters={"dataframe": frame.assign(position=np.arange(len(frame)))})
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


@cache
def _whole_frames() -> Any:
    """Great Expectations' way to any frame. Made once a process: it writes its settings as YAML whenever one is made."""
    context = great_expectations().get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    return context.data_sources.add_pandas("file").add_dataframe_asset("rows").add_batch_definition_whole_dataframe("all")


def great_expectations() -> Any:
    """Imported late (seconds), without analytics, and kept from writing to the log of a run."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import great_expectations as gx
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    return gx


def planned_reasons(folder: Path = EXPECTATIONS) -> frozenset[str]:
    """Reasons of rows that are kept out as planned, over all suites."""
    metas = [e["meta"] for kind in KINDS for e in load(folder / f"{kind}.json")["expectations"]]
    return frozenset(meta["reason"] for meta in metas if meta.get("expected"))
