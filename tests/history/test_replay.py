"""Past alerts made again, and made again after a patient was erased: what differs, and the cause that is named."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from monitors import pipeline, replay, sealing
from monitors.errors import UserError
from tests.nights.conftest import two_sites
from tests.site import Site, draw, monthly

__all__ = ["two_sites"]
NIGHT = date(2026, 4, 15)
HIGH, CALM = {"P": 7.4, "CA": 9.6}, {"P": 4.6, "CA": 9.2}


def lived(site: Site, *, erasable: bool = False) -> date:
    """Nine nights: raised, corrected, moved to the other unit, an outage, acknowledged, died. Returns the last."""
    last = NIGHT - timedelta(days=1)
    site.patients("T1", "T2", "T3")
    site.labs("history.csv", *monthly("T1", last, *[HIGH] * 5), *monthly("T2", last, CALM, CALM, CALM),
              *monthly("T3", last, CALM, CALM, {"P": 6.1, "CA": 9.6}, {"P": 6.4, "CA": 9.8}))  # fmt: skip
    site.medications("list.csv", {"patient": "T3", "drug": "Warfarin 3 mg", "start": "2025-06-01", "listed": f"{last}"})
    site.night(NIGHT)
    site.patients("T4", "T5", name="new.csv")
    site.labs("new-rows.csv", *monthly("T4", NIGHT, *[HIGH] * 5), *monthly("T5", NIGHT, *[HIGH] * 5))
    site.night(NIGHT + timedelta(days=1))
    site.labs("worse.csv", *draw("T3", NIGHT + timedelta(days=1), P=7.9, CA=10.4))
    site.night(NIGHT + timedelta(days=2))
    site.labs("corrected.csv", *draw("T3", NIGHT + timedelta(days=1), P=4.9, CA=9.1, status="C", issued="2026-04-18T01:00:00"))
    site.night(NIGHT + timedelta(days=3))
    site.patients("T4", unit="N2", since=f"{NIGHT + timedelta(days=3)}")
    site.night(NIGHT + timedelta(days=4))
    site.labs("calm.csv", *draw("T4", NIGHT + timedelta(days=6), P=4.4, CA=9.0))
    site.night(NIGHT + timedelta(days=8))
    if erasable:
        site.patients("T5", since=f"{NIGHT + timedelta(days=8)}", status="died")
    site.night(NIGHT + timedelta(days=9))
    site.night(NIGHT + timedelta(days=3), live=False)
    return NIGHT + timedelta(days=9)


def again(site: Site) -> replay.Replayed:
    return replay.replay(site.db, site.here.config, date.min, date.max)


def change(site: Site, server: Any, statement: str) -> None:
    server.run(statement, site.database_url.rsplit("/", 1)[-1].split("?")[0])


def test_what_was_decided_comes_out_the_same(site: Site) -> None:
    lived(site)
    found = again(site)
    assert found.differences == []
    assert found.decisions == 7
    assert found.changes == len(site.rows("SELECT FROM nephrowatch.changes WHERE judgement_id IS NOT NULL")) >= 5
    assert found.findings == len(site.rows(
        "SELECT FROM nephrowatch.findings f JOIN nephrowatch.judgements j USING (judgement_id) WHERE j.live"))  # fmt: skip
    assert found.tellings >= 4


def test_the_routes_and_limits_of_then_are_kept(site: Site) -> None:
    lived(site)
    routes = site.root / "config" / "routes.yaml"
    routes.write_text(routes.read_text().replace("to: [slack, mail]", "to: [slack]"))
    assert again(site).differences == []


# ruff: noqa: E501  (a row of a table is read as one line)
PLANTED = """
seen as                         cause           what is planted
finding                         defect          UPDATE nephrowatch.findings SET severity = 'WARNING' WHERE severity = 'HIGH'
not recorded                    defect          DELETE FROM nephrowatch.findings WHERE rule = 'R01'
count of                        defect          UPDATE nephrowatch.finding_counts SET patients = patients + 1
standing                        defect          UPDATE nephrowatch.standings SET unit = 'N2' WHERE unit = 'N1'
change of phosphate: severity   defect          UPDATE nephrowatch.changes SET severity = 'CRITICAL' WHERE kind = 'opened'
withheld                        defect          UPDATE nephrowatch.changes SET withheld = '[{"destination": "*", "reason": "stale"}]'
told                            defect          UPDATE nephrowatch.outbox SET destination = 'nobody' WHERE kind = 'alert'
finding                         defect          UPDATE nephrowatch.results SET value = 4 WHERE value > 7

