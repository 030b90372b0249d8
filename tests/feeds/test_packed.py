"""Packed files: what is unpacked, and what is refused before it fills the memory."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zipfile
from typing import Any

import feed_builders as build
import pytest

from monitors.errors import FeedError
from monitors.feeds import unpacked
from monitors.feeds.packed import unpack

CSV = (
    b"Patient,Sample,Test,Result,Units,Taken\n"
    b"007,S1,PHOS,5.5,mg/dL,2026-03-01 08:00\n"
    b"008,S2,PHOS\n"
)  # fmt: skip


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name, (2026, 3, 1, 8, 0, 0)), content, method)
    return out.getvalue()


def refused(raw: bytes, caps: dict[str, int] | None = None) -> str:
    with pytest.raises(FeedError) as caught:
        unpack(raw, build.feed({"caps": caps or {}}))
    return caught.value.reason


@pytest.mark.parametrize("raw", [CSV, b"", b"\x1f", b"P", b"PK"])
def test_what_is_not_packed_is_left_alone(raw: bytes) -> None:
    assert unpack(raw, build.feed()) == [("", raw)]


def test_gzip_is_told_by_its_bytes_and_may_have_members_and_padding() -> None:
    for raw in (gzip.compress(CSV), gzip.compress(CSV[:50]) + gzip.compress(CSV[50:]), gzip.compress(CSV) + b"\0" * 512):
        assert unpack(raw, build.feed()) == [("", CSV)]


def test_a_zip_gives_its_files_in_their_order_without_litter() -> None:
    raw = zipped(("b/2.csv", b"2"), ("1.csv", b"1"), ("__MACOSX/._1.csv", b"x"), (".DS_Store", b"x"), ("b/", b""))
    assert unpack(raw, build.feed()) == [("b/2.csv", b"2"), ("1.csv", b"1")]


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_packings_are_counted(depth: int) -> None:
    raw = CSV
    for _ in range(depth):
        raw = zipped(("a.csv", raw))
    assert unpack(raw, build.feed({"caps": {"depth": depth}}))[0][1] == CSV
    assert refused(raw, {"depth": depth - 1}) == "packed_too_deep"
    assert unpack(gzip.compress(zipped(("a.csv", CSV))), build.feed({"caps": {"depth": 2}})) == [("a.csv", CSV)]


def test_a_bomb_is_stopped_before_it_fills_the_memory() -> None:
    zeros = bytes(200 * 2**20)
    bombs = [gzip.compress(zeros, 9), zipped(("a.csv", zeros)), zipped(*((f"{n}.csv", zeros[: 5 * 2**20]) for n in range(40)))]
    del zeros
    tracemalloc.start()
    try:
        for bomb in bombs:
            assert refused(bomb, {"ratio": 100}) == "zip_bomb"
            assert refused(bomb, {"ratio": 10_000, "bytes": 2**21}) == "too_large"
        assert tracemalloc.get_traced_memory()[1] < 120 * 2**20
    finally:
        tracemalloc.stop()
    assert len(unpack(gzip.compress(bytes(2**20)), build.feed({"caps": {"ratio": 2}}))[0][1]) == 2**20, "a megabyte is no bomb"


def test_a_large_file_that_is_not_packed_is_refused_too() -> None:
    assert refused(CSV, {"bytes": len(CSV) - 1}) == "too_large"


def test_a_damaged_or_cut_file_is_told_apart() -> None:
    whole = {"gzip": gzip.compress(CSV * 9), "zip": zipped(("a.csv", CSV * 9))}
    for raw in whole.values():
        assert {refused(raw[:end]) for end in range(12, len(raw) - 22)} == {"truncated"}
    changed = bytearray(whole["gzip"])
    changed[-6] ^= 1
    assert refused(bytes(changed)) == "damaged"
    changed = bytearray(zipped(("a.csv", CSV), method=zipfile.ZIP_STORED))
    changed[60] ^= 1
    assert refused(bytes(changed)) == "damaged"
    assert refused(gzip.compress(CSV) + b"and more") == "damaged"


@pytest.mark.parametrize("name", ["../a.csv", "/a.csv", "x/../../a.csv", "C:a.csv", "..\\a.csv", "\\a.csv"])
def test_a_name_that_leads_out_is_refused(name: str) -> None:
    assert refused(zipped((name, CSV))) == "unsafe_name"
    assert unpack(zipped(("a..b/c.csv", CSV)), build.feed())[0][0] == "a..b/c.csv"


def test_what_cannot_be_unpacked_is_said() -> None:
    encrypted = bytearray(zipped(("a.csv", CSV)))
    encrypted[encrypted.index(b"PK\x01\x02") + 8] |= 1
    assert refused(bytes(encrypted)) == "encrypted"
    method = bytearray(zipped(("a.csv", CSV)))
    method[method.index(b"PK\x01\x02") + 10] = method[8] = 98
    assert refused(bytes(method)) == "packed_otherwise"
    assert refused(zipped(("[Content_Types].xml", b""), ("xl/workbook.xml", b""))) == "packed_otherwise"
    assert refused(b"BZh91AY") == refused(b"\xfd7zXZ\0") == refused(bytes(257) + b"ustar\0") == "packed_otherwise"
    assert refused(zipped()) == "empty_file"
    assert refused(zipped(*((f"{n}.csv", b"1") for n in range(4))), {"members": 3}) == "too_many_members"


def test_rows_of_several_files_are_numbered_on_and_say_where_they_stood() -> None:
    parsed = unpacked.parse(zipped(("1.csv", CSV), ("2.csv", CSV)), build.feed())
    frame = parsed.frames["labs"]
    assert frame[["row_no", "line_no", "source:(file)"]].to_numpy().tolist() == [
        [1, 2, "1.csv"], [2, 3, "1.csv"], [3, 2, "2.csv"], [4, 3, "2.csv"]]  # fmt: skip
    with pytest.raises(FeedError, match=r"^File 2 of 2 in it: Column 'Patient'"):
        unpacked.parse(zipped(("1.csv", CSV), ("2.csv", b"x,y\n1,2\n")), build.feed())


def test_every_byte_changed_ends_in_content_or_in_a_reason() -> None:
    for whole in (gzip.compress(CSV), zipped(("a.csv", CSV), ("b.csv", CSV))):
        for at in range(len(whole)):
            for bit in (1, 0x80):
                changed = bytearray(whole)
                changed[at] ^= bit
                result: Any
                try:
                    result = unpack(bytes(changed), build.feed())
                except FeedError:
                    continue
                contents = [content for _, content in result]
                assert set(contents) <= {CSV, bytes(changed)}, "a checksum that does not fit went unseen"


