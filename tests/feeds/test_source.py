"""Where files come from: what is not there, what cannot be read, what a crash left."""

from __future__ import annotations

from pathlib import Path

import feed_builders as build
import pytest

from monitors.database import Database, Role
from monitors.errors import FeedError, UserError
from monitors.feeds import source


def test_a_missing_folder_has_its_reason_and_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match=r"feed a-labs .* is not there; mend its location") as caught:
        source.look("a-labs", build.feed(), tmp_path)
    assert caught.value.reason == "missing_folder"


def test_files_are_listed_by_name_and_pattern_and_folders_are_no_files(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    for name in ("b.csv", "a.csv", "c.txt"):
        inbox.mkdir(exist_ok=True)
        (inbox / name).write_bytes(name.encode())
    (inbox / "d.csv").mkdir()
    found = source.look("a-labs", build.feed(), tmp_path)
    assert [file.name for file in found] == ["a.csv", "b.csv"]
    assert [source.read(file) for file in found] == [b"a.csv", b"b.csv"]


def test_a_file_that_cannot_be_read_has_its_reason(tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox/a.csv").symlink_to(tmp_path / "nowhere")
    [found] = source.look("a-labs", build.feed(), tmp_path)
    with pytest.raises(FeedError) as caught:
        source.read(found)
    assert caught.value.reason == "unreadable"


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
