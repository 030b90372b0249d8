"""CSV files of three patients, plain, quoted and packed, and what goes wrong with such on their way.

Every number, sample and value names its patient, by texts no one damage turns into another's. Not made: damage that
leaves a row no reader could tell from a good one (the tail of one row behind the head of another, with the right number
of columns in sum).
"""

from __future__ import annotations

import gzip
import io
import random
import re
import zipfile
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from monitors.feed_model import Feed
from monitors.feeds import csv, unpacked
from monitors.feeds.packed import unpack
from tests.fuzz.harness import Reading

PEOPLE = {"ada": ("AA111111", "4.444"), "ben": ("BB222222", "6.666"), "cyd": ("CC333333", "8.888")}
OWNERS = {text: name for name, (number, value) in PEOPLE.items()
          for text in (number, value, f">1{value}", f"S-{number}-1", f"S-{number}-2")}  # fmt: skip
HEADER = ("Patient", "Sample", "Test", "Result", "Units", "State", "Taken", "Reported", "Note")
FIELDS = (
    "patient", "accession", "code", "value", "unit_text", "status", "collected_at", "issued_at", "comment", "ragged_line",
    "unended",
)  # fmt: skip
ODD = (
    b"", b'""', b'"', b"NaN", b"1e400", b"1_000", b"\xd9\xa6", b"<3", b"NA", b'="007"', b"'007", b"-1", b"\xff\xfe", b"\0",
    b"9" * 5000, b"2026-13-32", b"31.02.2026", b",", b"\r", b"\n", b"\r\n", b"a\nb", b'"a\nb"', b'"a,b"', b'a"b', b"\xc2\x85",
    b"\xe2\x80\xa8", b";", b"\xef\xbb\xbf", b"sep=,", b"Patient", b"PHOS", b"D", b"0x10", b"=1+1", b"\x1a", b"\x0c",
)  # fmt: skip


def _rows(*people: str, note: str = "") -> list[tuple[str, ...]]:
    return [
        (number, f"S-{number}-{n}", code, text, unit, "F", f"2026-02-{27 - n} 07:30", f"2026-02-{27 - n} 11:00", note)
        for who in people for number, value in (PEOPLE[who],)
        for n, code, text, unit in ((1, "PHOS", value, "mg/dL"), (1, "PTH", f">1{value}", "pg/mL"), (2, "PHOS", value, "mg/dL"))
    ]  # fmt: skip


def _file(rows: list[tuple[str, ...]], quote: str = "", end: str = "\n") -> bytes:
    return "".join(",".join(f"{quote}{cell}{quote}" for cell in row) + end for row in [HEADER, *rows]).encode()


def _value_last(rows: list[tuple[str, ...]]) -> bytes:
    """A cut inside the last field leaves another number."""
    return "".join(",".join((*row[:3], *row[4:], row[3])) + "\n" for row in [HEADER, *rows]).encode()


