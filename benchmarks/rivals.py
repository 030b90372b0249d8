"""The two headline rules as others would write them: in SQL (PostgreSQL and DuckDB run the same text) and in plain pandas.

Each answers who fires now: R01, the newest phosphate and one of the two anchors before it above 5.5 mg/dL; R10, a vitamin K
antagonist running and Ca x P of the newest draw above 55, calcium the higher of measured and adjusted. They leave out what is
hard: what holds or has cleared, the other signals of R10, units as reported, censored values, changes of assay, evidence,
sentences, severities and reasons. So they do far less than judging does, for 2 of 24 rules.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from benchmarks.judging import NIGHT
from benchmarks.shared import peak, settings_of, superuser
from monitors.database import Role, open_database

ANALYTES = {"phosphate": 0, "calcium": 0, "albumin": 0}  # names the rules need
DAY = "CAST(collected_at AT TIME ZONE 'Europe/London' AS date)"
CURRENT = """current AS (
    SELECT r.subject_id, r.analyte, r.draw, {day} AS day, r.value FROM nephrowatch.results r
    WHERE r.analyte IN ({analytes}) AND r.value IS NOT NULL AND r.batch <= {known} AND r.collected_at < {as_of} {who}
      AND NOT EXISTS (SELECT 1 FROM nephrowatch.supersessions s WHERE s.loser_id = r.id AND s.batch <= {known})
)"""
R01 = """WITH {current}, anchored AS (
    SELECT subject_id, day, value, max(day) OVER (PARTITION BY subject_id ORDER BY day
        RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL '18 days' PRECEDING) AS before FROM current
), newest AS (SELECT DISTINCT ON (subject_id) * FROM anchored ORDER BY subject_id, day DESC)
SELECT DISTINCT n.subject_id FROM newest n
JOIN anchored b ON b.subject_id = n.subject_id AND b.day = n.before AND n.day - b.day <= 75
LEFT JOIN anchored c ON c.subject_id = b.subject_id AND c.day = b.before AND b.day - c.day <= 75
WHERE n.value > 5.5 AND DATE '{night}' - n.day <= 75 AND (b.value > 5.5 OR c.value > 5.5)"""
EXPOSED = """exposed AS (
    SELECT DISTINCT subject_id FROM nephrowatch.medications WHERE 'vka' = ANY(classes) AND batch <= {known}
      AND started_on <= DATE '{night}' AND (ended_on IS NULL OR ended_on > DATE '{night}')
)"""
R10 = """WITH {exposed}, {current}, draws AS (
    SELECT subject_id, draw, max(day) AS day, max(value) FILTER (WHERE analyte = {phosphate}) AS p,
        max(value) FILTER (WHERE analyte = {calcium}) AS ca, max(value) FILTER (WHERE analyte = {albumin}) AS albumin
    FROM current GROUP BY subject_id, draw
), newest AS (
    SELECT DISTINCT ON (subject_id) * FROM draws WHERE p IS NOT NULL AND ca IS NOT NULL ORDER BY subject_id, day DESC
)
SELECT subject_id FROM newest WHERE DATE '{night}' - day <= 75
  AND round(CAST(p * greatest(ca, coalesce(ca + 0.8 * (4 - albumin), ca)) AS numeric(20, 10)), 6) > 55"""


def statements(numbers: dict[str, int], as_of: str, day: str = DAY) -> dict[str, str]:
    """rule -> SQL. as_of: an SQL expression of the instant at which the night's evidence ends."""
    words = {"known": 2, "as_of": as_of, "night": NIGHT, "day": day, **numbers}
    some = ", ".join(str(numbers[name]) for name in ANALYTES)
    r01 = CURRENT.format(**words, analytes=numbers["phosphate"], who="")
    r10 = CURRENT.format(**words, analytes=some, who="AND r.subject_id IN (SELECT subject_id FROM exposed)")
    return {"R01": R01.format(**words, current=r01),
            "R10": R10.format(**words, current=r10, exposed=EXPOSED.format(**words))}  # fmt: skip


AS_OF = f"TIMESTAMP '{NIGHT} 04:00' AT TIME ZONE 'Europe/London'"


def in_sql(home: Path, numbers: dict[str, int], rule: str) -> dict[str, Any]:
    """In PostgreSQL itself, answers fetched."""
    engine = superuser(home)
    with engine.connect() as connection:
        started = time.perf_counter()
        found = connection.execute(sa.text(statements(numbers, AS_OF)[rule])).scalars().all()
        seconds = time.perf_counter() - started
    engine.dispose()
    return {"seconds": seconds, "who": sorted(found)}


