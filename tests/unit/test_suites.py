"""The suites decide over every state a field can be in, and say why in words a person can act on."""

# ruff: noqa: E501  (a row of a table is read as one line)

from __future__ import annotations

from xml.etree import ElementTree

import feed_builders as build
import numpy as np
import pandas as pd
import pytest

from monitors import quality, quality_gates, quality_suite
from monitors.config import FIELDS
from monitors.feeds import fields
from monitors.rules.substances import property_of
from tests.public_data import DATA, needs

# States that quarantine nothing, and why.
LET_THROUGH = {
    "labs": {
        "value_state": {"withdrawn"}, "unit_state": {"withdrawn"}, "issued_state": {"missing"}, "limit_state": {"missing"},
        "birth_state": {"missing", "unknown"},
    },
    "medications": {name: {"missing"} for name in ("started_on_state", "ended_on_state", "listed_on_state", "supply_state")} | {"birth_state": {"missing", "unknown"}},
    "census": {"birth_state": {"missing", "unknown"}},
    "facts": {"ended_state": {"missing"}, "value_state": {"missing"}, "birth_state": {"missing", "unknown"}, "unit_place": {"missing"}},
    "links": {"birth_state": {"missing", "unreadable", "unknown"}, "unit_place": {"missing", "elsewhere"}},
}  # fmt: skip


def derived(kind: str) -> pd.DataFrame:
    feed = build.feed({"format": "hl7v2", "mapping": {}})
    texts = {name: pd.Series(["x"], dtype="str") for name in sorted(FIELDS[kind][0] | FIELDS[kind][1])}
    frame = pd.DataFrame({"row_no": [1], "line_no": [1], "ragged_line": pd.Series([None], dtype="str"), **texts})
    return fields.derive(frame, feed, build.config(), kind)


def prepared(kind: str) -> pd.DataFrame:
    return quality.prepared(derived(kind), build.NOW, kind, None, build.config().analytes)


@pytest.mark.parametrize("kind", quality_suite.KINDS)
def test_every_state_is_decided_over_or_let_through_on_purpose(kind: str) -> None:
    suite = quality_suite.load(quality.EXPECTATIONS / f"{kind}.json")
    refused: dict[str, set[str]] = {}
    for expectation in suite["expectations"]:
        refused.setdefault(expectation["kwargs"]["column"], set()).update(expectation["kwargs"].get("value_set", ()))
    frame = prepared(kind)
    stated = [name for name in frame if name.endswith("_state") or name in ("unit_place", "field_count", "taken")]
    assert set(stated) > set(quality_gates.NAMES) or kind != "labs"
    for name in stated:
        first, *others = frame[name].cat.categories
        assert set(others) - refused.get(name, set()) == LET_THROUGH[kind].get(name, set()), name
        assert first not in refused.get(name, set())


@pytest.mark.parametrize("kind", quality_suite.KINDS)
def test_every_expectation_has_its_column_and_its_words(kind: str) -> None:
    frame = prepared(kind)
    for expectation in quality_suite.load(quality.EXPECTATIONS / f"{kind}.json")["expectations"]:
        meta = expectation["meta"]
        assert expectation["kwargs"]["column"] in frame
        assert meta["sentence"].endswith(".")
        assert meta["remedy"].endswith(".")
        assert set(meta) <= {"reason", "sentence", "remedy", "expected", "releasable", "never_critical"}
        assert not (meta.get("expected") and meta.get("releasable"))


def test_planned_reasons_are_those_of_the_suites() -> None:
    assert quality.planned_reasons() == {"not_monitored", "wrong_specimen"}


def test_a_kind_the_feed_does_not_take_is_kept_out_as_planned() -> None:
    feed = build.feed({"format": "hl7v2", "kinds": ["labs"], "mapping": {}})
    frame = pd.DataFrame({"row_no": [1], "line_no": [1], "ragged_line": pd.Series([None], dtype="str"), "patient": ["x"]})
    checked = quality.check(fields.derive(frame, feed, build.config(), "census"), feed, build.NOW, kind="census")
    assert list(checked.bad["reason"]) == ["not_monitored"]
    assert quality.gate({"census": checked}, 0, feed) is None


def test_an_answer_remembered_is_the_answer_asked() -> None:
    frame = derived("labs")
    feed = build.feed()
    once = quality.check(frame, feed, build.NOW, kind="labs", analytes=build.config().analytes).bad
    many = pd.concat([frame] * 50, ignore_index=True).assign(plausibility=np.linspace(-1, 2, 50))
    again = quality.check(many, feed, build.NOW, kind="labs", analytes=build.config().analytes).bad
    assert list(again["reason"]) == list(once["reason"]) * 50


def test_each_unit_measures_what_its_code_promises() -> None:
    for name, analyte in build.analytes().analytes.items():
        kinds = {property_of(unit) for unit in analyte.units}
        assert None not in kinds, name
        for code in analyte.codes.values():
            assert code.property in kinds, (name, code.code)


@needs("ucum/ucum-essence.xml")
def test_every_unit_is_a_ucum_code() -> None:
    root = ElementTree.parse(DATA / "ucum" / "ucum-essence.xml").getroot()
    space = root.tag.removesuffix("root")
    atoms = {unit.get("Code"): unit.get("isMetric") == "yes" for unit in root.iter(f"{space}unit") if unit.get("Code")}
    atoms |= {base.get("Code"): True for base in root.iter(f"{space}base-unit")}
    prefixes = [prefix.get("Code") for prefix in root.iter(f"{space}prefix")]
    known = {*atoms, *(f"{prefix}{atom}" for prefix in prefixes for atom, metric in atoms.items() if metric), "{INR}"}
    for name, analyte in build.analytes().analytes.items():
        for unit in analyte.units:
            assert set(unit.split("/")) <= known, (name, unit)


def test_a_critical_limit_is_the_same_limit_in_both_systems() -> None:
    for name, analyte in build.analytes().analytes.items():
        if analyte.critical is None:
            continue
        for side in ("below", "at_or_below", "above", "at_least"):
            if (limit := getattr(analyte.critical, side)) is not None:
                assert (limit.conventional_unit, limit.si_unit) == (analyte.conventional, analyte.si)
                assert limit.conventional * analyte.to_si == pytest.approx(limit.si, rel=0.01), name
