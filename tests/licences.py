"""docs/licences.md: what this rests on, and under which licence. `python -m tests.licences` writes it (make licences).

What a package says of itself: its licence expression, else its classifiers, else its free text's first line.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "licences.md"
HEAD = """# Licences of what this rests on

Every package of `requirements.lock`, as it says itself. Written by `make licences`; a test holds it against the lock.
pymerkle (GPL) is used by tests only, and text-unidecode may be taken under the Artistic License; nothing else is under the GPL.

| package | version | licence |
| --- | --- | --- |
"""


def locked() -> list[tuple[str, str]]:
    """(name, version) of every pinned package."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    return re.findall(r"^([A-Za-z0-9_.\-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", text, re.MULTILINE)


def licence(name: str) -> str:
    """'' for a package that is not for this machine (another platform, another Python)."""
    try:
        said = metadata(name)
    except PackageNotFoundError:
        return ""
    if expression := said.get("License-Expression"):
        return expression
    classes = [line.rsplit(" :: ", 1)[-1] for line in said.get_all("Classifier") or () if line.startswith("License :: ")]
    classes = [one for one in classes if one != "OSI Approved"]
    free = (said.get("License") or "").strip().splitlines()
    return " / ".join(classes) or (free[0][:80] if free else "not said")


def page() -> str:
    rows = [f"| {name} | {version} | {licence(name).replace('|', '/') or 'not installed here'} |" for name, version in locked()]
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
