"""What goes wrong in real feeds, put in on purpose: each kind a few times, so that the summary shows it.

Values, units and names of the stories (cohort.STORIES) stay as told; mistakes happen to the others.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd

from monitors.demo.dialects import Dialect

CORRECTED_TO = (4.7, 4.8)  # mg/dL: the newest two phosphates of the story `corrected_away`


def in_history(rows: pd.DataFrame, dialect: Dialect, rng: np.random.Generator) -> pd.DataFrame:
    """History with a few bad rows: no unit, a unit nobody knows, mmol/L printed as mg/dL, no collection time,
    a collection time years ahead, words for a number, a code nobody mapped, urine."""
    rows = rows.copy()
    plain = rows.index[(rows["story"] == "") & (rows["analyte"] != "haemoglobin") & (rows["back"] > 35)]
    picked = rng.choice(plain, size=18, replace=False)
    rows.loc[picked[:5], "unit_text"] = ""
    rows.loc[picked[5:7], "unit_text"] = "mval"
    rows.loc[picked[7:9], "collected"] = ""
    rows.loc[picked[9:12], "value_text"] = ["haemolysed", "see comment", "NaN"]
    rows.loc[picked[12:13], "code"] = "PHOS-NEW" if dialect.unit != "N3" else "PHOSPHAT-NEU"
    rows.loc[picked[13:14], "collected"] = dialect.when(
        rows.loc[picked[13:14], "at"] + pd.DateOffset(years=2)
    )
    rows.loc[picked[14:18], "code"] = dialect.analytes["urine_phosphate"].code
    if dialect.unit == "N2":
        calcium = rows.index[(rows["story"] == "") & (rows["analyte"] == "calcium") & (rows["back"] > 35)]
        wrong = rng.choice(calcium, size=4, replace=False)
        rows.loc[wrong, "value_text"] = [f"{value * 0.2495:.2f}" for value in rows.loc[wrong, "value"]]
        phosphate = rows.index[(rows["story"] == "") & (rows["analyte"] == "phosphate") & (rows["back"] > 35)]
        rows.loc[rng.choice(phosphate, size=6, replace=False), "unit_text"] = "mg%"  # old, but it is mg/dL
    return rows


def in_a_night(fresh: pd.DataFrame, own: pd.DataFrame, dialect: Dialect, back: int) -> pd.DataFrame:
    """A live night's rows with what changes between nights. back: nights before the last one.

    N1: a provisional phosphate two nights ago, its final value last night but one. N2, last night: the two
    phosphates of `corrected_away` corrected. N3, last night: one withdrawn. Everywhere: a missing unit.
    """
    fresh = fresh.copy()
    plain = fresh.index[(fresh["story"] == "") & (fresh["analyte"] == "potassium")]
    fresh.loc[plain[:1], "unit_text"] = ""
    if dialect.unit == "N1" and back == 2:
        row = _provisional(fresh)
        fresh.loc[row, "status"] = dialect.statuses["preliminary"]
        fresh.loc[row, "value_text"] = [f"{value * 0.3229 + 0.05:.2f}" for value in fresh.loc[row, "value"]]
    if dialect.unit == "N1" and back == 1:
        fresh = pd.concat(
            [fresh, _reissued(own.loc[_provisional(own[own["back"] == 3])], dialect, back, "final", "")]
        )
    if dialect.unit == "N2" and back == 0:
        wrong = (
            own[(own["story"] == "corrected_away") & (own["analyte"] == "phosphate")]
            .sort_values("back")
            .iloc[:2]
        )
        right = _reissued(wrong, dialect, back, "corrected", "interference, repeated by another method")
        fresh = pd.concat([fresh, right.assign(value_text=[f"{value:.1f}" for value in CORRECTED_TO])])
    if dialect.unit == "N3" and back == 0:
        late = own[(own["story"] == "") & (own["analyte"] == "calcium") & (own["back"] > 4)].iloc[-1:]
        fresh = pd.concat([fresh, _reissued(late, dialect, back, "cancelled", "sample mislabelled")])
    return fresh


def extra_files(
    fresh: pd.DataFrame, files: dict[str, bytes], dialect: Dialect, night: date, back: int
) -> dict[str, bytes]:
    """Files beside the night's own, by name: N1 sends the file of the night before again under another name,
    N2 a file with other columns (held), N3 one whose rows mostly lack their unit (held)."""
    if dialect.unit == "N1" and back == 1:
        earlier = night - timedelta(days=1)
        again = next(content for name, content in files.items() if name.endswith(f"labs-{earlier}.csv"))
        return {f"labs-{earlier} (copy).csv": again}
    if dialect.unit == "N2" and back == 1:
        renamed = {"value": "result", "unit": "uom", "collected": "drawn_at"}
        header, body = dialect.write(fresh).decode(dialect.encoding).split("\r\n", 1)
        other = ",".join(renamed.get(column, column) for column in header.split(","))
        return {f"labs-{night}-new-system.csv": f"{other}\r\n{body}".encode(dialect.encoding)}
    if dialect.unit == "N3" and back == 0:
        late = fresh[fresh["story"] == ""].copy()
        late["accession"] = late["accession"] + "N"
        late.loc[late.index[: len(late) * 4 // 5], "unit_text"] = ""
        return {f"labs-{night}-nachtrag.csv": dialect.write(late)}
    return {}


def _provisional(rows: pd.DataFrame) -> pd.Index:
    """The first ordinary phosphate of these rows."""
    return rows.index[(rows["story"] == "") & (rows["analyte"] == "phosphate") & (rows["timing"] == "pre")][
        :1
    ]


def _reissued(rows: pd.DataFrame, dialect: Dialect, back: int, status: str, note: str) -> pd.DataFrame:
    """The same results once more: issued on the eve of the night `back`, with another status."""
    days = pd.to_timedelta(rows["back"] - back - 1, unit="D")
    issued = rows["at"].dt.normalize() + days + pd.Timedelta(hours=17)
    return rows.assign(status=dialect.statuses[status], note=note, issued=dialect.when(issued))
