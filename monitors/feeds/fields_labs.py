"""The fields of laboratory results: what was measured, in which unit, on which specimen, when."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import numpy as np
import pandas as pd

from monitors.config import STATUSES, Config, Feed
from monitors.feeds import fields_units, moments, readings, words
from monitors.feeds.columns import labels, status, text
from monitors.feeds.readings import UNIT_STATES, coded, states
from monitors.records import Flag
from monitors.units import round6

WITHDRAWN = frozenset({"cancelled", "wrong", "deleted", "entered-in-error"})
CODE_STATES = ("monitored", "missing", "not_monitored", "excluded", "unknown", "out_of_date")
VALUE_STATES = ("number", "missing", "not_a_number", "withdrawn")
ANY_DAY = (dt.date.min, dt.date.max)


def derive(frame: pd.DataFrame, feed: Feed, config: Config) -> dict[str, object]:
    """analyte (number in analytes.yaml, 0 none), analyte_name, code and code_state; value_text, number (as reported), seems
    (the number a text that is none begins with, asked only whether it would be critical; seems_last: of several, the last),
    comparator, value (conventional unit, 6 decimals, missing when withdrawn), value_state; unit_text, measured_in (UCUM),
    unit_state; plausibility (0 = lowest, 1 = highest believable value); collected_at, issued_at (UTC) with collected_state,
    issued_state, issue_state; status and status_state; flags (bits of records.Flag), timing_state, location_state;
    accession and accession_state ('own' or 'shared'),
    sub_id, assay, comment, reference_range, abnormal; specimen as written, specimen_kind (missing for blood) and
    specimen_state; condition (of words.CONDITIONS, else missing) and condition_text; upper_limit (conventional unit) and
    limit_state."""
    mapping = feed.mapping
    code = text(frame, "code")
    code_at, codes = readings.each(code, lambda code: (code, _code_state(code, feed)), ("", "missing"))
    meant = feed.valid_codes()
    names = [meant[code].analyte if state == "monitored" else "" for code, state in codes]
    stated = status(frame, feed, STATUSES["labs"])
    status_code = pd.Index(stated["status"].categories)
    withdrawn = status_code.isin(list(WITHDRAWN))[stated["status"].codes]

    value_text = text(frame, "value")
    if "value_fallback" in frame:
        value_text = value_text.fillna(text(frame, "value_fallback"))
    value_at, values = readings.each(
        value_text, lambda text: readings.number(text, mapping.less_than, mapping.more_than, mapping.decimal), None
    )
    reported = np.array([np.nan if read is None else read.value for read in values])[value_at]
    censored = np.array([0 if read is None else read.flag for read in values], dtype=np.int32)[value_at]
    value_code = np.array([1 if read is None else 2 if np.isnan(read.value) else 0 for read in values], dtype=np.int8)

    unclear = value_text.where(value_code[value_at] == 2)

    unit = fields_units.read(frame, code_at, [code for code, _ in codes], names, feed, config)
    factor, low, high = unit["per_conventional"], unit["lowest"], unit["highest"]
    collected = moments.times(text(frame, "collected_at"), mapping.dates, feed.zone, feed.format)
    issued = moments.times(text(frame, "issued_at"), mapping.dates, feed.zone, feed.format)
    specimen = _specimens(frame, code_at, names, feed, config)
    timing, timing_state = _flag(text(frame, "timing"), lambda word: words.timing(word, mapping), withdrawn)
    location, location_state = _flag(text(frame, "location"), lambda word: words.location(word, mapping), withdrawn)
    flags = (
        censored | timing | location
        | np.where(unit["si"], int(Flag.SI), 0)
        | np.where(_is(stated["status"], "preliminary"), int(Flag.PRELIMINARY), 0)
        | np.where(collected.assumed, int(Flag.ZONE_ASSUMED), 0)
    )  # fmt: skip
    # where the source gives issue times, a correction without one could not be told from what it corrects
    unissued = ~(_is(stated["status"], "final") | _is(stated["status"], "preliminary") | _is(stated["status"], ""))
    unissued &= (issued.state == "missing") & ("issued_at" in mapping.columns or feed.format != "csv")
    signs = {0: "", **{int(flag): sign for flag, sign in readings.COMPARATORS.items()}}
    code_states = np.array([CODE_STATES.index(state) for _, state in codes], dtype=np.int8)[code_at]
    outdated = _outdated(code_at, [code for code, _ in codes], names, collected.instant, feed, config)
    return {
        "code": code,
        "code_state": coded(np.where(outdated, CODE_STATES.index("out_of_date"), code_states), CODE_STATES),
        "analyte": np.array([config.analytes[n].number if n else 0 for n in names], dtype=np.int16)[code_at],
        "analyte_name": labels(code_at, names),
        "value_text": value_text,
        "number": reported,
        "seems": readings.pick(unclear, readings.seems, np.nan, "float64"),
        "seems_last": readings.pick(unclear, readings.seems_last, np.nan, "float64"),
        "comparator": labels(value_at, [signs[0 if read is None else read.flag] for read in values]),
        "value": np.where(withdrawn, np.nan, round6(reported / factor)),
        "value_state": coded(np.where(withdrawn, 3, value_code[value_at]), VALUE_STATES),
        "plausibility": np.where(withdrawn, np.nan, _plausibility(reported, censored, low, high)),
        "unit_text": text(frame, "unit_text"),
        "measured_in": unit["ucum"],
        "unit_state": coded(np.where(withdrawn, UNIT_STATES.index("withdrawn"), unit["state"]), UNIT_STATES),
        "collected_at": collected.instant,
        "collected_state": collected.state,
        "issued_at": issued.instant.fillna(collected.instant),
        "issued_state": issued.state,
        "issue_state": coded(unissued.astype(np.int8), ("known", "missing")),
        **stated,
        "flags": flags.astype(np.int32),
        "timing_state": timing_state,
        "location_state": location_state,
        **specimen,
        **{name: text(frame, name) for name in ("accession", "sub_id", "assay", "comment", "reference_range", "abnormal")},
        "accession_state": _accessions(frame, stated["status"]),
        **_condition(frame, feed),
        **_upper_limit(frame, factor, mapping.decimal),
    }


def _accessions(frame: pd.DataFrame, status: pd.Categorical) -> pd.Categorical:
    """'shared' where the file gives one accession to two patients, and no correction says so: whose blood it was is not
    certain for either."""
    accession, named = pd.factorize(text(frame, "accession"))
    patient, _ = pd.factorize(text(frame, "patient"))
    told = (accession >= 0) & (patient >= 0) & np.asarray(status.isin(["final", "preliminary"]))
    owner = np.full(len(named) + 1, -1)
    owner[accession[told][::-1]] = patient[told][::-1]  # the first that is named
    shared = np.zeros(len(named) + 1, dtype=bool)
    shared[accession[told & (owner[accession] != patient)]] = True
    return coded(told & shared[accession], ("own", "shared"))


def _is(column: pd.Categorical, word: str) -> np.ndarray:
    return np.asarray(column == word)


def _code_state(code: str, feed: Feed) -> str:
    if code in feed.mapping.codes:
        return "monitored"
    if code in feed.mapping.excluded:
        return "excluded"
    return "not_monitored" if {code, "*"} & set(feed.mapping.not_monitored) else "unknown"


def _outdated(
    code_at: np.ndarray, codes: list[str], names: list[str], collected: pd.Series, feed: Feed, config: Config
) -> np.ndarray:
    """(n,) True where the code did not mean this on the day of collection, by the mapping or by analytes.yaml."""
    meant = feed.valid_codes()
    days = []
    for code, name in zip(codes, names, strict=True):
        described = [meant[code], config.analytes[name].codes.get(code)] if name else []
        firsts = [d.first for d in described if d is not None and d.first is not None]
        lasts = [d.last for d in described if d is not None and d.last is not None]
        days.append((max(firsts, default=ANY_DAY[0]), min(lasts, default=ANY_DAY[1])))
    if all(span == ANY_DAY for span in days):
        return np.zeros(len(code_at), dtype=bool)
    first, last = (np.array([span[end] for span in days], dtype="datetime64[D]")[code_at] for end in (0, 1))
    local = collected.dt.tz_convert(feed.zone).dt.tz_localize(None).to_numpy().astype("datetime64[D]")
    outside: np.ndarray = (local < first) | (local > last)
    return outside


def _plausibility(value: np.ndarray, censored: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Where a value lies between the lowest (0) and highest (1) believable one; missing without a unit.

    A censored value is doubted only where every value it may stand for is unbelievable: `<3` when 3 lies
    below the lowest, `>5000` when 5000 lies above the highest.
    """
    place = (value - low) / (high - low)
    below = (censored & int(Flag.BELOW | Flag.AT_MOST)) > 0
    above = (censored & int(Flag.ABOVE | Flag.AT_LEAST)) > 0
    place = np.where(below, np.minimum(place, 1.0), np.where(above, np.maximum(place, 0.0), place))
    return np.asarray(np.clip(place, -1e30, 1e30).astype(np.float32))  # a number of fifty digits is beyond a small float


