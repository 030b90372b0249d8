"""The append-only ledger: writing entries, reading them, and recomputing every hash from the stored bytes.

An entry's hash covers its number, kind, time, author, the commitment to its body, and the hash before it;
the commitment is sha256(salt + body). So a changed, missing, moved or inserted entry breaks the chain. What
a chain alone cannot show: whoever may rewrite all of it (the owner of the tables) can rebuild all of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Any

from sqlalchemy import Connection, Row

from monitors.database import sql
from monitors.records import utc_text

_DOMAIN = "nephrowatch/ledger/v1|"
GENESIS = hashlib.sha256(f"{_DOMAIN}genesis".encode()).digest()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STREAMED = {"yield_per": 2_000}


@dataclass(frozen=True)
class Entry:
    """One entry. body: None where it was erased (its hash stays provable)."""

    seq: int
    kind: str
    recorded_at: datetime
    recorded_by: str
    hash: bytes
    body: dict[str, Any] | None


@dataclass(frozen=True)
class Verification:
    """What recomputing the ledger found.

    entries: how many were recomputed; erased: how many of them have no body any more; head_hash: hex, as the
    database states it; first_bad: (seq, what is wrong) of the first entry that does not verify, else None.
    """

    entries: int
    head_seq: int
    head_hash: str
    first_bad: tuple[int, str] | None
    erased: int = 0


def canonical(body: Mapping[str, Any]) -> str:
    """The one text of a body: keys sorted, no spaces, UTF-8 as is, floats as strings, times in UTC.

    Raises TypeError for a value that has no canonical form, ValueError for a time without a zone.
    """
    return json.dumps(_plain(body), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return _plain(value.value)
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return repr(value)  # the shortest text that reads back as the same double
    if isinstance(value, datetime):
        return utc_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [_plain(item) for item in value]
    raise TypeError(f"a ledger body cannot hold a {type(value).__name__}: give text, numbers, times or lists")


def append(
    connection: Connection, entries: Sequence[tuple[str, Mapping[str, Any]]]
) -> list[tuple[int, bytes]]:
    """Append (kind, body) entries in order, in the caller's transaction; (seq, hash) of each.

    Call it last: the head of the ledger stays locked until the transaction ends.
    """
    if not entries:
        return []
    given = {"kinds": [kind for kind, _ in entries], "texts": [canonical(body) for _, body in entries]}
    return [(int(row.seq), bytes(row.hash)) for row in connection.execute(sql("history/append"), given)]


def entries(connection: Connection, *, after: int = 0, kind: str = "") -> Iterator[Entry]:
    """Entries with seq > after, oldest first; only those of one kind if it is given."""
    wanted = {"after": after, "kind": kind}
    with connection.execute(sql("history/entries"), wanted, execution_options=_STREAMED) as found:
        for row in found:
            body = None if row.body is None else json.loads(bytes(row.body))
            yield Entry(row.seq, row.kind, row.recorded_at, row.recorded_by, bytes(row.hash), body)


def verify(connection: Connection) -> Verification:
    """Recompute every hash and commitment from the stored bytes, streaming, in one snapshot.

    Needs a login that may read the bodies (pipeline, web). A missing body counts as erased, not as damage.
    """
    previous, count, erased = GENESIS, 0, 0
    head_seq, head_hash, orphan = 0, b"", None
    first_bad: tuple[int, str] | None = (0, "the head row is gone")
    with connection.execute(sql("history/chain"), execution_options=_STREAMED) as found:
        for number, row in enumerate(found):
            if number == 0:
                head_seq, head_hash, orphan, first_bad = row.head_seq, bytes(row.head_hash), row.orphan, None
            if row.seq is not None:
                count += 1
                erased += row.body is None
                first_bad = first_bad or _damage(row, count, previous)
                previous = bytes(row.hash)
    if first_bad is None and (count, previous) != (head_seq, head_hash):
        first_bad = (min(count + 1, head_seq), f"the chain ends at entry {count}, and the head row disagrees")
    if first_bad is None and orphan is not None:
        first_bad = (orphan, "a body belongs to no entry")
    return Verification(count, head_seq, head_hash.hex(), first_bad, erased)


def _damage(row: Row[Any], expected: int, previous: bytes) -> tuple[int, str] | None:
    """What is wrong with one entry, if anything."""
    if row.seq != expected:
        return expected, f"entry {expected} is missing"
    if bytes(row.previous) != previous:
        return expected, "it does not follow from the entry before it"
    commitment = bytes(row.commitment)
    if row.body is not None and hashlib.sha256(bytes(row.salt) + bytes(row.body)).digest() != commitment:
        return expected, "its body is not the one that was recorded"
    micros = (row.recorded_at - _EPOCH) // timedelta(microseconds=1)
    text = f"{_DOMAIN}{row.seq}|{row.kind}|{micros}|{row.recorded_by}|{commitment.hex()}|{previous.hex()}"
    if hashlib.sha256(text.encode()).digest() != bytes(row.hash):
        return expected, "its hash does not match what it says"
    return None
