"""What `make audit` makes of an answer: an advisory fails, one put off does not, and silence is not called good news."""

from __future__ import annotations

from typing import Any

from tests.audit import judged

SKIPPED: dict[str, Any] = {"name": "a", "skip_reason": "not found"}
SOUND: dict[str, Any] = {"name": "b", "version": "1.0", "vulns": []}
HURT: dict[str, Any] = {"name": "c", "version": "2.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]}


def test_an_advisory_fails_and_names_the_release_that_mends_it() -> None:
    said, code = judged([SKIPPED, SOUND, HURT], {})
    assert code == 1
    assert said == "c 2.0: PYSEC-1, mended in 2.1\n2 packages audited, 1 nobody knows, 1 advisories, 1 open."


def test_one_that_somebody_put_off_does_not_fail() -> None:
    assert judged([HURT], {"PYSEC-1": "only on Windows"}) == ("1 packages audited, 0 nobody knows, 1 advisories, 0 open.", 0)


def test_where_nobody_answers_that_is_said() -> None:
    for answer in ([], [SKIPPED, SKIPPED]):
        said, code = judged(answer, {})
        assert "NOT AUDITED" in said
        assert code == 0
