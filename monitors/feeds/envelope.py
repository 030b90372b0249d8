"""Bytes of an HL7 v2 file -> messages whose borders, characters and segments are certain.

The library that splits a message is trusting: it takes two messages run together for one, a file of LF line ends for
one segment, and a message cut in the middle for a whole one. Nothing reaches it that has not passed here. A message
that is not certain is refused alone; a file that contradicts itself is refused as a whole.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from dataclasses import dataclass, field

from monitors.errors import FeedError
from monitors.feed_model import Feed
from monitors.feeds.hl7_charsets import decode, encoding_of
from monitors.feeds.hl7_refusal import Broken, Refused

MLLP = re.compile(r"[\x0b\x1c]")
TOP = ("MSH", "FHS", "BHS", "BTS", "FTS")
# Segments of the messages taken here, chapters 2 to 7 and 10 of versions 2.3 to 2.8. A name not listed is damage: one
# changed byte of PID would otherwise hang a patient's results on the patient before. So PRD and ZID stay out.
KNOWN = frozenset(
    """ABS ACC ADD AL1 ARV AUT BLG BPO BPX BTX CDO CON CTD CTI DB1 DG1 DMI DRG DSC DSP ECD ECR EQU ERR EVN FT1 GOL GT1 IAM IAR
    IN1 IN2 IN3 INV ISD LAN MRG MSA MSH NDS NK1 NPU NST NTE OBR OBX ODS ODT OM1 ORC OVR PAC PD1 PDA PID PR1 PRB PRC PRT PTH
    PV1 PV2 QAK QID QPD QRD QRF RCP REL RF1 RGS ROL RXA RXC RXD RXE RXG RXO RXR RXV SAC SCD SFT SGH SGT SID SPM STF TCC TCD
    TQ1 TQ2 TXA UAC UB1 UB2 VAR""".split()  # noqa: SIM905  (a table of names)
)
NAME = re.compile(r"[A-Z][A-Z0-9]{2}")
SITE = re.compile(r"Z(?!ID)[A-Z0-9]{2}")
NUMBERED = "PID|PV1|OBR|OBX|SPM|DG1|PR1|NTE|TQ1"


@dataclass(frozen=True)
class Message:
    """One message, decoded, its segments ended by CR. lines: line of the file of each segment. separators: field,
    component, repetition, escape, subcomponent. charset: Python's name, for \\X..\\ escapes."""

    text: str
    lines: list[int]
    separators: str
    charset: str

    @property
    def line_no(self) -> int:
        return self.lines[0]

    @property
    def raw(self) -> str:
        return self.text.replace("\r", "\n")


@dataclass
class Envelope:
    messages: list[Message] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)


def unpack(raw: bytes, feed: Feed) -> Envelope:
    """The messages of one file.

    Raises FeedError: too_large, empty_file, mis_encoded (UTF-16 that is none), not_hl7 (no message in it), truncated
    (a batch that is not closed), wrong_count (BTS-1 or FTS-1 is not what is there).
    """
    if len(raw) > feed.caps.bytes:
        raise FeedError("too_large", f"The file has {len(raw)} bytes, more than the {feed.caps.bytes} of the feed's caps.bytes.")
    if not raw.strip(b"\x0b\x1c\r\n\t \0"):
        raise FeedError("empty_file", "The file holds no bytes but white space; ask the sender for the file again.")
    text, to_decode, charset = _text(raw)
    pieces = _pieces(text)
    if all(name != "MSH" for name, _, _ in pieces):
        if pieces[0][0] in ("FHS", "BHS"):
            _count(pieces)
            return Envelope()
        raise FeedError("not_hl7", "No line of the file begins with MSH; this feed reads HL7 v2 messages, ask the sender.")
    _count(pieces)
    envelope = Envelope()
    ended = text.endswith(("\r", "\n", "\x1c"))
    last = max(at for at, piece in enumerate(pieces) if piece[0] in ("MSH", ""))
    for at, (name, line_no, lines) in enumerate(pieces):
        if name in ("FHS", "BHS", "BTS", "FTS"):
            envelope.ignored[name] += 1
            continue
        cut = at == last == len(pieces) - 1 and not ended
        try:
            envelope.messages.append(_message(name, line_no, lines, charset, to_decode, cut, feed))
        except Broken as why:
            envelope.refused.append(why.of(line_no, "\n".join(lines)))
    return envelope