finding                         site_not_kept   UPDATE nephrowatch.results SET value = 4; UPDATE nephrowatch.judgements SET site = NULL
"""


@pytest.mark.parametrize("row", [row for row in PLANTED.splitlines()[2:] if row.strip()])
def test_what_was_tampered_with_is_named(site: Site, server: Any, row: str) -> None:
    seen, cause, statement = row[:32].strip(), row[32:48].strip(), row[48:]
    lived(site)
    change(site, server, statement)
    found = again(site).differences
    assert found
    assert any(seen in one["what"] for one in found)
    assert {one["cause"] for one in found} == {cause}


def test_another_engine_is_named(site: Site, server: Any) -> None:
    lived(site)
    change(site, server, "UPDATE nephrowatch.rulesets SET body = replace(body, '\"engine\":', '\"engine\":9'); "
                         "UPDATE nephrowatch.results SET value = 4 WHERE value > 7")  # fmt: skip
    assert set(again(site).causes) == {"engine_version"}


def test_a_sample_is_a_part_and_the_same_part_again(site: Site) -> None:
    lived(site)
    one, same = (replay.replay(site.db, site.here.config, date.min, date.max, sample=2, seed=3) for _ in range(2))
    assert one == same
    assert one.decisions == 2


def test_a_defect_reaches_operations_once_a_day(site: Site, server: Any) -> None:
    lived(site)
    pipeline.history_replay(tell=True, here=site.here)
    change(site, server, "UPDATE nephrowatch.changes SET severity = 'CRITICAL' WHERE kind = 'opened'")
    for _ in range(2):
        pipeline.history_replay(tell=True, here=site.here)
    told = [row for row in site.outbox_keys() if row[0].startswith("operations/replay")]
    assert len(told) == 1


# ------------------------------------------------------------------------------------------------------ erasure
def erase(site: Site, number: str, **more: Any) -> dict[str, Any]:
    return pipeline.erase(**{"authority": "", "identifier": number, "actor": "A. Officer", "reason": "request 12", **more},
                          here=site.here)  # fmt: skip


def traces(site: Site, *words: str) -> list[str]:
    """Every table in which one of the words stands, anywhere."""
    tables = site.rows("SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('nephrowatch', 'history') "
                       "AND has_table_privilege(schemaname || '.' || tablename, 'SELECT')")  # fmt: skip
    assert len(tables) > 30
    found = []
    for (table,) in tables:
        text = "convert_from(body, 'UTF8')" if table == "history.bodies" else "t::text"
        for word in words:
            if site.rows(f"SELECT FROM {table} t WHERE {text} ~ '(^|[^0-9A-Za-z]){word}($|[^0-9A-Za-z])' LIMIT 1"):
                found.append(f"{table}: {word}")
    return found


def test_after_an_erasure_everything_else_comes_out_the_same(site: Site) -> None:
    last = lived(site, erasable=True)
    assert traces(site, "T5", "EXAMPLE T5")
    found = erase(site, "T5")
    assert found["rows"]["results"] == 10
    assert found["entries"] >= 2
    assert traces(site, "T5", "EXAMPLE T5") == []
    again_ = again(site)
    assert set(again_.causes) == {"erased"}
    verified = sealing.verified(site.db, site.here.config, site.here.settings)
    assert verified["first_bad"] is None
    assert verified["erased"] == found["entries"]
    site.night(last + timedelta(days=1))
    assert set(again(site).causes) == {"erased"}
    assert [e for e in site.episodes() if e["patient"] == f"{found['patient']}"]  # that there was an alert, stays


def test_an_erased_patient_that_a_feed_sends_again_is_a_new_one(site: Site) -> None:
    last = lived(site, erasable=True)
    left = erase(site, "T5")["patient"]
    site.patients("T5", since=f"{last}", name="back.csv")
    site.labs("back-rows.csv", *monthly("T5", last, *[HIGH] * 5))
    site.night(last + timedelta(days=1))
    ((patient,),) = site.rows("SELECT subject_id FROM nephrowatch.subjects WHERE identifier = 'T5'")
    assert patient != left
    assert set(again(site).causes) == {"erased"}


def test_who_is_under_watch_or_under_a_hold_or_unknown_is_not_erased(site: Site) -> None:
    lived(site, erasable=True)
    with pytest.raises(UserError, match="is open"):
        erase(site, "T1")
    with pytest.raises(UserError, match="No patient"):
        erase(site, "T99")
    with pytest.raises(UserError, match="who asked and why"):
        erase(site, "T5", reason=" ")
    hold = {"authority": "", "identifier": "T5", "actor": "A. Officer", "reason": "court 7", "here": site.here}
    pipeline.legal_hold(**hold)
    with pytest.raises(UserError, match="legal hold"):
        erase(site, "T5")
    pipeline.legal_hold(**hold, lift=True)
    with pytest.raises(UserError, match="no legal hold"):
        pipeline.legal_hold(**hold, lift=True)
    keep = site.root / "config" / "site.yaml"
    keep.write_text(keep.read_text() + "history: {keep_days: 3650}\n")
    with pytest.raises(UserError, match="keep_days"):
        erase(site, "T5")


def test_raw_files_go_when_asked_for(site: Site) -> None:
    lived(site, erasable=True)
    found = erase(site, "T5", raw_files=True)
    archive = site.root / "home" / "archive"
    assert found["archived"]
    assert not any((archive / place).exists() for place in found["archived"])


def test_a_body_that_no_erasure_names_is_damage(site: Site, server: Any) -> None:
    lived(site, erasable=True)
    erase(site, "T5")
    change(site, server, "ALTER TABLE history.bodies DISABLE TRIGGER ALL; DELETE FROM history.bodies WHERE seq = 3; "
                         "ALTER TABLE history.bodies ENABLE TRIGGER ALL")  # fmt: skip
    bad = sealing.verified(site.db, site.here.config, site.here.settings)["first_bad"]
    assert bad == {"seq": 3, "what": "its body is gone, and no erasure names it"}
