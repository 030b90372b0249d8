"""A feed of one small unit, in any format, and the way of a file through feeds, quality and store."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import text

from monitors import checking, documents, store
from monitors.config import Config, Feed, Site, UnitModel
from monitors.database import Database, Role
from monitors.errors import FeedError
from monitors.fact_model import Facts
from monitors.feeds import source, unpacked
from monitors.rules.model import Analytes, DrugClass, Drugs, Ingredient
from tests.accounts import assert_accounts

REPOSITORY = Path(__file__).resolve().parent.parent
NOW = dt.datetime(2026, 3, 2, 3, 0, tzinfo=dt.UTC)
FEED = """
kind: labs
location: inbox
laboratory: lab-a
authority: hospital-a
unit: N1
zone: Europe/London
gate: {max_bad_share: 0.9, min_share_rows: 1}
mapping:
  columns: {patient: Patient, accession: Sample, code: Test, value: Result, unit_text: Units, collected_at: Taken}
  codes: {PHOS: phosphate, CAL: calcium, PTH: pth}
  excluded: {UPHO: urine}
  not_monitored: [HB]
  statuses: {F: final, P: preliminary, C: corrected, D: deleted}
"""


def analytes() -> Analytes:
    return documents.parse((REPOSITORY / "config/analytes.yaml").read_text("utf-8"), "analytes.yaml", Analytes)


def facts() -> Facts:
    return documents.parse((REPOSITORY / "config/facts.yaml").read_text("utf-8"), "facts.yaml", Facts)


def config() -> Config:
    """Only what reading a file needs: analytes, facts, two drugs, units N1 and N2."""
    units = [UnitModel(code=code, name=code, zone="Europe/London") for code in ("N1", "N2")]
    ingredients = {
        "warfarin": Ingredient(classes=["vka"], words=["warfarin"]),
        "calcium carbonate": Ingredient(classes=["calcium_binder"], words=["calcium carbonate"]),
    }
    return Config.model_construct(
        analytes=analytes().analytes,
        site=Site(name="test", link="http://localhost/", mail_domain="example", units=units),
        facts=facts(),
        drugs=Drugs(classes={c: DrugClass(title=c) for c in ("vka", "calcium_binder")}, ingredients=ingredients),
    )


def feed(change: dict[str, Any] | None = None) -> Feed:
    """The feed above; `change` replaces keys, and within `mapping` keys of the mapping. Of a feed of messages or
    resources (`format: hl7v2` or `fhir`) fields stand in fixed places: it has no columns, and takes every kind unless
    `kinds` says which."""
    body, change = yaml.safe_load(FEED), change or {}
    if change.get("format", "csv") != "csv":
        del body["kind"], body["mapping"]["columns"], body["mapping"]["statuses"]
    for key, value in change.items():
        body[key] = {**body["mapping"], **value} if key == "mapping" else value
    return Feed.model_validate(body)


def name_of(feed: Feed) -> str:
    """What the feed is called in these tests."""
    return f"a-{feed.kind or feed.format}"


READ: dict[str, int] = {}  # address in the archive -> rows its bytes have; see accounts.assert_accounts


def begin(db: Database) -> None:
    """The units and one run."""
    READ.clear()
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
    count(db, address, raw, feed)
    with db.begin(Role.PIPELINE) as connection:
        found = source.Found(name, name)
        file_id = source.receive(connection, 1, name_of(feed), feed, found, raw, sha256, address, now)
    if file_id is None:
        return None
    with db.begin(Role.PIPELINE) as connection:
        if (twin := source.same_bytes(connection, file_id)) is not None:
            store.mark_known(connection, file_id, twin)
        else:
            checking.stored(connection, config(), name_of(feed), feed, file_id, raw, now)
    return file_id


def count(db: Database, address: str, raw: bytes, feed: Feed) -> None:
    """Note how many rows the bytes at an address have, under that description of the feed, with what it brought before."""
    try:
        with db.begin(Role.PIPELINE) as connection:
            parsed = unpacked.parse(raw, feed, lambda references: store.resources(connection, name_of(feed), references))
    except FeedError:
        READ[address] = 0
    else:
        READ[address] = len(parsed.refused) + sum(map(len, parsed.frames.values()))


def read(db: Database, raw: bytes, feed: Feed, now: dt.datetime = NOW, file_id: int = 0) -> store.Reading:
    """What a file (`file_id`, where it is registered) says under the mapping given."""
    with db.begin(Role.PIPELINE) as connection:
        return checking.read(connection, raw, name_of(feed), feed, config(), file_id, now)


def account(db: Database, file_id: int) -> dict[str, Any]:
    """What became of a file: state, counts, rows in quarantine by reason. The books are checked here, for every test."""
    assert_accounts(db, READ)
    with db.begin(Role.WEB) as connection:
        row = connection.execute(text("SELECT * FROM nephrowatch.files WHERE file_id = :f"), {"f": file_id}).one()
        reasons = connection.execute(text(
            "SELECT q.reason FROM nephrowatch.quarantine q LEFT JOIN nephrowatch.quarantine_ends e USING (quarantine_id)"
            " WHERE q.file_id = :f AND e.ended IS NULL"), {"f": file_id}).scalars()  # fmt: skip
        counted = dict(sorted(Counter(reasons).items()))
    return {"state": row.state, "stored": row.rows_stored, "known": row.rows_known, "quarantined": counted}


def unverified(db: Database) -> list[tuple[Any, ...]]:
    """(dialysis unit, analyte, low | high, reason) of the open rows that may be critical."""
    return rows(db, "SELECT q.unit, q.analyte, q.critical, q.reason FROM nephrowatch.quarantine q"
                    " LEFT JOIN nephrowatch.quarantine_ends e USING (quarantine_id)"
                    " WHERE q.critical IS NOT NULL AND e.ended IS NULL ORDER BY q.file_id, q.row_no")  # fmt: skip


LISTS = {
    "medications": "SELECT s.identifier, m.drug_text, m.ingredient, m.started_on::text, m.ended_on::text, m.status"
                   " FROM (SELECT DISTINCT ON (medication_key) * FROM nephrowatch.medications"
                   " ORDER BY medication_key, batch DESC, medication_id DESC) m"
                   " JOIN nephrowatch.subjects s USING (subject_id) ORDER BY m.medication_id",
    "census": "SELECT s.identifier, c.effective_on::text, c.unit, c.status, c.location FROM nephrowatch.census c"
              " JOIN nephrowatch.subjects s USING (subject_id) ORDER BY c.census_id",
    "facts": "SELECT s.identifier, f.fact, f.happened_on::text, f.value, f.status"
             " FROM (SELECT DISTINCT ON (fact_key) * FROM nephrowatch.facts ORDER BY fact_key, batch DESC, fact_id DESC) f"
             " JOIN nephrowatch.subjects s USING (subject_id) ORDER BY f.fact_id",
    "links": "SELECT s.identifier, p.identifier, l.reason FROM (SELECT DISTINCT ON (subject_id) * FROM nephrowatch.links"
             " ORDER BY subject_id, batch DESC) l JOIN nephrowatch.subjects s USING (subject_id)"
             " JOIN nephrowatch.subjects p ON p.subject_id = l.patient_id WHERE l.reason <> 'founded' ORDER BY s.subject_id",
}  # fmt: skip


def listed(db: Database, name: str) -> list[tuple[Any, ...]]:
    """What stands in one of LISTS, newest versions: medications (patient, drug, ingredient, started, ended, status),
    census (patient, from, unit, status, location), facts (patient, fact, day, value, status), links (number, patient it
    belongs to, why)."""
    return unverified(db) if name == "unverified" else rows(db, LISTS[name])


def rows(db: Database, statement: str) -> list[tuple[Any, ...]]:
    with db.begin(Role.WEB) as connection:
        return [tuple(found) for found in connection.execute(text(statement))]


def current(db: Database) -> list[tuple[str, str, float]]:
    """(patient, analyte number, value) of the versions that count and are not withdrawn."""
    with db.begin(Role.WEB) as connection:
        rows = connection.execute(text(
            "SELECT s.identifier, r.analyte, r.value FROM nephrowatch.results r JOIN nephrowatch.subjects s USING (subject_id)"
            " WHERE r.value IS NOT NULL AND NOT EXISTS (SELECT FROM nephrowatch.supersessions x WHERE x.loser_id = r.id)"
            " ORDER BY 1, 2, r.collected_at, r.id"
        )).all()  # fmt: skip
    return [(row[0], row[1], row[2]) for row in rows]
