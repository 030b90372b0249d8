"""Whether the ledger verifies, for the page: recomputed every few minutes at most, away from the page that asks."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from monitors import pipeline
from monitors.errors import NephrowatchError
from monitors.web.app import Pages

EVERY, OLD = timedelta(minutes=15), timedelta(hours=2)


@dataclass
class Status:
    """state: good | broken | unknown. at: when it was recomputed; sentence: for people."""

    state: str
    at: datetime | None
    sentence: str

    def old(self, now: datetime) -> bool:
        return self.at is None or now - self.at > OLD


def _good(found: dict[str, Any]) -> str:
    sentence = f"{found['entries']:,} entries recomputed; every hash and signature agrees. "
    if not found["checkpoints"]:
        return sentence + "No checkpoint outside the database could be read, so a rebuilt history would not be seen."
    return sentence + f"{found['checkpoints']:,} signed checkpoints hold; the newest covers {found['covered']:,} entries."


class Verifier:
    """One recomputation at a time, in a thread of its own."""

    def __init__(self) -> None:
        self.status = Status("unknown", None, "The history has not been recomputed since these pages were started.")
        self._busy = threading.Lock()

    def refresh(self, pages: Pages) -> None:
        """Recompute now, in this thread."""
        if not self._busy.acquire(blocking=False):
            return
        try:
            found: dict[str, Any] = pipeline.verify_all(here=pages.here)
            bad = found.get("first_bad")
            if bad:
                self.status = Status(
                    "broken", pages.here.clock(), f"The history does not verify from entry {bad['seq']} on: {bad['what']}."
                )
            else:
                self.status = Status("good", pages.here.clock(), _good(found))
        except NephrowatchError as problem:
            self.status = Status("unknown", self.status.at, f"The history could not be recomputed: {problem}")
        finally:
            self._busy.release()

    def soon(self, pages: Pages) -> None:
        if self.status.at is None or pages.here.clock() - self.status.at > EVERY:
            threading.Thread(target=self.refresh, args=(pages,), daemon=True).start()


def status(pages: Pages) -> dict[str, Any]:
    """state, at, sentence, old; asks for a fresh one when it is time."""
    verifier: Verifier = pages.verifier
    verifier.soon(pages)
    found = verifier.status
    return {"state": found.state, "at": found.at, "sentence": found.sentence, "old": found.old(pages.here.clock())}
