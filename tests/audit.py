"""Known vulnerabilities of what is pinned (`make audit`): asks PyPI's advisories through pip-audit. Exit 1: there are some.

Where nobody answers nothing is known, and that is said: such a run proves nothing and fails nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LATER: dict[str, str] = {}
"""{advisory: why it does not touch this, and until when that holds}."""


def main() -> int:
    command = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "--requirement", "requirements.lock",
               "--format", "json", "--progress-spinner", "off", "--timeout", "5"]  # fmt: skip
    try:
        said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False).stdout
    except subprocess.TimeoutExpired:
        said = ""
    report, code = judged(json.loads(said)["dependencies"] if said.strip() else [], LATER)
    print(report)
    return code


def judged(dependencies: Sequence[dict[str, Any]], later: dict[str, str]) -> tuple[str, int]:
    """(what to print, exit code) of pip-audit's answer. later: advisories somebody looked at and put off."""
    asked = [one for one in dependencies if "skip_reason" not in one]
    found = [(one, advisory) for one in asked for advisory in one["vulns"]]
    open_ = [
        f"{one['name']} {one['version']}: {advisory['id']}, mended in {', '.join(advisory['fix_versions']) or 'no release'}"
        for one, advisory in found if advisory["id"] not in later
    ]  # fmt: skip
    if not asked:
        return "Nobody answered: NOT AUDITED. Run make audit where PyPI can be reached.", 0
    counts = f"{len(asked)} packages audited, {len(dependencies) - len(asked)} nobody knows, {len(found)} advisories"
    return "\n".join([*open_, f"{counts}, {len(open_)} open."]), 1 if open_ else 0


if __name__ == "__main__":
    sys.exit(main())
