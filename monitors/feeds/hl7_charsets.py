"""The character sets of HL7 table 0211, and the escapes inside a field.

Sources: HL7 v2.8 chapter 2, escape sequences (2.7), MSH-18 (2.14.9.18) and table 0211.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from monitors.feeds.hl7_refusal import Broken

_PARTS = (*range(1, 11), 13, 14, 15)
CHARSETS = {
    **dict.fromkeys(("ASCII", "US-ASCII", "ISO IR6"), "ascii"),
    **{f"{prefix}8859{sign}{part}": f"iso8859-{part}" for part in _PARTS for prefix in ("", "ISO-", "ISO") for sign in "/-"},
    **dict.fromkeys(("LATIN1", "LATIN-1", "ISO IR100"), "iso8859-1"),
    **dict.fromkeys(("WINDOWS-1252", "CP1252"), "cp1252"),
    **dict.fromkeys(("UNICODE UTF-8", "UTF-8", "UTF8", "UNICODE"), "utf-8"),
    **dict.fromkeys(("UNICODE UTF-16", "UTF-16"), "utf-16"),
    **dict.fromkeys(("UNICODE UTF-32", "UTF-32"), "utf-32"),
    "ISO IR14": "shift_jis", "ISO IR87": "iso2022_jp", "ISO IR159": "iso2022_jp_1",
    "GB 18030-2000": "gb18030", "KS X 1001": "euc_kr", "BIG-5": "big5",
}  # fmt: skip


def encoding_of(written: str, repetition: str, default: str) -> str:
    """Python's name of the set MSH-18 names first; `default` when it names none. Raises Broken: unknown_charset."""
    name = written.split(repetition, 1)[0].strip().upper()
    if not name:
        return default
    if name not in CHARSETS:
        raise Broken("unknown_charset", "MSH-18 names a character set that is not in HL7 table 0211.")
    return CHARSETS[name]


def decode(text: str, charset: str, line_no: int) -> str:
    """Text whose characters are bytes (read as Latin-1) -> text in `charset`. Raises Broken: mis_encoded."""
    try:
        return text.encode("latin-1").decode(charset)
    except (UnicodeError, LookupError):
        raise Broken(
            "mis_encoded", f"The message on line {line_no} is not {charset}, the character set it or its feed names.",
            "Ask the sender to name the character set in MSH-18; where it names none, set hl7v2.charset.",
        ) from None  # fmt: skip


def unescaper(separators: str, charset: str) -> Callable[[str], str]:
    """Decodes \\F\\ \\S\\ \\T\\ \\R\\ \\E\\ \\X..\\ and the line breaks; drops highlighting; leaves what it does not know.

    separators: field, component, repetition, escape, subcomponent, as the message writes them.
    """
    field, component, repetition, escape, subcomponent = tuple(separators)
    signs = {"F": field, "S": component, "T": subcomponent, "R": repetition, "E": escape, "H": "", "N": "", "P": ""}
    sequence = re.compile(rf"{re.escape(escape)}([^{re.escape(escape)}]{{1,40}}){re.escape(escape)}")

    def one(found: re.Match[str]) -> str:
        said = found.group(1)
        if said in signs:
            return signs[said]
        if said[0] == ".":
            return "\n" if said[1:3] in ("br", "sp", "ce") else " "
        if said[0] == "X":
            try:
                return bytes.fromhex(said[1:]).decode(charset).replace("\0", "\ufffd")
            except ValueError:
                return found.group(0)
        return found.group(0)

    return lambda text: sequence.sub(one, text)
