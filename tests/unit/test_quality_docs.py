"""Data Docs tell how many rows fail which expectation, and nothing of what stands in them."""

from __future__ import annotations

from pathlib import Path

import feed_builders as build

from monitors import quality, quality_docs
from monitors.feeds import csv, fields

MARKER = "73519.25"


def test_no_value_of_a_row_reaches_a_page(tmp_path: Path) -> None:
    feed = build.feed()
    rows = [f"PAT{MARKER},S{MARKER},PHOS,{MARKER},mg/dL,2026-03-01 08:00", f",S2,PHOS,5.5,u{MARKER},"]
    raw = "\n".join(["Patient,Sample,Test,Result,Units,Taken", *rows, ""])
    derived = fields.derive(csv.parse(raw.encode(), feed).frames["labs"], feed, build.config(), "labs")
    frame = quality.prepared(derived, build.NOW, "labs", None, build.config().analytes)
    first = quality_docs.build({"a-labs": ("labs", frame)}, tmp_path / "site")
    pages = [path for path in (tmp_path / "site").rglob("*") if path.is_file()]
    assert first in pages
    assert any("plausibility" in page.read_text("utf-8", "ignore") for page in pages)
    for page in pages:
        assert MARKER.encode() not in page.read_bytes(), page.name
