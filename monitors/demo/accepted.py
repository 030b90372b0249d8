"""What a stand-in server accepted, and which faults it is to show next."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Accepted:
    """A list of entries, also written to a file of JSON lines (before the answer leaves) if there is a path;
    and a queue of faults, one a request. Safe between threads."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._entries: list[dict[str, Any]] = []
        self._faults: deque[str] = deque()
        self.then: Callable[[], None] = lambda: None  # called when something was accepted, before the answer leaves
        self.draw: Callable[[], str] = lambda: ""  # the fault where none is queued

    def add(self, entry: dict[str, Any]) -> int:
        """Keep one entry. Returns how many there are now."""
        with self._lock:
            self._entries.append(entry)
            if self._path is not None:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(entry, ensure_ascii=False) + "\n")
            number = len(self._entries)
        self.then()
        return number

    @property
    def entries(self) -> list[dict[str, Any]]:
        with self._lock:
            return list(self._entries)

    def fault(self, *names: str) -> None:
        with self._lock:
            self._faults.extend(names)

    def next_fault(self) -> str:
        """The next fault, used up; '' for none."""
        with self._lock:
            return self._faults.popleft() if self._faults else self.draw()

    def no_faults(self) -> None:
        """Forget faults that were asked for and not used."""
        with self._lock:
            self._faults.clear()
