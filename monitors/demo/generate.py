"""The demo's year of files, as five hospitals would send them. Everything is synthetic and says so.

History comes as one labs file a unit; the last three nights (`LIVE`) bring one labs file a unit each, and
with them what goes wrong in real feeds: missing and wrong units, corrections, a withdrawal, a copy of a file,
a file with other columns, one whose rows are mostly bad. N1 to N3 send CSV; N4 HL7 v2 and N5 FHIR, whose files
`messages` makes. Same `last_night`, same `seed`: same bytes.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from monitors.demo import lists, messages, mistakes, series
from monitors.demo.cohort import cohort
from monitors.demo.dialects import DIALECTS

LIVE = messages.LIVE
WAITING = messages.WAITING
LABORATORIES = {**DIALECTS, **messages.LABORATORIES}


@dataclass(frozen=True)
class Made:
    """What `generate` made. nights: the live nights, oldest first, the last being last_night. size: bytes. known: what a
    reader may look for, story name -> identifiers."""

    folder: Path
    nights: tuple[date, ...]
    patients: int
    size: int
    files: int
    known: dict[str, tuple[str, ...]]


def generate(folder: Path, last_night: date, seed: int) -> Made:
    """Write the feeds below `folder` (emptied first): <unit>/<kind>/<file>.csv for history (N4, N5: <unit>/<file>), and
    the live nights' files below waiting/<night>/ until `deliver` brings them.

    Nothing is dated after the day before last_night, but for one row on purpose.
    """
    if folder.exists():
        shutil.rmtree(folder)
    rng = np.random.default_rng(seed)
    people = cohort(last_night, rng)
    drawn = series.draws(people, rng)
    rows = results(people, drawn, series.measured(people, drawn, rng), last_night)
    nights = tuple(last_night - timedelta(days=back) for back in reversed(range(LIVE)))
    files: dict[str, bytes] = {}
    for unit in DIALECTS:
        own = rows[rows["unit"] == unit].reset_index(drop=True)
        files |= _labs(unit, own, last_night, rng)
    files |= lists.medications(people, last_night) | lists.census(people, last_night)
    files |= messages.files(people, rows, last_night)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for unit in DIALECTS:
        for kind in ("labs", "medications", "census"):
            (folder / unit.lower() / kind).mkdir(parents=True, exist_ok=True)
    told = people[people["story"] != ""]
    known = {str(name): tuple(own["identifier"]) for name, own in told.groupby("story")}
    return Made(
        folder,
        nights,
        len(people),
        sum(len(content) for content in files.values()),
        len(files),
        known,
    )


def deliver(folder: Path, night: date) -> list[Path]:
    """Bring the files of a live night: from waiting/<night>/ to where the feeds look. Again: nothing."""
    waiting = folder / WAITING / night.isoformat()
    brought = []
    for path in sorted(found for found in waiting.rglob("*") if found.is_file()):
        target = folder / path.relative_to(waiting)
        path.replace(target)
        brought.append(target)
    return brought


def results(
    people: pd.DataFrame, drawn: pd.DataFrame, measured: pd.DataFrame, last_night: date
) -> pd.DataFrame:
    """Canonical rows, oldest first: one result each, as its laboratory prints it.

    Columns: unit, story, identifier, born, accession, analyte, value, code, value_text, unit_text, assay,
    upper_limit, status, timing, collected, issued, note (texts), at (naive local time), back and arrives (days
    before the last night it was drawn and reported).
    """
    rows = (
        pd.concat([measured, _haemoglobin(drawn)]).sort_values("draw", kind="stable").reset_index(drop=True)
    )
    who = people.iloc[rows["patient"]].reset_index(drop=True)
    draw = drawn.iloc[rows["draw"]].reset_index(drop=True)
    start = pd.Timestamp(datetime.combine(last_night, datetime.min.time()))
    rows["at"] = start - pd.to_timedelta(draw["back"], unit="D") + pd.to_timedelta(draw["minute"], unit="min")
    late = (who["story"] == "settles") & (draw["turn"] == 1)  # reported with the newest draw
    rows["arrives"] = draw["back"].where(~late, who["newest"])
    rows = rows.assign(
        unit=who["unit"], story=who["story"], identifier=who["identifier"], born=who["born"],
        timing=np.where(draw["post"], "post", "pre"), note="",
    )  # fmt: skip
    parts = []
    for unit, own in rows.groupby("unit", sort=True):
        dialect = LABORATORIES[str(unit)]
        own = dialect.print(own)
        reported = own["at"] + pd.to_timedelta(own["back"] - own["arrives"], unit="D")
        parts.append(own.assign(
            accession=dialect.accession + (own["draw"] + 100_001).astype(str),
            status=dialect.statuses["final"],
            born=[day.strftime("%d/%m/%Y") if day else "" for day in own["born"]],
            collected=dialect.when(own["at"]),
            issued=dialect.when(reported + pd.Timedelta(minutes=55)),
        ))  # fmt: skip
    return pd.concat(parts).sort_index()


def _haemoglobin(drawn: pd.DataFrame) -> pd.DataFrame:
    """Something every laboratory sends and nobody asked for: expected, not monitored."""
    some = drawn[drawn["turn"] % 4 == 0]
    return pd.DataFrame({
        "draw": some.index, "patient": some["patient"], "back": some["back"], "analyte": "haemoglobin",
        "value": 9.8 + (some.index % 25) / 10,
    })  # fmt: skip


def _labs(unit: str, own: pd.DataFrame, last_night: date, rng: np.random.Generator) -> dict[str, bytes]:
    """One unit's labs files by name. A live night brings the draws of the day before it."""
    dialect = DIALECTS[unit]
    where = f"{unit.lower()}/labs"
    history = mistakes.in_history(own[own["arrives"] > LIVE], dialect, rng)
    files = {f"{where}/labs-history.csv": dialect.write(history)}
    for back in reversed(range(LIVE)):
        night = last_night - timedelta(days=back)
        window = (
            (back + 1, back + 2) if unit == "N3" else (back + 1,)
        )  # N3 always sends two days: the older is known
        fresh = mistakes.in_a_night(own[own["arrives"].isin(window)], own, dialect, back)
        place = f"{WAITING}/{night}/{where}"
        files[f"{place}/labs-{night}.csv"] = dialect.write(fresh)
        files |= {
            f"{place}/{name}": content
            for name, content in mistakes.extra_files(fresh, files, dialect, night, back).items()
        }
    return files
