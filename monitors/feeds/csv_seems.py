"""What a CSV row with the wrong number of fields seems to say: no result, asked only whether it would be critical.

Which field is which is not known, so every reading counts in which the row would be one: fields that are too many are one
field with the delimiter inside, or stand where nobody asked for them; fields that lack are lost at one place. A reading whose
time is none, or whose code nobody knows, is no reading. Whose it is stays open: the patient's number may be another field.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator

import pandas as pd

from monitors.config import Feed
from monitors.feeds import moments

MOST = 20  # results told of one row
LONGEST = 400  # fields; a row of more is no row of anything

Result = tuple[str, str, str, str, str]  # code, value, unit_text, collected_at, accession: as `Parsed.refused.results` has them


def results(lines: list[str], header: list[str], feed: Feed) -> list[str]:
    """For each line the results it may hold, as JSON text; those whose time is not known first."""
    found = [list(dict.fromkeys(_of(line, header, feed))) for line in lines]
    texts = pd.Series(sorted({time for told in found for *_, time, _ in told if time}), dtype="str")
    read = moments.times(texts, feed.mapping.dates, feed.zone, feed.format)
    times = {text for text, state in zip(texts, read.state, strict=True) if state == "read"} | {""}
    return [
        json.dumps(sorted((result for result in told if result[3] in times), key=lambda result: result[3] != "")[:MOST])
        for told in found
    ]  # fmt: skip


def _of(line: str, header: list[str], feed: Feed) -> Iterator[Result]:
    mapping = feed.mapping
    places = {field: header.index(column) for field, column in mapping.columns.items()}
    for fields in _readings(_fields(line, feed.delimiter), len(header), feed.delimiter):

        def said(field: str, fields: list[str] = fields) -> str:
            text = fields[places[field]].strip() if field in places else mapping.constants.get(field, "")
            return "" if text in mapping.missing else text

        if mapping.wide:
            for column, meant in mapping.wide.items():
                if column in header and (value := fields[header.index(column)].strip()) not in mapping.missing:
                    yield meant.code, value, meant.unit_text or "", said("collected_at"), ""
        elif said("code") in mapping.codes:
            yield said("code"), said("value") or said("value_fallback"), said("unit_text"), said("collected_at"), ""


def _fields(line: str, delimiter: str) -> list[str]:
    """The fields of a line; a quotation mark that stands astray is dropped."""
    try:
        records = list(csv.reader(line.splitlines(), delimiter=delimiter, strict=True))
        if len(records) == 1:
            return records[0]
    except csv.Error:
        pass
    return line.replace('"', "").replace("\r", " ").replace("\n", " ").split(delimiter)


def _readings(fields: list[str], wanted: int, delimiter: str) -> Iterator[list[str]]:
    more = len(fields) - wanted
    if len(fields) > LONGEST:
        return
    if more <= 0:
        for at in range(len(fields) + 1) if more else (0,):
            yield fields[:at] + [""] * -more + fields[at:]
        return
    for at in range(wanted + 1):
        yield fields[:at] + fields[at + more :]
        if at < wanted:
            yield [*fields[:at], delimiter.join(fields[at : at + more + 1]), *fields[at + more + 1 :]]
