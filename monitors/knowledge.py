"""What was known: the frames one shard is judged from, as of a batch and a night.

Everything here is filtered by `batch <= known` and nothing by when it was recorded, so asking again after
later loads gives the same frames. The results come in the order of their covering index; what was
superseded is dropped on the arrays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection

from monitors.config import Config
from monitors.database import Database, Role, sql
from monitors.records import Unit, as_of

Ints = npt.NDArray[np.int64]
Columns = dict[str, Any]  # name -> array, all of one length

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NEVER = np.iinfo(np.int64).min  # also how numpy writes "not a time"
DAY = 86_400_000_000  # microseconds
TABLE = 100_000_000  # ids a lookup table may span: 100 MB
JUDGED = ("active", "admitted")
SILENT = "left"  # no census, and no draw for longer than site.active_days
ADULT = 18  # years
OUTSIDE = "outside_population:"
HAEMODIALYSIS = {  # a modality made of these words only is in-centre haemodialysis; so is none at all
    "hd", "hdf", "ichd", "haemodialysis", "hemodialysis", "haemodiafiltration", "hemodiafiltration", "in",
    "centre", "center", "incentre", "incenter", "unit", "facility", "chronic", "maintenance",
}  # fmt: skip


@dataclass(frozen=True)
class Knowledge:
    """The frames of docs/architecture.md for one shard, and where each of its patients stands.

    standings: patient_id, unit, status, newest_result (UTC, NaT none); also those no longer judged. facts: of those
    judged, patient_id, fact (concept of facts.yaml), day, end_day (since 1970-01-01; -1 none), value (NaN none), fact_id.
    """

    series: pd.DataFrame
    patients: pd.DataFrame
    medications: pd.DataFrame
    standings: pd.DataFrame
    facts: pd.DataFrame

    @property
    def frames(self) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        """What `rules.judge.judge` takes first; `facts` it takes by name."""
        return self.series, self.patients, self.medications


def max_batch(connection: Connection) -> int:
    """The newest batch that is committed; 0 when nothing was ever stored."""
    return int(connection.execute(sql("judge/max_batch")).scalar_one())


def plan_shards(connection: Connection, known: int, rows_per_shard: int) -> list[tuple[int, int]]:
    """Ranges (first, last) of patient ids that cover every patient known, each once, in order.

    A range holds at most `rows_per_shard` versions of results, or one patient who alone has more.
    """
    ranges: list[tuple[int, int]] = []
    first = last = filled = 0
    for patient_id, versions in connection.execute(sql("judge/rows_by_patient"), {"known": known}):
        rows = int(versions) + 1  # a patient without results takes room, too
        if first and filled + rows > rows_per_shard:
            ranges.append((first, last))
            first = filled = 0
        first, last, filled = first or int(patient_id), int(patient_id), filled + rows
    return [*ranges, (first, last)] if first else ranges


def read_shard(db: Database, config: Config, known: int, night: date, first: int, last: int) -> Knowledge:
    """Read the patients `first` to `last` as known at batch `known`, with evidence that ends at `night`.

    Every patient with a unit stands in `standings`; only active and admitted ones are in the frames to judge.
    """
    shard = {"known": known, "first": first, "last": last}
    places = _Places.of(db, config, night)
    subjects = db.frame(Role.PIPELINE, "judge/known_subjects", **shard)
    rows = _results(db, subjects, shard)
    homes = _homes(db, subjects, rows, night, shard, places)

    home = pd.Index(homes.patient_id).get_indexer(rows["patient_id"])
    seen = home >= 0
    seen[seen] = rows["at"][seen] < places.as_of[homes.unit[home[seen]]]
    rows, home = _where(rows, seen), home[seen]

    newest = np.full(len(homes.patient_id), NEVER)
    np.maximum.at(newest, home, rows["at"])
    silent = _day(night) - _days(newest, homes.unit, places) > config.site.active_days
    status = np.where(homes.status != "", homes.status, np.where(silent, SILENT, "active"))

    judged = np.isin(status, JUDGED)
    rows, home = _where(rows, judged[home]), home[judged[home]]
    patient_ids = homes.patient_id[judged]
    return Knowledge(
        series=_series(db, rows, _days(rows["at"], homes.unit[home], places)),
        patients=_patients(homes.only(judged), subjects, night, places),
        medications=_medications(db, subjects, patient_ids, shard),
        standings=pd.DataFrame({
            "patient_id": homes.patient_id, "unit": _text(places.codes[homes.unit]), "status": _text(status),
            "newest_result": pd.Series(newest.view("M8[us]")).dt.tz_localize("UTC"),
        }),
        facts=_facts(db, subjects, patient_ids, shard, night),
    )  # fmt: skip


def read_shards(db: Database, config: Config, shards: Iterable[tuple[int, date, int, int]]) -> Iterator[Knowledge]:
    """read_shard of each (known, night, first, last), in order. A thread of its own reads the next one meanwhile: it mostly
    waits for the database. What fails there fails here."""
    with ThreadPoolExecutor(1) as ahead:
        begun: Future[Knowledge] | None = None
        for shard in shards:
            before, begun = begun, ahead.submit(read_shard, db, config, *shard)
            if before is not None:
                yield before.result()
        if begun is not None:
            yield begun.result()


# -------------------------------------------------------------------------------------------------- places
@dataclass(frozen=True)
class _Places:
    """The units, numbered: code, zone, and the instant (us UTC) that ends the night's evidence there."""

    codes: npt.NDArray[np.object_]
    zones: list[str]
    as_of: Ints

    @classmethod
    def of(cls, db: Database, config: Config, night: date) -> _Places:
        """Units of the site file; one that only the database still knows keeps the zone it had."""
        units = {unit.code: unit.record() for unit in config.site.units}
        with db.begin(Role.PIPELINE) as connection:
            for row in connection.execute(sql("judge/units")):
                units.setdefault(row.unit, Unit(row.unit, row.name, row.zone, row.cutoff))
        ends = [(as_of(night, unit) - EPOCH) // timedelta(microseconds=1) for unit in units.values()]
        zones = [unit.zone for unit in units.values()]
        return cls(np.array(list(units), object), zones, np.array(ends, np.int64))

    def numbers(self, codes: Iterable[str]) -> Ints:
        number = {code: i for i, code in enumerate(self.codes)}
        return np.array([number[code] for code in codes], np.int64)


def _day(day: date) -> int:
    return (day - EPOCH.date()).days


def _days(at: Ints, unit: Ints, places: _Places) -> Ints:
    """Days since 1970-01-01 of instants, each in its unit's own zone."""
    zones = sorted(set(places.zones))
    zone = np.array([zones.index(name) for name in places.zones], np.int64)[unit]
    days = np.full(len(at), NEVER)
    for number, name in enumerate(zones):
        here = np.flatnonzero((zone == number) & (at != NEVER))
        local = pd.DatetimeIndex(at[here].view("M8[us]"), tz="UTC").tz_convert(name).tz_localize(None)
        days[here] = local.as_unit("us").asi8 // DAY
    return days


# ------------------------------------------------------------------------------------------------- results
def _results(db: Database, subjects: pd.DataFrame, shard: Mapping[str, int]) -> Columns:
    """Current results of the shard's patients, sorted by patient, analyte, instant, id."""
    inside = subjects["subject_id"].between(shard["first"], shard["last"])
    rows: Columns = db.arrays(Role.PIPELINE, "judge/known_results", **shard)
    if not inside.all():
        more = db.arrays(Role.PIPELINE, "judge/known_results_merged", **shard)
        rows = {name: np.concatenate([rows[name], more[name]]) for name in rows}
    rows["at"] = rows.pop("collected_at").view(np.int64)
    traits = rows.pop("traits")  # see the statement
    rows |= {"analyte": (traits >> 48).astype(np.int16), "flags": (traits >> 32 & 0xFFFF).astype(np.int32),
             "assay_id": traits & 0xFFFF_FFFF}  # fmt: skip
    rows["patient_id"] = _patient_of(rows.pop("subject_id"), subjects)
    return _sorted(_where(rows, (rows["patient_id"] >= 0) & ~_superseded(db, rows["id"], shard["known"])))


def _patient_of(subject: Ints, subjects: pd.DataFrame) -> Ints:
    """The patient each row's subject is linked to; -1 for one who is linked out of the shard."""
    if not len(subject):
        return subject
    starts = np.flatnonzero(np.concatenate(([True], subject[1:] != subject[:-1])))
    linked = pd.Series(subjects["patient_id"].to_numpy(), subjects["subject_id"].to_numpy())
    patient = linked.reindex(subject[starts], fill_value=-1).to_numpy()
    return np.repeat(patient, np.diff(np.append(starts, len(subject))))


def _superseded(db: Database, ids: Ints, known: int) -> npt.NDArray[np.bool_]:
    if not len(ids):
        return np.zeros(0, bool)
    lowest, highest = int(ids.min()), int(ids.max())
    losers = db.frame(Role.PIPELINE, "judge/known_superseded", known=known, lowest=lowest, highest=highest)
    # Looked up in a table of one byte an id; sorted and searched only where that would not be small.
    return np.isin(ids, losers["loser_id"].to_numpy(), kind="table" if highest - lowest < TABLE else "sort")


def _sorted(rows: Columns) -> Columns:
    """Rows by patient, analyte, instant, id: nearly always as they come, but for patients who were merged."""
    equal = np.ones(max(len(rows["id"]) - 1, 0), bool)
    for name in ("patient_id", "analyte", "at", "id"):
        before, after = rows[name][:-1], rows[name][1:]
        if (equal & (before > after)).any():
            order = np.lexsort((rows["id"], rows["at"], rows["analyte"], rows["patient_id"]))
            return {column: values[order] for column, values in rows.items()}
        equal &= before == after
    return rows


def _where(rows: Columns, keep: npt.NDArray[np.bool_]) -> Columns:
    return rows if keep.all() else {name: values[keep] for name, values in rows.items()}


def _series(db: Database, rows: Columns, day: Ints) -> pd.DataFrame:
    assays = db.frame(Role.PIPELINE, "judge/known_assays")
    numbers = np.concatenate(([0], assays["assay_id"].to_numpy(np.int64)))  # 0: the result names no assay
    assay = np.searchsorted(numbers, rows["assay_id"])
    method = np.concatenate(([-1], assays["method"].to_numpy(np.int64)))
    upper_limit = np.concatenate(([np.nan], assays["upper_limit"].to_numpy(np.float64)))
    return pd.DataFrame({
        "patient_id": rows["patient_id"], "analyte": rows["analyte"], "at": rows["at"], "day": day,
        "value": rows["value"], "flags": rows["flags"], "draw": rows["draw"], "id": rows["id"],
        "method": method[assay], "upper_limit": upper_limit[assay], "known_since": rows["batch"],
    }, copy=False)  # fmt: skip


# --------------------------------------------------------------------------------------------------- homes
@dataclass(frozen=True)
class _Homes:
    """Where each patient belongs on the night, sorted by patient. unit: its number; status '' and modality ''
    where no census says."""

    patient_id: Ints
    unit: Ints
    status: npt.NDArray[np.object_]
    modality: npt.NDArray[np.object_]

    def only(self, keep: npt.NDArray[np.bool_]) -> _Homes:
        return _Homes(self.patient_id[keep], self.unit[keep], self.status[keep], self.modality[keep])


def _homes(
    db: Database, subjects: pd.DataFrame, rows: Columns, night: date, shard: Mapping[str, int],
    places: _Places,
) -> _Homes:  # fmt: skip
    """By the census in effect, the newest word of any of a patient's subjects; else by the newest draw."""
    census = db.frame(Role.PIPELINE, "judge/known_census", **shard, night=night)
    census = census.merge(subjects[["subject_id", "patient_id"]], on="subject_id")
    census = census.sort_values(["patient_id", "effective_day", "batch", "census_id"])
    census = census.drop_duplicates("patient_id", keep="last")
    known = census["patient_id"].to_numpy(np.int64)
    without = _where(rows, ~np.isin(rows["patient_id"], known))
    drawn, unit = _units_of_newest(db, without, places)
    patient_id = np.concatenate((known, drawn))
    order = np.argsort(patient_id)
    blank = np.full(len(drawn), "", object)
    return _Homes(
        patient_id[order],
        np.concatenate((places.numbers(census["unit"]), unit))[order],
        np.concatenate((census["status"].to_numpy(object), blank))[order],
        np.concatenate((census["modality"].fillna("").to_numpy(object), blank))[order],
    )


def _units_of_newest(db: Database, rows: Columns, places: _Places) -> tuple[Ints, Ints]:
    """Patients of `rows`, and the unit of each one's newest draw before that unit's own cut-off.

    A draw between two units' cut-offs may be too late for its unit: then the one before it is asked.
    """
    order = np.lexsort((rows["id"], rows["at"], rows["patient_id"]))
    rows = {name: rows[name][order] for name in ("patient_id", "at", "id")}
    rows = _where(rows, rows["at"] < places.as_of.max(initial=0))
    patients: list[Ints] = []
    units: list[Ints] = []
    while len(rows["id"]):
        last = np.append(rows["patient_id"][1:] != rows["patient_id"][:-1], True)
        newest = _where(rows, last)
        with db.begin(Role.PIPELINE) as connection:
            found = connection.execute(sql("judge/units_of_results"), {"ids": newest["id"].tolist()})
            unit_of = {row.id: row.unit for row in found}
        unit = places.numbers(unit_of[i] for i in newest["id"].tolist())
        settled = newest["at"] < places.as_of[unit]
        patients.append(newest["patient_id"][settled])
        units.append(unit[settled])
        rows = _where(rows, ~last & ~np.isin(rows["patient_id"], newest["patient_id"][settled]))
    return np.concatenate([*patients, np.zeros(0, np.int64)]), np.concatenate([*units, np.zeros(0, np.int64)])


# ------------------------------------------------------------------------------------ patients, medications
def _patients(homes: _Homes, subjects: pd.DataFrame, night: date, places: _Places) -> pd.DataFrame:
    """Who is judged. Born: as the founding subject says, else the first linked one that says."""
    founder = (subjects["subject_id"] != subjects["patient_id"]).rename("merged")
    ordered = subjects.assign(merged=founder).sort_values(["patient_id", "merged", "subject_id"])
    born = ordered.groupby("patient_id")["born_day"].first().reindex(homes.patient_id).to_numpy(np.float64)
    modality = pd.Series(homes.modality, dtype=object)
    excluded = modality.map({text: _outside(text) for text in modality.unique()}).to_numpy(object)
    excluded = np.where((excluded == "") & np.isnan(born), OUTSIDE + "age_unknown", excluded)
    excluded = np.where((excluded == "") & (born > _youngest(night)), OUTSIDE + "child", excluded)
    return pd.DataFrame({
        "patient_id": homes.patient_id,
        "unit": _text(places.codes[homes.unit]),
        "as_of": places.as_of[homes.unit],
        "as_of_day": np.full(len(homes.patient_id), _day(night)),
        "excluded": _text(excluded),
    })


def _youngest(night: date) -> int:
    """The birth day of somebody who comes of age that night; on 29 February, of 28 February."""
    day = 28 if (night.month, night.day) == (2, 29) else night.day
    return _day(night.replace(year=night.year - ADULT, day=day))


def _outside(modality: str) -> str:
    """Why a modality is outside the intended population, adults on in-centre haemodialysis; '' if it is not."""
    words = modality.casefold().replace("-", " ").split()
    if any(word.startswith("transplant") for word in words):
        return OUTSIDE + "transplanted"
    return "" if set(words) <= HAEMODIALYSIS else OUTSIDE + "modality"


def _medications(
    db: Database, subjects: pd.DataFrame, patient_ids: Ints, shard: Mapping[str, int]
) -> pd.DataFrame:
    frame = db.frame(Role.PIPELINE, "judge/known_medications", **shard)
    frame = frame.merge(subjects[["subject_id", "patient_id"]], on="subject_id")
    frame = frame[frame["patient_id"].isin(patient_ids)]
    frame = frame.sort_values(["patient_id", "medication_id", "drug_class"], ignore_index=True)
    numbers = ["patient_id", "start_day", "stop_day", "supply_days", "listed_day", "medication_id"]
    frame = frame.astype(dict.fromkeys(numbers, np.int64))
    return frame[["patient_id", "drug_class", "drug_text", *numbers[1:]]]


def _facts(
    db: Database, subjects: pd.DataFrame, patient_ids: Ints, shard: Mapping[str, int], night: date
) -> pd.DataFrame:
    frame = db.frame(Role.PIPELINE, "judge/known_facts", **shard, night=night)
    frame = frame.merge(subjects[["subject_id", "patient_id"]], on="subject_id")
    frame = frame[frame["patient_id"].isin(patient_ids)]
    frame = frame.sort_values(["patient_id", "day", "fact_id"], ignore_index=True)
    frame = frame.astype(dict.fromkeys(["patient_id", "day", "end_day", "fact_id"], np.int64) | {"value": np.float64})
    return frame[["patient_id", "fact", "day", "end_day", "value", "fact_id"]]


def _text(values: npt.NDArray[np.object_]) -> pd.Series:
    """Text as plain objects: pandas would make it an Arrow-backed column."""
    return pd.Series(values, dtype=object)
