"""HL7 v2 messages of three patients, and what goes wrong with such on their way.

Every number, order and value names its patient, by texts no one damage turns into another's. Not made: damage that
leaves a message no reader could tell from a good one (a PID replaced by another whole PID; the head and the patient of
an order message both gone, so that its orders follow the message before without a seam).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pandas as pd

from monitors.feed_model import Feed
from monitors.feeds import envelope, hl7_rows, hl7v2
from tests.fuzz.harness import Reading

PEOPLE = {"ada": ("AA111111", "4.444"), "ben": ("BB222222", "6.666"), "cyd": ("CC333333", "8.888")}
OWNERS = {
    text: name
    for name, (number, value) in PEOPLE.items()
    for text in (
        number, f"OLD-{number}", value, f"1{value}",
        *(f"{kind}-{number}-{n}" for kind in ("S", "RX", "ORD") for n in (1, 2)),
        *(f"RX-{number}-{n} given 20260227073000" for n in (1, 2)),
    )
}  # fmt: skip
MSH = "MSH|^~\\&|LAB|HOSP|NW|HOSP|20260228120000+0000||{kind}|M{number}|P|{version}"


def _head(kind: str, number: str, version: str = "2.5.1", charset: str = "") -> str:
    return MSH.format(kind=kind, number=number, version=version) + (f"||||||{charset}" if charset else "")


def _pid(who: str) -> str:
    return f"PID|1||{PEOPLE[who][0]}^^^HOSP^MR~9{PEOPLE[who][0]}^^^NHS^NH||DOE^{who.upper()}||19600101|F"


def _order(who: str, n: int, specimen: bool = True) -> list[str]:
    number, value = PEOPLE[who]
    lines = [
        f"ORC|RE|ORD-{number}-{n}|S-{number}-{n}",
        f"OBR|{n}|ORD-{number}-{n}|S-{number}-{n}|RFP^Renal panel^L|||20260227073000+0000|||||||||||||||20260227110000|||F",
        f"OBX|1|NM|2777-1^Phosphate^LN||{value}|mg/dL|2.5-4.5|H|||F|||20260227073000",
        "NTE|1||Sample \\T\\ tube received late",
        f"OBX|2|SN|2731-8^PTH^LN||>^1{value}|pg/mL|15-65||||{'F' if n == 1 else 'C'}",
    ]
    return lines + ([f"SPM|{n}|^S-{number}-{n}||BLD^Blood^HL70487|||||||||||||20260227073000"] if specimen else [])


def _results(*people: str) -> list[str]:
    return [line for who in people for line in (_pid(who), "PV1|1|O|N1^^^HOSP", *_order(who, 1), *_order(who, 2))]


def seeds() -> list[bytes]:
    """Single results, several patients in one message, two messages, a batch, orders, administrations, events, links."""
    ada, ben = PEOPLE["ada"][0], PEOPLE["ben"][0]
    oru, two = "ORU^R01^ORU_R01", [_head("ORU^R01", "2", "2.3"), _pid("ben"), *_order("ben", 1, specimen=False)]
    first = [_head(oru, "1", charset="UNICODE UTF-8"), _pid("ada"), *_order("ada", 1), *_order("ada", 2)]
    both = [_head(oru, "3"), *_results("ada", "ben")]
    order = [
        _head("RDE^O11^RDE_O11", "4"), _pid("ada"), "PV1|1|O|N1", f"ORC|NW|RX-{ada}-1", "RXE||WAR^Warfarin 3 mg^L|3||mg",
        "TQ1|1|||||30^d|20260201|20260303", f"ORC|DC|RX-{ada}-2{'|' * 13}20260220", "RXE||CIN^Cinacalcet^L|30||mg",
    ]  # fmt: skip
    given = [_head("RAS^O17^RAS_O17", "5"), _pid("ben"), f"ORC|RE|RX-{ben}-1", "RXA|0|1|20260227073000||ETE^Etelcalcetide^L|5|mg"]
    admit = [_head("ADT^A01", "6"), "EVN|A01|20260226", _pid("cyd"), "PV1|1|I|WARD^1^2", "DG1|1||E83.5^Calcium^I10||20260226"]
    merge = [_head("ADT^A40", "7"), "EVN|A40|20260226", *(
        line for who in ("ada", "cyd") for line in (_pid(who), f"MRG|OLD-{PEOPLE[who][0]}^^^HOSP^MR"))]  # fmt: skip
    batch = ["FHS|^~\\&|LAB", "BHS|^~\\&|LAB", *first, *two, "BTS|2", "FTS|1"]
    files = [first, both, [*first, *two], batch, order, given, [*admit, *order], merge, [*two, *given], [*two, *both]]
    return ["\r".join(lines).encode() + b"\r" for lines in files]


# ---------------------------------------------------------------------------------------------------------- damage
def _drop(lines: list[bytes], rng: random.Random) -> None:
    del lines[rng.randrange(len(lines))]


def _again(lines: list[bytes], rng: random.Random) -> None:
    at = rng.randrange(len(lines))
    lines.insert(at, lines[at])


def _duplicate(lines: list[bytes], rng: random.Random) -> None:
    at = rng.randrange(len(lines))
    strays = lines[at][:3] not in (b"PID", b"MRG", b"PV1")  # a whole stray PID is a new patient, no damage
    lines.insert(rng.randrange(len(lines) + 1) if strays else at, lines[at])


def _neighbours(lines: list[bytes], rng: random.Random) -> None:
    at = rng.randrange(len(lines))
    lines[at : at + 2] = lines[at : at + 2][::-1]


def _join(lines: list[bytes], rng: random.Random) -> None:
    at = rng.randrange(len(lines))
    lines[at : at + 2] = [b"".join(lines[at : at + 2])]


def _break(lines: list[bytes], rng: random.Random) -> None:
    at = rng.randrange(len(lines))
    cut = rng.randrange(len(lines[at]) + 1)
    lines[at : at + 1] = [lines[at][:cut], lines[at][cut:]]


def _fields(lines: list[bytes], rng: random.Random) -> None:
    """Drop, double, empty, swap or replace one field, or component, of one segment."""
    at = rng.randrange(len(lines))
    mark = rng.choice((b"|", b"|", b"|", b"^", b"~"))
    parts = lines[at].split(mark)
    n = rng.randrange(len(parts))
    how = rng.randrange(5)
    if how == 0:
        del parts[n]
    elif how == 1:
        parts.insert(n, parts[n])
    elif how == 2:
        parts[n] = rng.choice(ODD)
    elif how == 3:
        m = rng.randrange(len(parts))
        parts[n], parts[m] = parts[m], parts[n]
    else:
        parts[n : n + 1] = [b""] * rng.randrange(1, 4)
    lines[at] = mark.join(parts)


ODD = (
    b"", b'""', b"NaN", b"1e400", b"1_000", b"\xd9\xa6", b"<3", b"-1", b"9" * 5000, b"A" * 3000, b"20261332", b"2026",
    b"\\X0\\", b"\\X00\\", b"\\XFF\\", b"\\X41\\", b"\\.br\\", b"\\F\\", b"\\", b"\\\\", b"&", b"^", b"~",
    b"MSH|^~\\&|X", b"PID|1||ZZ", b"\xff\xfe", b"\0", b"\x0b", b"\x1c", b"UNICODE UTF-16", b"8859/1", b"ASCII", b"KLINGON",
    b"ORU^R01", b"ADT^A03", b"D", b"W", b"X",
)  # fmt: skip


def _flip(raw: bytes, rng: random.Random) -> bytes:
    some = bytearray(raw)
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        some[rng.randrange(len(some))] = rng.choice((rng.randrange(256), some[rng.randrange(len(some))]))
    return bytes(some)


def _slice(raw: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(raw))
    return raw[:at] + raw[at + rng.randrange(1, 20) :]


def _encoding(raw: bytes, rng: random.Random) -> bytes:
    text = raw.decode("latin-1")
    return rng.choice((
        lambda: b"\xef\xbb\xbf" + raw,
        lambda: text.encode("utf-16"),
        lambda: b"\xfe\xff" + text.encode("utf-16-be"),
        lambda: text.encode("utf-16-le"),
        lambda: text.replace("Blood", "Blüt").encode("latin-1", "replace"),
        lambda: text.replace("Blood", "Blüt").encode("utf-8"),
        lambda: b"\xff\xfe" + raw,
    ))()  # fmt: skip


def _ends(raw: bytes, rng: random.Random) -> bytes:
    return rng.choice((
        lambda: raw.replace(b"\r", b"\n"), lambda: raw.replace(b"\r", b"\r\n"), lambda: raw.replace(b"\r", b"\n", 1),
        lambda: b"\x0b" + raw + b"\x1c\r", lambda: raw.replace(b"\rMSH", b"\r\x1c\r\x0bMSH"), lambda: raw.replace(b"\r", b"\n\n"),
        lambda: raw.rstrip(b"\r"), lambda: raw.replace(b"\rMSH", b"MSH"),
    ))()  # fmt: skip


def _separators(raw: bytes, rng: random.Random) -> bytes:
    old, new = rng.choice(b"|^~\\&"), rng.choice(b"|^~\\&#$%!*;:@")
    return raw.translate(bytes.maketrans(bytes([old, new]), bytes([new, old])))


_LINES = (_drop, _drop, _again, _neighbours, _join, _break, _fields, _fields, _fields, _fields)
_WHOLE = (_flip, _flip, _slice, _encoding, _ends, _separators)
_NO_SEAM = (b"RXE|", b"RXA|", b"MRG|", b"DG1|")


def mutate(raw: bytes, rng: random.Random) -> bytes:
    """One kind of damage mostly, to results sometimes two or three; at times two files run together, the tail is cut
    or a segment strays."""
    choice = rng.random()
    if choice < 0.05:
        other = rng.choice(seeds())
        return raw + other if rng.random() < 0.5 else raw.rstrip(b"\r") + other
    if choice < 0.15:
        return raw[: rng.randrange(len(raw))]
    if choice < 0.25:
        return _lined(raw, _duplicate, rng)
    # orders, events and links are not numbered: two of their segments lost together leave no trace
    times = 1 if any(name in raw for name in _NO_SEAM) else rng.choice((1, 1, 1, 2, 3))
    for _ in range(times):
        if not raw:
            return raw
        raw = _lined(raw, rng.choice(_LINES), rng) if rng.random() < 0.6 else rng.choice(_WHOLE)(raw, rng)
    return raw


def _lined(raw: bytes, damage: Callable[[list[bytes], random.Random], None], rng: random.Random) -> bytes:
    """Damage to one line, whatever ends it by now: cut by another mark, the file is one line, and what swaps places in it
    are the patients themselves."""
    end = max((b"\r", b"\n"), key=raw.count)
    lines = raw.split(end)
    damage(lines, rng)
    return end.join(lines)


# --------------------------------------------------------------------------------------------------------- reading
_FEED = Feed.model_validate({
    "format": "hl7v2", "location": "inbox", "laboratory": "lab-a", "authority": "hospital-a",
    "zone": "Europe/London", "unit": "N1",
    "mapping": {"codes": {"2777-1": "phosphate", "2731-8": "pth"}, "specimens": {"BLD": "blood"}},
    "hl7v2": {"second_authority": "NHS"},
})  # fmt: skip
_AT = {kind: {name: at for at, name in enumerate(names)} for kind, names in hl7_rows.COLUMNS.items()}
_NAMING = {kind: [_AT[kind][name] for name in ("patient", "accession", "order", "value", "merged_patient") if name in _AT[kind]]
           for kind in _AT}  # fmt: skip


def feed() -> Feed:
    return _FEED


def read(raw: bytes, feed: Feed) -> Reading:
    found = hl7v2.read(raw, feed)
    lines = [row[0] for rows in found.rows.values() for row in rows] + [part.line_no for part in found.refused]
    lost = [] if len(set(lines)) == len(lines) else ["two rows have one number"]
    refused = {part.line_no for part in found.refused}
    rows = {row[0] for kind in ("labs", "facts") for row in found.rows[kind]}
    for message in envelope.unpack(raw, feed).messages:
        head = message.text.split("\r", 1)[0].split(message.separators[0])
        kind = head[8][:7] if len(head) > 8 else ""
        if message.line_no not in refused and kind == f"ORU{message.separators[1]}R01":
            results = [at for at, line in zip(message.lines, message.text.split("\r"), strict=True) if line.startswith("OBX")]
            if not rows.issuperset(results):
                lost.append("a result")
    return Reading(found.rows, [part.reason for part in found.refused], lost)


def names(kind: str, row: Sequence[Any]) -> Iterable[str]:
    return [str(row[at]).lstrip("<>=") for at in _NAMING[kind]]


def frame(kind: str, rows: Sequence[Any], feed: Feed) -> pd.DataFrame:
    return hl7_rows.frame(kind, list(rows), feed)