def _specimens(
    frame: pd.DataFrame, code_at: np.ndarray, names: list[str], feed: Feed, config: Config
) -> dict[str, object]:
    """A specimen is read of itself, then held against the analyte: some tubes spoil what is measured in them."""
    written = text(frame, "specimen")
    place, read = readings.each(written, lambda word: words.specimen(word, feed.mapping), words.Specimen("blood"))
    pair, which = fields_units.distinct(code_at * len(read) + place, len(names) * len(read))
    state = []
    for p in pair:
        name, found = names[p // len(read)], read[p % len(read)]
        spoilt = bool(name) and found.tube in config.analytes[name].not_from
        state.append("wrong_tube" if found.state == "blood" and spoilt else found.state)
    blood = np.array([found.state == "blood" for found in read], dtype=bool)[place]
    return {
        "specimen": written,
        "specimen_kind": written.mask(blood),
        "specimen_state": states(which, words.SPECIMEN_STATES, state),
    }


def _flag(
    texts: pd.Series, read: Callable[[str], int | None], withdrawn: np.ndarray
) -> tuple[np.ndarray, pd.Categorical]:
    """Flags of a word and whether it is known; a row that takes a result back has no draw to place."""
    place, found = readings.each(texts, read, None)
    found[-1] = 0  # nothing written says nothing
    flags = np.array([flag or 0 for flag in found], dtype=np.int32)[place]
    unknown = np.array([flag is None for flag in found])[place] & ~withdrawn
    return flags, coded(unknown, ("known", "unknown"))


def _condition(frame: pd.DataFrame, feed: Feed) -> dict[str, object]:
    """The specimen's state, from its own field first, then from the comments beside the result."""
    own, own_named = readings.each(text(frame, "condition"), lambda t: words.condition(t, feed.mapping), "")
    beside, beside_named = readings.each(text(frame, "comment"), lambda t: words.condition(t, feed.mapping), "")
    names = ["", *words.CONDITIONS]
    first = np.array([names.index(name) for name in own_named], dtype=np.int8)[own]
    second = np.array([names.index(name) for name in beside_named], dtype=np.int8)[beside]
    return {
        "condition": labels(np.where(first > 0, first, second), [None, *words.CONDITIONS]),
        "condition_text": text(frame, "condition"),
    }


def _upper_limit(frame: pd.DataFrame, factor: np.ndarray, decimal: str) -> dict[str, object]:
    """The assay's upper limit where the source names one, else the upper end of a reference range that has one."""
    limit_at, limits = readings.each(text(frame, "upper_limit"), lambda t: (readings.upper_limit(t, decimal),), None)
    range_at, ranges = readings.each(text(frame, "reference_range"), lambda t: readings.upper_limit(t, decimal), np.nan)
    said = np.array([np.nan if read is None else read[0] for read in limits])[limit_at]
    state = np.array([1 if read is None else 2 if np.isnan(read[0]) else 0 for read in limits], dtype=np.int8)[limit_at]
    upper = np.where(state == 1, np.array(ranges, dtype=np.float64)[range_at], said)
    return {"upper_limit": round6(upper / factor), "limit_state": coded(state, moments.TIME_STATES)}
