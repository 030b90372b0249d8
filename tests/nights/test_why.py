"""`nephrowatch why`, over whole nights: for every outcome, for what was suppressed and retracted, and for nothing at all."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from monitors import pipeline
from monitors.cli import app
from monitors.database import Role
from monitors.errors import UserError
from tests.nights.test_one_night import CALM, HIGH, NIGHT, a_unit
from tests.site import Site, draw, monthly

ONCE = {"P": 5.9, "CA": 9.2}
ABOVE = {"P": 6.0, "CA": 9.2}


def later(days: int) -> date:
    return NIGHT + timedelta(days=days)


def decided(site: Site, patient: str, rule: str = "R01", **choices: Any) -> dict[str, Any]:
    (one,) = pipeline.explain(patient, rules=[rule], here=site.here, **choices)["decisions"]
    return dict(one)


def changes(one: dict[str, Any]) -> list[tuple[str, str]]:
    return [(change["kind"], change["reason"]) for change in one["episode"]["changes"]]


def test_each_outcome_names_its_numbers_and_whether_anybody_was_told(site: Site) -> None:
    a_unit(site)
    site.night(NIGHT)
    site.patients("F1", "H1", "C1", "N1", name="more.csv")
    site.labs("more.csv", *monthly("F1", NIGHT, HIGH, HIGH, HIGH, HIGH), *monthly("C1", NIGHT, CALM, CALM),
              *monthly("H1", NIGHT - timedelta(days=28), ABOVE, ABOVE), *draw("H1", NIGHT, P=5.3, CA=9.2),
              *draw("N1", NIGHT - timedelta(days=200), P=6.9))  # fmt: skip
    site.night(later(1))
    firing, holding, nothing, unassessed, suppressed = (decided(site, who) for who in ("F1", "H1", "C1", "N1", "T1"))
    outcomes = [one["outcome"] for one in (firing, holding, nothing, unassessed, suppressed)]
    assert outcomes == ["firing", "holding", "clear", "not_assessable", "firing"]
    assert all(one["recorded"] == one["outcome"] for one in (firing, holding, nothing, unassessed, suppressed))
    assert firing["told"] == "yes: mail, slack (see the changes)"
    assert holding["told"].startswith("nobody: holding alone opens nothing")
    assert nothing["told"] == "nobody: nothing raised it"
    assert unassessed["told"].startswith("nobody: it could not be assessed")
    assert suppressed["told"] == "nobody: it was present when the rule or the unit went live: listed, not told"
    assert [test["numbers"] for test in unassessed["tests"] if test["kind"] == "input"] == ["newest of 2025-09-27, 201 days old"]


def test_a_correction_shows_what_was_known_before_and_after(site: Site) -> None:
    a_unit(site)
    site.night(NIGHT)
    site.patients("T9", name="t9.csv")
    rows = monthly("T9", NIGHT, HIGH, HIGH, HIGH, HIGH)
    site.labs("t9.csv", *rows)
    site.night(later(1))
    wrong = {"status": "C", "issued": "2026-04-16T12:00:00"}
    site.labs("mended.csv", *({**row, "result": 4.4 if row["test"] == "P" else row["result"], **wrong} for row in rows))
    site.night(later(2))
    then, now = decided(site, "HOSP|T9", night=later(1)), decided(site, "T9", night=later(2))
    assert (then["outcome"], now["outcome"]) == ("firing", "clear")
    assert changes(now) == [("opened", "raised"), ("retracted", "evidence_corrected")]
    assert changes(then) == [("opened", "raised")]
    found = pipeline.explain("T9", rules=["R01"], here=site.here)
    reasons = sorted(one["why"] for one in found["versions_not_used"])
    assert reasons[0].startswith("superseded: corrected to 4.4 (corrected, result ")
    before = pipeline.explain("T9", rules=["R01"], night=later(2), known_at=None, here=site.here)
    (known,) = site.rows("SELECT recorded_at FROM nephrowatch.batches ORDER BY batch DESC LIMIT 1")
    earlier = known.recorded_at - timedelta(microseconds=1)
    hindsight = pipeline.explain("T9", rules=["R01"], night=later(2), known_at=earlier, here=site.here)
    assert (before["decisions"][0]["outcome"], hindsight["decisions"][0]["outcome"]) == ("clear", "firing")
    assert hindsight["decisions"][0]["recorded"] == "clear"
    assert {one["why"] for one in hindsight["versions_not_used"]} == {"became known only later"}


def test_whom_it_cannot_tell_apart_or_does_not_know_it_refuses(site: Site) -> None:
    a_unit(site)
    site.night(NIGHT)
    with pytest.raises(UserError, match="No patient 'T77'"):
        pipeline.explain("T77", here=site.here)
    with pytest.raises(UserError, match="R99"):
        pipeline.explain("T1", rules=["R99"], here=site.here)
    with site.db.begin(Role.PIPELINE) as connection:
        connection.exec_driver_sql(
            "INSERT INTO nephrowatch.subjects (subject_id, authority, identifier, batch) "
            "SELECT max(subject_id) + 1, 'OTHER', 'T1', max(batch) FROM nephrowatch.subjects")
        connection.exec_driver_sql(
            "INSERT INTO nephrowatch.links (subject_id, patient_id, reason, batch) "
            "SELECT subject_id, subject_id, 'founded', batch FROM nephrowatch.subjects WHERE authority = 'OTHER'")
    with pytest.raises(UserError, match=r"more than one patient; write one of HOSP\|T1, OTHER\|T1"):
        pipeline.explain("T1", here=site.here)


def test_the_command_line_prints_every_step(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    a_unit(site)
    site.night(NIGHT)
    for name, value in {**site.environment, "NEPHROWATCH_DATABASE_URL": site.database_url}.items():
        monkeypatch.setenv(name, value)
    shown = CliRunner().invoke(app, ["why", "T1", "--rule", "R01"], catch_exceptions=False).output
    assert "R01 v" in shown
    assert "· firing" in shown
    assert "anchor 2" in shown
    assert "not told, slack: it was present when the rule or the unit went live" in shown
    assert "not clinically reviewed at this site" in shown
    every = CliRunner().invoke(app, ["why", "T2"], catch_exceptions=False).output
    assert every.count("Told:") == 24
    listed = CliRunner().invoke(app, ["rules", "list"], catch_exceptions=False).output
    assert listed.count("not clinically reviewed at this site") == 24
