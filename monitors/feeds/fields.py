"""Text fields -> the columns the expectations look at and the store keeps. Derives; decides nothing.

Where a text could not be read its value is missing and a `*_state` column says in which way. Which states
quarantine a row stands in `expectations/<kind>.json` alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from monitors.config import STATUSES, Config, Feed
from monitors.feeds import readings
from monitors.feeds.readings import coded, pick, states
from monitors.records import Flag
from monitors.units import round6

WITHDRAWN = frozenset({"cancelled", "wrong", "deleted", "entered-in-error"})
CODE_STATES = ("monitored", "missing", "not_monitored", "excluded", "unknown")
VALUE_STATES = ("number", "missing", "not_a_number", "withdrawn")
TIMING = {
    **dict.fromkeys(("pre", "pre dialysis", "predialysis", "before", "pre hd"), int(Flag.PRE_DIALYSIS)),
    **dict.fromkeys(("post", "post dialysis", "postdialysis", "after", "post hd"), int(Flag.POST_DIALYSIS)),
}
INPATIENT = frozenset({"inpatient", "inp", "in", "i", "imp", "ward", "hospital"})
PERSON = ("family_name", "given_name", "sex", "second_identifier")


def derive(frame: pd.DataFrame, feed: Feed, config: Config) -> pd.DataFrame:
    """Columns of a parsed frame, one row a row, in the same order.

    Always: row_no, line_no, field_count ('right' or 'wrong'), patient, unit, unit_place ('here', 'missing' or
    'elsewhere'), date_of_birth, birth_state, names, and the `source:` columns. By kind, see `_labs`,
    `_medications`, `_census`.
    """
    out: dict[str, object] = {"row_no": frame["row_no"], "line_no": frame["line_no"]}
    ragged = frame["ragged_line"].notna().to_numpy()
    out["field_count"] = coded(ragged, ("right", "wrong"))
    out["patient"] = _text(frame, "patient")
    unit = _text(frame, "unit")
    if feed.unit is not None:
        unit = unit.fillna(feed.unit)
    ours = {unit.code for unit in config.site.units}
    places, known = readings.each(unit, lambda text: "here" if text in ours else "elsewhere", "missing")
    out["unit"] = unit
    out["unit_place"] = states(places, ("here", "missing", "elsewhere"), known)
    birth = readings.dates(_text(frame, "date_of_birth"), feed.mapping.dates, feed.zone)
    out["date_of_birth"], out["birth_state"] = birth
    for name in PERSON:
        out[name] = _text(frame, name)
    by_kind = {"labs": _labs, "medications": _medications, "census": _census}[feed.kind]
    out.update(by_kind(frame, feed, config))
    kept = {name: frame[name] for name in frame.columns if name == "ragged_line" or str(name).startswith("source:")}
    return pd.DataFrame({**out, **kept}, index=frame.index)


def _labs(frame: pd.DataFrame, feed: Feed, config: Config) -> dict[str, object]:
    """analyte (number in analytes.yaml, 0 none), analyte_name, code and code_state; value_text, number (as
    reported), comparator, value (conventional unit, 6 decimals, missing when withdrawn), value_state; unit_text,
    measured_in (UCUM), unit_state; plausibility (0 = lowest, 1 = highest believable value); collected_at,
    issued_at (UTC) with collected_state, issued_state; status and status_state; flags (bits of records.Flag);
    accession, specimen, assay, comment, upper_limit (conventional unit) and limit_state."""
    mapping = feed.mapping
    code_at, codes = readings.each(_text(frame, "code"), lambda code: (code, _code_state(code, feed)), ("", "missing"))
    names = [mapping.codes.get(code, "") if state == "monitored" else "" for code, state in codes]
    status = _status(frame, feed, STATUSES["labs"])
    withdrawn = np.isin(status["status"], list(WITHDRAWN))

    value_text = _text(frame, "value")
    if "value_fallback" in frame:
        value_text = value_text.fillna(_text(frame, "value_fallback"))
    value_at, values = readings.each(
        value_text, lambda text: readings.number(text, mapping.less_than, mapping.more_than), None
    )
    reported = np.array([np.nan if read is None else read.value for read in values])[value_at]
    censored = np.array([0 if read is None else read.flag for read in values], dtype=np.int32)[value_at]
    value_code = np.array([1 if read is None else 2 if np.isnan(read.value) else 0 for read in values], dtype=np.int8)

    unit_text = _text(frame, "unit_text")
    unit = _units(unit_text, code_at, names, feed, config)
    factor, low, high = unit["per_conventional"], unit["lowest"], unit["highest"]
    value = np.where(withdrawn, np.nan, round6(reported / factor))
    upper_at, uppers = readings.each(_text(frame, "upper_limit"), lambda text: (readings.upper_limit(text),), None)
    upper = round6(np.array([np.nan if read is None else read[0] for read in uppers])[upper_at] / factor)
    limit_code = np.array([1 if read is None else 2 if np.isnan(read[0]) else 0 for read in uppers], dtype=np.int8)

    collected = readings.times(_text(frame, "collected_at"), mapping.dates, feed.zone)
    issued = readings.times(_text(frame, "issued_at"), mapping.dates, feed.zone)
    flags = (
        censored
        | np.where(unit["si"], int(Flag.SI), 0)
        | np.where(status["status"] == "preliminary", int(Flag.PRELIMINARY), 0)
        | np.where(collected.assumed, int(Flag.ZONE_ASSUMED), 0)
        | pick(_text(frame, "timing"), lambda text: TIMING.get(_spaced(text), 0), 0, "int32")
        | pick(_text(frame, "location"), lambda t: int(Flag.INPATIENT) if t.casefold() in INPATIENT else 0, 0, "int32")
    )
    # where the source gives issue times, a correction without one could not be told from what it corrects
    unissued = ~np.isin(status["status"], ("final", "preliminary", "")) & (issued.state == "missing")
    unissued &= "issued_at" in mapping.columns
    signs = {0: "", **{int(flag): sign for flag, sign in readings.COMPARATORS.items()}}
    return {
        "code": _text(frame, "code"),
        "code_state": states(code_at, CODE_STATES, [state for _, state in codes]),
        "analyte": np.array([config.analytes[n].number if n else 0 for n in names], dtype=np.int16)[code_at],
        "analyte_name": np.array(names, dtype=object)[code_at],
        "value_text": value_text,
        "number": reported,
        "comparator": np.array([signs[0 if read is None else read.flag] for read in values], dtype=object)[value_at],
        "value": value,
        "value_state": coded(np.where(withdrawn, 3, value_code[value_at]), VALUE_STATES),
        "plausibility": np.where(withdrawn, np.nan, _plausibility(reported, censored, low, high)).astype(np.float32),
        "unit_text": unit_text,
        "measured_in": unit["ucum"],
        "unit_state": coded(np.where(withdrawn, 4, unit["state"]), readings.UNIT_STATES),
        "collected_at": collected.instant,
        "collected_state": collected.state,
        "issued_at": issued.instant.fillna(collected.instant),
        "issued_state": issued.state,
        "issue_state": coded(unissued.astype(np.int8), ("known", "missing")),
        **status,
        "flags": flags.astype(np.int32),
        **{name: _text(frame, name) for name in ("accession", "specimen", "assay", "comment")},
        "upper_limit": upper,
        "limit_state": coded(limit_code[upper_at], readings.TIME_STATES),
    }


def _code_state(code: str, feed: Feed) -> str:
    if code in feed.mapping.codes:
        return "monitored"
    if code in feed.mapping.excluded:
        return "excluded"
    return "not_monitored" if {code, "*"} & set(feed.mapping.not_monitored) else "unknown"


def _units(
    unit_text: pd.Series, code_at: np.ndarray, names: list[str], feed: Feed, config: Config
) -> dict[str, np.ndarray]:
    """The meaning of each (analyte, unit text) pair that occurs, looked up once a pair."""
    spellings = frozenset(
        text for a in config.analytes.values() for ucum, u in a.units.items() for text in (ucum, *u.spellings)
    )
    text_at, texts = readings.each(unit_text, str, "")
    pair, which = np.unique(code_at * len(texts) + text_at, return_inverse=True)
    read = [
        readings.unit(
            None if p % len(texts) == len(texts) - 1 else texts[p % len(texts)],
            config.analytes.get(names[p // len(texts)]), feed.mapping.units, spellings,
        )
        for p in pair
    ]  # fmt: skip
    return {
        "state": np.array([readings.UNIT_STATES.index(r.state) for r in read], dtype=np.int8)[which],
        "ucum": np.array([r.ucum or None for r in read], dtype=object)[which],
        "si": np.array([r.si for r in read], dtype=bool)[which],
        **{
            name: np.array([getattr(r, name) for r in read], dtype=np.float64)[which]
            for name in ("per_conventional", "lowest", "highest")
        },
    }


def _plausibility(value: np.ndarray, censored: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Where a value lies between the lowest (0) and highest (1) believable one; missing without a unit.

    A censored value is doubted only where every value it may stand for is unbelievable: `<3` when 3 lies
    below the lowest, `>5000` when 5000 lies above the highest.
    """
    place = (value - low) / (high - low)
    below = (censored & int(Flag.BELOW | Flag.AT_MOST)) > 0
    above = (censored & int(Flag.ABOVE | Flag.AT_LEAST)) > 0
    return np.asarray(np.where(below, np.minimum(place, 1.0), np.where(above, np.maximum(place, 0.0), place)))


