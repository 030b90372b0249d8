"""What a container is asked: is its sign of life fresh?"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

NOW = 1_776_000_000.0


def asked(*words: str) -> tuple[int, str]:
    """Exit code and what was printed, as the container's engine would see it."""
    command = [sys.executable, str(REPOSITORY / "deploy" / "health.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_sign_of_life_counts_while_it_is_fresh(tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    code, said = asked("fresh", str(alive))
    assert code == 1
    assert said.startswith("fresh: ")
    alive.touch()
    code, said = asked("fresh", str(alive))
    assert code == 0
    assert "alive was touched" in said
    old = alive.stat().st_mtime - 3600
    os.utime(alive, (old, old))
    code, said = asked("fresh", str(alive))
    assert code == 1
    assert "touched 36" in said


@pytest.mark.parametrize(("age", "well"), [(0, True), (29.9, True), (30, True), (30.1, False), (86_400, False)])
def test_fresh_is_within_half_a_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, age: float, well: bool) -> None:
    import runpy

    health = runpy.run_path(str(REPOSITORY / "deploy" / "health.py"))
    alive = tmp_path / "alive"
    alive.touch()
    os.utime(alive, (NOW - age, NOW - age))
    monkeypatch.setattr("time.time", lambda: NOW)
    if well:
        assert "was touched" in health["fresh"](str(alive))
    else:
        with pytest.raises(LookupError, match="s ago"):
            health["fresh"](str(alive))
