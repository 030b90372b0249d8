"""What `performance` measures of one size, each contender in a process of its own on a server that all of them share.

ingest   the month's results of every patient as CSV files, by `pipeline.receive` and `pipeline.check`; bare COPY + upsert
judging  13 months of results: the bare five-column fetch, judging, and the rivals of `rivals.py`
nights   see `performance_nights.py`
"""

from __future__ import annotations

import cProfile
import pstats
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks import ingest, judging, rivals
from benchmarks.performance_nights import measure_nights
from benchmarks.performance_site import FILE_ROWS, line, load, numbers, opened, write_site
from benchmarks.shared import ROOT, administrator, apart, machine, peak, scratch, settings_of, timed
from monitors import config as configuration
from monitors import knowledge, pipeline
from monitors.database import open_database
from monitors.rules.judge import judge

PANDAS_UP_TO = 10_000  # patients; the script as most would write it takes nearly ten minutes for ten times as many
PROFILE_UP_TO = 100_000


# --------------------------------------------------------------------------------------------------- ingest
def write_month(folder: Path, patients: int) -> int:
    """A month of every patient, as CSV files beside the feed's folder; returns how many. In it: one small file."""
    (folder / "month").mkdir()
    one = ingest.results(len(ingest.TESTS)).assign(patient="0000000", sample="S-FIRST")
    (folder / "inbox" / "first.csv").write_bytes(ingest.as_csv(one))
    frame = ingest.results(patients * len(ingest.TESTS), months=1)
    cuts = range(0, len(frame), FILE_ROWS)
    for number, first in enumerate(cuts):
        content = ingest.as_csv(frame.iloc[first : first + FILE_ROWS])
        (folder / "month" / f"labs-{number:04d}.csv").write_bytes(content)
    return len(cuts)


def take_in(home: Path, folder: Path, rows: int) -> dict[str, float]:
    """Seconds of receive and check, by the pipeline, and the memory they took; `first`: of a small file before, which pays for
    what a process loads once."""
    with opened(home, folder, ingest.NOW) as here:
        run_id = pipeline.begin(ingest.NOW.date(), here=here)
        _, first = timed(lambda: (pipeline.receive(run_id, here=here), pipeline.check(run_id, here=here)))
        for path in sorted((folder / "month").iterdir()):
            path.rename(folder / "inbox" / path.name)
        _, received = timed(lambda: pipeline.receive(run_id, here=here))
        counts, checked = timed(lambda: pipeline.check(run_id, here=here))
    stored = sum(one.stored for one in counts)
    assert stored == rows, f"{rows:,} rows sent, {stored:,} stored: {counts[:3]}"
    return {"first": first, "receive": received, "check": checked, "peak": peak()}


def copy_bare(home: Path, folder: Path) -> float:
    """Seconds of COPY + upsert of the same rows, file by file, canonical already and in memory."""
    db = open_database(settings_of(home, folder))
    config = configuration.load(folder)
    bench = ingest.Bench(db, administrator(home), folder, config)
    with bench.engine.connect() as connection:
        found = connection.execute(sa.text("SELECT file_id FROM nephrowatch.files WHERE name <> 'first.csv' ORDER BY 1"))
        files = found.scalars().all()
    spent = 0.0
    for file_id in files:
        frame = bench.stored(file_id)
        count, seconds = timed(lambda frame=frame: bench.bare(frame))
        assert count == len(frame)
        spent += seconds
    bench.engine.dispose()
    db.dispose()
    return spent


def measure_ingest(home: Path, folder: Path, patients: int) -> dict[str, Any]:
    rows = patients * len(ingest.TESTS)
    write_site(folder, 1, "HOSPITAL")
    files = apart(write_month, folder, patients)
    ours = apart(take_in, home, folder, rows)
    bare = apart(copy_bare, home, folder)
    whole = ours["receive"] + ours["check"]
    return {"facts": {"rows": rows, "files": files, "rows a file, at most": FILE_ROWS}, "lines": [
        line("ingest: receive + check", whole, rows, peak=ours["peak"]),
        line("of it: receive (archive, register)", ours["receive"], rows),
        line("of it: check (parse, check, store, ledger)", ours["check"], rows),
        line("bare COPY + upsert of the same rows", bare, rows),
        line("before it, once a process: a file of 8 rows (imports)", ours["first"]),
    ]}  # fmt: skip


# -------------------------------------------------------------------------------------------------- judging
def fetch_bare(home: Path, warm: bool) -> dict[str, float]:
    db = open_database(settings_of(home))
    rows, seconds = timed(lambda: judging.bare(db, keep=not warm))
    db.dispose()
    return {"seconds": seconds, "rows": rows, "peak": peak()}


