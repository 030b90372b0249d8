"""What becomes of bytes that were read: kept once, registered once, whatever crashed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import feed_builders as build
import pytest

from monitors.database import Database, Role
from monitors.errors import UserError
from monitors.feeds import source


def test_bytes_are_kept_once_under_their_hash(tmp_path: Path) -> None:
    first = source.archive_put(str(tmp_path / "archive"), b"raw")
    assert source.archive_put((tmp_path / "archive").as_uri(), b"raw") == first
    assert source.archive_get(str(tmp_path / "archive"), first[1]) == b"raw"
    assert [path.name for path in (tmp_path / "archive").rglob("*") if path.is_file()] == [first[0]]


def test_an_archive_that_lost_or_changed_its_bytes_stops_the_file_from_being_read(tmp_path: Path) -> None:
    _, address = source.archive_put(str(tmp_path), b"raw")
    (tmp_path / address).write_bytes(b"RAW")
    with pytest.raises(UserError, match="not what was kept"):
        source.archive_get(str(tmp_path), address)
    (tmp_path / address).unlink()
    with pytest.raises(UserError, match="is gone"):
        source.archive_get(str(tmp_path), address)


def test_an_archive_entry_torn_by_a_crash_is_written_again(tmp_path: Path) -> None:
    _, address = source.archive_put(str(tmp_path), b"raw bytes")
    (tmp_path / address).write_bytes(b"raw")
    source.archive_put(str(tmp_path), b"raw bytes")
    assert source.archive_get(str(tmp_path), address) == b"raw bytes"


def test_a_file_left_by_a_crash_waits_until_it_is_finished(database: Database) -> None:
    build.begin(database)
    with database.begin(Role.PIPELINE) as connection:
        found = source.Found("a.csv", "a.csv")
        given = (connection, 1, "a-labs", build.feed(), found, b"raw", "hash", "ha/hash", build.NOW)
        file_id = source.receive(*given)
        assert source.receive(*given) is None
    with database.begin(Role.PIPELINE) as connection:
        assert source.waiting(connection) == [file_id]
        waiting = source.lock(connection, source.waiting(connection)[0])
    assert waiting == source.Received(1, "a-labs", "a.csv", "hash", "ha/hash")


def test_two_workers_on_one_folder_register_a_file_once(database: Database) -> None:
    build.begin(database)
    ready = threading.Barrier(2)

    def work() -> int | None:
        ready.wait()
        with database.begin(Role.PIPELINE) as connection:
            found = source.Found("a.csv", "a.csv")
            return source.receive(connection, 1, "a-labs", build.feed(), found, b"raw", "hash", "ha/hash", build.NOW)

    with ThreadPoolExecutor(2) as pool:
        ids = [done.result() for done in [pool.submit(work), pool.submit(work)]]
    assert sorted(ids, key=str) == [ids[0] or ids[1], None]
    with database.begin(Role.PIPELINE) as first, database.begin(Role.PIPELINE) as second:
        assert source.waiting(first) == source.waiting(second)
