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
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from monitors.errors import ConfigError

EXPECTATIONS = Path(__file__).resolve().parent.parent / "expectations"
FEW = 8  # a column of states; what a suite says of so few values is asked once a process, not once a file
_ANSWERED: dict[tuple[str, str, tuple[str, ...]], list[tuple[int, np.ndarray]]] = {}
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

    What an expectation says of a row depends on the row's value in its column alone, so each distinct value of each
    column is asked about once, side by side in one small frame: a million rows hold a few hundred.
    """
    numbered = list(enumerate(suite["expectations"]))
    asked = {e["kwargs"].get("column") for _, e in numbered}
    columns = [name for name in frame.columns if name in asked]
    distinct = {name: _distinct(frame[name]) for name in columns}
    known = {name: (json.dumps(suite), name, tuple(map(str, values))) for name, (values, _) in distinct.items()}
    new = [name for name in columns if known[name] not in _ANSWERED]
    longest = max((len(distinct[name][0]) for name in new), default=0)
    side_by_side = pd.DataFrame({  # shorter columns go on with their first value, which changes no answer
        name: values.take(np.arange(longest) * (np.arange(longest) < len(values)))
        for name, (values, _) in distinct.items() if name in new
    })  # fmt: skip
    told = [(number, e) for number, e in numbered if e["kwargs"].get("column") in {*new, *asked.difference(columns)}]
    answers: dict[str, list[tuple[int, np.ndarray]]] = {name: [] for name in new}
    for number, failed in _validate(side_by_side, told, path):
        answers[suite["expectations"][number]["kwargs"]["column"]].append((number, failed))
    for name in new:
        if len(distinct[name][0]) <= FEW:
            _ANSWERED[known[name]] = answers[name]
    return [
        (number, np.flatnonzero(np.isin(distinct[name][1], failed)))
        for name in columns
        for number, failed in (answers[name] if name in answers else _ANSWERED[known[name]])
        if len(failed)
    ]


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