def _medications(frame: pd.DataFrame, feed: Feed, config: Config) -> dict[str, object]:
    """drug_text ('' on a row that only says a list was reconciled), drug_state, ingredient, classes (a
    PostgreSQL array text), order, dose, started_on, ended_on (first day without the drug), listed_on with their
    states, days_supply and supply_state, course_days (ended - started), status and status_state."""
    drug = _text(frame, "drug")
    drug_at, ingredients = readings.each(drug, config.drugs.ingredient_of, None)
    classes = ["{}" if i is None else "{" + ",".join(config.drugs.ingredients[i].classes) + "}" for i in ingredients]
    day = {n: readings.dates(_text(frame, n), feed.mapping.dates, feed.zone) for n in ("started_on", "ended_on", "listed_on")}
    nothing = drug.isna().to_numpy() & (day["listed_on"].state != "read")
    status = _status(frame, feed, STATUSES["medications"])
    undated = (day["ended_on"].state == "missing") & (day["listed_on"].state == "missing")
    supply_text = _text(frame, "days_supply")
    supply = pick(supply_text, readings.whole, np.nan, "float64")
    supply_code = np.where(supply_text.isna(), 1, np.where(np.isnan(supply), 2, 0)).astype(np.int8)
    return {
        "drug_text": drug.fillna(""),
        "drug_state": coded(nothing, ("read", "missing")),
        "ingredient": np.array(ingredients, dtype=object)[drug_at],
        "classes": np.array(classes, dtype=object)[drug_at],
        "order_no": _text(frame, "order"),
        "dose": _text(frame, "dose"),
        **{name: read.day for name, read in day.items()},
        **{f"{name}_state": read.state for name, read in day.items()},
        "days_supply": supply,
        "supply_state": coded(supply_code, readings.TIME_STATES),
        "course_days": (day["ended_on"].day - day["started_on"].day).dt.days,
        **status,
        "stop_state": coded(((status["status"] == "stopped") & undated).astype(np.int8), ("known", "missing")),
    }


