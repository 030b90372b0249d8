"""Every mistake a feed has been seen to make: a folder with its files and what must become of each row."""

from __future__ import annotations

from pathlib import Path

import feed_builders as build
import pytest
import yaml

from monitors.database import Database

CASES = sorted((Path(__file__).parent / "cases").iterdir())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_row_ends_where_the_case_says(case: Path, database: Database, tmp_path: Path) -> None:
    expected = yaml.safe_load((case / "expect.yaml").read_text("utf-8"))
    feed = build.feed(expected.get("feed"))
    build.begin(database)
    accounts = []
    for file in sorted(case.glob("input*.*")):
        file_id = build.take(database, file.read_bytes(), feed, file.name, str(tmp_path / "archive"))
        assert file_id is not None
        accounts.append(build.account(database, file_id))
    assert accounts == expected["files"]
    assert build.current(database) == [tuple(row) for row in expected["current"]]
    for name in ("medications", "census", "facts", "links", "unverified"):
        if name in expected:
            assert build.listed(database, name) == [tuple(row) for row in expected[name]], name


def test_the_same_file_twice_is_one_file(database: Database, tmp_path: Path) -> None:
    raw = (Path(__file__).parent / "cases/good/input.csv").read_bytes()
    build.begin(database)
    assert build.take(database, raw, build.feed(), "a.csv", str(tmp_path)) == 1
    assert build.take(database, raw, build.feed(), "a.csv", str(tmp_path)) is None
    assert build.account(database, 1) == {"state": "stored", "stored": 1, "known": 0, "quarantined": {}}
