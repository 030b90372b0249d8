"""What the rules cost their readers, for the page: counted once a judgement, away from the page that asks."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from monitors import pipeline
from monitors.web.app import Pages

NIGHTS = 90
AGAIN = timedelta(minutes=10)  # after a count that failed
log = logging.getLogger("nephrowatch.web")


@dataclass(frozen=True)
class Costs:
    """rules: rule -> opened, messages, answered, dismissed, and opened_per_100 patients and month, over NIGHTS up to `last`.

    flagged: rules dismissed too often, two months on end. patient_months: how much was watched.
    """

    last: date | None = None
    patient_months: float = 0.0
    rules: dict[str, dict[str, float]] = field(default_factory=dict)
    flagged: tuple[str, ...] = ()


class Counted:
    """One count at a time, in a thread of its own; the page shows the last one, and of which night it is."""

    def __init__(self) -> None:
        self.costs = Costs()
        self._busy = threading.Lock()
        self._again: datetime | None = None

    def upto(self, pages: Pages, last: date | None) -> Costs:
        """The last count; one up to `last`, the newest night judged, is begun where there is none, and none failed lately."""
        wanted = last is not None and last != self.costs.last and not self._busy.locked()
        if wanted and (self._again is None or pages.here.clock() >= self._again):
            threading.Thread(target=self.refresh, args=(pages, last), daemon=True).start()
        return self.costs

    def refresh(self, pages: Pages, last: date) -> None:
        if not self._busy.acquire(blocking=False):
            return
        try:
            found = pipeline.rules_burden(last - timedelta(days=NIGHTS - 1), last, here=pages.here)
            self.costs = summed(found, last)
        except Exception as problem:  # the page goes on showing the count before, and of which night that is
            self._again = pages.here.clock() + AGAIN
            log.error("the burden of the rules was not counted: %s", type(problem).__name__)
        finally:
            self._busy.release()


def summed(found: dict[str, Any], last: date) -> Costs:
    """`burden.burden` by rule alone."""
    sums: dict[str, Counter[str]] = {}
    for row in found["burden"]:
        sums.setdefault(row["rule"], Counter()).update(opened=row["opened"], messages=row["messages"])
    for row in found["dismissed"]:
        sums.setdefault(row["rule"], Counter()).update(answered=row["answered"], dismissed=row["dismissed"])
    months = float(found["patient_months"])
    rules = {rule: {**{name: float(sums[rule][name]) for name in ("opened", "messages", "answered", "dismissed")},
                    "opened_per_100": round(100 * sums[rule]["opened"] / months, 2) if months else 0.0}
             for rule in sorted(sums)}  # fmt: skip
    return Costs(last, months, rules, tuple(found["flagged"]))
