"""Messages others published, where they are beside this checkout: every file is read or refused with a reason."""

from __future__ import annotations

from monitors.errors import FeedError
from monitors.feed_model import Feed
from monitors.feeds import hl7v2
from tests.public_data import DATA, needs

FOLDERS = ("hl7v2-linuxforhealth", "hl7v2-ms-fhir-converter", "hl7v2-simhospital")
FILES = sorted(DATA.glob("hl7v2-*/*.hl7")) + sorted(DATA.glob("hl7v2-*/*.out"))
EXPECTED = {  # folder -> rows by kind, refused parts, of all its files
    "hl7v2-simhospital": ({"labs": 3323, "census": 400, "links": 1}, 0),
}


def feed(**options: str) -> Feed:
    return Feed.model_validate(
        {"format": "hl7v2", "location": "inbox", "laboratory": "lab-a", "authority": "hospital-a", "zone": "Europe/London",
         "hl7v2": options}
    )  # fmt: skip


@needs(*FOLDERS)
def test_every_published_message_is_read_or_refused_with_a_reason() -> None:
    assert len(FILES) == 46
    found: dict[str, tuple[dict[str, int], int]] = {}
    for path in FILES:
        try:
            parsed = hl7v2.parse(path.read_bytes(), feed(patients_per_message="one").model_copy(update={"unterminated": "take"}))
        except FeedError as refusal:
            raise AssertionError(f"{path.name}: {refusal.reason}") from None
        rows, refused = found.setdefault(path.parent.name, ({}, 0))
        for kind, frame in parsed.frames.items():
            rows[kind] = rows.get(kind, 0) + len(frame)
        found[path.parent.name] = (rows, refused + len(parsed.refused))
        assert (parsed.refused["reason"].str.len() > 0).all()
        assert parsed.frames or len(parsed.refused) or parsed.ignored
    assert {folder: found[folder] for folder in EXPECTED} == EXPECTED


@needs("hl7v2-simhospital")
def test_as_many_results_as_lines_that_begin_with_obx() -> None:
    raw = (DATA / "hl7v2-simhospital" / "messages.out").read_bytes()
    parsed = hl7v2.parse(raw, feed())
    results = sum(message.split(b"|")[8] == b"ORU^R01" and message.count(b"\rOBX|") for message in raw.split(b"MSH|")
                  for message in [b"MSH|" + message] if message.count(b"|") > 8)  # fmt: skip
    assert len(parsed.frames["labs"]) == results
