"""What every parser gives, whatever the format: frames of text, one a kind of row; nothing interpreted."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

SOURCE = "source:"  # prefix of the columns that keep the row as received
REFUSED = ("row_no", "line_no", "reason", "sentence", "remedy", "raw", "results")


_NOTHING = pd.DataFrame({name: pd.Series(dtype="int64" if name in ("row_no", "line_no") else "str") for name in REFUSED})


def nothing_refused() -> pd.DataFrame:
    return _NOTHING.copy()


@dataclass(frozen=True)
class Parsed:
    """One file, read.

    frames: kind -> a row for each result, medication, census line, fact or link. Columns of each: `row_no` (which
    row of the file; over all frames and `refused` together each number once; from the bytes alone, never from the
    mapping, so that reading again meets the same rows), `line_no` (line the row starts on), the fields of
    feed_model.FIELDS (text; missing where the source wrote nothing), `ragged_line` (text of a row that does not fit
    the header, else missing), and the row as received under `source:<name>`.
    refused: parts of the file that are no rows because nobody can say whose or what they are (a broken message in a
    batch): row_no, line_no, reason, sentence, remedy, raw (text), results (JSON text: what the part seems to say, a list of
    [code, value, unit_text, collected_at, accession]; asked only whether it would be critical). Each counts as one
    received, quarantined row.
    ignored: what was read and is no row, counted by name (segments, resources, extensions nobody asked for).
    resources: FHIR resources others may refer to from other files: reference ('Patient/1') -> its JSON text.
    """

    frames: dict[str, pd.DataFrame]
    refused: pd.DataFrame = field(default_factory=nothing_refused)
    ignored: dict[str, int] = field(default_factory=dict)
    resources: dict[str, str] = field(default_factory=dict)
