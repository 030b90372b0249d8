"""Taking files in, beside the least anybody could do with the same rows.

    python -m benchmarks.ingest --rows 100000 1000000

On an embedded server of its own, in one run, side by side:

csv    `stages.check_file` of a registered file (archive read, parse, derive, expectations, gates, identity, store,
       ledger, commit) against bare COPY + upsert: the very rows it stored, canonical already and in memory, by binary
       COPY into a temporary table and `INSERT ... ON CONFLICT DO NOTHING` into a table LIKE nephrowatch.results
       INCLUDING ALL (same columns, checks, indexes; no foreign keys), committed. `fresh`: into empty tables. `again`:
       the same rows in a file of other bytes, all known.
hl7v2  `stages.check_file` and its parser alone against `hl7.parse` of each message of the file, ORU^R01 of 8 results.
fhir   `stages.check_file` and its parser alone, NDJSON of one Observation a line, against two things:
       `json.loads` of each line (C code that knows no FHIR: it tells neither a repeated key nor 5.50 from 5.5);
       `fhir.resources`, the FHIR models of the field, validating each line as its R4B resource (and nothing else: no
       reference is resolved, no row made).

Each number is the fastest of --rounds, after one small file, told apart, that pays for imports. The design asks for:
csv at least 0.5 of the bare rows per second; hl7v2 and fhir at most 1.3 times the seconds of their bare parser. For fhir the
bare parser is `json.loads`; the ratio to `fhir.resources` stands beside it and replaces nothing.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import tempfile
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import hl7
import numpy as np
import pandas as pd
import sqlalchemy as sa
from fhir.resources.R4B.observation import Observation
from fhir.resources.R4B.patient import Patient
from rich.console import Console
from rich.table import Table

from benchmarks.shared import ROOT, administrator, scratch, timed
from monitors import config as configuration
from monitors import stages
from monitors.config import Config, Feed
from monitors.database import Database, Role, copy_frame
from monitors.feeds import source, unpacked

NOW = datetime(2026, 4, 16, 3, 0, tzinfo=UTC)
TESTS = {  # code -> analyte, unit, LOINC, typical value, spread
    "PHOS": ("phosphate", "mg/dL", "2777-1", 5.3, 1.2), "CAL": ("calcium", "mg/dL", "17861-6", 9.2, 0.5),
    "ALB": ("albumin", "g/dL", "1751-7", 3.8, 0.3), "PTH": ("pth", "pg/mL", "2731-8", 420, 120),
    "K": ("potassium", "mmol/L", "2823-3", 4.9, 0.5), "CRP": ("crp", "mg/L", "1988-5", 20, 5),
    "ALP": ("alkaline_phosphatase", "U/L", "6768-6", 95, 20), "INR": ("inr", "{INR}", "6301-6", 1.1, 0.1),
}  # fmt: skip
COMMON = {"location": ".", "laboratory": "LAB", "authority": "HOSPITAL", "unit": "N1", "zone": "Europe/London",
          "caps": {"bytes": 2**31}}  # fmt: skip
FEEDS = {
    "csv": {**COMMON, "kind": "labs", "mapping": {
        "columns": {"patient": "Patient", "date_of_birth": "Born", "accession": "Sample", "code": "Test", "value": "Result",
                    "unit_text": "Units", "status": "Status", "collected_at": "Taken", "issued_at": "Reported"},
        "codes": {code: test[0] for code, test in TESTS.items()}, "statuses": {"F": "final", "C": "corrected"}}},
    "hl7v2": {**COMMON, "format": "hl7v2", "kinds": ["labs"], "mapping": {"codes": {c: t[0] for c, t in TESTS.items()}}},
    "fhir": {**COMMON, "format": "fhir", "kinds": ["labs"], "mapping": {"codes": {t[2]: t[0] for t in TESTS.values()}}},
}  # fmt: skip


# ------------------------------------------------------------------------------------------------ synthetic
def results(count: int, months: int = 12) -> pd.DataFrame:
    """`count` results, eight to a draw, a draw a month and patient: patient, sample, code, value, taken."""
    random = np.random.default_rng(1)
    row = np.arange(count)
    draw, test = row // len(TESTS), row % len(TESTS)
    patients = max(count // (len(TESTS) * months), 1)
    typical = np.array([[t[3], t[4]] for t in TESTS.values()])[test]
    minutes = (draw // patients) * 28 * 1440 + draw % patients % 600
    taken = np.datetime64("2025-04-01T06:00") + minutes.astype("timedelta64[m]")
    return pd.DataFrame({
        "patient": pd.Series(draw % patients + 1).map("{:07d}".format), "sample": pd.Series(draw).map("S{:09d}".format),
        "code": np.array(list(TESTS))[test], "value": np.round(typical[:, 0] + typical[:, 1] * random.uniform(-1, 1, count), 1),
        "taken": taken,
    })  # fmt: skip


def as_csv(frame: pd.DataFrame) -> bytes:
    units = {code: test[1] for code, test in TESTS.items()}
    taken = pd.Series(frame["taken"]).dt
    table = pd.DataFrame({
        "Patient": frame["patient"], "Born": "1957-02-03", "Sample": frame["sample"], "Test": frame["code"],
        "Result": frame["value"], "Units": frame["code"].map(units), "Status": "F", "Taken": taken.strftime("%Y-%m-%d %H:%M"),
        "Reported": (frame["taken"] + pd.Timedelta(hours=4)).dt.strftime("%Y-%m-%d %H:%M"), "Ward": "Dialysis",
    })  # fmt: skip
    return table.to_csv(index=False).encode()


def as_hl7(frame: pd.DataFrame) -> bytes:
    messages = []
    for number, (sample, draw) in enumerate(frame.groupby("sample", sort=False), 1):
        patient, taken = draw["patient"].iat[0], draw["taken"].iat[0].strftime("%Y%m%d%H%M%S")
        lines = [
            f"MSH|^~\\&|LIS|LAB|NW|HOSPITAL|{taken}||ORU^R01^ORU_R01|M{number}|P|2.5.1",
            f"PID|1||{patient}^^^HOSPITAL^MR||Example^Pat||19570203|F",
            f"OBR|1||{sample}^LAB|PANEL^Renal panel^L|||{taken}|||||||||||||||{taken}||LAB|F",
        ]
        for place, (code, value) in enumerate(zip(draw["code"], draw["value"], strict=True), 1):
            lines.append(f"OBX|{place}|NM|{code}^{TESTS[code][0]}^L||{value}|{TESTS[code][1]}|||||F|||{taken}")
        messages.append("\r".join(lines) + "\r")
    return "".join(messages).encode()


def as_fhir(frame: pd.DataFrame) -> bytes:
    people = frame["patient"].unique()
    lines = [json.dumps({"resourceType": "Patient", "id": person, "birthDate": "1957-02-03"}) for person in people]
    for number, (patient, sample, code, value, taken) in enumerate(frame.itertuples(index=False, name=None)):
        when = taken.isoformat() + "+00:00"
        unit = TESTS[code][1]
        lines.append(json.dumps({
            "resourceType": "Observation", "id": f"o{number}", "status": "final", "subject": {"reference": f"Patient/{patient}"},
            "identifier": [{"value": f"{sample}-{code}"}], "effectiveDateTime": when, "issued": when,
            "code": {"coding": [{"system": "http://loinc.org", "code": TESTS[code][2]}]},
            "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
        }))  # fmt: skip
    return ("\n".join(lines) + "\n").encode()


# --------------------------------------------------------------------------------------------------- timing
class Bench:
    """One scratch database, its administrator, the archive, and the way of a file into it."""

    def __init__(self, db: Database, url: str, archive: Path, config: Config) -> None:
        self.db, self.archive = db, archive.as_uri()
        self.config = config.model_copy(update={"feeds": {name: Feed.model_validate(feed) for name, feed in FEEDS.items()}})
        self.engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"))
        self.run("INSERT INTO nephrowatch.units (unit, name, zone, cutoff) VALUES ('N1', 'N1', 'Europe/London', '04:00') "
                 "ON CONFLICT DO NOTHING")
        self.run("INSERT INTO nephrowatch.runs (night, begun_at) VALUES ('2026-04-16', now()) ON CONFLICT DO NOTHING")
        self.run("CREATE TABLE public.bare (LIKE nephrowatch.results INCLUDING ALL)")

    def run(self, *statements: str) -> None:
        with self.engine.begin() as connection:
            for statement in statements:
                connection.execute(sa.text(statement))

    def empty(self) -> None:
        self.run(
            "TRUNCATE nephrowatch.files, nephrowatch.subjects, nephrowatch.results, public.bare CASCADE",
            "ANALYZE nephrowatch.results",
        )

    def register(self, name: str, raw: bytes) -> int:
        sha256, address = source.archive_put(self.archive, raw)
        with self.db.begin(Role.PIPELINE) as connection:
            found = source.Found(f"{name}-{sha256}", name)
            file_id = source.receive(connection, 1, name, self.config.feeds[name], found, raw, sha256, address, NOW)
        assert file_id is not None
        return file_id

    def take(self, file_id: int) -> Any:
        with self.db.begin(Role.PIPELINE) as connection:
            return stages.check_file(connection, self.config, self.archive, 1, file_id, NOW + timedelta(minutes=1))

    def stored(self, file_id: int | None = None) -> pd.DataFrame:
        """The rows as they were stored, of one file or all, as a frame to copy."""
        some = sa.text("SELECT * FROM nephrowatch.results WHERE file_id = coalesce(:file, file_id) ORDER BY id")
        with self.engine.connect() as connection:
            frame = pd.read_sql_query(some, connection, params={"file": file_id})
        for name in ("result_key", "content_key"):
            frame[name] = frame[name].map(lambda key: key.hex)
        return frame.astype({"assay_id": "Int64"})

    def why(self) -> Any:
        """What the newest files are said to be, for a run in which not every row was stored."""
        with self.engine.connect() as connection:
            files = connection.execute(sa.text("SELECT * FROM nephrowatch.files ORDER BY file_id DESC LIMIT 2")).all()
            reasons = connection.execute(sa.text("SELECT reason, count(*) FROM nephrowatch.quarantine GROUP BY 1")).all()
            return files, reasons

    def bare(self, frame: pd.DataFrame) -> int:
        with self.engine.begin() as connection:
            connection.execute(sa.text("CREATE TEMPORARY TABLE incoming (LIKE nephrowatch.results) ON COMMIT DROP"))
            copy_frame(connection, "incoming", frame)
            done = connection.execute(sa.text("INSERT INTO public.bare SELECT * FROM incoming ON CONFLICT DO NOTHING"))
            return done.rowcount


def csv_lines(
    bench: Bench, frame: pd.DataFrame, rounds: int, profile: cProfile.Profile, wanted: str
) -> dict[str, dict[str, float]]:
    """what -> {"fresh": seconds, "again": seconds}; `profile` sees the whole path in the state that is `wanted`."""
    best: dict[str, dict[str, float]] = {}

    def note(what: str, state: str, seconds: float) -> None:
        best.setdefault(what, {})[state] = min(seconds, best.get(what, {}).get(state, seconds))

    raw = as_csv(frame)
    for _ in range(rounds):
        bench.empty()
        for state, content in (("fresh", raw), ("again", raw + b"\n")):
            file_id = bench.register("csv", content)
            if state == wanted:
                profile.enable()
            counts, seconds = timed(lambda file_id=file_id: bench.take(file_id))
            profile.disable()
            assert (counts.stored, counts.known) == ((len(frame), 0) if state == "fresh" else (0, len(frame))), bench.why()
            note("whole: parse + check + store", state, seconds)
        canonical = bench.stored()
        for state in ("fresh", "again"):
            count, seconds = timed(lambda canonical=canonical: bench.bare(canonical))
            assert count == (len(frame) if state == "fresh" else 0)
            note("bare: COPY + upsert", state, seconds)
        note("parse alone", "fresh", timed(lambda: unpacked.parse(raw, bench.config.feeds["csv"]))[1])
    return best


def rivals(name: str, raw: bytes) -> dict[str, Callable[[], Any]]:
    """The parsers a format is measured against, the bare one first: each reads the whole file and keeps nothing, since a list
    of all of it would have the garbage collector walk through it again and again."""
    text = raw.decode()
    if name == "hl7v2":
        messages = ["MSH" + part for part in text.split("MSH")[1:]]
        return {"hl7.parse": lambda: deque(map(hl7.parse, messages), maxlen=0)}
    lines = text.splitlines()
    kinds = {"Observation": Observation.model_validate_json, "Patient": Patient.model_validate_json}
    readers = [kinds[json.loads(line)["resourceType"]] for line in lines]
    return {
        "json.loads": lambda: deque(map(json.loads, lines), maxlen=0),
        "fhir.resources": lambda: deque((read(line) for read, line in zip(readers, lines, strict=True)), maxlen=0),
    }


def parser_lines(
    bench: Bench, name: str, raw: bytes, rows: int, others: dict[str, Callable[[], Any]], rounds: int
) -> dict[str, float]:
    """what -> seconds, for a format that has other parsers."""
    best: dict[str, float] = {}
    for _ in range(rounds):
        bench.empty()
        file_id = bench.register(name, raw)
        counts, whole = timed(lambda file_id=file_id: bench.take(file_id))
        assert counts.stored == rows, bench.why()
        alone = timed(lambda: unpacked.parse(raw, bench.config.feeds[name]))[1]
        took = {**{what: timed(read)[1] for what, read in others.items()},
                "parse alone": alone, "whole: parse + check + store": whole}  # fmt: skip
        best = {what: min(seconds, best.get(what, seconds)) for what, seconds in took.items()}
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000])
    parser.add_argument("--rounds", type=int, default=2, help="how often to time each; the fastest counts")
    parser.add_argument("--formats", nargs="+", default=list(FEEDS), choices=list(FEEDS))
    parser.add_argument("--parser-rows", type=int, default=40_000, help="results of the HL7 v2 and FHIR files")
    parser.add_argument("--profile", default="", choices=["fresh", "again"], help="print where the CSV path spends its time")
    wanted = parser.parse_args()
    config = configuration.load(ROOT / "config")
    profile = cProfile.Profile()
    table = Table("format", "rows", "what", "state", "seconds", "rows/s", "ratio", "to fhir.resources")
    with tempfile.TemporaryDirectory(prefix="nephrowatch-benchmark-") as folder, scratch(Path(folder)) as db:
        bench = Bench(db, administrator(Path(folder)), Path(folder) / "archive", config)
        file_id = bench.register("csv", as_csv(results(8)))
        first = timed(lambda: bench.take(file_id))[1]
        for count in wanted.rows if "csv" in wanted.formats else []:
            for what, states in (lines := csv_lines(bench, results(count), wanted.rounds, profile, wanted.profile)).items():
                for state, seconds in states.items():
                    ratio = lines["bare: COPY + upsert"][state] / seconds
                    table.add_row("csv", f"{count:,}", what, state, f"{seconds:.2f}", f"{count / seconds:,.0f}", f"{ratio:.2f}")
        small = results(wanted.parser_rows)
        for name, write in (("hl7v2", as_hl7), ("fhir", as_fhir)):
            if name not in wanted.formats:
                continue
            raw = write(small)
            others = rivals(name, raw)
            took = parser_lines(bench, name, raw, len(small), others, wanted.rounds)
            for what, seconds in took.items():
                ratios = [f"{seconds / took[other]:.2f}" for other in others]
                speed = f"{len(small) / seconds:,.0f}"
                table.add_row(name, f"{len(small):,}", what, "fresh", f"{seconds:.2f}", speed, *ratios)
        bench.engine.dispose()
    Console(width=120).print(table)
    print(f"before these, once a process: {first:.2f} s for the first file, of 8 rows (Great Expectations is loaded)")
    print("ratio: csv, share of the bare rows/s (at least 0.5 asked); hl7v2, times the seconds of hl7.parse, fhir, of json.loads "
          "(at most 1.3 asked)")
    if wanted.profile:
        pstats.Stats(profile).sort_stats("cumulative").print_stats(45)


if __name__ == "__main__":
    main()
