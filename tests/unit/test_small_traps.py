"""Small traps that once cost something: each is one line of input."""

from __future__ import annotations

import math
import stat
from datetime import time
from pathlib import Path

import pytest

from monitors import documents, settings, stages
from monitors.config import UnitModel, load
from monitors.feeds import readings, source
from tests.site import REPOSITORY


@pytest.mark.parametrize("text", ["0", "-5", "0.0", "10-0"])
def test_an_upper_limit_that_is_not_above_zero_is_none(text: str) -> None:
    assert math.isnan(readings.upper_limit(text))


def test_a_time_of_day_and_a_unit_called_no_are_read_as_written() -> None:
    unit = documents.parse("{code: NO, name: North, zone: Europe/Oslo, cutoff: 10:00}", "site.yaml", UnitModel)
    assert (unit.code, unit.cutoff) == ("NO", time(10, 0))


def test_the_archive_of_a_home_with_a_space_lies_in_that_home_and_is_private(tmp_path: Path) -> None:
    home = tmp_path / "with space é"
    found = settings.settings_from({"NEPHROWATCH_HOME": str(home)})
    _, address = source.archive_put(stages.archive_url(load(REPOSITORY / "config"), found), b"raw")
    kept = home / "archive" / address
    assert kept.read_bytes() == b"raw"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