def _text(raw: bytes) -> tuple[str, bool, str]:
    """(text, whether each message is still to be decoded, charset). Bytes without a mark become Latin-1 text, in which
    every byte keeps its value, until the message's own MSH-18 is known."""
    for mark, name in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if raw.startswith(mark):
            return _decoded(raw[len(mark) :], name), False, name
    for name in ("utf-16-le", "utf-16-be"):
        for start in ("MSH", "FHS", "BHS"):
            if (at := raw[:64].find(start.encode(name))) >= 0 and at % 2 == 0:
                return _decoded(raw, name), False, name
    return raw.decode("latin-1"), True, ""


def _decoded(raw: bytes, name: str) -> str:
    try:
        text = raw.decode(name)
        # line ends read a byte too early or too late: an odd number of bytes is lost, whole segments hide in the rubble
        if "16" in name and (at := max(text.find("\u0d00"), text.find("\u0a00"))) >= 0:
            raise UnicodeDecodeError(name, raw, 2 * at, 2 * at + 2, "shifted")
        return text
    except UnicodeDecodeError as problem:
        sentence = f"The file says it is {name} and byte {problem.start} is not; ask the sender for the file again."
        raise FeedError("mis_encoded", sentence) from None


def _pieces(text: str) -> list[tuple[str, int, list[str]]]:
    """(first segment's name, line it stands on, its lines) of every message, batch header and trailer, in order.
    Lines before the first header belong to a piece named ''. Blank lines stay in, as the count of lines needs them."""
    pieces: list[tuple[str, int, list[str]]] = []
    if "\x0b" in text or "\x1c" in text:
        text = MLLP.sub("\r", text.replace("\x1c\r", "\x1c").replace("\r\x0b", "\x0b").replace("\r\x1c", "\x1c"))
    if "\n" in text:
        text = text.replace("\r\n", "\r").replace("\n", "\r")
    lines = text.split("\r")
    here: list[str] = []
    for number, line in enumerate(lines, 1):
        name = line[:3]
        if name in TOP:
            here = [line]
            pieces.append((name, number, here))
        elif pieces:
            here.append(line)
        elif line.strip():
            here = [line]
            pieces.append(("", number, here))
    return pieces


def _count(pieces: list[tuple[str, int, list[str]]]) -> None:
    """Refuse a file whose batches are not closed or do not hold what their trailers say."""
    names = [name for name, _, _ in pieces]
    for opens, closes, what in (("BHS", "BTS", "batch"), ("FHS", "FTS", "file")):
        if names.count(opens) > names.count(closes):
            raise FeedError("truncated", f"A {what} opened by {opens} is not closed by {closes}: its end is lost.")
        if names.count(opens) < names.count(closes):
            raise FeedError("truncated", f"A {closes} closes a {what} no {opens} opened: its start is lost.")
    order = "".join({"FHS": "F", "BHS": "B", "BTS": "b", "FTS": "f"}.get(name, "m") for name in names)
    if not re.fullmatch(r"m*|(?:(?:Bm*b)+|m*)|F(?:(?:Bm*b)*|m*)f", order):
        raise FeedError("truncated", "FHS, BHS, BTS and FTS do not stand in pairs around the messages; ask for the file again.")
    messages = batches = 0
    for name, line_no, lines in pieces:
        if name == "BTS":
            _same(_declared(lines[0]), messages, "BTS", "messages", line_no)
            batches, messages = batches + 1, 0
        elif name == "FTS":
            _same(_declared(lines[0]), batches or (1 if "m" in order else 0), "FTS", "batches", line_no)
        elif name == "MSH":
            messages += 1
        if name in ("BTS", "FTS", "BHS", "FHS") and any(line.strip() for line in lines[1:]):
            raise FeedError("truncated", f"Line {line_no + 1} stands after {name} and outside any message: an MSH is lost.")


