"""A small site to drive whole nights in tests: one or two units, plain CSV feeds, local stand-ins."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from monitors import config, pipeline, settings
from monitors.database import Database, Role, sql

REPOSITORY = Path(__file__).resolve().parent.parent

SITE = """
name: Test Renal Network
base: {base}
link: https://nephrowatch.example/a/
mail_domain: nephrowatch.example
shard_rows: {shard_rows}
units:
  - {{code: N1, name: Unit One, zone: Europe/London, cutoff: "04:00"}}
  - {{code: N2, name: Unit Two, zone: America/New_York, cutoff: "04:00"}}
"""

FEEDS = """
feeds:
  n1-labs:
    kind: labs
    location: feeds/n1-labs
    laboratory: LAB1
    authority: HOSP
    unit: N1
    zone: Europe/London
    gate: {max_bad_share: 0.6, min_share_rows: 1}
    mapping:
      columns: {patient: patient, collected_at: collected, code: test, value: result, unit_text: units, status: status,
                accession: accession, issued_at: issued, upper_limit: uln, assay: assay}
      codes: {P: phosphate, CA: calcium, ALB: albumin, PTH: pth, K: potassium}
      statuses: {F: final, P: preliminary, C: corrected, W: wrong}
  n2-labs:
    kind: labs
    location: feeds/n2-labs
    laboratory: LAB2
    authority: HOSP
    unit: N2
    zone: America/New_York
    optional: true
    mapping:
      columns: {patient: patient, collected_at: collected, code: test, value: result, unit_text: units, status: status,
                accession: accession, issued_at: issued, upper_limit: uln, assay: assay}
      codes: {P: phosphate, CA: calcium, ALB: albumin, PTH: pth}
      statuses: {F: final, P: preliminary, C: corrected, W: wrong}
  medications:
    kind: medications
    location: feeds/medications
    laboratory: HOSP
    authority: HOSP
    unit: N1
    zone: Europe/London
    optional: true
    mapping:
      columns: {patient: patient, drug: drug, started_on: start, ended_on: stop, listed_on: listed}
      dates: ["%Y-%m-%d"]
  census:
    kind: census
    location: feeds/census
    authority: HOSP
    zone: Europe/London
    mapping:
      columns: {patient: patient, effective_on: from, unit: unit, status: status, modality: modality,
                date_of_birth: born, family_name: name}
      dates: ["%Y-%m-%d"]
"""

ROUTES = """
destinations:
  slack: {{kind: slack, channel: C0TEST01, api_url: "{slack}"}}
  mail: {{kind: email, to: team@renal.example, sender: nephrowatch@renal.example, host: 127.0.0.1, port: {smtp}, tls: none}}
  list: {{kind: email, to: list@renal.example, sender: nephrowatch@renal.example, host: 127.0.0.1, port: {smtp}, tls: none}}
  ops: {{kind: email, to: ops@renal.example, sender: nephrowatch@renal.example, host: 127.0.0.1, port: {smtp}, tls: none}}
routes:
  - {{to: [slack, mail]}}
  - {{to: [list], messages: [digest]}}
  - {{to: [ops], messages: [operations]}}
