"""The made-up site that `performance` measures: its configuration, its results, and what its parts note down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from benchmarks import ingest, judging
from benchmarks.shared import ROOT, administrator, settings_of
from monitors import config as configuration
from monitors import pipeline

FILE_ROWS = 200_000  # rows of a CSV file at most
PATIENTS_A_UNIT = 200
Line = dict[str, Any]


def line(what: str, seconds: float, rows: int = 0, **more: Any) -> Line:
    return {"what": what, "seconds": round(seconds, 4), "rows": rows, **more}


def numbers() -> dict[str, int]:
    config = configuration.load(ROOT / "config")
    return {name: config.analytes[name].number for name in judging.ANALYTES}


def units_of(patients: int) -> int:
    return max(1, patients // PATIENTS_A_UNIT)


def load(home: Path, patients: int, units: int) -> int:
    return judging.load(administrator(home), patients, numbers(), units)


def write_site(folder: Path, units: int, authority: str, smtp: int = 9) -> Path:
    """A site of `units` units, one CSV feed and one mailbox. Returns its configuration folder."""
    (folder / "inbox").mkdir(parents=True, exist_ok=True)
    mail = {"kind": "email", "sender": "nephrowatch@nephrowatch.example", "host": "127.0.0.1", "port": smtp, "tls": "none"}
    texts = {
        "site.yaml": {
            "name": "Benchmark (synthetic)", "base": str(ROOT / "config"), "link": "http://127.0.0.1:9/",
            "mail_domain": "nephrowatch.example",
            "units": [{"code": f"N{n}", "name": f"Unit N{n}", "zone": "Europe/London", "cutoff": "04:00"}
                      for n in range(1, units + 1)]},
        "feeds.yaml": {"feeds": {"labs": {**ingest.FEEDS["csv"], "location": str(folder / "inbox"), "authority": authority}}},
        "routes.yaml": {
            "destinations": {name: {**mail, "to": f"{name}@nephrowatch.example"} for name in ("team", "ops")},
            "routes": [{"to": ["team"], "messages": ["alert", "digest"]}, {"to": ["ops"], "messages": ["operations"]}]},
        "people.yaml": {"people": []},
    }  # fmt: skip
    for name, content in texts.items():
        (folder / name).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return folder


@contextmanager
def opened(home: Path, folder: Path, at: datetime) -> Iterator[pipeline.Here]:
    """The pipeline's own door, with a clock that stands still."""
    with pipeline.opened(found=settings_of(home, folder)) as here:
        yield replace(here, clock=lambda: at, wait=lambda seconds: None)
