"""Whole nights of `pipeline.night` over 13 months of results: a baseline, a full one, an idle one, some of a back-fill."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from benchmarks import ingest, judging
from benchmarks.performance_site import FILE_ROWS, line, load, numbers, opened, units_of, write_site
from benchmarks.shared import apart, peak, superuser
from monitors import pipeline
from monitors.demo.standins import SmtpStandIn

BACK = (30, 180, 330)  # days before the newest night: the sampled nights of a year's back-fill


def write_night(home: Path, folder: Path, night: date) -> int:
    """The day's draws, of every patient whose month is over, each near the patient's own last value. Returns rows."""
    engine = superuser(home)
    with engine.connect() as connection:
        newest = pd.read_sql(sa.text(
            "SELECT DISTINCT ON (subject_id, analyte) subject_id, analyte, value FROM nephrowatch.results "
            "WHERE subject_id % 28 = 0 ORDER BY subject_id, analyte, collected_at DESC, id DESC"), connection)  # fmt: skip
    engine.dispose()
    names = numbers()
    code = {names[test[0]]: code for code, test in ingest.TESTS.items()}
    random = np.random.default_rng(2)
    taken = datetime.combine(night - timedelta(days=1), clock_time(7))
    frame = pd.DataFrame({
        "patient": newest["subject_id"].astype(str), "sample": newest["subject_id"].map(lambda one: f"T{one:09d}"),
        "code": newest["analyte"].map(code), "taken": pd.Series([taken] * len(newest)).astype("datetime64[us]"),
        "value": np.maximum(0.1, np.round(newest["value"] * (1 + 0.08 * random.standard_normal(len(newest))), 1)),
    })  # fmt: skip
    for number, first in enumerate(range(0, len(frame), FILE_ROWS)):
        (folder / "inbox" / f"night-{number:04d}.csv").write_bytes(ingest.as_csv(frame.iloc[first : first + FILE_ROWS]))
    return len(frame)


def run_night(home: Path, folder: Path, night: date, today: date) -> dict[str, Any]:
    """One `pipeline.night`, each stage timed; live when `night` is today's."""
    at = datetime.combine(today, clock_time(5), UTC)
    marks: list[tuple[str, float]] = []
    with opened(home, folder, at) as here:
        started = time.perf_counter()
        answer = pipeline.night(
            night, live=night == today, here=here, progress=lambda stage: marks.append((stage, time.perf_counter()))
        )
        ended = time.perf_counter()
    ends = [at for _, at in marks[1:]] + [ended]
    parts = {stage: round(end - began, 4) for (stage, began), end in zip(marks, ends, strict=True)}
    return {"seconds": ended - started, "parts": parts, "peak": peak(), "rows": answer["rows"], "changes": answer["changes"],
            "messages": answer["messages"]}  # fmt: skip


def waive(home: Path, folder: Path, at: datetime) -> None:
    """Every rule tells at once, so that the nights have somebody to tell."""
    with opened(home, folder, at) as here:
        pipeline.rules_decide("waived", None, actor="A. Benchmark", reason="benchmark", here=here)


def measure_nights(home: Path, folder: Path, patients: int) -> dict[str, Any]:
    rows = apart(load, home, patients, units_of(patients))
    first = judging.NIGHT
    with SmtpStandIn() as smtp:
        write_site(folder, units_of(patients), "A", smtp.port)
        apart(waive, home, folder, datetime.combine(first, clock_time(4, 30), UTC))
        baseline = apart(run_night, home, folder, first, first)
        sent = apart(write_night, home, folder, first + timedelta(days=1))
        full = apart(run_night, home, folder, first + timedelta(days=1), first + timedelta(days=1))
        idle = apart(run_night, home, folder, first + timedelta(days=2), first + timedelta(days=2))
        today = first + timedelta(days=2)
        back = [apart(run_night, home, folder, today - timedelta(days=days), today) for days in BACK]
    assert full["rows"]["received"] == sent, full["rows"]
    year = 365 * sum(one["seconds"] for one in back) / len(back)
    lines = []
    for what, one in (("a full night", full), ("an idle night", idle), ("the first night (baseline)", baseline)):
        lines.append(line(what, one["seconds"], peak=one["peak"]))
        lines += [line(f"of it: {name}", seconds) for name, seconds in one["parts"].items()]
    lines += [line(f"back-fill: the night {days} days back", one["seconds"], peak=one["peak"])
              for days, one in zip(BACK, back, strict=True)]  # fmt: skip
    lines.append(line("back-fill of a year: 365 times their mean", year))
    return {"facts": {"versions of results": rows, "units": units_of(patients), "rows of the full night": sent,
                      "full": full, "idle": idle, "baseline": baseline}, "lines": lines}  # fmt: skip
