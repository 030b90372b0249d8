"""What once went wrong over a whole night, kept from going wrong again."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta

import pytest

from monitors import pipeline
from monitors.errors import UserError
from tests.nights.test_one_night import HIGH, NIGHT, a_unit
from tests.site import Site, draw, monthly


def kinds(site: Site, patient: str) -> list[tuple[str, str]]:
    """Changes of a patient's clinical episodes: these made-up patients also lack other tests (group gap)."""
    return [(change[4], change[5]) for change in site.changes() if change[0] == patient and change[1] != "gap"]


def later(days: int) -> date:
    return NIGHT + timedelta(days=days)


def a_new_high(site: Site) -> list[dict[str, object]]:
    """T9 becomes HIGH on the night after the baseline night, and is told. Gives the rows."""
    a_unit(site)
    site.night(NIGHT)
    site.patients("T9", name="t9.csv")
    rows = monthly("T9", NIGHT, HIGH, HIGH, HIGH, HIGH)
    site.labs("t9.csv", *rows)
    site.night(later(1))
    assert kinds(site, "T9") == [("opened", "raised")]
    return rows


def test_results_withdrawn_to_the_last_one_withdraw_the_alert_from_those_who_were_told(site: Site) -> None:
    rows = a_new_high(site)
    site.labs("withdrawn.csv", *({**row, "status": "W", "issued": "2026-04-16T12:00:00"} for row in rows))
    site.night(later(2))
    assert kinds(site, "T9") == [("opened", "raised"), ("retracted", "evidence_corrected")]
    assert sorted(key[2] for key in site.outbox_keys() if key[1] == "withdrawn") == ["mail", "slack"]


def test_a_newest_result_withdrawn_takes_its_severity_back_aloud(site: Site) -> None:
    a_unit(site)
    site.night(NIGHT)
    site.patients("T9", name="t9.csv")
    last = draw("T9", NIGHT, PTH=1200, uln=65)
    site.labs("t9.csv", *draw("T9", NIGHT - timedelta(days=120), PTH=800, uln=65),
              *draw("T9", NIGHT - timedelta(days=60), PTH=820, uln=65), *last)  # fmt: skip
    site.night(later(1))
    site.labs("withdrawn.csv", *({**row, "status": "W", "issued": "2026-04-16T12:00:00"} for row in last))
    site.night(later(2))
    assert kinds(site, "T9") == [("opened", "raised"), ("eased", "evidence_corrected")]
    assert sorted(key[2] for key in site.outbox_keys() if key[1] == "withdrawn") == ["mail", "slack"]


def test_a_night_still_to_come_is_refused_and_silences_nobody(site: Site) -> None:
    a_unit(site)
    site.night(NIGHT)
    with pytest.raises(UserError, match="still to come"):
        pipeline.night(later(365), live=True, here=site.here)
    site.patients("T9", name="t9.csv")
    site.labs("t9.csv", *monthly("T9", NIGHT, HIGH, HIGH, HIGH, HIGH))
    assert site.night(later(1))["changes"]["opened"] == 1


def test_one_file_that_breaks_us_is_held_and_the_night_goes_on(site: Site) -> None:
    a_unit(site)
    number = "".join(hashlib.sha256(bytes([n])).hexdigest() for n in range(150))  # too long for an index, and incompressible
    site.labs("huge.csv", *draw(number, NIGHT - timedelta(days=1), P=5.0))
    summary = site.night(NIGHT)
    assert summary["changes"]["opened"] >= 2
    assert [tuple(row) for row in site.rows("SELECT state, reason FROM nephrowatch.files WHERE name = 'huge.csv'")] == [
        ("unreadable", "not_storable")]  # fmt: skip
    assert any("not_storable" in key[0] for key in site.outbox_keys())


