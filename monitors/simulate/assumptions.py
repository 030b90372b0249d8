"""What a simulated unit assumes: every number with its source and tag, read from one YAML file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from monitors import documents
from monitors.documents import Document

CADENCES = ("monthly", "four-weekly", "fortnightly", "weekly")


class Assumption(Document):
    value: Any
    tag: Literal["found", "seed", "design", "knowledge"]
    source: str


class _File(Document):
    assumptions: dict[str, Assumption]


@dataclass
class Assumptions:
    """Numbers by name. used: names asked for so far, so that a test can say that each one counts."""

    stated: dict[str, Assumption]
    used: set[str] = field(default_factory=set)

    def of(self, name: str) -> Any:
        """The value, as written. KeyError for a name the file does not state: nothing is assumed silently."""
        self.used.add(name)
        return self.stated[name].value

    def number(self, name: str) -> float:
        return float(self.of(name))


def read(path: Path) -> Assumptions:
    """Raises ConfigError with file and line where the file is wrong."""
    return Assumptions(documents.parse(path.read_text(encoding="utf-8"), path.name, _File).assumptions)
