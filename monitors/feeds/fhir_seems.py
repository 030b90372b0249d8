"""What a resource nobody can use seems to say: no result, asked only whether it would be critical."""

from __future__ import annotations

import json
import re
from typing import Any

from monitors.config import Feed
from monitors.feeds import fhir_json
from monitors.feeds.fhir_elements import best_coding, objects, of, quantity, started, text
from monitors.feeds.fhir_piece import Piece

_CODE = re.compile(r'"code"\s*:\s*"([^"\\]{1,60})"')
_QUANTITY = re.compile(r'"valueQuantity"\s*:\s*(\{[^{}]*)')
_VALUE = re.compile(r'"value"\s*:\s*"?([0-9.eE+-]+)(?=[\s,}"])')  # a number the text ends in may have been longer
_UNIT = re.compile(r'"(?:unit|code)"\s*:\s*"([^"\\]{1,60})"')

Result = list[str]  # [code, value, unit_text, collected_at, accession], '' where it says nothing


def result(part: dict[str, Any], observation: dict[str, Any], feed: Feed) -> Result:
    """One Observation or component, as `Parsed.refused.results` has it."""
    code, _ = best_coding([part.get("code")], feed, [feed.mapping.codes])
    value, unit = quantity(part.get("valueQuantity"))
    if value is None:
        value = text(part.get("valueString"))
    said = (value or "").removeprefix("not a FHIR quantity: ")
    return [code or "", said, unit or "", started(observation, "effective") or "", ""]


def results(piece: Piece, feed: Feed) -> str:
    """What a broken piece seems to say, as JSON text: read as far as it is JSON, else by its looks."""
    try:
        resource = fhir_json.value(piece.text)
    except ValueError:
        return json.dumps(_by_looks(piece.text, feed))
    found = [resource, *objects(of(resource, "contained"))]
    return json.dumps([
        result(part, observation, feed)
        for observation in found if of(observation, "resourceType") == "Observation"
        for part in (observation, *objects(observation.get("component")))
    ])  # fmt: skip


def _by_looks(written: str, feed: Feed) -> list[Result]:
    codes = [code for code in _CODE.findall(written) if code in feed.mapping.codes]
    quantities = [(value[1], next(iter(_UNIT.findall(found)), "")) for found in _QUANTITY.findall(written)
                  if (value := _VALUE.search(found))]  # fmt: skip
    return [[code, value, unit, "", ""] for code, (value, unit) in zip(codes, quantities, strict=False)]
