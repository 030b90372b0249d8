"""What the words around a result are taken for, and which words are taken for nothing."""

# ruff: noqa: E501  (a row of a table is read as one line)

from __future__ import annotations

import feed_builders as build
import pandas as pd
import pytest

from monitors.feeds import moments, words
from monitors.records import Flag

PLAIN = build.feed().mapping
OURS = build.feed({"mapping": {
    "specimens": {"Tube 7": "blood", "SER": "a pool of several patients"}, "conditions": {"H+": "haemolysed", "ok": "delayed"},
    "timings": {"V": "pre", "N": "post"}, "locations": {"Bay 9": "inpatient"},
}}).mapping  # fmt: skip


@pytest.mark.parametrize(
    ("text", "state", "tube"),
    [
        ("SER", "blood", ""), ("Serum", "blood", ""), ("BLD", "blood", ""), ("Venous blood", "blood", ""), ("119364003", "blood", ""),
        ("67922002", "blood", ""), ("Lithium heparin plasma", "blood", ""), ("EDTA plasma", "blood", "EDTA"), ("Plasma (K2-EDTA)", "blood", "EDTA"),
        ("Blood, sodium citrate", "blood", "citrate"), ("Serum or Plasma", "blood", ""),
        ("UR", "other", ""), ("Urine", "other", ""), ("24h urine", "other", ""), ("PRT", "other", ""), ("Ascitic fluid", "other", ""),
        ("DIAF", "other", ""), ("Dialysis fluid", "other", ""), ("Cord blood", "other", ""), ("119360007", "other", ""), ("CSF", "other", ""),
        ("SKBP", "other", ""), ("Pleural fluid", "other", ""), ("Blood culture", "unknown", ""), ("Dialysis", "unknown", ""), ("", "unknown", ""),
        ("Tube 7", "unknown", ""), ("X", "unknown", ""), ("999999999", "unknown", ""), ("sample", "unknown", ""),
    ],
)  # fmt: skip
def test_a_specimen_is_blood_only_where_it_is_known_to_be(text: str, state: str, tube: str) -> None:
    assert words.specimen(text, PLAIN) == (state, tube)


def test_the_feeds_own_word_for_a_specimen_wins() -> None:
    assert words.specimen("Tube 7", OURS).state == "blood"
    assert words.specimen("SER", OURS).state == "other"


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("Sample haemolysed", "haemolysed"), ("grossly HEMOLYZED.", "haemolysed"), ("HEM", "haemolysed"), ("HEM Hemolyzed | FROZ", "haemolysed"),
        ("Haemolysis index 3+", "haemolysed"), ("lipaemic", "lipaemic"), ("Lipemia ++", "lipaemic"), ("Icteric sample", "icteric"),
        ("CLOT", "clotted"), ("sample clotted in transit", "clotted"), ("delayed separation", "delayed"), ("separation delayed 9 h", "delayed"),
        ("?EDTA contamination", "contaminated"), ("CON", "contaminated"), ("haemolysed; line contaminated", "contaminated"),
        ("Not haemolysed", ""), ("No visible haemolysis", ""), ("non-hemolyzed", ""), ("Haemolysis: none", ""), ("haemolysis index 0", ""),
        ("icterus: negative", ""), ("no clots", ""), ("Not fasting, haemolysed", "haemolysed"), ("patient con rash", ""), ("", ""),
        ("see comment", ""), ("no haemolysis | lipaemic", "lipaemic"),
    ],
)  # fmt: skip
def test_a_condition_is_named_and_a_denial_names_none(text: str, condition: str) -> None:
    assert words.condition(text, PLAIN) == condition


def test_the_feeds_own_word_for_a_condition_counts_as_a_whole_part_only() -> None:
    assert words.condition("H+", OURS) == "haemolysed"
    assert words.condition("fasting | H+", OURS) == "haemolysed"
    assert words.condition("ok", OURS) == "delayed"
    assert words.condition("looks ok to me", OURS) == ""


@pytest.mark.parametrize(
    ("text", "flag"),
    [("pre", Flag.PRE_DIALYSIS), ("Pre-HD", Flag.PRE_DIALYSIS), ("POST_DIALYSIS", Flag.POST_DIALYSIS), ("unknown", 0), ("mid-run", None), ("V", None)],
)
def test_a_timing_nobody_knows_is_no_draw_before(text: str, flag: int | None) -> None:
    assert words.timing(text, PLAIN) == flag
    assert words.timing("V", OURS) == Flag.PRE_DIALYSIS


@pytest.mark.parametrize(
    ("text", "flag"), [("I", Flag.INPATIENT), ("IMP", Flag.INPATIENT), ("EMER", Flag.INPATIENT), ("O", 0), ("AMB", 0), ("Bay 9", None)]
)
def test_where_the_blood_was_drawn(text: str, flag: int | None) -> None:
    assert words.location(text, PLAIN) == flag
    assert words.location("Bay 9", OURS) == Flag.INPATIENT


@pytest.mark.parametrize(
    ("standard", "text", "instant", "assumed"),
    [
        ("hl7v2", "20260415", "2026-04-14T23:00Z", True), ("hl7v2", "2026041507", "2026-04-15T06:00Z", True),
        ("hl7v2", "202604150730", "2026-04-15T06:30Z", True), ("hl7v2", "20260415073000.1234567+0200", "2026-04-15T05:30:00.123456Z", False),
        ("hl7v2", "20260415-0500", "2026-04-15T05:00Z", False),
        ("fhir", "2026-04-15", "2026-04-14T23:00Z", True), ("fhir", "2026-04-15T07:30:00Z", "2026-04-15T07:30Z", False),
        ("fhir", "2026-04-15T07:30:00.5-05:00", "2026-04-15T12:30:00.5Z", False), ("fhir", "2026-04-15T07:30:00", "2026-04-15T06:30Z", True),
    ],
)  # fmt: skip
def test_the_times_of_the_standards(standard: str, text: str, instant: str, assumed: bool) -> None:
    read = moments.times(pd.Series([text], dtype="str"), ["%Y-%m-%d"], "Europe/London", standard)
    assert read.state[0] == "read"
    assert read.instant[0] == pd.Timestamp(instant)
    assert read.assumed[0] == assumed


@pytest.mark.parametrize(
    ("standard", "text"),
    [("hl7v2", "2026"), ("hl7v2", "202604"), ("hl7v2", "20260431"), ("hl7v2", "2026041525"), ("hl7v2", "20260415073"), ("hl7v2", "٢0260415"),
     ("fhir", "2026"), ("fhir", "2026-04"), ("fhir", "2026-02-30"), ("fhir", "2026-04-15T24:00:00Z"), ("csv", "20260415")],
)  # fmt: skip
def test_less_than_a_day_or_no_such_day_is_no_time_of_collection(standard: str, text: str) -> None:
    formats = ["%Y-%m-%d"]
    assert list(moments.times(pd.Series([text], dtype="str"), formats, "Europe/London", standard).state) == ["unreadable"]
