"""A laboratory feed of one small unit, and the way of a file through feeds, quality and store."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import text

from monitors import documents, quality, store
from monitors.config import Config, Feed, Site, UnitModel
from monitors.database import Database, Role
from monitors.errors import FeedError
from monitors.feeds import csv, fields, source
from monitors.rules.model import Analytes, DrugClass, Drugs, Ingredient

REPOSITORY = Path(__file__).resolve().parent.parent
NOW = dt.datetime(2026, 3, 2, 3, 0, tzinfo=dt.UTC)
FEED = """
kind: labs
location: inbox
laboratory: lab-a
authority: hospital-a
unit: N1
zone: Europe/London
gate: {max_bad_share: 0.9}
mapping:
  columns: {patient: Patient, accession: Sample, code: Test, value: Result, unit_text: Units, collected_at: Taken}
  codes: {PHOS: phosphate, CAL: calcium, PTH: pth}
  excluded: {UPHO: urine}
  not_monitored: [HB]
  statuses: {F: final, P: preliminary, C: corrected, D: deleted}
"""


def analytes() -> Analytes:
    return documents.parse((REPOSITORY / "config/analytes.yaml").read_text("utf-8"), "analytes.yaml", Analytes)


def config() -> Config:
    """Only what reading a file needs: analytes, two drugs, units N1 and N2."""
    units = [UnitModel(code=code, name=code, zone="Europe/London") for code in ("N1", "N2")]
    ingredients = {
        "warfarin": Ingredient(classes=["vka"], words=["warfarin"]),
        "calcium carbonate": Ingredient(classes=["calcium_binder"], words=["calcium carbonate"]),
    }
    return Config.model_construct(
        analytes=analytes().analytes,
        site=Site(name="test", link="http://localhost/", mail_domain="example", units=units),
        drugs=Drugs(classes={c: DrugClass(title=c) for c in ("vka", "calcium_binder")}, ingredients=ingredients),
    )


def feed(change: dict[str, Any] | None = None) -> Feed:
    """The feed above; `change` replaces keys, and within `mapping` keys of the mapping."""
    body = yaml.safe_load(FEED)
    for key, value in (change or {}).items():
        body[key] = {**body["mapping"], **value} if key == "mapping" else value
    return Feed.model_validate(body)


def begin(db: Database) -> None:
    """The units and one run."""
    with db.begin(Role.PIPELINE) as connection:
        for unit in config().site.units:
            connection.execute(
                text("INSERT INTO nephrowatch.units (unit, name, zone, cutoff) VALUES (:u, :u, 'Europe/London', '04:00')"),
                {"u": unit.code},
            )
        connection.execute(text("INSERT INTO nephrowatch.runs (night, begun_at) VALUES ('2026-03-02', :n)"), {"n": NOW})


def take(db: Database, raw: bytes, feed: Feed, name: str, archive: str, now: dt.datetime = NOW) -> int | None:
    """One file from its bytes to its counts, as the pipeline does it. Returns its file_id, None when known."""
    sha256, address = source.archive_put(archive, raw)
    with db.begin(Role.PIPELINE) as connection:
        found = source.Found(name, name)
        file_id = source.receive(connection, 1, f"a-{feed.kind}", feed, found, raw, sha256, address, now)
    if file_id is None:
        return None
    with db.begin(Role.PIPELINE) as connection:
        if (twin := source.same_bytes(connection, file_id)) is not None:
            store.mark_known(connection, file_id, twin)
            return file_id
        try:
            frame = csv.parse(source.archive_get(archive, address), feed)
        except FeedError as problem:
            store.refuse(connection, file_id, problem.reason, str(problem), now)
            return file_id
        checked = quality.check(fields.derive(frame, feed, config()), feed, now)
        if checked.gate:
            store.hold(connection, file_id, *checked.gate, checked.received, now)
        else:
            store.save(connection, file_id, f"a-{feed.kind}", feed, checked, now)
    return file_id


def account(db: Database, file_id: int) -> dict[str, Any]:
    """What became of a file: state, counts, rows in quarantine by reason. The sum is asserted here, for every test."""
    with db.begin(Role.WEB) as connection:
        row = connection.execute(text("SELECT * FROM nephrowatch.files WHERE file_id = :f"), {"f": file_id}).one()
        reasons = connection.execute(
            text("SELECT reason, row_no FROM nephrowatch.quarantine WHERE file_id = :f"), {"f": file_id}
        ).all()
    assert row.rows_received == row.rows_stored + row.rows_known + row.rows_quarantined
    assert row.rows_quarantined == sum(entry.row_no > 0 for entry in reasons)
    counted: dict[str, int] = {}
    for entry in reasons:
        counted[entry.reason] = counted.get(entry.reason, 0) + 1
    return {"state": row.state, "stored": row.rows_stored, "known": row.rows_known, "quarantined": counted}


def current(db: Database) -> list[tuple[str, str, float]]:
    """(patient, analyte number, value) of the versions that count and are not withdrawn."""
    with db.begin(Role.WEB) as connection:
        rows = connection.execute(text(
            "SELECT s.identifier, r.analyte, r.value FROM nephrowatch.results r JOIN nephrowatch.subjects s USING (subject_id)"
            " WHERE r.value IS NOT NULL AND NOT EXISTS (SELECT FROM nephrowatch.supersessions x WHERE x.loser_id = r.id)"
            " ORDER BY 1, 2, r.collected_at, r.id"
        )).all()  # fmt: skip
    return [(row[0], row[1], row[2]) for row in rows]
