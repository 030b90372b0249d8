"""Judging beside the bare fetch: how much the whole of judging costs over reading five columns.

    python -m benchmarks.judging --patients 10000

Makes 13 months x 8 analytes of results (1 % of them corrected later), loads them by COPY into a scratch
database on an embedded server of its own, and drops both at the end. Then, in one process, side by side:
the bare ADBC fetch of (subject, analyte, collected_at, id, value), and read_shard + judge for every rule and
shard, findings built. The ratio is the number the design bounds by 3.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import tempfile
import time
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from benchmarks.shared import ROOT, administrator, peak, scratch, timed
from monitors import config as configuration
from monitors import knowledge
from monitors.database import Database, Role, copy_frame
from monitors.memory import uncollected
from monitors.rules.judge import judge
from monitors.units import round6

NIGHT = date(2026, 4, 15)
MONTHS = 13
ANALYTES = {  # name -> typical value, spread between patients, coefficient of variation within one
    "phosphate": (5.3, 1.2, 0.13), "calcium": (9.2, 0.5, 0.04), "albumin": (3.8, 0.3, 0.05),
    "pth": (420, 260, 0.25), "potassium": (4.9, 0.5, 0.08), "crp": (8.0, 6.0, 0.4),
    "alkaline_phosphatase": (95, 40, 0.12), "inr": (1.1, 0.2, 0.1),
}  # fmt: skip
CHUNK = 10_000  # patients a COPY carries at a time
PTH = 4  # in config/analytes.yaml
READ = ("subject_id", "analyte", "collected_at", "value", "draw")
HOUSE = (
    "INSERT INTO nephrowatch.units VALUES ('N1', 'Unit N1', 'Europe/London', '04:00', NULL)",
    "INSERT INTO nephrowatch.batches VALUES (1, now(), 'benchmark'), (2, now(), 'corrections')",
    "UPDATE nephrowatch.batch_counter SET batch = 2",
    "INSERT INTO nephrowatch.assays VALUES (1, 'LAB', 'pth', 'assay A', 65)",
    "INSERT INTO nephrowatch.runs (night, begun_at) VALUES ('2026-03-01', '2026-03-01')",
    ("INSERT INTO nephrowatch.files (run_id, feed, kind, name, sha256, size_bytes, archived, received_at, state, batch, "
     "rows_received, rows_stored, rows_known, rows_quarantined) "
     "SELECT run_id, 'labs', 'labs', 'loaded', '', 1, '', begun_at, 'stored', 1, 1, 1, 0, 0 FROM nephrowatch.runs"),
)  # fmt: skip


# ------------------------------------------------------------------------------------------------ synthetic
def results(first: int, last: int, numbers: dict[str, int], random: np.random.Generator) -> pd.DataFrame:
    """Monthly draws of patients first..last: one row a month and analyte, in feed order."""
    patients = np.arange(first, last + 1)
    end = int(datetime(NIGHT.year, NIGHT.month, NIGHT.day, tzinfo=UTC).timestamp())
    shape = (MONTHS, len(patients), len(ANALYTES))
    draw = patients[None, :] * 100 + np.arange(MONTHS)[:, None]
    day = np.arange(MONTHS, 0, -1)[:, None] * 28 - patients[None, :] % 28
    at = end - day * 86_400 + 7 * 3_600
    typical = [[mean, spread, within] for mean, spread, within in ANALYTES.values()]
    mean, spread, within = np.array(typical).T
    own = np.maximum(mean * 0.4, mean + spread * random.standard_normal((len(patients), len(ANALYTES))))
    value = np.maximum(0.1, own * (1 + within * random.standard_normal(shape)))
    flat = {
        "subject_id": np.broadcast_to(patients[None, :, None], shape).ravel(),
        "analyte": np.broadcast_to([numbers[name] for name in ANALYTES], shape).ravel(),
        "collected_at": pd.to_datetime(np.broadcast_to(at[:, :, None], shape).ravel(), unit="s", utc=True),
        "value": round6(np.round(value, 1).ravel()),
        "draw": np.broadcast_to(draw[:, :, None], shape).ravel(),
    }
    return pd.DataFrame(flat)


def versions(frame: pd.DataFrame, first_id: int, batch: int) -> pd.DataFrame:
    """The rows as `store` would leave them."""
    ids = np.arange(first_id, first_id + len(frame))
    key = [f"{number:032x}" for number in ids.tolist()]
    return frame.assign(
        id=ids, batch=batch, flags=0, unit="N1", result_key=key, content_key=key, status="F", laboratory="LAB",
        issued_at=frame["collected_at"], value_text="", unit_text="", code="", file_id=1, row_no=ids,
        assay_id=pd.Series(np.where(frame["analyte"] == PTH, 1, 0), dtype="Int64").replace(0, None),
    )  # fmt: skip


def load(url: str, patients: int, numbers: dict[str, int], units: int = 1) -> int:
    """Fill the scratch database by COPY, patients spread over N1, N2, ...; returns how many versions it holds.

    As its superuser, so that foreign keys need not be checked: loading is not what is measured here.
    """
    random = np.random.default_rng(1)
    people = np.arange(1, patients + 1)
    keys = [f"{n:032x}" for n in people]
    on_drug = people % 10 < 3  # on a vitamin K antagonist; the lists of the others say they are not
    where = {"batch": 1, "file_id": 1, "row_no": people}
    engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"))
    count, corrected = 0, []
    with engine.begin() as connection:
        connection.execute(sa.text("SET session_replication_role = replica"))
        for statement in HOUSE:
            connection.execute(sa.text(statement))
        connection.execute(sa.text(
            "INSERT INTO nephrowatch.units SELECT 'N' || n, 'Unit N' || n, 'Europe/London', '04:00' "
            "FROM generate_series(2, :units) n"), {"units": units})  # fmt: skip
        tables = {
            "subjects": {"subject_id": people, "authority": "A", "identifier": people.astype(str),
                         "date_of_birth": date(1957, 2, 3), "batch": 1},
            "births": {"subject_id": people, "batch": 1, "date_of_birth": date(1957, 2, 3), "said_by": "labs"},
            "links": {"subject_id": people, "patient_id": people, "reason": "founded", "batch": 1},
            "census": {"census_id": people, "subject_id": people, "effective_on": date(2025, 1, 1),
                       "unit": [f"N{1 + n % units}" for n in people.tolist()],
                       "status": "active", "modality": "HD", "content_key": keys, **where},
            "medications": {"medication_id": people, "subject_id": people, "medication_key": keys,
                            "content_key": keys, "drug_text": np.where(on_drug, "warfarin", ""),
                            "classes": np.where(on_drug, "{vka}", "{}"), "started_on": date(2025, 6, 1),
                            "listed_on": date(2026, 4, 1), **where},
        }  # fmt: skip
        for name, columns in tables.items():
            copy_frame(connection, f"nephrowatch.{name}", pd.DataFrame(columns))
        for first in range(1, patients + 1, CHUNK):
            frame = versions(results(first, min(first + CHUNK - 1, patients), numbers, random), count + 1, 1)
            copy_frame(connection, "nephrowatch.results", frame)
            corrected.append(frame.sample(frac=0.01, random_state=1))
            count += len(frame)
        losers = pd.concat(corrected, ignore_index=True)
        winners = versions(losers[list(READ)], count + 1, 2)
        copy_frame(connection, "nephrowatch.results", winners)
        pairs = {"loser_id": losers["id"].to_numpy(), "winner_id": winners["id"].to_numpy(), "batch": 2}
        copy_frame(connection, "nephrowatch.supersessions", pd.DataFrame(pairs))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM (ANALYZE)"))  # as autovacuum does after a load: index-only scans
    engine.dispose()
    return count + len(winners)


# -------------------------------------------------------------------------------------------------- timing
def bare(db: Database, keep: bool = True) -> int:
    """The fetch judging is measured against; returns its rows. keep: whole in memory, else only read through."""
    import adbc_driver_postgresql.dbapi as adbc

    with adbc.connect(db.url(Role.PIPELINE)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT subject_id, analyte, collected_at, id, value FROM nephrowatch.results")
        if keep:
            return len(cursor.fetch_arrow_table().to_pandas())
        return sum(batch.num_rows for batch in cursor.fetch_record_batch())


def judged(db: Database, config: configuration.Config, seconds: dict[str, float]) -> Counter[str]:
    """Every shard read and judged, as `pipeline.judge` does it but for saving; returns findings by outcome. The next shard is
    read while one is judged, so what counts of reading is the wait for it."""
    started = time.perf_counter()
    with db.begin(Role.PIPELINE) as connection:
        known = knowledge.max_batch(connection)
        ranges = knowledge.plan_shards(connection, known, config.site.shard_rows)
    seconds["plan"] = time.perf_counter() - started
    body = configuration.RulesetBody.model_validate_json(config.ruleset_body)
    outcomes: Counter[str] = Counter()
    started = time.perf_counter()
    for read in knowledge.read_shards(db, config, [(known, NIGHT, *shard) for shard in ranges]):
        seconds["wait for reading"] = seconds.get("wait for reading", 0) + time.perf_counter() - started
        started = time.perf_counter()
        given = body.rules, body.analytes.analytes, body.calcium_basis, read.facts, body.lacking
        with uncollected():  # as the stage does, which saves what it made and lets go of it
            answer = judge(*read.frames, *given)
            outcomes.update(str(finding.outcome) for finding in answer.findings)
            outcomes["patients x rules"] += int(answer.counts["patients"].sum())
            del answer
        seconds["judge"] = seconds.get("judge", 0) + time.perf_counter() - started
        started = time.perf_counter()
    outcomes["shards"] = len(ranges)
    return outcomes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=1, help="how often to time each; the fastest counts")
    parser.add_argument("--profile", action="store_true", help="print where judging spends its time")
    wanted = parser.parse_args()
    config = configuration.load(ROOT / "config")
    numbers = {name: config.analytes[name].number for name in ANALYTES}
    with tempfile.TemporaryDirectory(prefix="nephrowatch-benchmark-") as folder, scratch(Path(folder)) as db:
        rows, loading = timed(lambda: load(administrator(Path(folder)), wanted.patients, numbers))
        bare(db, keep=False)  # once for the caches
        profile = cProfile.Profile()
        best: tuple[float, dict[str, float], Counter[str]] | None = None
        for _ in range(wanted.rounds):
            seconds: dict[str, float] = {}
            if wanted.profile:
                profile.enable()
            outcomes, took = timed(lambda seconds=seconds: judged(db, config, seconds))
            profile.disable()
            best = min(best or (took, seconds, outcomes), (took, seconds, outcomes), key=lambda one: one[0])
        most = peak()  # before the bare fetch takes its own
        fetching = min(timed(lambda: bare(db))[1] for _ in range(wanted.rounds))
    assert best is not None
    took, seconds, outcomes = best
    table = Table(title=f"{wanted.patients:,} patients, {rows:,} versions of results, {outcomes.pop('shards')} shards")
    for column in ("what", "seconds", "rows/s"):
        table.add_column(column, justify="left" if column == "what" else "right")
    lines = {"load (COPY)": loading, "bare five-column fetch": fetching, "judging: whole": took}
    lines |= {f"  {part}": value for part, value in seconds.items()}
    for name, value in lines.items():
        table.add_row(name, f"{value:.2f}", f"{rows / value:,.0f}")
    console = Console()
    console.print(table)
    console.print(f"ratio {took / fetching:.2f} (target: at most 3)   peak memory {most:.2f} GiB")
    console.print(", ".join(f"{name} {number:,}" for name, number in sorted(outcomes.items())))
    if wanted.profile:
        pstats.Stats(profile).sort_stats("cumulative").print_stats(45)


if __name__ == "__main__":
    main()
