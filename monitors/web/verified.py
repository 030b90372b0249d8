"""Whether the ledger verifies, for the page: recomputed every few minutes at most, away from the page that asks."""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from monitors import config, pipeline
from monitors.database import Database, Role
from monitors.errors import NephrowatchError
from monitors.logins import parsed
from monitors.settings import Settings, settings_from
from monitors.web.app import Pages

log = logging.getLogger("nephrowatch.web")
EVERY, AGAIN, OLD = timedelta(minutes=15), timedelta(minutes=1), timedelta(hours=2)


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
        self._tried: datetime | None = None

    def refresh(self, pages: Pages, apart: bool = False) -> None:
        """Recompute now; apart: in a process of its own, so that a million hashes take no page's time."""
        if not self._busy.acquire(blocking=False):
            return
        try:
            found = recomputed_apart(pages) if apart else pipeline.verify_all(here=pages.here)
            bad = found.get("first_bad")
            if bad:
                self.status = Status(
                    "broken", pages.here.clock(), f"The history does not verify from entry {bad['seq']} on: {bad['what']}."
                )
            else:
                self.status = Status("good", pages.here.clock(), _good(found))
        except NephrowatchError as problem:
            self.status = Status("unknown", self.status.at, f"The history could not be recomputed: {problem}")
        except Exception as problem:  # the page says that it is not known, whatever ended the recomputation
            log.error("the history was not recomputed: %s", type(problem).__name__)
            self.status = Status("unknown", self.status.at, "The history could not be recomputed; operations see why in the log.")
        finally:
            self._busy.release()

    def soon(self, pages: Pages) -> None:
        now = pages.here.clock()
        if all(at is None or now - at > wait for at, wait in ((self.status.at, EVERY), (self._tried, AGAIN))):
            self._tried = now
            threading.Thread(target=self.refresh, args=(pages, True), daemon=True).start()


def recomputed_apart(pages: Pages) -> dict[str, Any]:
    """`pipeline.verify_all` in a process of its own, which is told one login and the settings, and gives way to others."""
    here = pages.here
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as apart:
        return apart.submit(_recompute, dict(here.settings.environment), here.db.url(Role.WEB)).result()


def _recompute(environment: dict[str, str], url: str) -> dict[str, Any]:
    os.nice(10)
    found: Settings = settings_from(environment)
    db = Database({Role.WEB: parsed(url, "the login of the pages")})
    try:
        return pipeline.verify_all(here=pipeline.Here(found, config.load(found.config), db))
    finally:
        db.dispose()


def status(pages: Pages) -> dict[str, Any]:
    """state, at, sentence, old; asks for a fresh one when it is time."""
    verifier: Verifier = pages.verifier
    verifier.soon(pages)
    found = verifier.status
    return {"state": found.state, "at": found.at, "sentence": found.sentence, "old": found.old(pages.here.clock())}
