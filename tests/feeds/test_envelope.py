"""The borders, characters and counts of an HL7 v2 file."""

from __future__ import annotations

import pytest

from monitors.errors import FeedError
from monitors.feed_model import Feed
from monitors.feeds import hl7v2

BODY = ["PID|1||AA1||MÜLLER^ADA", "OBR|1||S1|R", "OBX|1|NM|A||5.5|mg/dL|||||F"]


def feed(**change: object) -> Feed:
    return Feed.model_validate(
        {"format": "hl7v2", "location": "inbox", "laboratory": "lab-a", "authority": "a", "zone": "Europe/London", **change}
    )


def message(charset: str = "") -> str:
    return "\r".join([f"MSH|^~\\&|LAB|A|NW|B|20260228||ORU^R01|1|P|2.5.1||||||{charset}", *BODY]) + "\r"


def name(raw: bytes, **change: object) -> str:
    parsed = hl7v2.parse(raw, feed(**change))
    assert list(parsed.refused["reason"]) == []
    return str(parsed.frames["labs"]["family_name"].iloc[0])


def reasons(raw: bytes, **change: object) -> list[str]:
    return list(hl7v2.parse(raw, feed(**change)).refused["reason"])


def refusal(raw: bytes, **change: object) -> str:
    with pytest.raises(FeedError) as found:
        hl7v2.parse(raw, feed(**change))
    return found.value.reason


@pytest.mark.parametrize(
    "raw",
    [message("UNICODE UTF-8").encode(), message("8859/1").encode("latin-1"), message("8859/15").encode("iso8859-15"),
     b"\xef\xbb\xbf" + message().encode(), message().encode("utf-16"), message("UNICODE UTF-16").encode("utf-16-le"),
     message("UNICODE UTF-16").encode("utf-16-be"), b"\x0b" + message("UTF-8").encode() + b"\x1c\r"],
    ids=["utf-8", "latin-1", "latin-9", "bom", "utf-16", "utf-16-le", "utf-16-be", "mllp"],
)  # fmt: skip
def test_characters_are_read_as_the_message_names_them(raw: bytes) -> None:
    assert name(raw) == "MÜLLER"


def test_the_feed_names_the_set_where_the_message_does_not() -> None:
    raw = message().encode("latin-1")
    assert reasons(raw) == ["mis_encoded"]
    assert name(raw, hl7v2={"charset": "latin-1"}) == "MÜLLER"


def test_a_message_that_is_not_what_it_names_is_refused_alone() -> None:
    raw = message("UNICODE UTF-8").encode() + message("ASCII").encode("latin-1") + message("KLINGON").encode()
    parsed = hl7v2.parse(raw, feed())
    assert list(parsed.refused["reason"]) == ["mis_encoded", "unknown_charset"]
    assert len(parsed.frames["labs"]) == 1


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
def test_every_line_end_is_a_segment_end(end: str) -> None:
    assert name(message("UNICODE UTF-8").replace("\r", end).encode()) == "MÜLLER"


def test_other_separators() -> None:
    text = message("UTF-8").translate(str.maketrans("|^~\\&", "#*;!%"))
    assert name(text.encode()) == "MÜLLER"


def test_an_unended_last_line_refuses_its_message_only() -> None:
    raw = (message("UTF-8") + message("UTF-8").rstrip("\r")).encode()
    assert reasons(raw) == ["truncated"]
    assert reasons(raw, unterminated="take") == []
    assert reasons(raw[:-8], unterminated="take") == ["truncated"]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["BHS|^~\\&", "{}", "BTS|2"], "wrong_count"),
        (["FHS|^~\\&", "BHS|^~\\&", "{}", "BTS|1", "FTS|2"], "wrong_count"),
        (["BHS|^~\\&", "{}", "BTS|eins"], "wrong_count"),
        (["BHS|^~\\&", "{}"], "truncated"),
        (["{}", "BTS|1"], "truncated"),
        (["BHS|^~\\&", "{}", "BTS|1", "OBX|9|NM|A||1"], "truncated"),
        (["PID|1||A"], "not_hl7"),
        (["Patient,Test", "1,2"], "not_hl7"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused_whole(lines: list[str], reason: str) -> None:
    one = message("UTF-8").rstrip("\r")
    assert refusal("\r".join([*(line.replace("{}", one) for line in lines), ""]).encode()) == reason


def test_a_batch_that_counts_right_is_read() -> None:
    one = message("UTF-8").rstrip("\r")
    raw = "\n".join(["FHS|^~\\&", "BHS|^~\\&", one, one, "BTS|2", "FTS|1", ""]).encode()
    parsed = hl7v2.parse(raw, feed())
    assert len(parsed.frames["labs"]) == 2


def test_lines_before_the_first_message_are_refused_and_the_rest_read() -> None:
    parsed = hl7v2.parse(b"OBX|3|NM|A||7|mg/dL\r" + message("UTF-8").encode(), feed())
    assert list(parsed.refused["reason"]) == ["headless"]
    assert len(parsed.frames["labs"]) == 1


def test_the_size_cap() -> None:
    assert refusal(message("UTF-8").encode(), caps={"bytes": 50}) == "too_large"


def test_no_sentence_repeats_what_the_message_says_of_a_patient() -> None:
    raw = (message("UTF-8") + message("UTF-8").replace("PID|1||AA1", "PID|1||").replace("OBR|1", "XYZ|1")).encode()
    parsed = hl7v2.parse(raw + b"PID|1||SECRET7||SECRETNAME\rMSH|^^\r", feed())
    for column in ("sentence", "remedy"):
        assert not parsed.refused[column].str.contains("SECRET|AA1|LLER|5.5", regex=True).any()