def in_duckdb(home: Path, numbers: dict[str, int]) -> dict[str, Any]:
    """Rows streamed from PostgreSQL by ADBC into DuckDB in memory, then the same statements on all its threads."""
    import adbc_driver_postgresql.dbapi as adbc
    import duckdb

    reads = {
        "results": f"SELECT subject_id, analyte, {DAY} AS day, {DAY} AS collected_at, draw, id, value, batch "
                   f"FROM nephrowatch.results WHERE collected_at < {AS_OF}",
        "supersessions": "SELECT loser_id, batch FROM nephrowatch.supersessions",
        "medications": "SELECT subject_id, classes, started_on, ended_on, batch FROM nephrowatch.medications",
    }  # fmt: skip
    db = open_database(settings_of(home))
    spent: dict[str, Any] = {}
    with adbc.connect(db.url(Role.PIPELINE)) as connection, duckdb.connect(":memory:") as duck:
        duck.execute("CREATE SCHEMA nephrowatch")
        started = time.perf_counter()
        for table, read in reads.items():
            with connection.cursor() as cursor:
                cursor.execute(read)
                duck.register("rows", cursor.fetch_record_batch())
                duck.execute(f"CREATE TABLE nephrowatch.{table} AS SELECT * FROM rows")
                duck.unregister("rows")
        spent["fetch"] = time.perf_counter() - started
        for rule, text in statements(numbers, f"DATE '{NIGHT}' + 1", "collected_at").items():
            started = time.perf_counter()
            found = [row[0] for row in duck.execute(text).fetchall()]
            spent[rule] = {"seconds": time.perf_counter() - started, "who": sorted(found)}
        spent["threads"] = duck.execute("SELECT current_setting('threads')").fetchone()[0]
    db.dispose()
    return {**spent, "peak": peak()}


# -------------------------------------------------------------------------------------------------- pandas
def sustained(phosphate: pd.DataFrame) -> bool:
    """R01 of one patient's phosphates, the newest first."""
    anchors: list[tuple[pd.Timestamp, float]] = []
    for day, value in zip(phosphate["day"], phosphate["value"], strict=True):
        if not anchors or 18 <= (anchors[-1][0] - day).days <= 75:
            anchors.append((day, value))
        elif (anchors[-1][0] - day).days > 75 or len(anchors) == 3:
            break
    return (len(anchors) > 1 and anchors[0][1] > 5.5 and (pd.Timestamp(NIGHT) - anchors[0][0]).days <= 75
            and any(value > 5.5 for _, value in anchors[1:3]))  # fmt: skip


def raised(patient: pd.DataFrame, numbers: dict[str, int]) -> bool:
    """R10's product of one patient's results."""
    draws = patient.pivot_table(index=["day", "draw"], columns="analyte", values="value", aggfunc="last")
    draws = draws.reindex(columns=[numbers[name] for name in ANALYTES]).set_axis(list(ANALYTES), axis=1)
    draws = draws.dropna(subset=["phosphate", "calcium"])
    if draws.empty or (pd.Timestamp(NIGHT) - draws.index[-1][0]).days > 75:
        return False
    newest = draws.iloc[-1]
    adjusted = newest["calcium"] + 0.8 * (4 - newest["albumin"])
    calcium = max(newest["calcium"], adjusted if pd.notna(adjusted) else 0)
    return bool(round(newest["phosphate"] * calcium, 6) > 55)


def in_pandas(home: Path, numbers: dict[str, int]) -> dict[str, Any]:
    """read_sql, then groupby.apply of a function a patient."""
    wanted = ", ".join(str(numbers[name]) for name in ANALYTES)
    engine = superuser(home)
    started = time.perf_counter()
    with engine.connect() as connection:
        results = pd.read_sql(sa.text(
            f"SELECT subject_id, analyte, collected_at, draw, id, value FROM nephrowatch.results WHERE analyte IN ({wanted}) "
            f"AND value IS NOT NULL AND collected_at < {AS_OF}"), connection)  # fmt: skip
        superseded = pd.read_sql(sa.text("SELECT loser_id FROM nephrowatch.supersessions"), connection)
        drugs = pd.read_sql(sa.text("SELECT * FROM nephrowatch.medications"), connection)
    read = time.perf_counter() - started
    results = results[~results["id"].isin(superseded["loser_id"])]
    results["day"] = results["collected_at"].dt.tz_convert("Europe/London").dt.tz_localize(None).dt.normalize()
    results = results.sort_values(["subject_id", "day"], ascending=[True, False])
    phosphate = results[results["analyte"] == numbers["phosphate"]]
    r01 = phosphate.groupby("subject_id")[["day", "value"]].apply(sustained)
    night = NIGHT
    running = (drugs["started_on"] <= night) & (drugs["ended_on"].isna() | (drugs["ended_on"] > night))
    exposed = drugs[running & drugs["classes"].map(lambda classes: "vka" in classes)]["subject_id"]
    some = results[results["subject_id"].isin(exposed)].groupby("subject_id")[["day", "draw", "analyte", "value"]]
    r10 = some.apply(raised, numbers=numbers)
    seconds = time.perf_counter() - started
    engine.dispose()
    who = {rule: sorted(int(one) for one in found[found].index) for rule, found in (("R01", r01), ("R10", r10))}
    return {"seconds": seconds, "read": read, "who": who, "peak": peak()}
