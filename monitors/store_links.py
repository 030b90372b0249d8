"""Merges of patient numbers and their undoing, and the links that follow from them.

Links follow from `identity_events` alone: of each pair of numbers the latest event counts, of each number its latest
merge, so the order of arrival changes nothing and an unmerge gives back what was before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from monitors.config import Feed
from monitors.database import sql
from monitors.errors import UserError
from monitors.store_rows import Refused, Stored, take_batch

WHO = "Ask the sender who the patient is; results of two people under one number must never be judged together."


def save_links(
    connection: Connection, feed: Feed, good: pd.DataFrame, keys: Mapping[str, Any], released: frozenset[int],
    refused: Refused,
) -> Stored:  # fmt: skip
    """Merges and unmerges, in the order they took effect."""
    stored = known = 0
    subjects = _subjects(connection, feed.authority, [*good["patient"], *good["merged_patient"]])
    for row in good.sort_values(["effective_at", "row_no"]).to_dict("records"):
        event = {
            "subject_id": subjects[row["patient"]], "merged": subjects[row["merged_patient"]], "action": row["action"],
            "effective_at": row["effective_at"], "batch": keys["batch"], "file_id": keys["file_id"], "row_no": row["row_no"],
            "actor": None, "reason": None,
        }  # fmt: skip
        said = {name: event[name] for name in ("subject_id", "merged", "action", "effective_at")}
        earlier = connection.execute(sql("store/event_known"), said).one_or_none()
        if earlier is not None and (earlier.file_id, earlier.row_no) == (keys["file_id"], row["row_no"]):
            stored += 1  # by an earlier reading of this very row
        elif earlier is not None:
            known += 1
        elif row["row_no"] not in released and _births_differ(connection, event):
            refused.say(row["row_no"], "The two patient numbers of the merge have different dates of birth.", WHO)
        elif add_event(connection, event):
            stored += 1
        else:
            refused.say(row["row_no"], "The merge goes round in a circle with others.", WHO)
    return Stored(stored, known)


def _subjects(connection: Connection, authority: str, identifiers: list[str]) -> dict[str, int]:
    given = {"authority": authority, "identifiers": identifiers}
    return {row.identifier: row.subject_id for row in connection.execute(sql("store/subjects_of"), given)}


def _births_differ(connection: Connection, event: Mapping[str, Any]) -> bool:
    pair = {"subject_id": event["subject_id"], "merged": event["merged"]}
    return event["action"] == "merge" and bool(connection.execute(sql("store/births_differ"), pair).scalar_one())


def add_event(connection: Connection, event: Mapping[str, Any]) -> bool:
    """Write one event; False, and nothing written, when merges would then go in a circle."""
    nested = connection.begin_nested()
    connection.execute(sql("store/add_event"), dict(event))
    if _patients_of(connection, [event["subject_id"], event["merged"]]) is None:
        nested.rollback()
        return False
    nested.commit()
    return True


def relink(connection: Connection, batch: int) -> None:
    """The links that follow from this batch's events, of everybody connected with them; once a batch."""
    events = connection.execute(sql("store/events_of_batch"), {"batch": batch}).all()
    if not events:
        return
    found = _patients_of(connection, [row.merged_subject_id for row in events])
    assert found is not None, "an event that closes a circle is never written"
    reasons = {row.merged_subject_id: row.reason for row in events}
    linked = _linked(connection, list(found))
    changed = [{"subject_id": subject, "patient_id": patient, "reason": reasons.get(subject, "merged"), "batch": batch}
               for subject, patient in sorted(found.items()) if patient != linked.get(subject, subject)]  # fmt: skip
    if changed:
        connection.execute(sql("store/add_link"), changed)


def _linked(connection: Connection, subjects: list[int]) -> dict[int, int]:
    rows = connection.execute(sql("store/links_of"), {"subjects": subjects})
    return {row.subject_id: row.patient_id for row in rows}


def _patients_of(connection: Connection, subjects: list[int]) -> dict[int, int] | None:
    return patients(connection.execute(sql("store/connected_events"), {"subjects": subjects}))


def patients(events: Iterable[Any]) -> dict[int, int] | None:
    """Subject -> patient, after (subject_id, merged_subject_id, action) in the order they took effect; None for a
    circle. The latest event of a pair counts, and of each number its latest merge that stands."""
    pairs: dict[tuple[int, int], str] = {}
    for survivor, merged, action in events:
        pairs.pop((survivor, merged), None)  # so that the pair moves to the end
        pairs[survivor, merged] = action
    above = {merged: survivor for (survivor, merged), action in pairs.items() if action == "merge"}
    found: dict[int, int] = {}
    for subject in {number for pair in pairs for number in pair}:
        way, at = {subject}, subject
        while at in above:
            at = above[at]
            if at in way:
                return None
            way.add(at)
        found[subject] = at
    return found


def unmerge(
    connection: Connection, authority: str, identifier: str, merged: str, actor: str, reason: str, now: datetime
) -> int:
    """A person takes number `merged` out of `identifier` again, both of `authority`; returns the batch.

    Holds against every merge that took effect before `now`, and no second identifier joins the two again. Raises
    UserError when `merged` is not joined to `identifier`.
    """
    batch = take_batch(connection, "unmerge", now)
    subjects = _subjects(connection, authority, [identifier, merged])
    if {identifier, merged} - subjects.keys():
        raise UserError("One of the two patient numbers is not known here; give them as the authority writes them.")
    survivor, gone = subjects[identifier], subjects[merged]
    linked = _linked(connection, [survivor, gone])
    if linked[survivor] != linked[gone]:
        raise UserError("The two patient numbers are not joined; nothing was changed.")
    pairs = {(row[0], row[1]): row[2] for row in connection.execute(sql("store/connected_events"), {"subjects": [gone]})}
    standing = [pair[0] for pair, action in pairs.items() if pair[1] == gone and action == "merge"]
    if not standing:
        raise UserError("The second number is the one that lives on; name the number that was merged into it second.")
    for above in standing:
        event = {"subject_id": above, "merged": gone, "action": "unmerge", "effective_at": now, "batch": batch,
                 "file_id": None, "row_no": None, "actor": actor, "reason": reason}  # fmt: skip
        if not add_event(connection, event):
            raise UserError("Without this merge others go round in a circle; undo those first.")
    relink(connection, batch)
    return batch
