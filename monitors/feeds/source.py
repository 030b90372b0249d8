"""What was read: archived by content, registered as rows. Where it comes from: `places`.

Raw bytes are on disk before the database hears of a file, and a file is claimed by its row, not by a rename:
any number of workers may look at one folder.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem
from sqlalchemy import Connection

from monitors.config import Feed
from monitors.database import sql
from monitors.errors import UserError
from monitors.feeds.places import Found, why


@dataclass(frozen=True)
class Received:
    """A registered file that waits to be checked."""

    file_id: int
    feed: str
    name: str
    sha256: str
    archived: str


def archive_put(archive_url: str, raw: bytes) -> tuple[str, str]:
    """Keep bytes under their SHA-256; returns (sha256, address below archive_url). Once kept, never written again.

    On a local disk: written beside, synced, renamed, folder synced; so what the address names is whole.
    """
    sha256 = hashlib.sha256(raw).hexdigest()
    address = f"{sha256[:2]}/{sha256}"
    system, root = fsspec.core.url_to_fs(archive_url)
    path = posixpath.join(root, address)
    if system.exists(path) and system.size(path) == len(raw):
        return sha256, address
    if isinstance(system, LocalFileSystem):
        _write_local(Path(path), raw)
    else:  # object stores put a whole object or none
        system.makedirs(posixpath.dirname(path), exist_ok=True)
        system.pipe_file(path, raw)
    return sha256, address


def _write_local(path: Path, raw: bytes) -> None:
    path.parent.parent.mkdir(parents=True, mode=0o700, exist_ok=True)  # patients' data: nobody else's to read
    path.parent.mkdir(mode=0o700, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(raw)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    for folder in (path.parent, path.parent.parent):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def archive_get(archive_url: str, address: str) -> bytes:
    """Bytes kept at an address. Raises UserError when they are gone or no longer what was kept: the archive is
    then to be restored, and the file waits."""
    system, root = fsspec.core.url_to_fs(archive_url)
    try:
        raw = bytes(system.cat_file(posixpath.join(root, address)))
    except Exception as problem:  # every transport has errors of its own
        raise UserError(f"The archived file {address} {why(problem, 'is gone')}; restore the archive.") from None
    if hashlib.sha256(raw).hexdigest() != posixpath.basename(address):
        raise UserError(f"The archived file {address} is not what was kept; restore the archive from its backup.")
    return raw


def receive(
    connection: Connection, run_id: int, name: str, feed: Feed, found: Found, raw: bytes, sha256: str, address: str,
    now: datetime,
) -> int | None:  # fmt: skip
    """Register a file of feed `name`: its file_id, or None when these bytes under this name are known already."""
    row: Any = connection.execute(sql("receive/file"), {
        "run_id": run_id, "feed": name, "kind": feed.kind or feed.format, "name": found.name, "sha256": sha256,
        "size_bytes": len(raw), "archived": address, "now": now,
    }).scalar()  # fmt: skip
    return None if row is None else int(row)


def waiting(connection: Connection) -> list[int]:
    """Files registered and not finished, oldest first: new ones, and what a killed worker left."""
    return [int(file_id) for file_id in connection.execute(sql("receive/waiting")).scalars()]


def lock(connection: Connection, file_id: int) -> Received | None:
    """A waiting file, its row locked to the end of the transaction; None when it is finished by now."""
    row = connection.execute(sql("receive/lock"), {"file_id": file_id}).one_or_none()
    return None if row is None else Received(*row)


def same_bytes(connection: Connection, file_id: int, state: str = "stored") -> int | None:
    """Another file of the same feed with the same bytes under another name, whose rows were stored (or `held`)."""
    row: Any = connection.execute(sql("receive/same_bytes"), {"file_id": file_id, "state": state}).scalar()
    return None if row is None else int(row)
