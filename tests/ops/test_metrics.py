"""The numbers for Prometheus: read from a real night, counted by hand; and every rule and panel asks for one that exists."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
import yaml
from prometheus_client import start_http_server
from prometheus_client.parser import text_string_to_metric_families

from monitors import metrics
from monitors.database import Database
from monitors.logins import Role
from tests.site import REPOSITORY, Site, monthly

NIGHT = date(2026, 4, 15)
DAY = NIGHT - timedelta(days=1)
CALM, HIGH = {"P": 4.6, "CA": 9.2}, {"P": 6.8, "CA": 9.7}
Numbers = dict[tuple[str, ...], float]


def numbers(db: Database, clock: datetime) -> dict[str, Numbers]:
    """metric -> {label values in order of their names: value}."""
    return {
        family.name: {tuple(value for _, value in sorted(s.labels.items())): s.value for s in family.samples}
        for family in text_string_to_metric_families(metrics.text(db, lambda: clock))
    }


@pytest.fixture
def night(site: Site) -> Iterator[Site]:
    """T1 gets worse on the second night (calcium 6.9, CRITICAL); T2 is calm; one row has no unit."""
    site.patients("T1", "T2")
    site.labs("one.csv", *monthly("T1", DAY - timedelta(days=29), CALM, CALM), *monthly("T2", DAY, CALM, CALM))
    site.night(NIGHT - timedelta(days=1))
    bad = [{**row, "units": ""} for row in monthly("T2", DAY, {"P": 5.0})]
    site.labs("two.csv", *monthly("T1", DAY, {"P": 7.4, "CA": 9.7}, {"P": 7.5, "CA": 6.9}), *bad)
    site.night(NIGHT)
    return site


def test_the_numbers_are_those_of_the_night(night: Site) -> None:
    found = numbers(night.db, night.clock + timedelta(minutes=5))
    assert found["nephrowatch_up"] == {(): 1}
    assert found["nephrowatch_untold_episodes"] == {(): 0}
    assert found["nephrowatch_ledger_entries"][()] == night.rows("SELECT count(*) FROM history.ledger")[0][0]
    assert found["nephrowatch_night_timestamp_seconds"] == {(): datetime(2026, 4, 15, tzinfo=UTC).timestamp()}
    assert sum(found["nephrowatch_outbox_messages"].values()) == night.rows("SELECT count(*) FROM nephrowatch.outbox")[0][0]
    assert found["nephrowatch_quarantined_rows"] == {("n1-labs", "missing_unit", "open"): 1}
    assert found["nephrowatch_received_rows"][("n1-labs",)] == 13
    rule = {key[0]: value for key, value in found["nephrowatch_findings"].items() if key[1] == "R01"}
    assert sum(rule.values()) == 2
    assert {key: value for key, value in found["nephrowatch_episodes"].items() if "N1" in key}
    assert found["nephrowatch_delivery_seconds"][("1",)] >= 0


def test_an_untold_episode_counts(night: Site) -> None:
    with night.db.begin(Role.MIGRATOR) as connection:
        connection.exec_driver_sql("ALTER TABLE nephrowatch.outbox DISABLE ROW LEVEL SECURITY")
        connection.exec_driver_sql("UPDATE nephrowatch.outbox SET state = 'dead' WHERE episode_id IS NOT NULL")
    told = night.rows("SELECT count(DISTINCT episode_id) FROM nephrowatch.outbox WHERE severity IN ('HIGH', 'CRITICAL')")[0][0]
    assert told > 0
    assert numbers(night.db, night.clock)["nephrowatch_untold_episodes"] == {(): told}


def test_no_patient_and_no_value_is_in_them(night: Site) -> None:
    text = metrics.text(night.db, lambda: night.clock)
    assert not re.search(r"\bT1\b|\bT2\b|EXAMPLE|6\.9\b|1957", text)


def test_a_database_that_is_away_is_said(night: Site) -> None:
    away = Database({Role.READER: night.db.address(Role.READER).set(port=9)})
    assert numbers(away, night.clock) == {"nephrowatch_up": {(): 0}}


def test_they_are_served_to_a_scraper(night: Site) -> None:
    server, thread = start_http_server(0, "127.0.0.1", metrics.registry(night.db, lambda: night.clock))
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics") as answer:
            assert b"nephrowatch_untold_episodes 0.0" in answer.read()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def asked(text: str) -> set[str]:
    return set(re.findall(r"\bnephrowatch_[a-z_]+", text))


def test_every_rule_and_every_panel_asks_for_a_number_that_exists(night: Site) -> None:
    there = set(numbers(night.db, night.clock))
    rules = yaml.safe_load((REPOSITORY / "observability" / "alerts.yml").read_text())["groups"][0]["rules"]
    tested = (REPOSITORY / "observability" / "alerts_test.yml").read_text()
    assert {name for rule in rules for name in asked(rule["expr"])} <= there | {"nephrowatch_acknowledge_seconds"}
    assert [rule["alert"] for rule in rules if tested.count(f"alertname: {rule['alert']}") < 2] == []
    board = json.loads((REPOSITORY / "observability" / "grafana" / "nephrowatch.json").read_text())
    assert {name for panel in board["panels"] for target in panel["targets"] for name in asked(target["expr"])} <= there
