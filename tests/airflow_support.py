"""A throw-away Airflow for tests: its own home and SQLite, this repository's dags/.

Airflow runs in child processes only: its imports are slow, global and not free of warnings.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Airflow:
    """home: Airflow's folder. extra: variables its processes get on top of this process's own."""

    home: Path
    dags: Path = ROOT / "dags"
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW")}
        return inherited | {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home}/airflow.db",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "ignore",
        } | dict(self.extra)  # fmt: skip

    def migrate(self) -> Airflow:
        """Make the metadata database (about 6 s)."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.command("db", "migrate")
        return self

    def command(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`airflow ...` as an operator types it, e.g. command("dags", "test", "watch", "2026-04-15")."""
        return self._run([sys.executable, "-m", "airflow", *arguments], check)

    def answer(self, script: str) -> Any:
        """Run Python beside Airflow; what it writes to the file `sys.argv[1]` as JSON is the answer."""
        answer = self.home / "answer.json"
        answer.unlink(missing_ok=True)
        self._run([sys.executable, "-c", script, str(answer)], check=True)
        return json.loads(answer.read_text(encoding="utf-8"))

    def _run(self, command: list[str], check: bool) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(command, env=self.environment, cwd=self.home, capture_output=True, text=True)
        if check and done.returncode:
            said = f"{done.stdout}\n{done.stderr}"
            raise AssertionError(f"{' '.join(command[1:4])} ended with {done.returncode}:\n{said}")
        return done
