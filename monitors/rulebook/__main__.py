"""Writes the rule book: `python -m monitors.rulebook [--config config] [--specs tests/spec] [--out docs/rules.md]`."""

from __future__ import annotations

import argparse
from pathlib import Path

from monitors import config
from monitors.rulebook.page import page
from monitors.rules.words import Words


def text(configuration: Path, specs: Path) -> str:
    """The page as it should be."""
    found = config.load(configuration)
    words = Words(found.analytes, found.drugs, {rule.id: rule for rule in found.rules})
    return page(words, {path.stem: path.read_text(encoding="utf-8") for path in sorted(specs.glob("R*.md"))})


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the rule book from the rules and their drawn cases.")
    parser.add_argument("--config", type=Path, default=Path("config"))
    parser.add_argument("--specs", type=Path, default=Path("tests/spec"))
    parser.add_argument("--out", type=Path, default=Path("docs/rules.md"))
    wanted = parser.parse_args()
    wanted.out.write_text(text(wanted.config, wanted.specs), encoding="utf-8")
    print(f"{wanted.out} is written.")


if __name__ == "__main__":
    main()
