"""Text fields -> the columns the expectations look at and the store keeps. Derives; decides nothing.

Where a text could not be read its value is missing and a `*_state` column says in which way. Which states
quarantine a row stands in `expectations/<kind>.json` alone.
"""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pandas as pd

from monitors.config import STATUSES, Config, Feed
from monitors.feeds import fields_labs, moments, readings
from monitors.feeds.columns import labels, status, text
from monitors.feeds.readings import coded, pick, states

PERSON = ("family_name", "given_name", "sex", "second_identifier")


def derive(frame: pd.DataFrame, feed: Feed, config: Config, kind: str | None = None) -> pd.DataFrame:
    """Columns of one of a parser's frames, one row a row, in the same order. kind: of its rows (default: the feed's).

    Always: row_no, line_no, field_count ('right' or 'wrong'), row_end ('whole' or 'unended'), patient, unit, unit_place
    ('here', 'missing' or 'elsewhere'), numbers ('whole' or 'rounded', see `_numbers`), date_of_birth, birth_state (as times, or
    'unknown'), names, and the `source:` columns. By kind, see `fields_labs.derive`, `_medications`, `_census`, `_facts`,
    `_links`.
    """
    kind = kind or feed.kind or ""
    out: dict[str, object] = {"row_no": frame["row_no"], "line_no": frame["line_no"]}
    ragged = text(frame, "ragged_line").notna().to_numpy()
    out["field_count"] = coded(ragged, ("right", "wrong"))
    out["row_end"] = coded(text(frame, "unended").notna().to_numpy(), ("whole", "unended"))
    out["taken"] = coded(np.full(len(frame), kind not in feed.takes(), dtype=np.int8), ("yes", "no"))
    out["numbers"] = _numbers(frame, feed)
    out["patient"] = text(frame, "patient")
    unit = text(frame, "unit")
    if feed.unit is not None:
        unit = unit.fillna(feed.unit)
    ours = {unit.code for unit in config.site.units}
    places, known = readings.each(unit, lambda text: "here" if text in ours else "elsewhere", "missing")
    out["unit"] = unit
    out["unit_place"] = states(places, ("here", "missing", "elsewhere"), known)
    births = text(frame, "date_of_birth")
    out["date_of_birth"], out["birth_state"] = moments.births(births, feed.mapping.dates, feed.zone, feed.format)
    for name in PERSON:
        out[name] = text(frame, name)
    out["second_identifier"] = text(frame, "second_identifier").mask(
        readings.pick(text(frame, "second_identifier"), _stands_for_none, False, "bool"), None
    )
    by_kind = {
        "labs": fields_labs.derive, "medications": _medications, "census": _census, "facts": _facts, "links": _links,
    }  # fmt: skip
    out.update(by_kind[kind](frame, feed, config))
    kept = {
        name: frame[name] for name in frame.columns if name in ("ragged_line", "results") or str(name).startswith("source:")
    }  # fmt: skip
    return pd.DataFrame({**out, **kept}, index=frame.index)


_NONE = re.compile(r"0+|(.)\1{3,}|n/?a|none|null|unknown|unk|nil|temp|test|x+|\?+|-+", re.IGNORECASE)


def _stands_for_none(number: str) -> bool:
    """A second identifier systems write for people they have none of (0000000000, UNKNOWN). It would join everybody of one date
    of birth; left out, nobody is joined that is not certainly one."""
    return _NONE.fullmatch(re.sub(r"[\s./-]", "", number) or "-") is not None


ROUNDED = re.compile(r"[0-9](?:[.,][0-9]+)?E\+[0-9]{2,}")  # as spreadsheets write a long number


def _numbers(frame: pd.DataFrame, feed: Feed) -> pd.Categorical[Any]:
    """'rounded' where a CSV row's number of a patient, a sample or an order was shortened by a spreadsheet, so that several
    may have become one; else 'whole'."""
    rounded = np.zeros(len(frame), dtype=bool)
    for name in ("patient", "merged_patient", "second_identifier", "accession", "order") if feed.format == "csv" else ():
        if name in frame:
            rounded |= readings.pick(frame[name], lambda text: ROUNDED.fullmatch(text) is not None, False, "bool")
    return coded(rounded, ("whole", "rounded"))


def said(refused: pd.DataFrame, feed: Feed, config: Config) -> pd.DataFrame:
    """What refused parts of a file, or rows nobody can read, seem to say (`Parsed.refused.results`), derived like laboratory
    rows; row_no is the part's. Of no patient: nothing of it is ever stored."""
    names = ("code", "value", "unit_text", "collected_at", "accession")
    told = refused["results"].dropna() if "results" in refused else pd.Series(dtype="str")
    numbers = refused.loc[told.index, "row_no"]
    rows = [(number, *result) for number, results in zip(numbers, told, strict=True) for result in json.loads(results)]
    frame = pd.DataFrame(rows, columns=["row_no", *names]).astype(dict.fromkeys(names, "str"))
    frame[list(names)] = frame[list(names)].mask(frame[list(names)] == "")
    return derive(frame.assign(line_no=frame["row_no"]), feed, config, "labs")


def _day(frame: pd.DataFrame, field: str, feed: Feed) -> moments.Dates:
    return moments.dates(text(frame, field), feed.mapping.dates, feed.zone, feed.format)


