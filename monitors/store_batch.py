"""What every kind of row needs on its way into its table: the batch, statements in order, frames to temporary tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection

from monitors.database import copy_frame, sql

Keys = Mapping[str, Any]


@dataclass(frozen=True)
class Stored:
    """What became of good rows: stored (now, or by an earlier reading of the same row) or known from elsewhere."""

    stored: int = 0
    known: int = 0

    def __add__(self, other: Stored) -> Stored:
        return Stored(self.stored + other.stored, self.known + other.known)


@dataclass
class Refused:
    """Rows the store itself turns away, since they contradict what is known of a patient or a result: row_no -> reason,
    sentence and remedy. What is said of a row first stays."""

    words: dict[int, tuple[str, str, str]] = field(default_factory=dict)

    def say(self, row_no: int, sentence: str, remedy: str, reason: str = "identity_mismatch") -> None:
        self.words.setdefault(row_no, (reason, sentence, remedy))

    def add(self, row_no: pd.Series, which: npt.NDArray[np.bool_], sentence: str, remedy: str) -> None:
        """Those of `row_no` that `which` says."""
        for number in row_no.to_numpy()[which].tolist():
            self.say(number, sentence, remedy)

    @property
    def rows(self) -> list[int]:
        return list(self.words)

    def frame(self) -> pd.DataFrame:
        """row_no, reason, sentence, remedy, releasable: a person who knows better may say so."""
        words = np.array(list(self.words.values()), dtype=object).reshape(-1, 3)
        named = {name: words[:, number] for number, name in enumerate(("reason", "sentence", "remedy"))}
        return pd.DataFrame({"row_no": np.array(self.rows, np.int64), **named, "releasable": True})


def take_batch(connection: Connection, purpose: str, now: datetime) -> int:
    """The next batch, its counter locked to commit: batch order is commit order."""
    batch = int(connection.execute(sql("store/take_batch")).scalar_one())
    connection.execute(sql("store/open_batch"), {"batch": batch, "now": now, "purpose": purpose})
    return batch


def run(connection: Connection, keys: Keys, *statements: str) -> None:
    """Statements of sql/store in order, each given those of `keys` it names."""
    for name in statements:
        connection.execute(sql(f"store/{name}"), named(name, keys))


def named(name: str, keys: Keys) -> dict[str, Any]:
    """Those of `keys` that sql/store/<name>.sql names."""
    wanted = sql(f"store/{name}").compile().params
    return {key: value for key, value in keys.items() if key in wanted}


def load(connection: Connection, table: str, frame: pd.DataFrame) -> None:
    """Make the temporary table sql/store/<table>.sql describes, and copy a frame into it."""
    connection.execute(sql(f"store/{table}"))
    copy_frame(connection, table, frame)


def insist(counts_agree: bool) -> None:
    """Raises RuntimeError when the store counted other rows than it wrote."""
    if not counts_agree:
        raise RuntimeError("The rows stored are not those counted as new: a defect of the store; nothing of this file was kept.")
