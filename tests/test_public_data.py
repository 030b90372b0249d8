"""Where others' files are not, a test is skipped with their names; where they were asked for, that is an error."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import public_data

PAGE = Path(__file__).resolve().parents[1] / "docs" / "test-data.md"


def test_what_is_not_there_is_named_and_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "there").mkdir()
    monkeypatch.setattr(public_data, "DATA", tmp_path)
    monkeypatch.delenv(public_data.VARIABLE, raising=False)
    assert public_data.needs("there").args == (False,)
    skipped = public_data.needs("there", "gone.csv")
    assert skipped.args == (True,)
    assert skipped.kwargs["reason"] == f"no gone.csv in {tmp_path}: docs/test-data.md says where to get it"


def test_where_it_was_asked_for_nothing_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public_data, "DATA", tmp_path)
    monkeypatch.setenv(public_data.VARIABLE, str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"gone\.csv"):
        public_data.needs("gone.csv")


def test_every_file_a_test_needs_is_on_the_page() -> None:
    listed = set(re.findall(r"^\| `([a-z0-9-]+)` ", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    used: set[str] = set()
    for path in Path(__file__).parent.rglob("test_*.py"):
        if path != Path(__file__):
            text = path.read_text(encoding="utf-8")
            used |= set(re.findall(r'"((?:hl7v2|fhir|mimic3|eicu|ucum)[a-z0-9-]*)["/]', text)) if "public_data" in text else set()
    assert used - {"hl7v2", "fhir"} <= listed
    assert "hl7v2-simhospital" in used, "the look would be blind"