def _medications(frame: pd.DataFrame, feed: Feed, config: Config) -> dict[str, object]:
    """drug_text ('' on a row that only says a list was reconciled), drug_state, ingredient, classes (a
    PostgreSQL array text), order_no, dose, started_on, ended_on (first day without the drug), listed_on with their
    states, days_supply and supply_state, course_days (ended - started), status and status_state."""
    drug = text(frame, "drug")
    drug_at, ingredients = readings.each(drug, config.drugs.ingredient_of, None)
    classes = ["{}" if i is None else "{" + ",".join(config.drugs.ingredients[i].classes) + "}" for i in ingredients]
    day = {name: _day(frame, name, feed) for name in ("started_on", "ended_on", "listed_on")}
    nothing = drug.isna().to_numpy() & (day["listed_on"].state != "read")
    stated = status(frame, feed, STATUSES["medications"])
    undated = (day["ended_on"].state == "missing") & (day["listed_on"].state == "missing")
    supply_text = text(frame, "days_supply")
    supply = pick(supply_text, readings.whole, np.nan, "float64")
    supply_code = np.where(supply_text.isna(), 1, np.where(np.isnan(supply), 2, 0)).astype(np.int8)
    return {
        "drug_text": drug.fillna(""),
        "drug_state": coded(nothing, ("read", "missing")),
        "ingredient": labels(drug_at, ingredients),
        "classes": labels(drug_at, classes),
        "order_no": text(frame, "order"),
        "dose": text(frame, "dose"),
        **{name: read.day for name, read in day.items()},
        **{f"{name}_state": read.state for name, read in day.items()},
        "days_supply": supply,
        "supply_state": coded(supply_code, moments.TIME_STATES),
        "course_days": (day["ended_on"].day - day["started_on"].day).dt.days,
        **stated,
        "stop_state": coded(((stated["status"] == "stopped") & undated).astype(np.int8), ("known", "missing")),
    }


def _census(frame: pd.DataFrame, feed: Feed, config: Config) -> dict[str, object]:
    """effective_on and effective_state, modality, schedule, clinician, location, status and status_state."""
    effective = _day(frame, "effective_on", feed)
    return {
        "effective_on": effective.day,
        "effective_state": effective.state,
        **{name: text(frame, name) for name in ("modality", "schedule", "clinician", "location")},
        **status(frame, feed, STATUSES["census"]),
    }


_KG = ("Kg", "KG", "kgs", "kilogram")
FACT_STATES = ("known", "missing", "not_monitored", "unknown")


def _facts(frame: pd.DataFrame, feed: Feed, config: Config) -> dict[str, object]:
    """fact (concept of facts.yaml, else the source's code) and fact_state; code, text; value (missing when there is
    none) and value_state; unit_text; happened_on, ended_on with their states; status and status_state.

    A source that sends every diagnosis it has (HL7 v2, FHIR) is not asked to name those nobody watches.
    """
    mapping = feed.mapping
    unasked = 2 if feed.format != "csv" or "*" in mapping.not_monitored else 3

    def named(said: str) -> str:
        meant = mapping.facts.get(said, said)
        return meant if meant in config.facts.facts else config.facts.of_token(said) or config.facts.of_text(said) or ""

    said = text(frame, "fact")
    concept = pd.Series(pick(said, named, ""), index=frame.index)
    for other in (
        pick(text(frame, "code"), lambda token: config.facts.of_token(token) or "", ""),
        pick(text(frame, "text"), lambda words: config.facts.of_text(words) or "", ""),
    ):
        concept = concept.where(concept != "", other)
    unwanted = said.isin(mapping.not_monitored).to_numpy()
    state = np.where(concept != "", 0, np.where(said.isna(), 1, np.where(unwanted, 2, unasked)))
    value_text = text(frame, "value")
    value = pick(value_text, lambda t: readings.number(t, (), (), mapping.decimal).value, np.nan, "float64")
    units = {name: (known.unit, *(_KG if known.unit == "kg" else ())) for name, known in config.facts.facts.items()}
    measured = [
        0 if not units.get(name, ("",))[0] or no_value or mapping.units.get(unit, unit) in units[name] else 1 if unit == "" else 2
        for name, unit, no_value in zip(concept, text(frame, "unit_text").fillna(""), np.isnan(value), strict=True)
    ]
    value_code = np.where(value_text.isna(), 1, np.where(np.isnan(value), 2, 0))
    happened, ended = _day(frame, "happened_on", feed), _day(frame, "ended_on", feed)
    return {
        "fact": concept.where(concept != "", said).astype("str"),
        "fact_state": coded(state, FACT_STATES),
        **{name: text(frame, name) for name in ("code", "text", "unit_text")},
        "value_text": value_text,
        "value": value,
        "value_state": coded(value_code, ("number", "missing", "not_a_number")),
        "measured_state": coded(np.array(measured, dtype=np.int8), ("right", "missing", "other")),
        "happened_on": happened.day,
        "happened_state": happened.state,
        "ended_on": ended.day,
        "ended_state": ended.state,
        **status(frame, feed, STATUSES["facts"]),
    }


def _links(frame: pd.DataFrame, feed: Feed, config: Config) -> dict[str, object]:
    """merged_patient, effective_at (UTC) and effective_state, action ('merge' | 'unmerge') and action_state,
    pair_state ('same' where a number is said to be merged into itself)."""
    effective = moments.times(text(frame, "effective_at"), feed.mapping.dates, feed.zone, feed.format)
    known = {"merge": "merge", "unmerge": "unmerge"}
    action_at, actions = readings.each(text(frame, "action"), lambda t: known.get(t.strip().casefold(), ""), "merge")
    same = text(frame, "patient").eq(text(frame, "merged_patient")).fillna(False)
    return {
        "merged_patient": text(frame, "merged_patient"),
        "effective_at": effective.instant,
        "effective_state": effective.state,
        "action": labels(action_at, actions),
        "action_state": states(action_at, ("known", "unknown"), ["known" if action else "unknown" for action in actions]),
        "pair_state": coded(same.to_numpy(dtype=bool).astype(np.int8), ("two", "same")),
        **status(frame, feed, STATUSES["links"]),
    }