def _declared(line: str) -> str:
    parts = line[4:].split(line[3:4]) if len(line) > 4 else [""]
    return parts[0].strip()


def _same(declared: str, actual: int, segment: str, what: str, line_no: int) -> None:
    if declared and (not declared.isascii() or not declared.isdigit() or len(declared) > 9 or int(declared) != actual):
        said = declared if declared.isascii() and declared.isdigit() and len(declared) < 10 else "no number"
        sentence = f"{segment} on line {line_no} declares {said} {what}, the file holds {actual}; ask for the whole file."
        raise FeedError("wrong_count", sentence)


def _message(
    name: str, line_no: int, lines: list[str], charset: str, to_decode: bool, cut: bool, feed: Feed
) -> Message:
    if name != "MSH":
        raise Broken("headless", f"The lines from line {line_no} on stand before the first MSH: the start of a message is lost.")
    separators, fields = _header(lines[0], line_no)
    if to_decode:
        charset = encoding_of(fields[17] if len(fields) > 17 else "", separators[2], feed.hl7v2.charset)
        text = "\r".join(lines)
        if not text.isascii() or ("utf" not in charset and charset != "ascii"):
            text = decode(text, charset, line_no)
            lines = text.split("\r")
            _header(lines[0], line_no)
    if any("\0" in line for line in lines):
        raise Broken("mis_encoded", f"The message on line {line_no} holds NUL bytes: a part of it was never written.")
    kept: list[str] = []
    numbers: list[int] = []
    inside = _run_together(separators)
    for number, line in enumerate(lines, line_no):
        if not line or line.isspace():
            continue
        segment = line[:3]
        if (segment not in KNOWN and not SITE.fullmatch(segment)) or line[3:4] not in (separators[0], ""):
            shown = segment if NAME.fullmatch(segment) else "no segment name"
            raise Broken("broken_segment", f"Line {number} is no segment of HL7 v2 ({shown}): a line end or a name is damaged.")
        if inside.search(line, 3):
            raise Broken("run_together", f"Line {number} holds a second segment inside a field: a line end is lost.")
        kept.append(line)
        numbers.append(number)
    if cut and (feed.unterminated == "refuse" or (kept[-1].startswith("OBX") and kept[-1].count(separators[0]) < 11)):
        raise Broken(
            "truncated", f"The last message, on line {line_no}, ends without a line end: it may be cut off.",
            "Ask the sender for the whole file; for a sender that never ends its last line, set unterminated: take.",
        )  # fmt: skip
    return Message("\r".join(kept), numbers, separators, charset)


def _header(line: str, line_no: int) -> tuple[str, list[str]]:
    """(field, component, repetition, escape, subcomponent) and the fields of MSH, MSH-2 at 1."""
    mark = line[3:4]
    fields = line.split(mark) if mark else []
    encoding = fields[1] if len(fields) > 1 else ""
    signs = mark + encoding
    usable = all(sign.isascii() and sign.isprintable() and not sign.isalnum() and sign not in ' ."-+' for sign in signs)
    if len(fields) < 3 or len(encoding) not in (4, 5) or len(set(signs)) != len(signs) or not usable:
        remedy = "Ask the sender to write four different signs into MSH-2, like ^~\\&."
        raise Broken("bad_separators", f"MSH-1 and MSH-2 on line {line_no} do not name five different separators.", remedy)
    return mark + encoding[:4], fields


_INSIDE: dict[str, re.Pattern[str]] = {}


def _run_together(separators: str) -> re.Pattern[str]:
    """Finds a segment name in the middle of a line, with what follows it at the start of such a segment."""
    mark = separators[0]
    if mark not in _INSIDE:
        sign = re.escape(mark)
        _INSIDE[mark] = re.compile(
            rf"MSH[^\w\s]{{5}}|(?:{NUMBERED}){sign}\d{{1,4}}{sign}|(?<![A-Za-z])(?:{NUMBERED}){sign}{sign}"
            rf"|MRG{sign}|EVN{sign}[A-Z]\d\d{sign}|(?<![A-Za-z])ORC{sign}[A-Z]{{2}}{sign}"
        )
    return _INSIDE[mark]
