"""A silent laboratory feed on a unit's morning list: one line in place of a storm, and no patient dropped (D8)."""

from __future__ import annotations

from datetime import date, time
from typing import Any

from monitors.delivery.message import render
from monitors.digest import digest
from monitors.records import Unit
from tests.delivery.builders import NOW, SITE

UNIT = Unit("N3", "North Unit", "Europe/London", time(4))
NOT_ASSESSED = {
    "phosphate": {"no_recent:phosphate": 31, "outside_population": 2},
    "pth": {"no_recent:pth": 12, "exposure_unknown": 1},
}
SILENT = [{"feed": "n3-labs", "alarm": "late", "since": "2026-04-14T02:00:00Z", "newest_input": "2026-04-12T02:00:00Z"}]


def listed(**facts: Any) -> dict[str, Any]:
    return digest(
        UNIT, date(2026, 4, 15), [], active=96, not_assessed=NOT_ASSESSED, oldest_input=None, newest_input=None, **facts
    )


def text(content: dict[str, Any]) -> str:
    return render("digest", content, SITE, "email", "d-1", now=NOW).text


def test_who_only_lacks_a_recent_result_is_folded_into_the_silent_feeds_line() -> None:
    storm, folded = listed(), listed(silent=SILENT)
    assert [line["reason"] for line in folded["not_assessed"]] == ["outside_population", "exposure_unknown"]
    assert len(storm["not_assessed"]) == 4
    assert folded["silent"] == [{**SILENT[0], "overdue": 43}]
    shown = text(folded)
    assert "n3-labs: silent since Tue 14 Apr 03:00 BST (28 h ago), newest input 3 days old" in shown
    assert "not assessed for want of a recent result: 43" in shown
    assert "no recent result (phosphate)" not in shown
    assert "no recent result (phosphate)" in text(storm)


def test_folding_changes_no_count() -> None:
    storm, folded = listed(), listed(silent=SILENT)
    for key in ("active", "assessed", "overdue", "open"):
        assert folded[key] == storm[key]
    told = sum(line["patients"] for line in folded["not_assessed"]) + folded["silent"][0]["overdue"]
    assert told == sum(line["patients"] for line in storm["not_assessed"])


def test_unverified_criticals_stand_first_and_held_files_are_named() -> None:
    lines = [{"analyte": "calcium", "direction": "low", "results": 2, "refs": [4, 9]}]
    shown = text(listed(unverified=lines, held={"too_many_bad": 1}))
    first = shown.index("Unverified critical, repeat or confirm with the laboratory: 2\n  - Calcium low: 2 (Q-4, Q-9)")
    assert first < shown.index("Needs a look today")
    assert "more of its rows cannot be used than the feed allows: 1" in shown
    assert "Unverified" not in text(listed())