def _zip(*files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, file in enumerate(files):
            archive.writestr(zipfile.ZipInfo(f"{number}.csv", (2026, 2, 28, 0, 0, 0)), file)
    return out.getvalue()


def seeds() -> list[bytes]:
    """Plain, quoted, with other line ends, with notes over lines, the value last, and packed."""
    plain, quoted = _file(_rows("ada", "ben", "cyd")), _file(_rows("ada", "ben"), '"', "\r\n")
    notes = _file(_rows("cyd", "ada", note="seen, \nand told"), '"')
    mixed = plain.replace(b",F,", b',"F",')
    texts = [plain, quoted, notes, mixed, b"sep=,\r\n" + quoted, _value_last(_rows("ada", "ben"))]
    return [*texts, *texts, gzip.compress(plain, mtime=0), _zip(plain, quoted)]


# ---------------------------------------------------------------------------------------------------------- damage
def _line(lines: list[bytes], rng: random.Random) -> None:
    """Drop, double, move, join or break one line."""
    at = rng.randrange(len(lines))
    how = rng.randrange(5)
    if how == 0:
        del lines[at]
    elif how == 1:
        lines.insert(rng.randrange(len(lines) + 1), lines[at])
    elif how == 2:
        lines[at : at + 2] = lines[at : at + 2][::-1]
    elif how == 3:
        lines[at : at + 2] = [b"".join(lines[at : at + 2])]
    else:
        cut = rng.randrange(len(lines[at]) + 1)
        lines[at : at + 1] = [lines[at][:cut], lines[at][cut:]]


def _cell(lines: list[bytes], rng: random.Random) -> None:
    """Drop, double, swap, replace or empty one cell of one line, cut by whatever delimiter."""
    at = rng.randrange(len(lines))
    cells = lines[at].split(rng.choice((b",", b",", b",", b'"', b"-", b" ")))
    n, m, how = rng.randrange(len(cells)), rng.randrange(len(cells)), rng.randrange(5)
    if how == 0:
        del cells[n]
    elif how == 1:
        cells.insert(n, cells[n])
    elif how == 2:
        cells[n], cells[m] = cells[m], cells[n]
    elif how == 3:
        cells[n] = rng.choice(ODD)
    else:
        cells[n : n + 1] = [b""] * rng.randrange(1, 4)
    lines[at] = b",".join(cells)


def _slice(lines: list[bytes], rng: random.Random) -> None:
    """Lose some bytes within a line."""
    at = rng.randrange(len(lines))
    cut = rng.randrange(len(lines[at]) + 1)
    lines[at] = lines[at][:cut] + lines[at][cut + rng.randrange(1, 20) :]


def _flip(raw: bytes, rng: random.Random) -> bytes:
    some = bytearray(raw)
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        some[rng.randrange(len(some))] = rng.choice((rng.randrange(256), some[rng.randrange(len(some))], rng.choice(b'",\r\n\0')))
    return bytes(some)


def _whole(raw: bytes, rng: random.Random) -> bytes:
    """Another encoding, other line ends, another delimiter, a delimiter behind every row, packed."""
    text = raw.decode("latin-1")
    return rng.choice((
        lambda: b"\xef\xbb\xbf" + raw, lambda: text.encode("utf-16"), lambda: text.encode("utf-16-le"), lambda: b"\xff\xfe" + raw,
        lambda: text.replace("mg", "µg").encode("latin-1"), lambda: text.replace("mg", "µg").encode(),
        lambda: raw.replace(b"\n", b"\r"), lambda: raw.replace(b"\n", b"\r\n"), lambda: raw.replace(b"\n", b"\n\n"),
        lambda: raw.replace(b",", b";"), lambda: raw.replace(b"\n", b",\n"), lambda: raw.replace(b"\n", b"\0\n"),
        lambda: raw.rstrip(b"\r\n"), lambda: raw + b"\x1a", lambda: raw + b"\n\n\n", lambda: b"Report of today\n" + raw,
        lambda: gzip.compress(raw, mtime=0), lambda: _zip(raw), lambda: _zip(raw, raw), lambda: _zip(gzip.compress(raw, mtime=0)),
    ))()  # fmt: skip


def mutate(raw: bytes, rng: random.Random) -> bytes:
    """One kind of damage mostly, sometimes two or three; at times two files run together or the tail cut."""
    choice = rng.random()
    if choice < 0.05:
        other = rng.choice(seeds())
        return raw + other if rng.random() < 0.5 else raw.rstrip(b"\r\n") + other
    if choice < 0.12:
        return raw[: rng.randrange(len(raw))]
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if not raw:
            return raw
        if raw[:2] in (b"\x1f\x8b", b"PK"):
            raw = _flip(raw, rng)
        elif rng.random() < 0.7:
            end = max((b"\n", b"\r"), key=raw.count)  # cut by another mark, the file is one line and its patients are cells
            lines = raw.split(end)
            rng.choice((_line, _cell, _cell, _slice))(lines, rng)
            raw = end.join(lines)
        else:
            raw = rng.choice((_flip, _flip, _whole))(raw, rng)
    return raw


# --------------------------------------------------------------------------------------------------------- reading
_FEED = Feed.model_validate({
    "kind": "labs", "location": "inbox", "laboratory": "lab-a", "authority": "hospital-a", "zone": "Europe/London", "unit": "N1",
    "caps": {"depth": 2},
    "mapping": {
        "columns": {"patient": "Patient", "accession": "Sample", "code": "Test", "value": "Result", "unit_text": "Units",
                    "status": "State", "collected_at": "Taken", "issued_at": "Reported", "comment": "Note"},
        "codes": {"PHOS": "phosphate", "PTH": "pth"}, "statuses": {"F": "final", "C": "corrected", "D": "deleted"}},
})  # fmt: skip


def feed() -> Feed:
    return _FEED


def read(raw: bytes, feed: Feed) -> Reading:
    """A row is a tuple of FIELDS. Lost are lines of a file without quotes that are neither header nor row."""
    members = unpack(raw, feed)
    if len(members) > 1:
        parsed = unpacked.parse(raw, feed)
        table, ignored = pa.Table.from_pandas(parsed.frames["labs"], preserve_index=False), parsed.ignored
    else:  # as unpacked.parse, without the frame, which costs as much as all the rest
        found, ignored = csv.rows(members[0][1], feed)
        table = csv.long(found, feed)
    there = set(table.column_names)
    nothing = [None] * table.num_rows
    rows = list(zip(*(table[name].to_pylist() if name in there else nothing for name in FIELDS), strict=True))
    lost = []
    if not raw.startswith((b"\x1f\x8b", b"PK")) and b'"' not in raw:
        text = raw.removeprefix(b"\xef\xbb\xbf").replace(b"\r", b"\n")
        lines = sum(bool(line) for line in re.sub(rb"(?i)\Asep=.\n+", b"", text).split(b"\n"))
        if lines - 1 - ignored.get("repeated header", 0) != len(rows):
            lost = [f"{lines} lines gave {len(rows)} rows"]
    if len(set(table["row_no"].to_pylist())) < table.num_rows:
        lost.append("a row number stands twice")
    return Reading({"labs": rows}, lost=lost)


def names(kind: str, row: tuple[Any, ...]) -> Iterable[str | None]:
    """Patient, sample and value."""
    return () if row[-1] == "yes" else (row[0], row[1], row[3])


def frame(kind: str, rows: Sequence[tuple[Any, ...]], feed: Feed) -> pd.DataFrame:
    texts = pd.DataFrame(list(rows), columns=list(FIELDS)).astype("str")
    return texts.assign(line_no=1)
