"""The append-only ledger: writing entries, reading them, and recomputing every hash from the stored bytes.

An entry's hash covers its number, kind, time, author, the commitment to its body, and the hash before it;
the commitment is sha256(salt + body). So a changed, missing, moved or inserted entry breaks the chain. What
a chain alone cannot show: whoever may rewrite all of it (the owner of the tables) can rebuild all of it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Any

from sqlalchemy import Connection, Row

from monitors.database import SIGNER, sql
from monitors.history import nephrowatch_verify as checks
from monitors.records import utc_text

GENESIS = checks.GENESIS
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
    database states it; first_bad: (seq, what is wrong) of the first entry that does not verify, else None;
    unsigned: how many no service signed; covered: how many a checkpoint that holds covers.
    """

    entries: int
    head_seq: int
    head_hash: str
    first_bad: tuple[int, str] | None
    erased: int = 0
    unsigned: int = 0
    covered: int = 0


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

    Call it last: the head of the ledger stays locked until the transaction ends. Signed where the connection's Database has a
    signer (`connection.info`): by a key the database never sees.
    """
    if not entries:
        return []
    kinds, texts = [kind for kind, _ in entries], [canonical(body) for _, body in entries]
    signer: Any = connection.info.get(SIGNER)
    given: dict[str, Any] = {"kinds": kinds, "texts": texts, "salts": None, "signatures": None, "key": None}
    if signer is not None:
        salts = [secrets.token_bytes(32) for _ in texts]
        promises = [hashlib.sha256(salt + text.encode()).digest() for salt, text in zip(salts, texts, strict=True)]
        signatures = [signer.sign_entry(kind, promise) for kind, promise in zip(kinds, promises, strict=True)]
        given |= {"salts": salts, "signatures": signatures, "key": signer.id}
    return [(int(row.seq), bytes(row.hash)) for row in connection.execute(sql("history/append"), given)]


def entries(connection: Connection, *, after: int = 0, kind: str = "") -> Iterator[Entry]:
    """Entries with seq > after, oldest first; only those of one kind if it is given."""
    wanted = {"after": after, "kind": kind}
    with connection.execute(sql("history/entries"), wanted, execution_options=_STREAMED) as found:
        for row in found:
            body = None if row.body is None else json.loads(bytes(row.body))
            yield Entry(row.seq, row.kind, row.recorded_at, row.recorded_by, bytes(row.hash), body)


def stored(row: Row[Any]) -> checks.Entry:
    """A row of `history/chain` as the entry that a verifier reads."""
    def raw(value: Any) -> bytes | None:
        return None if value is None else bytes(value)

    return checks.Entry(
        row.seq, row.kind, (row.recorded_at - _EPOCH) // timedelta(microseconds=1), row.recorded_by, bytes(row.commitment),
        bytes(row.previous), bytes(row.hash), raw(row.salt), raw(row.body), row.key, raw(row.signature),
    )  # fmt: skip


def stored_entries(connection: Connection, seq: int | None = None) -> Iterator[checks.Entry]:
    """Every entry as a verifier reads it, oldest first; only one if its number is given."""
    with connection.execute(sql("history/chain"), execution_options=_STREAMED) as found:
        for row in found:
            if row.seq is not None and seq in (None, row.seq):
                yield stored(row)


def line(entry: checks.Entry) -> str:
    """An entry as a line of an export; `nephrowatch_verify.from_line` reads it back."""
    def hexed(raw: bytes | None) -> str | None:
        return None if raw is None else raw.hex()

    body = None if entry.body is None else base64.b64encode(entry.body).decode()
    return json.dumps({
        "seq": entry.seq, "kind": entry.kind, "at": entry.at, "by": entry.by, "salt": hexed(entry.salt), "body": body,
        "commitment": hexed(entry.commitment), "previous": hexed(entry.previous), "hash": hexed(entry.hash), "key": entry.key,
        "signature": hexed(entry.signature),
    })  # fmt: skip


def verify(
    connection: Connection, checkpoints: Iterable[checks.Checkpoint] = (), keys: checks.Keys | None = None
) -> Verification:
    """Recompute every hash and commitment from the stored bytes, streaming, in one snapshot; with keys, every signature too;
    and hold the whole against checkpoints kept elsewhere.

    Needs a login that may read the bodies (pipeline, web). A missing body counts as erased, not as damage.
    """
    head: list[Any] = []

    def chain() -> Iterator[checks.Entry]:
        with connection.execute(sql("history/chain"), execution_options=_STREAMED) as found:
            for row in found:
                if not head:
                    head.extend((row.head_seq, bytes(row.head_hash), row.orphan))
                if row.seq is not None:
                    hashes.append(bytes(row.hash))
                    del hashes[:-1]
                    yield stored(row)

    hashes: list[bytes] = [GENESIS]
    report = checks.examine(chain(), checkpoints, keys)
    if not head:
        return Verification(0, 0, "", (0, "the head row is gone"))
    head_seq, head_hash, orphan = head
    bad = [(one.seq, one.says) for one in report.damage]
    if not bad and (report.entries, hashes[-1]) != (head_seq, head_hash):
        ends = f"the chain ends at entry {report.entries}, and the head row disagrees"
        bad = [(min(report.entries + 1, head_seq), ends)]
    if not bad and orphan is not None:
        bad = [(orphan, "a body belongs to no entry")]
    return Verification(
        report.entries, head_seq, head_hash.hex(), bad[0] if bad else None, report.erased, report.unsigned, report.covered
    )  # fmt: skip
