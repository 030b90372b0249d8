"""Gzip and zip, told by their first bytes and unpacked by streaming under the feed's caps. Nothing is written anywhere.

Sentences count members instead of naming them: names may hold patients.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator

from monitors.config import Feed
from monitors.errors import FeedError

GZIP, ZIP, TAR = b"\x1f\x8b", (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"), b"ustar"
OTHER = {b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"7z\xbc\xaf": "7z", b"Rar!": "rar",
         b"\xd0\xcf\x11\xe0": "an old office document"}  # fmt: skip
CHUNK = 1 << 16
HARMLESS = 1 << 20  # bytes: so small a content is no bomb, whatever its ratio
UNSAFE = re.compile(r"^(?:[/\\]|[A-Za-z]:)|(?:^|[/\\])\.\.(?:[/\\]|$)|\0")
LITTER = re.compile(r"(?:^|/)(?:__MACOSX/|\.[^/]*$|Thumbs\.db$|desktop\.ini$)")  # what desktops add to a zip


def unpack(raw: bytes, feed: Feed) -> list[tuple[str, bytes]]:
    """The files in `raw` as (name, bytes), in the order of the archive; [("", raw)] when it is not packed.

    feed.caps.depth counts the packings around a content: 1 takes a packed file, 2 a packed file in a packed file.
    Raises FeedError: too_large (caps.bytes, for all contents together), zip_bomb (caps.ratio, of all contents to `raw`),
    packed_too_deep, too_many_members, unsafe_name, encrypted, truncated, damaged, packed_otherwise, empty_file.
    """
    if len(raw) > feed.caps.bytes:
        raise too_large(feed)
    return list(_files(raw, feed, _Budget(feed, len(raw)), 0))


def too_large(feed: Feed) -> FeedError:
    """The refusal of a file above the cap."""
    return FeedError("too_large", f"It holds more than {feed.caps.bytes} bytes; ask for smaller files, or raise caps.bytes.")


class _Budget:
    """What may still be unpacked, over all members and levels: a bomb of many small parts is one, too."""

    def __init__(self, feed: Feed, packed: int) -> None:
        self._feed, self._packed, self._unpacked, self._members = feed, max(packed, 1), 0, 0

    def spend(self, count: int) -> None:
        self._unpacked += count
        if self._unpacked > self._feed.caps.bytes:
            raise too_large(self._feed)
        if self._unpacked > max(HARMLESS, self._feed.caps.ratio * self._packed):
            sentence = f"It unpacks to more than {self._feed.caps.ratio} times its size; ask what it is, or raise caps.ratio."
            raise FeedError("zip_bomb", sentence)

    def members(self, count: int) -> None:
        self._members += count
        if self._members > self._feed.caps.members:
            sentence = f"It holds more than {self._feed.caps.members} files; ask for fewer, or raise caps.members."
            raise FeedError("too_many_members", sentence)


def _files(raw: bytes, feed: Feed, budget: _Budget, depth: int) -> Iterator[tuple[str, bytes]]:
    opened: Callable[[bytes, _Budget], Iterator[tuple[str, bytes]]] | None = None
    if raw.startswith(GZIP):
        opened = _gzip
    elif raw.startswith(ZIP):
        opened = _zip
    elif other := next((name for mark, name in OTHER.items() if raw.startswith(mark)), "tar" if raw[257:262] == TAR else ""):
        raise FeedError("packed_otherwise", f"The file is {other}, which is not read; ask for it plain, or as gzip or zip.")
    if opened is None:
        yield "", raw
        return
    if depth >= feed.caps.depth:
        sentence = f"It is packed more than {feed.caps.depth} times over; ask for it unpacked, or raise caps.depth."
        raise FeedError("packed_too_deep", sentence)
    for name, content in opened(raw, budget):
        for inner, file in _files(content, feed, budget, depth + 1):
            yield "/".join(part for part in (name, inner) if part), file


def _gzip(raw: bytes, budget: _Budget) -> Iterator[tuple[str, bytes]]:
    """One content, of one or several gzip members behind each other, as gzip itself reads them."""
    out = io.BytesIO()
    rest = raw
    try:
        while rest:
            stream = zlib.decompressobj(wbits=31)
            while not stream.eof and (chunk := stream.decompress(rest, CHUNK)) is not None:
                budget.spend(len(chunk))
                out.write(chunk)
                rest = stream.unconsumed_tail
                if not rest and not chunk and not stream.eof:
                    raise FeedError("truncated", "The packed file breaks off; ask the sender for the whole file.")
            rest = stream.unused_data.lstrip(b"\0")  # gzip pads with zeros
    except zlib.error:
        raise FeedError("damaged", "The packed file is damaged: its checksum does not fit; ask for it again.") from None
    yield "", out.getvalue()


def _zip(raw: bytes, budget: _Budget) -> Iterator[tuple[str, bytes]]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(raw))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError):  # its own words for what it cannot read
        sentence = "The zip file has no readable table of contents, as when it breaks off; ask for the whole file."
        raise FeedError("truncated", sentence) from None
    infos = [info for info in archive.infolist() if not info.filename.endswith("/")]  # is_dir() fails on an empty name
    if any(info.filename == "[Content_Types].xml" for info in infos):
        raise FeedError("packed_otherwise", "The file is an office document; ask for the text file it was made from.")
    budget.members(len(infos))
    if any(UNSAFE.search(info.orig_filename) or UNSAFE.search(info.filename) for info in infos):
        raise FeedError("unsafe_name", "The zip file holds a name that leads out of it; ask for it packed without paths.")
    members = [info for info in infos if not LITTER.search(info.filename)]
    if not members:
        raise FeedError("empty_file", "The zip file holds no files; ask the sender for it again.")
    for number, info in enumerate(members, 1):
        where = f"File {number} of {len(members)} in the zip"
        if info.flag_bits & 0x41:
            raise FeedError("encrypted", f"{where} is encrypted; ask for it without, over a transport that is.")
        out = io.BytesIO()
        try:
            with archive.open(info) as stream:
                while chunk := stream.read(CHUNK):
                    budget.spend(len(chunk))
                    out.write(chunk)
        except EOFError:
            raise FeedError("truncated", f"{where} breaks off; ask the sender for the whole file.") from None
        except NotImplementedError:  # zipfile's word for a method or a version it does not know
            raise FeedError("packed_otherwise", f"{where} is packed in a way that is not read; ask for deflate.") from None
        except FeedError:
            raise
        except Exception:  # zipfile raises what its decoders raise: BadZipFile, zlib.error, LZMAError, struct.error, OSError
            raise FeedError("damaged", f"{where} is damaged: its checksum does not fit; ask for it again.") from None
        yield info.filename, out.getvalue()
