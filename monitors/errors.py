"""Every error Nephrowatch raises on purpose, as a tree.

NephrowatchError
├── UserError              the person at the keyboard can mend it          exit code 2
│   ├── ConfigError        a file in the configuration folder is wrong (names file, line, rule)
│   └── NotReadyError      the database is missing, not migrated, or not reachable
├── FeedError              one file cannot be read; it is kept and held, the night goes on
├── DeliveryError          one message could not be delivered; `permanent` says whether to try again
└── HistoryError           the ledger does not verify

A message is one sentence: what happened, where, what to do next. Anything outside this tree is a defect
of ours: exit code 1.
"""

from __future__ import annotations


class NephrowatchError(Exception):
    """Root of every error raised on purpose."""


class UserError(NephrowatchError):
    """Something the person who runs the command can mend."""


class ConfigError(UserError):
    """A configuration file is wrong.

    `file` is the path as given, `line` counts from 1 (0 when the file as a whole is meant).
    """

    def __init__(self, file: str, line: int, message: str) -> None:
        self.file, self.line, self.message = file, line, message
        where = f"{file}:{line}" if line else file
        super().__init__(f"{where}: {message}")


class NotReadyError(UserError):
    """The database is not there, not migrated, or refuses us."""


class FeedError(NephrowatchError):
    """A whole file or folder cannot be read. `reason` is the code kept with the file."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


class DeliveryError(NephrowatchError):
    """A send that did not succeed.

    outcome: `permanent` (will never work as it is), `deferred` (a definite no for now; try later) or
    `ambiguous` (the other side may have taken it). retry_after: seconds the other side asked for, if any.
    """

    def __init__(self, outcome: str, message: str, *, retry_after: float | None = None) -> None:
        self.outcome, self.retry_after = outcome, retry_after
        super().__init__(message)

    @property
    def permanent(self) -> bool:
        return self.outcome == "permanent"


class HistoryError(NephrowatchError):
    """The ledger, or an entry of it, does not verify."""
