"""The hazard page: docs/hazards.yaml beside the tests that carry each hazard's number. `python -m tests.hazards` writes it.

A test carries a number as `@pytest.mark.hazard(12)`, or in its name: `test_hazard_12_...`, `test_h12_...`.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
SOURCE, PAGE = ROOT / "docs" / "hazards.yaml", ROOT / "docs" / "hazards.md"
NAMED = re.compile(r"test_h(?:azard_)?(\d+)_")


def numbered(source: str) -> Iterator[tuple[int, str]]:
    """(hazard, function) of every test in a module's text that carries a number."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
            continue
        numbers = {int(found) for found in NAMED.findall(node.name)}
        for mark in node.decorator_list:
            if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.hazard":
                numbers |= {int(ast.literal_eval(argument)) for argument in mark.args}
        for number in sorted(numbers):
            yield number, node.name


def tests() -> dict[int, list[tuple[str, str]]]:
    """hazard -> [(path from the root, function)], in order of path and place."""
    found: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for number, name in numbered(path.read_text(encoding="utf-8")):
            found[number].append((str(path.relative_to(ROOT)), name))
    return found


def hazards() -> list[dict[str, Any]]:
    return list(yaml.safe_load(SOURCE.read_text(encoding="utf-8"))["hazards"])


def page() -> str:
    """docs/hazards.md as it should stand."""
    carried = tests()
    lines = [
        "# Hazard log", "",
        "What may harm a patient although everybody means well, what stands against it, and the tests that prove it stands.",
        "Written by `make hazards` from [hazards.yaml](hazards.yaml) and the tests; a hazard without a test fails.", "",
    ]  # fmt: skip
    for hazard in hazards():
        link = f"[{hazard['where']}](../{hazard['where']})"
        lines += [f"## H{hazard['h']}. {hazard['harm']}", "", f"**Control.** {hazard['control']}", ""]
        lines += [f"**Where.** {link}", "", f"**What is left.** {hazard['left']}", ""]
        lines += [f"- `{path}::{name}`" for path, name in carried[hazard["h"]]] + [""]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