def _census(frame: pd.DataFrame, feed: Feed, config: Config) -> dict[str, object]:
    """effective_on and effective_state, modality, schedule, clinician, status and status_state."""
    effective = readings.dates(_text(frame, "effective_on"), feed.mapping.dates, feed.zone)
    return {
        "effective_on": effective.day,
        "effective_state": effective.state,
        **{name: _text(frame, name) for name in ("modality", "schedule", "clinician")},
        **_status(frame, feed, STATUSES["census"]),
    }


def _status(frame: pd.DataFrame, feed: Feed, ours: tuple[str, ...]) -> dict[str, Any]:
    """Status in our words; nothing written means the first of `ours`."""
    words = feed.mapping.statuses

    def read(text: str) -> str:
        word = words.get(text, text.casefold())
        return word if word in ours else ""

    places, read_as = readings.each(_text(frame, "status"), read, ours[0])
    return {
        "status": np.array(read_as, dtype=object)[places],
        "status_state": states(places, ("known", "unknown"), ["known" if word else "unknown" for word in read_as]),
    }


def _spaced(text: str) -> str:
    return text.casefold().replace("-", " ").replace("_", " ")


def _text(frame: pd.DataFrame, field: str) -> pd.Series:
    if field in frame:
        return frame[field]
    return pd.Series(None, index=frame.index, dtype="str")
