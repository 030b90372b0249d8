"""Where files come from, through fsspec: a folder on disk, an S3 bucket, an SFTP server. Looked at and read, never
changed: a file is claimed by its row in the database, so any number of workers may look at one folder.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from monitors.config import Feed
from monitors.errors import FeedError, UserError
from monitors.feeds import fhir
from monitors.feeds.packed import too_large

NOT_YET = "still_written"  # reason of a file that is not told to anybody: it waits for the next night
UNFINISHED = re.compile(r"^[.~]|(?:~|\.(?:part|partial|filepart|tmp|temp|crdownload|swp|writing|lock))$", re.IGNORECASE)
LEVELS = 16  # folders below each other; deeper ones are a loop
CHUNK, SIDECAR_BYTES = 1 << 20, 1 << 16  # bytes
HASHES: dict[str, Callable[..., Any]] = {".sha256": hashlib.sha256, ".md5": hashlib.md5}


@dataclass(frozen=True)
class Found:
    """One file of a feed. name: path below the feed's location; path: as its file system knows it; size: bytes when
    it was seen; mark: changes when the file does (size, modification time, inode or ETag); '' where that is unknown."""

    name: str
    path: str
    size: int = -1
    mark: str = ""


@dataclass(frozen=True)
class Waiting:
    """A file that is not ready yet, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class Looked:
    """found: ready, by name (fhir: what others refer to first). waiting: for a later night. passed_over: names that
    are being written or hidden, links that cannot be followed."""

    found: list[Found]
    waiting: list[Waiting]
    passed_over: int


@contextmanager
def reach(feed_name: str, feed: Feed, base: Path, secret: Callable[[str], str]) -> Iterator[Place]:
    """The location of a feed, connected. base: what a relative one starts from; secret: variable name -> its value.

    Raises FeedError missing_folder (not there, or may not be listed), unreachable (no connection, a secret not set).
    """
    what = f"The folder of feed {feed_name} ({feed.location})"
    place = feed.location if "://" in feed.location else str((base / feed.location).resolve())
    system: Any = None
    try:
        try:
            secrets = {option: secret(variable) for option, variable in feed.storage.secrets.items()}
            system, folder = _open(place, {**feed.storage.options, **secrets})
        except UserError as problem:
            raise FeedError("unreachable", f"{what} cannot be reached. {problem}") from None
        except Exception as problem:  # every transport has errors of its own
            sentence = f"{what} cannot be reached ({type(problem).__name__}); mend its location or storage in feeds.yaml."
            raise FeedError("unreachable", sentence) from None
        try:
            if not system.isdir(folder):
                raise FileNotFoundError
            system.ls(folder)
        except Exception as problem:
            sentence = f"{what} {why(problem, 'is not there')}; mend its location in feeds.yaml, or ask the sender."
            raise FeedError("missing_folder", sentence) from None
        yield Place(system, folder.rstrip("/"), feed)
    finally:
        if hasattr(system, "client") and hasattr(system, "ftp"):
            system.client.close()


def _open(place: str, options: dict[str, Any]) -> tuple[Any, str]:
    """(file system, folder). Never one kept from an earlier night: it would answer from its memory."""
    if place.startswith(("sftp://", "ssh://")):
        from monitors.feeds.sftp import KnownHostsSFTP  # paramiko is slow to load, and most feeds are folders

        parts = KnownHostsSFTP._get_kwargs_from_urls(place)
        return KnownHostsSFTP(**{**parts, **options}, skip_instance_cache=True), KnownHostsSFTP._strip_protocol(place)
    system, folder = fsspec.core.url_to_fs(place, **options, skip_instance_cache=True, use_listings_cache=False)
    return system, folder


def why(problem: Exception, gone: str) -> str:
    """What went wrong in a few words; the text of a transport's error may hold names, and is not shown."""
    if isinstance(problem, FileNotFoundError):
        return gone
    return f"cannot be read ({getattr(problem, 'strerror', None) or type(problem).__name__})"