def judge_all(home: Path, profiled: bool) -> dict[str, Any]:
    """Judging whole, or where its time goes."""
    config, db = configuration.load(ROOT / "config"), open_database(settings_of(home))
    profile, spent = cProfile.Profile(), dict[str, float]()
    run = profile.runcall if profiled else (lambda call, *given: call(*given))
    outcomes, seconds = timed(lambda: run(judging.judged, db, config, spent))
    db.dispose()
    return {"seconds": seconds, "parts": spent, "outcomes": dict(outcomes), "peak": peak(),
            "profile": top(profile, seconds) if profiled else []}  # fmt: skip


def top(profile: cProfile.Profile, seconds: float) -> list[dict[str, Any]]:
    """The functions that themselves take the most time, as shares."""
    found = pstats.Stats(profile).stats.items()  # type: ignore[attr-defined]
    most = sorted(found, key=lambda item: -item[1][2])[:12]
    return [{"where": f"{Path(file).name.replace('~', 'built in')}:{name}", "calls": calls, "share": round(own / seconds, 3)}
            for (file, _, name), (_, calls, own, _, _) in most]  # fmt: skip


def fires(home: Path) -> dict[str, list[int]]:
    """Whom R01 and R10 fire for, by the engine: what the rivals' answers are held against."""
    config, db = configuration.load(ROOT / "config"), open_database(settings_of(home))
    read = knowledge.read_shard(db, config, 2, judging.NIGHT, 1, 10**9)
    body = configuration.RulesetBody.model_validate_json(config.ruleset_body)
    given = body.rules, body.analytes.analytes, body.calcium_basis, read.facts, body.lacking
    answer = judge(*read.frames, *given)
    db.dispose()
    return {rule: sorted(one.patient_id for one in answer.findings if one.rule == rule and one.outcome == "firing")
            for rule in ("R01", "R10")}  # fmt: skip


def measure_judging(home: Path, folder: Path, patients: int) -> dict[str, Any]:
    names = numbers()
    rows, loading = timed(lambda: apart(load, home, patients, 1))
    apart(fetch_bare, home, True)  # once for the caches
    bare = apart(fetch_bare, home, False)
    ours = apart(judge_all, home, False)
    sql = {rule: apart(rivals.in_sql, home, names, rule) for rule in ("R01", "R10")}
    duck = apart(rivals.in_duckdb, home, names)
    plain = apart(rivals.in_pandas, home, names) if patients <= PANDAS_UP_TO else None
    both = sum(one["seconds"] for one in sql.values())
    lines = [
        line("judging: all 24 rules, evidence built", ours["seconds"], rows, peak=ours["peak"]),
        *(line(f"of it: {part}", seconds, rows) for part, seconds in ours["parts"].items()),
        line("bare ADBC fetch of five columns", bare["seconds"], rows, peak=bare["peak"]),
        line("SQL by hand: R01", sql["R01"]["seconds"], rows), line("SQL by hand: R10", sql["R10"]["seconds"], rows),
        line("SQL by hand: both", both, rows),
        line("DuckDB: rows fetched into it", duck["fetch"], rows),
        line("DuckDB: R01 + R10, the same SQL", duck["R01"]["seconds"] + duck["R10"]["seconds"], rows),
        line("DuckDB: both, fetch included", duck["fetch"] + duck["R01"]["seconds"] + duck["R10"]["seconds"], rows,
             peak=duck["peak"]),
        line("loading, by COPY (not compared)", loading, rows),
    ]  # fmt: skip
    if plain:
        lines.insert(-1, line("pandas groupby.apply: R01 + R10, read_sql included", plain["seconds"], rows, peak=plain["peak"]))
    facts = {"versions of results": rows, "shards": ours["outcomes"]["shards"], "findings": ours["outcomes"],
             "DuckDB threads": duck["threads"]}  # fmt: skip
    answers = {"SQL": {rule: sql[rule]["who"] for rule in sql}, "DuckDB": {rule: duck[rule]["who"] for rule in sql},
               **({"pandas": plain["who"]} if plain else {})}  # fmt: skip
    return {"facts": facts, "lines": lines, "agreement": agreement(home, patients, answers),
            "profile": apart(judge_all, home, True)["profile"] if patients <= PROFILE_UP_TO else []}  # fmt: skip


def agreement(home: Path, patients: int, answers: dict[str, dict[str, list[int]]]) -> dict[str, Any]:
    """How many each finds; and, where it is quick to say, how many of them the engine fires for."""
    ours = apart(fires, home) if patients <= 10_000 else None
    said: dict[str, Any] = {}
    for rule in ("R01", "R10"):
        said[rule] = {who: {"found": len(found[rule]), **({"fired for": len(set(found[rule]) & set(ours[rule]))} if ours else {})}
                      for who, found in answers.items()}  # fmt: skip
        if ours:
            said[rule]["engine"] = {"found": len(ours[rule])}
    return said


PARTS = {"ingest": measure_ingest, "judging": measure_judging, "nights": measure_nights}


def measure(part: str, patients: int, home: Path, folder: Path) -> dict[str, Any]:
    """One part at one size, on a server of its own that is gone afterwards."""
    with scratch(home) as db:
        about = machine(db)
        db.dispose()
        return {"machine": about, **PARTS[part](home, folder, patients)}
