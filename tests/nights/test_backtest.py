"""What another rule set would have done: over real nights the rehearsal comes to what those nights came to."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from monitors import pipeline
from monitors.cli import app
from monitors.errors import UserError
from tests.nights.test_one_night import CALM, HIGH, NIGHT, a_unit
from tests.site import REPOSITORY, Site, draw, monthly

LOW = {"P": 5.3, "CA": 9.2}  # over 5.2, not over 5.5


def later(days: int) -> date:
    return NIGHT + timedelta(days=days)


def a_history(site: Site) -> None:
    """Six live nights: T9 becomes high on the second and is corrected away on the fourth; L1 is at 5.3 all along."""
    a_unit(site)
    site.night(NIGHT)
    site.patients("T9", "L1", name="more.csv")
    rows = monthly("T9", NIGHT, HIGH, HIGH, HIGH, HIGH)
    site.labs("more.csv", *rows, *monthly("L1", NIGHT, LOW, LOW, LOW))
    site.night(later(1))
    site.night(later(2))
    fixed = {"status": "C", "issued": "2026-04-17T12:00:00"}
    site.labs("mended.csv", *({**row, "result": CALM[str(row["test"])], **fixed} for row in rows))
    site.labs("l1.csv", *draw("L1", later(1), **CALM))
    site.night(later(3))
    site.night(later(5))


def limited(site: Site, limit: str) -> Path:
    """R01 that raises above another limit, and clears under it, as a file of its own."""
    text = (REPOSITORY / "config" / "rules" / "R01.yaml").read_text()
    path = site.root / "R01.yaml"
    path.write_text(text.replace("5.5 mg/dL | 1.78 mmol/L", limit))
    return path


def fingerprint(site: Site) -> list[Any]:
    tables = ("episodes", "changes", "findings", "outbox", "judgements", "rulesets", "rule_events")
    return [site.rows(f"SELECT count(*) FROM nephrowatch.{name}")[0][0] for name in tables]


def test_todays_rules_against_themselves_change_nothing_and_come_to_what_was_decided(site: Site) -> None:
    a_history(site)
    before = fingerprint(site)
    found = pipeline.rules_backtest(str(REPOSITORY / "config" / "rules"), NIGHT, later(5), here=site.here)
    assert fingerprint(site) == before
    assert (found["gain"], found["lose"]) == ([], [])
    assert found["totals"]["before"] == found["totals"]["after"]
    real = site.changes()
    opened = [change for change in real if change[4] == "opened" and change[5] != "present_at_start"]
    assert found["totals"]["after"]["episodes"] == len(opened)
    sent = site.rows("SELECT count(*) FROM nephrowatch.outbox WHERE kind IN ('alert', 'withdrawn', 'handed_over')")[0][0]
    assert found["totals"]["after"]["messages"] == sent
    assert sent > 0


def test_a_lower_limit_gains_those_it_would_have_reached(site: Site) -> None:
    a_history(site)
    found = pipeline.rules_backtest(str(limited(site, "5.2 mg/dL | 1.68 mmol/L")), NIGHT, later(5), here=site.here)
    assert [(line["patient"], line["rule"], line["night"]) for line in found["gain"]] == [("HOSP|L1", "R01", "2026-04-16")]
    assert found["lose"] == []
    (row,) = [row for row in found["rows"] if (row["rule"], row["severity"]) == ("R01", "WARNING")]
    assert (row["before"]["opened"], row["after"]["opened"]) == (0, 1)
    assert row["after"]["per_100_patient_months"] > row["before"]["per_100_patient_months"]


@pytest.mark.hazard(20)
def test_lookback_names_who_was_told_in_fact(site: Site) -> None:
    a_history(site)
    bad = site.here.config.ruleset
    high = limited(site, "9.5 mg/dL | 3.07 mmol/L")
    found = pipeline.rules_lookback(bad[:8], str(high), here=site.here)
    assert (found["from"], found["to"]) == ("2026-04-15", "2026-04-20")
    told = {line["patient"]: line["told_in_fact"] for line in found["alerted_by_bad_only"] if line["rule"] == "R01"}
    assert told["HOSP|T9"] == {"night": "2026-04-16", "destinations": ["mail", "slack"]}
    with pytest.raises(UserError, match="no stored rule set"):
        pipeline.rules_lookback(bad, "feedfeed", here=site.here)


def test_burden_counts_what_happened_and_flags_a_rule_dismissed_for_two_months(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_history(site)
    found = pipeline.rules_burden(here=site.here)
    assert found["episodes"]["opened"] == sum(c[4] == "opened" and c[5] != "present_at_start" for c in site.changes())
    assert found["retracted"]["count"] == 1
    assert found["quarantined"]["of"] > 0
    assert {(row["month"], row["rule"]) for row in found["burden"]} >= {("2026-04", "R01")}
    assert [row["what"] for row in found["times"]] == ["deliver"] * len(found["times"])
    assert found["flagged"] == []
    for name, value in {**site.environment, "NEPHROWATCH_DATABASE_URL": site.database_url}.items():
        monkeypatch.setenv(name, value)
    shown = CliRunner().invoke(app, ["rules", "burden"], catch_exceptions=False).output
    assert "Flagged, dismissed over 60 % for two months: none." in shown
    changed = limited(site, "5.2 mg/dL | 1.68 mmol/L")
    tried = CliRunner().invoke(app, ["rules", "backtest", "--rules", str(changed), "--from", "2026-04-15", "--to", "2026-04-20"],
                               catch_exceptions=False).output  # fmt: skip
    assert "Gain an alert: 1" in tried
    assert "HOSP|L1" in tried
