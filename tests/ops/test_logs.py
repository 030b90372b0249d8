"""One JSON line a stage, with the run and counts, and nothing of a patient at any level."""

from __future__ import annotations

import json
import logging
from datetime import date, timedelta

import pytest

from monitors import logs
from tests.site import Site, monthly

NIGHT = date(2026, 4, 15)


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    return [json.loads(record.getMessage()) for record in caplog.records if record.name == "nephrowatch"]


def test_a_night_logs_each_stage_once_with_its_run(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.patients("T1")
    site.labs("labs.csv", *monthly("T1", NIGHT - timedelta(days=1), {"P": 6.8, "CA": 9.7}, {"P": 6.9, "CA": 6.9}))
    with caplog.at_level(logging.DEBUG):
        site.night(NIGHT)
    said = lines(caplog)
    assert [line["stage"] for line in said] == ["begin", "receive", "check", "freeze", "judge", "reconcile", "seal", "deliver"]
    assert {line["run"] for line in said if "run" in line} == {said[1]["run"]}
    assert all(line["outcome"] == "done" and isinstance(line["seconds"], float) for line in said)
    assert said[1]["came_to"] == 2  # files
    ours = [record for record in caplog.records if not record.name.startswith("mail.")]  # the stand-in's own server
    everything = "\n".join(record.getMessage() for record in ours)
    assert not [word for word in ("T1", "EXAMPLE T1", "6.9", "1957") if word in everything.replace(str(site.root), "")]


def test_a_stage_that_fails_says_so_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    @logs.stage
    def judge(shard: int) -> None:
        raise ValueError("EXAMPLE, Alex has 6.9")

    with caplog.at_level(logging.INFO), pytest.raises(ValueError, match="Alex"):
        judge(3)
    [line] = lines(caplog)
    assert (line["stage"], line["shard"], line["outcome"], line["error"]) == ("judge", 3, "failed", "ValueError")
    assert "Alex" not in json.dumps(line)


@pytest.mark.parametrize(("result", "came_to"), [
    (7, 7), ([1, 2], 2), ({"told": 3, "name": "EXAMPLE"}, {"told": 3}), ("EXAMPLE", None), (None, None), ({"a": "b"}, None),
])  # fmt: skip
def test_of_a_result_only_numbers_are_logged(result: object, came_to: object) -> None:
    assert logs.counts(result) == came_to
