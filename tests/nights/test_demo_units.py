"""The demo's HL7 v2 and FHIR units, received and checked night by night: every planted mistake leaves its trace."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from sqlalchemy import text

from monitors import config, pipeline, settings
from monitors.database import Database, Role
from monitors.demo import summary
from monitors.demo.generate import deliver, generate
from monitors.demo.messages import OLD_NUMBER, PLANTED
from tests.accounts import assert_accounts
from tests.site import REPOSITORY

LAST = date(2026, 4, 15)


def test_every_mistake_planted_in_messages_and_resources_leaves_its_trace(database: Database, tmp_path: Path) -> None:
    made = generate(tmp_path / "feeds", LAST, seed=7)
    shipped = config.load(REPOSITORY / "config")
    feeds = {
        name: shipped.feeds[name].model_copy(update={"location": str(made.folder / place)})
        for name, place in (("n4-messages", "n4"), ("n5-resources", "n5"))
    }
    site = shipped.model_copy(update={"feeds": feeds})
    found = settings.settings_from({"NEPHROWATCH_HOME": str(tmp_path / "home"), "NEPHROWATCH_CONFIG": str(REPOSITORY / "config")})
    for night in (made.nights[0] - timedelta(days=1), *made.nights):
        deliver(made.folder, night)
        morning = datetime.combine(night, time(10), UTC)
        here = pipeline.Here(found, site, database, clock=lambda at=morning: at, wait=lambda seconds: None)
        run_id = pipeline.begin(night, here=here)
        pipeline.receive(run_id, here=here)
        pipeline.check(run_id, here=here)
    assert_accounts(database)
    seen = summary.collect(database, LAST)
    assert [one for one, number in summary.traces(seen["planted"], PLANTED) if number != 1] == []
    assert {row["state"] for row in seen["files"]} <= {"known"}, "no file of the two units is held or refused as a whole"
    with database.begin(Role.PIPELINE) as connection:
        unverified = connection.execute(text(
            "SELECT unit, count(*) FROM nephrowatch.outbox WHERE kind = 'unverified' GROUP BY unit")).all()  # fmt: skip
        numbers = connection.execute(text(
            "SELECT count(*) FROM nephrowatch.subjects WHERE identifier = :old"), {"old": OLD_NUMBER}).scalar_one()  # fmt: skip
    assert [tuple(row) for row in unverified] == [("N4", 2)]  # the potassium without a unit, to the unit's two destinations
    assert numbers == 1