def test_a_first_night_that_died_before_deciding_is_still_the_baseline(site: Site) -> None:
    a_unit(site)
    run_id = pipeline.begin(NIGHT, here=site.here)
    pipeline.receive(run_id, here=site.here)
    pipeline.check(run_id, here=site.here)
    for shard in pipeline.freeze(run_id, True, here=site.here):
        pipeline.judge(shard, here=site.here)
    with pytest.raises(ZeroDivisionError):
        die_after_the_start(site, run_id)
    site.night(later(1))
    phosphate = [episode for episode in site.episodes() if episode["group"] == "phosphate"]
    assert phosphate
    assert all(episode["baseline"] and not episode["told"] for episode in phosphate)


def die_after_the_start(site: Site, run_id: int) -> None:
    from monitors import episodes
    from monitors.database import Role, sql
    from monitors.delivery import outbox
    from monitors.history import ledger

    def crash(point: str) -> None:
        raise ZeroDivisionError(point)

    with site.db.begin(Role.PIPELINE) as connection:
        chosen = connection.execute(sql("judge/complete"), {"run_id": run_id}).one()
    episodes.reconcile_judgement(site.db, site.here.config, chosen.judgement_id, site.clock, ledger.append, outbox.enqueue, crash)


def test_a_red_night_cleared_after_its_successor_sends_no_list_of_its_own(site: Site) -> None:
    a_unit(site)
    site.night(later(1))
    site.night(NIGHT)
    lists = [key[0] for key in site.outbox_keys() if key[1] == "digest"]
    assert lists == [f"digest/{unit}/{later(1)}/list" for unit in ("N1", "N2")]


def test_a_judgement_nobody_decided_by_is_not_sealed(site: Site) -> None:
    a_unit(site)
    site.night(NIGHT)
    site.patients("T9", name="t9.csv")
    site.labs("t9.csv", *monthly("T9", NIGHT - timedelta(days=1), HIGH, HIGH, HIGH, HIGH))
    run_id = pipeline.begin(NIGHT, here=site.here)
    pipeline.receive(run_id, here=site.here)
    pipeline.check(run_id, here=site.here)
    for shard in pipeline.freeze(run_id, True, here=site.here):
        pipeline.judge(shard, here=site.here)
    pipeline.seal(run_id, here=site.here)
    sealed = "SELECT count(*) FROM history.ledger WHERE kind = 'night_sealed'"
    assert [row[0] for row in site.rows(sealed)] == [1]
    assert pipeline.reconcile(run_id, here=site.here) == {"opened": 1}
    pipeline.seal(run_id, here=site.here)
    pipeline.seal(run_id, here=site.here)
    assert [row[0] for row in site.rows(sealed)] == [2]


def test_a_half_judged_night_is_not_decided_by(site: Site) -> None:
    site.shard_rows = 8
    site.write()
    a_unit(site)
    run_id = pipeline.begin(NIGHT, here=site.here)
    pipeline.receive(run_id, here=site.here)
    pipeline.check(run_id, here=site.here)
    shards = pipeline.freeze(run_id, True, here=site.here)
    assert len(shards) > 1
    pipeline.judge(shards[0], here=site.here)
    assert not pipeline.reconcile(run_id, here=site.here)
    assert site.episodes() == []


def test_two_drugs_under_one_order_are_two_drugs(site: Site) -> None:
    """The mapping's order number names the prescription, which may hold warfarin and a binder."""
    (site.root / "config" / "feeds.yaml").write_text((site.root / "config" / "feeds.yaml").read_text().replace(
        "columns: {patient: patient, drug: drug,", "columns: {patient: patient, drug: drug, order: order,"))  # fmt: skip
    a_unit(site)
    rows = [{"patient": "T3", "drug": drug, "order": "100", "start": "2025-06-01", "listed": "2026-04-13"}
            for drug in ("Warfarin 3 mg", "sevelamer")]  # fmt: skip
    site.file("medications", "list.csv", ("patient", "drug", "order", "start", "stop", "listed"), rows)
    site.night(NIGHT)
    assert any(episode["group"] == "calciphylaxis" for episode in site.episodes() if episode["patient"] == "T3")