@dataclass(frozen=True)
class Place:
    """A connected location; see `reach`."""

    system: Any
    folder: str
    feed: Feed

    def look(self, now: datetime) -> Looked:
        """Files that match the feed's pattern and are ready by its `ready` rule. Raises FeedError missing_folder."""
        try:
            entries = dict(self._walk(self.folder, "", 0))
        except Exception as problem:
            sentence = f"The folder {self.feed.location} {why(problem, 'is gone')}; ask the sender."
            raise FeedError("missing_folder", sentence) from None
        rule, ready = as_rule(self.feed.pattern), self.feed.ready
        found, waiting, passed_over, side = [], [], 0, ready.sidecar
        for name, entry in sorted(entries.items(), key=lambda item: item[0]):
            if not rule.fullmatch(name) or (side and name.endswith(side)):
                continue
            shown = name.encode("utf-8", "backslashreplace").decode()  # a name that is not UTF-8 is kept readable
            if UNFINISHED.search(posixpath.basename(name)) or (entry["type"] != "file" and not entry.get("islink")):
                passed_over += 1
            elif reason := self._not_ready(entry, now):
                waiting.append(Waiting(shown, reason))
            elif side and name + side not in entries:
                waiting.append(Waiting(shown, f"its {side} file is not there yet"))
            else:
                found.append(Found(shown, str(entry["name"]), int(entry.get("size") or 0), self._mark(entry)))
        if self.feed.format == "fhir":
            found.sort(key=lambda file: fhir.order(file.name))  # what others refer to is registered first
        return Looked(found, waiting, passed_over)

    @property
    def _local(self) -> bool:
        return isinstance(self.system, LocalFileSystem)

    def _walk(self, folder: str, below: str, level: int) -> Iterator[tuple[str, dict[str, Any]]]:
        """(name below the location, entry) of everything that is no folder; links to folders are not followed."""
        for entry in self.system.ls(folder, detail=True):
            name = posixpath.join(below, posixpath.basename(str(entry["name"]).rstrip("/")))
            if entry["type"] != "directory":
                yield name, entry
            elif self._goes_below(name, entry) and level < LEVELS:
                yield from self._walk(str(entry["name"]), name, level + 1)

    def _goes_below(self, name: str, entry: dict[str, Any]) -> bool:
        return "/" in self.feed.pattern and not posixpath.basename(name).startswith(".") and not entry.get("islink")

    def _not_ready(self, entry: dict[str, Any], now: datetime) -> str:
        if not (settled := self.feed.ready.settled_seconds):
            return ""
        if (changed := modified(entry)) is None:
            return "its place tells no time of its last change; use a sidecar instead of settled_seconds"
        return "" if now - changed >= timedelta(seconds=settled) else f"it changed less than {settled} seconds ago"

    def _mark(self, entry: dict[str, Any]) -> str:
        changed, etag = modified(entry), str(entry.get("ETag") or entry.get("ino") or "")
        return f"{entry.get('size')} {changed.isoformat()} {etag}" if changed else ""

    def read(self, found: Found) -> bytes:
        """The bytes of a file, whole: its size stayed the same and, with a sidecar, its checksum is right.

        Raises FeedError: still_written, checksum_mismatch, too_large (nothing above caps.bytes is read),
        outside_folder (a link that leads out), unreadable. The file is found again on the next night.
        """
        path = self._inside(found)
        try:
            before = self._size(path)
            if before > self.feed.caps.bytes:
                raise too_large(self.feed)
            told = self._sidecar(found)
            raw = self._bytes(path, before)
            after = self._size(path)
        except Exception as problem:  # every transport has errors of its own
            if isinstance(problem, FeedError):
                raise
            what = f"A file of {self.feed.location} {why(problem, 'is gone')}"
            raise FeedError("unreadable", f"{what}; give us the right to read it.") from None
        if not len(raw) == before == after or (found.size >= 0 and self.feed.ready.settled_seconds and before != found.size):
            raise FeedError(NOT_YET, "The file changed while it was read; it waits for the next night.")
        side = self.feed.ready.sidecar
        if side and HASHES[side](raw).hexdigest() != told:
            sentence = f"A file does not have the checksum its {side} file names; ask the sender for both again."
            raise FeedError("checksum_mismatch", sentence)
        return raw

    def _inside(self, found: Found) -> str:
        if not self._local:
            return found.path
        real = os.path.realpath(found.path)
        if not Path(real).is_relative_to(os.path.realpath(self.folder)):
            sentence = "A link among the feed's files leads out of its folder and is not followed; ask for the file itself."
            raise FeedError("outside_folder", sentence)
        return real

    def _size(self, path: str) -> int:
        self.system.invalidate_cache()
        if (entry := self.system.info(path))["type"] != "file":
            raise FileNotFoundError
        return int(entry["size"])

    def _bytes(self, path: str, size: int) -> bytes:
        """At most a byte more than expected: a file that grows does not fill the memory."""
        parts, left = [], size + 1
        with self.system.open(path, "rb") as stream:
            while left and (part := stream.read(min(CHUNK, left))):
                parts.append(part)
                left -= len(part)
        return b"".join(parts)

    def _sidecar(self, found: Found) -> str:
        """The checksum the sidecar names, '' without one: alone, or on the line with the file's name."""
        side = self.feed.ready.sidecar
        if not side:
            return ""
        with self.system.open(found.path + side, "rb") as stream:
            text = stream.read(SIDECAR_BYTES).decode("utf-8", "replace").removeprefix("\ufeff")
        if not text.strip():
            raise FeedError(NOT_YET, f"The {side} file is still empty; the file waits for the next night.")
        digits = HASHES[side]().digest_size * 2
        hashes = re.compile(rf"\b[0-9A-Fa-f]{{{digits}}}\b")
        sums = [(line, found_.lower()) for line in text.splitlines() for found_ in hashes.findall(line)]
        if len(sums) > 1:
            sums = [(line, found_) for line, found_ in sums if posixpath.basename(found.name) in re.split(r"[\s()*]+", line)]
        return sums[0][1] if len(sums) == 1 else "none"


def modified(entry: dict[str, Any]) -> datetime | None:
    """When a listed file changed last (UTC), in whichever way its file system says so."""
    told = next((entry[key] for key in ("mtime", "LastModified", "last_modified") if entry.get(key) is not None), None)
    if isinstance(told, datetime):
        return told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)
    return datetime.fromtimestamp(told, UTC) if isinstance(told, (int, float)) else None


def as_rule(pattern: str) -> re.Pattern[str]:
    """`*.csv` as a rule for names below the location; `**/` is any number of folders, none among them."""
    parts = pattern.split("/")
    rules = [r"(?:[^/]+/)*" if part == "**" else _segment(part) + "/" for part in parts[:-1]]
    return re.compile("".join(rules) + (_segment(parts[-1]) if parts[-1] != "**" else ".*"), re.DOTALL)


def _segment(part: str) -> str:
    """One folder or file name of a pattern: * and ? stop at slashes, [abc] is one of these."""
    pieces = re.split(r"(\*+|\?|\[[^\]/]+\])", part)
    wild = {"*": "[^/]*", "?": "[^/]"}
    return "".join(
        wild.get(piece[:1], piece.replace("[!", "[^")) if number % 2 else re.escape(piece) for number, piece in enumerate(pieces)
    )