"""

LABS = ("patient", "collected", "test", "result", "units", "status", "accession", "issued", "uln", "assay")


@dataclass
class Site:
    """Folder + database + stand-in addresses; `clock` is what the pipeline takes for now."""

    root: Path
    db: Database
    slack: str = "http://127.0.0.1:9/api/"
    smtp: int = 9
    shard_rows: int = 1_000_000
    database_url: str = ""
    slack_standin: Any = None
    smtp_standin: Any = None
    clock: datetime = field(default_factory=lambda: datetime(2026, 4, 15, 5, 0, tzinfo=UTC))

    def __post_init__(self) -> None:
        (self.root / "config").mkdir(parents=True, exist_ok=True)
        self.write()
        for folder in ("n1-labs", "n2-labs", "medications", "census"):
            (self.root / "config" / "feeds" / folder).mkdir(parents=True, exist_ok=True)

    def write(self) -> None:
        base = REPOSITORY / "config"
        folder = self.root / "config"
        (folder / "site.yaml").write_text(SITE.format(base=base, shard_rows=self.shard_rows))
        (folder / "feeds.yaml").write_text(FEEDS)
        (folder / "routes.yaml").write_text(ROUTES.format(slack=self.slack, smtp=self.smtp))
        (folder / "people.yaml").write_text("people: []\n")

    @property
    def environment(self) -> dict[str, str]:
        return {"NEPHROWATCH_CONFIG": str(self.root / "config"), "NEPHROWATCH_HOME": str(self.root / "home"),
                "SLACK_BOT_TOKEN": "xoxb-test"}  # fmt: skip

    @property
    def here(self) -> pipeline.Here:
        found = settings.settings_from(self.environment)
        return pipeline.Here(found, config.load(found.config), self.db, lambda: self.clock, lambda seconds: None)

    def file(self, feed: str, name: str, columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> Path:
        path = self.root / "config" / "feeds" / feed / name
        with path.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, list(columns), restval="")
            writer.writeheader()
            writer.writerows(rows)
        return path

    def labs(self, name: str, *rows: dict[str, Any], feed: str = "n1-labs") -> Path:
        return self.file(feed, name, LABS, rows)

    def patients(
        self, *identifiers: str, unit: str = "N1", since: str = "2025-01-01", status: str = "active", name: str | None = None
    ) -> Path:
        rows = [{"patient": i, "from": since, "unit": unit, "status": status, "modality": "HD", "born": "1957-02-03",
                 "name": f"EXAMPLE {i}"} for i in identifiers]  # fmt: skip
        return self.file("census", name or f"census-{unit}-{since}-{status}-{identifiers[0]}.csv",
                         ("patient", "from", "unit", "status", "modality", "born", "name"), rows)  # fmt: skip

    def medications(self, name: str, *rows: dict[str, Any]) -> Path:
        return self.file("medications", name, ("patient", "drug", "start", "stop", "listed"), rows)

    def night(self, night: date, *, live: bool | None = True) -> dict[str, Any]:
        """Run one whole night, with the clock set to five o'clock of that day unless it is later already."""
        self.clock = max(self.clock, datetime.combine(night, time(5, 0), UTC))
        return pipeline.night(night, live=live, here=self.here)

    def waive(self) -> list[str]:
        """Let every rule of today tell at once: what a test about anything but the silent phase starts from."""
        return pipeline.rules_decide("waived", None, actor="A. Tester", reason="tests tell at once", here=self.here)

    def episodes(self) -> list[dict[str, Any]]:
        """Every episode, without the numbers and refs that differ between equal histories."""
        with self.db.begin(Role.WEB) as connection:
            rows = connection.execute(sql("read/alerts"), {"ref": ""}).mappings().all()
        return sorted(
            ({"patient": r["identifier"], "group": r["cause_group"], "unit": r["unit"], "state": r["state"],
              "severity": r["severity"], "opened": r["opened_night"], "changed": r["changed_night"], "baseline": r["baseline"],
              "limbs": [(limb["rule"], limb["outcome"], limb["severity"], limb["reason"]) for limb in r["limbs"]],
              "told": sorted((t["destination"], t["severity"]) for t in r["told"])} for r in rows),
            key=lambda e: (e["patient"], e["group"], e["opened"]),
        )  # fmt: skip

    def rows(self, statement: str) -> list[Any]:
        """Rows of an ad-hoc read, for assertions."""
        import sqlalchemy

        with self.db.begin(Role.WEB) as connection:
            return list(connection.execute(sqlalchemy.text(statement)))

    def outbox_keys(self) -> list[tuple[Any, ...]]:
        """Outbox keys, in order."""
        return sorted(tuple(row) for row in self.rows("SELECT dedup_key, kind, destination FROM nephrowatch.outbox"))

    def changes(self) -> list[tuple[Any, ...]]:
        """Every change, by what names it in any equal history."""
        return sorted(tuple(row) for row in self.rows(
            "SELECT s.identifier, e.cause_group, c.seq, c.night, c.kind, c.reason, c.to_state, c.severity "
            "FROM nephrowatch.changes c JOIN nephrowatch.episodes e USING (episode_id) "
            "JOIN nephrowatch.subjects s ON s.subject_id = e.patient_id"))  # fmt: skip


def draw(patient: str, day: date | str, hour: int = 7, *, issued: str | None = None, status: str = "F",
         uln: float | str = "", **values: float | str) -> list[dict[str, Any]]:  # fmt: skip
    """Rows of one blood draw, e.g. draw("T1", "2026-04-14", P=6.8, CA=9.7); units conventional."""
    units = {"P": "mg/dL", "CA": "mg/dL", "ALB": "g/dL", "PTH": "pg/mL", "K": "mmol/L"}
    day = date.fromisoformat(day) if isinstance(day, str) else day
    at = datetime.combine(day, time(hour)).isoformat()
    return [
        {"patient": patient, "collected": at, "test": test, "result": value, "units": units[test], "status": status,
         "accession": f"{patient}-{day:%y%m%d}-{hour}", "issued": issued or at, "uln": uln if test == "PTH" else "",
         "assay": "assay A" if test == "PTH" else ""}
        for test, value in values.items()
    ]  # fmt: skip


def monthly(patient: str, last: date, *series: Mapping[str, float | str]) -> list[dict[str, Any]]:
    """Draws 28 days apart, the last of `series` on `last`."""
    count = len(series)
    days = [last - timedelta(days=28 * (count - 1 - i)) for i in range(count)]
    return [row for day, values in zip(days, series, strict=True) for row in draw(patient, day, **values)]


__all__ = ["Site", "draw", "monthly"]
