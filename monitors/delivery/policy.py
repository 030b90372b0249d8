"""What may not be lost, and how long to wait before trying again. Pure."""

from __future__ import annotations

from datetime import timedelta

from monitors.records import Severity

ATTEMPTS = 8  # then the message is dead
FIRST_DELAY, FACTOR, LONGEST_DELAY = timedelta(minutes=1), 3, timedelta(hours=2)
PARENT = "parent"  # the kind of a row that brings the first Slack post of an episode up to date
STORM = "storm"  # the kind of a row that tells of many alerts at once
SILENCE_OVER = "silence_over"  # the kind of a row that tells of what a silence withheld
TELLING = ("alert", "handed_over")  # kinds that leave an episode told


def must_arrive(kind: str, severity: str | None) -> bool:
    """Whether a doubtful send is repeated, not held: HIGH and CRITICAL alerts, every withdrawal, what nobody could
    verify, many alerts in one, and the morning list, held files and silent feeds (two of those do no harm; whoever had
    none would take silence for an answer)."""
    if kind in ("withdrawn", "digest", "unverified", "held", "alarm", "unfinished", STORM, SILENCE_OVER, PARENT):
        return True
    return kind in TELLING and severity in (Severity.HIGH, Severity.CRITICAL)


def backoff(attempt: int, retry_after: float | None, jitter: float) -> timedelta:
    """Time to the next attempt: what the other side asked for, else 1, 3, 9, ... minutes, give or take
    a quarter; never over two hours."""
    if retry_after is not None:
        return min(timedelta(seconds=max(retry_after, 0)), LONGEST_DELAY)
    delay = min(FIRST_DELAY * FACTOR ** (attempt - 1), LONGEST_DELAY)
    return min(timedelta(seconds=delay.total_seconds() * (0.75 + jitter / 2)), LONGEST_DELAY)
