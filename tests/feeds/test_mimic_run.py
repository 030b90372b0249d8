"""The MIMIC-III demo's own files through a whole night, where they are beside this checkout."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path

import sqlalchemy

from monitors import config, pipeline, replay, settings
from monitors.database import Database, Role, sql
from tests.public_data import DATA, needs
from tests.site import REPOSITORY

EXAMPLE = REPOSITORY / "config" / "examples" / "mimic"
SOURCE = DATA / "mimic3-demo"
LAST = date(2026, 4, 15)
PRODUCTS = """
SELECT ca.value * p.value AS product
FROM nephrowatch.subjects s
JOIN nephrowatch.results ca ON ca.subject_id = s.subject_id AND ca.analyte = 2
JOIN nephrowatch.results p ON p.subject_id = s.subject_id AND p.analyte = 1 AND p.draw = ca.draw
WHERE s.identifier = '42346' ORDER BY product DESC
"""


def raw_rows(name: str) -> list[dict[str, str]]:
    with (SOURCE / f"{name}.csv").open(newline="", encoding="utf-8") as raw:
        return list(csv.DictReader(raw))


@needs("mimic3-demo")
def test_a_night_on_the_mimic_demo_agrees_with_its_raw_files(database: Database, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(EXAMPLE, tmp_path / "config" / "examples" / "mimic"))
    site = (folder / "site.yaml").read_text()
    (folder / "site.yaml").write_text(site.replace("base: ../..", f"base: {REPOSITORY / 'config'}"))
    loaded = config.load(folder)
    target = (folder / loaded.feeds["labs"].location).resolve()
    subprocess.run([sys.executable, folder / "shift_dates.py", "--source", SOURCE, "--target", target, "--last", str(LAST)],
                   check=True, capture_output=True)  # fmt: skip
    found = settings.settings_from({"NEPHROWATCH_CONFIG": str(folder), "NEPHROWATCH_HOME": str(tmp_path / "home"),
                                    "SLACK_BOT_TOKEN": "xoxb-test"})  # fmt: skip
    here = pipeline.Here(found, loaded, database, wait=lambda seconds: None)
    summary = pipeline.night(LAST, live=True, here=here)

    again = replay.replay(database, loaded, LAST, LAST)
    assert again.differences == []
    assert again.findings > 50

    labs = raw_rows("labevents")
    assert summary["rows"]["received"] == len(labs) + len(raw_rows("prescriptions")) + len(raw_rows("patients"))
    assert summary["rows"]["received"] == summary["rows"]["stored"] + summary["rows"]["known"] + summary["rows"]["quarantined"]
    assert sum(summary["findings"].values()) == 50 * 24  # every patient x rule has exactly one outcome

    with database.begin(Role.WEB) as connection:
        set_aside: Counter[str] = Counter()
        everything = {"feed": "", "unit": "", "reason": "", "file_id": 0, "critical": False, "ended": True}
        for row in connection.execute(sql("read/quarantine_totals"), everything):
            set_aside[row.reason] += row.rows
        outcomes = {(row.rule, row.outcome): row.patients for row in connection.execute(sql("judge/counts"), {"judgement_id": 1})}
        of_42346 = connection.execute(sqlalchemy.text(PRODUCTS)).all()
    ascites = sum(1 for row in labs if row["itemid"] in ("50835", "50847"))
    assert ascites > 0
    assert set_aside["wrong_specimen"] >= ascites  # ascites albumin and potassium stay out
    assert outcomes[("R01", "not_assessable")] == 7

    # patient 42346, by hand from labevents.csv lines 20925 and 20932: calcium 9.4 x phosphate 6.8 = 63.92
    own = [row for row in labs if row["subject_id"] == "42346"]
    calcium = [row for row in own if row["itemid"] == "50893"]
    phosphate = {row["charttime"]: row for row in own if row["itemid"] == "50970"}
    pairs = [(row, phosphate[row["charttime"]]) for row in calcium if row["charttime"] in phosphate]
    by_hand = sorted((round(float(ca["value"]) * float(p["value"]), 6) for ca, p in pairs), reverse=True)
    assert [round(row.product, 6) for row in of_42346] == by_hand
    assert by_hand[0] == 63.92
