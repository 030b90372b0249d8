"""What the fields of every kind of row share: text columns, states, statuses, codes looked up once a text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from monitors.config import Feed
from monitors.feeds import readings
from monitors.feeds.readings import states


def text(frame: pd.DataFrame, field: str) -> pd.Series:
    """The column of a field; missing everywhere where the source has no such field."""
    if field in frame:
        return frame[field]
    return pd.Series(None, index=frame.index, dtype="str")


def status(frame: pd.DataFrame, feed: Feed, ours: tuple[str, ...]) -> dict[str, Any]:
    """status in our words (nothing written means the first of `ours`) and status_state: known | unknown."""
    words = feed.mapping.statuses

    def read(text: str) -> str:
        word = words.get(text, text.casefold())
        return word if word in ours else ""

    places, read_as = readings.each(text(frame, "status"), read, ours[0])
    return {
        "status": labels(places, read_as),
        "status_state": states(places, ("known", "unknown"), ["known" if word else "unknown" for word in read_as]),
    }


def labels(places: np.ndarray, texts: list[Any]) -> pd.Categorical[Any]:
    """A text column with few distinct texts: `texts` at `places`, None missing; one small number a row."""
    codes, distinct = pd.factorize(np.array(texts, dtype=object))
    return pd.Categorical.from_codes(codes[places], pd.Index(distinct, dtype="str"))
