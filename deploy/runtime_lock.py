"""Of requirements.lock, print what the product itself runs on: python runtime_lock.py requirements.lock requirements.in

The lock names, for each package, what asks for it ("# via ..."). What only the developers' list asks for stays out of images.
Hashes are kept as they are.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ENTRY = re.compile(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^\]]*\])?==", re.IGNORECASE)


def entries(lock: str) -> dict[str, list[tuple[str, set[str]]]]:
    """Package -> its entries (text, who asks for it). A package has two entries where machines differ."""
    found: dict[str, list[tuple[str, set[str]]]] = {}
    for block in re.split(r"\n(?=\S)", lock.strip()):
        if head := ENTRY.match(block):
            comments = re.findall(r"^\s+# (?:via\b)?[ \t]*(.*)$", block, re.MULTILINE)
            asking = {word.removeprefix("-r ").strip() for line in comments for word in line.split(",") if word.strip()}
            found.setdefault(_name(head[1]), []).append((block, asking))
    return found


def runtime(lock: str, wanted: str) -> list[str]:
    """The entries that `wanted` (the file's name as the lock spells it) asks for, directly or through another. Raises
    ValueError when it asks for none: then the lock was made without its comments."""
    found = entries(lock)
    kept = {name for name, texts in found.items() if any(wanted in asking for _, asking in texts)}
    if not kept:
        raise ValueError(f"No package of the lock says that {wanted} asks for it; make it anew: make lock")
    while more := {
        name for name, texts in found.items()
        if name not in kept and any(_name(one.partition("[")[0]) in kept for _, asking in texts for one in asking)
    }:  # fmt: skip
        kept |= more
    return [text for name in sorted(kept) for text, _ in found[name]]


def _name(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text).lower()


if __name__ == "__main__":
    print("\n".join(runtime(Path(sys.argv[1]).read_text(encoding="utf-8"), Path(sys.argv[2]).name)))
