"""Who the rows of a file are about: numbers, dates of birth, second identifiers, merges and their undoing.

A *subject* is a patient number of one authority; a *patient* is the subjects joined by links. Links follow from
`identity_events` alone: of each pair of numbers the latest event counts, of each number its latest merge, so the
order of arrival changes nothing and an unmerge gives back what was before. docs/adr/0004-result-identity.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from sqlalchemy import Connection

from monitors.config import Feed
from monitors.database import sql
from monitors.store_links import WHO, relink, save_links
from monitors.store_rows import Refused, Stored, load, run

PERSON = ("family_name", "given_name", "sex", "second_identifier")
DAY = pd.ArrowDtype(pa.date32())
NONE = np.iinfo(np.int64).min  # numpy's "not a time", as a number of days

Days = npt.NDArray[np.int64]


@dataclass(frozen=True)
class People:
    """The patients of one file, in the temporary table `people`. person: kind -> (n,) its number of each row, -1 for
    rows that are refused; refused: those rows; links: what became of the rows of that kind."""

    person: dict[str, npt.NDArray[np.int32]] = field(default_factory=dict)
    refused: Refused = field(default_factory=Refused)
    links: Stored = field(default_factory=Stored)


def save_people(
    connection: Connection, feed: Feed, rows: Mapping[str, pd.DataFrame], file_id: int, batch: int, released: frozenset[int]
) -> People:
    """Found the numbers never seen, fill what was not known of the others, join and part what belongs together or not.

    rows: good rows by kind. The date of birth believed of a number is the known one; of a number nobody knew, the one
    that more than half of its rows with a date give. A census may correct a date that no census and no person gave
    before; a released row (`released`: row numbers) corrects it always. Rows that contradict what is believed are
    refused.
    """
    told = _told(rows)
    person, identifiers = pd.factorize(told["patient"])
    people = pd.DataFrame({"person": np.arange(len(identifiers), dtype=np.int32), "identifier": identifiers})
    people = people.join(_known(connection, feed, identifiers), on="identifier")
    free = told["row_no"].isin(released).to_numpy()
    birth = _days(told["date_of_birth"])
    belief = _believed(people, person, birth, told["kind"].to_numpy() == "census", free)
    wrong = (birth != NONE) & (birth != belief.day[person]) & (belief.day[person] != NONE)
    refused = Refused()
    refused.add(told["row_no"], wrong & ~free, "The date of birth is not the one believed of this patient number.", WHO)
    doubtful = belief.doubtful[person] & ~free
    refused.add(told["row_no"], doubtful, "The file gives this patient number several dates of birth, none most often.", WHO)
    out = (wrong | doubtful) & ~free
    for name in PERSON:
        people[name] = _first(told[name], person, out).reindex(people["person"]).to_numpy(dtype=object)
    people["date_of_birth"] = pd.Series(belief.day.view("M8[D]").astype("M8[s]")).astype(DAY)
    people["said_by"] = belief.said_by
    if feed.second_authority:
        alike = np.isin(np.arange(len(people)), _contradicted(connection, feed, people))[person] & ~out & ~free
        sentence = "The second identifier belongs to a patient with another date of birth."
        refused.add(told["row_no"], alike, sentence, WHO)
        out |= alike
    kept = np.zeros(len(people), bool)
    kept[person[~out]] = True
    keys = {"authority": feed.authority, "second_authority": feed.second_authority or None, "batch": batch, "file_id": file_id}
    columns = ["person", "identifier", "date_of_birth", "said_by", *PERSON]
    load(connection, "incoming_people", people.loc[kept, columns])
    run(connection, keys, "new_subjects", "new_births", "fill_subjects")
    if feed.second_authority:
        run(connection, keys, "join_second")
    links = Stored()
    if "links" in rows:
        good = rows["links"]
        links = save_links(connection, feed, good[~good["row_no"].isin(refused.rows)], keys, released, refused)
    relink(connection, batch)
    run(connection, keys, "found_links", "people", "find_people", "analyze_people")
    numbered, kinds = np.where(out, -1, person).astype(np.int32), told["kind"].to_numpy()
    return People({kind: numbered[kinds == kind] for kind in rows if kind != "links"}, refused, links)


def _told(rows: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """What every row says of its patient: row_no, kind, patient, date_of_birth, PERSON. A link names two."""
    columns = ["row_no", "patient", "date_of_birth", *PERSON]
    frames = [frame.reindex(columns=columns).assign(kind=kind) for kind, frame in rows.items()]
    if "links" in rows:
        merged = rows["links"][["row_no", "merged_patient"]].rename(columns={"merged_patient": "patient"})
        frames.append(merged.reindex(columns=columns).assign(kind="links"))
    return frames[0].reset_index(drop=True) if len(frames) == 1 else pd.concat(frames, ignore_index=True)


def _days(dates: pd.Series) -> Days:
    return pd.to_datetime(dates).to_numpy("M8[D]").astype(np.int64)


def _known(connection: Connection, feed: Feed, identifiers: Iterable[str]) -> pd.DataFrame:
    rows = connection.execute(
        sql("store/known_people"), {"authority": feed.authority, "identifiers": [str(text) for text in identifiers]}
    ).all()
    names = ["identifier", "subject_id", "known_birth", "said_by", "known_second"]
    return pd.DataFrame(rows, columns=names).set_index("identifier").astype({"known_birth": "datetime64[s]"})


@dataclass(frozen=True)
class _Belief:
    """By person: the date of birth believed (day number, NONE unknown), who said it, and whether it is in doubt."""

    day: Days
    said_by: npt.NDArray[np.object_]
    doubtful: npt.NDArray[np.bool_]


def _believed(
    people: pd.DataFrame, person: npt.NDArray[np.int64], birth: Days, census: npt.NDArray[np.bool_],
    free: npt.NDArray[np.bool_],
) -> _Belief:  # fmt: skip
    known = _days(people["known_birth"])
    usual, rows, most = _most_often(person, birth, len(people))
    clear = 2 * most > rows
    said_by = people["said_by"].to_numpy(object).copy()
    day = np.where(known != NONE, known, np.where(clear, usual, NONE))
    said_by[known == NONE] = "labs"
    by_census, rows_c, most_c = _most_often(person, np.where(census, birth, NONE), len(people))
    settles = (rows_c > 0) & (rows_c == most_c) & ~np.isin(said_by, ["census", "person"])
    settles |= (known == NONE) & (rows_c > 0) & (rows_c == most_c)
    day, said_by[settles] = np.where(settles, by_census, day), "census"
    released = np.flatnonzero(free & (birth != NONE))
    day[person[released]], said_by[person[released]] = birth[released], "person"
    return _Belief(day, said_by, (day == NONE) & (rows > 0))


def _most_often(person: npt.NDArray[np.int64], birth: Days, people: int) -> tuple[Days, Days, Days]:
    """By person: the date most rows give, how many rows give one, and how many that one."""
    given = birth != NONE
    pairs, counts = np.unique(np.stack([person[given], birth[given]]), axis=1, return_counts=True)
    order = np.argsort(counts, kind="stable")  # the most frequent is written last
    usual, most, rows = np.full(people, NONE), np.zeros(people, np.int64), np.zeros(people, np.int64)
    usual[pairs[0, order]], most[pairs[0, order]] = pairs[1, order], counts[order]
    np.add.at(rows, pairs[0], counts)
    return usual, rows, most


def _first(texts: pd.Series, group: npt.NDArray[np.int64], out: npt.NDArray[np.bool_]) -> pd.Series:
    """The first text that is there, by group, of the rows that are not out."""
    there = texts.notna().to_numpy() & ~out
    found = pd.Series(texts.to_numpy(dtype=object)[there], index=group[there], dtype=object)
    return found[~found.index.duplicated()]


def _contradicted(connection: Connection, feed: Feed, people: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Persons whose second identifier belongs to somebody with another date of birth: one known, or one of the file."""
    told = people[people["second_identifier"].notna() & (people["second_identifier"] != people["known_second"])]
    told = told.assign(day=_days(told["date_of_birth"].astype("datetime64[s]")))
    rows = connection.execute(sql("store/same_second"), {
        "authority": feed.authority, "second_authority": feed.second_authority,
        "seconds": told["second_identifier"].tolist(),
    }).all()  # fmt: skip
    others = pd.DataFrame(rows, columns=["second_identifier", "identifier", "ours", "day"])
    own = told[["second_identifier", "identifier", "day"]].assign(ours=True)
    pairs = told.merge(pd.concat([others, own], ignore_index=True), on="second_identifier", suffixes=("", "_other"))
    differ = (pairs["day"] != NONE) & (pairs["day_other"] != NONE) & (pairs["day"] != pairs["day_other"])
    differ &= (pairs["identifier"] != pairs["identifier_other"]) | ~pairs["ours"].astype(bool)
    return pairs.loc[differ, "person"].unique()
