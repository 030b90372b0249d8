"""A night is one night: however it is started, whatever ran before it, in whatever order."""

from __future__ import annotations

import threading
from datetime import date, timedelta

import pytest

from monitors import pipeline
from monitors.records import is_live
from tests.site import Site, draw, monthly

NIGHT = date(2026, 4, 15)
HIGH = {"P": 7.4, "CA": 9.6}  # true of a patient whose six-month mean is over 6.5
CALM = {"P": 4.6, "CA": 9.2}


def a_unit(site: Site, last: date = NIGHT - timedelta(days=1)) -> None:
    """T1 is persistently high, T2 calm, T3 takes warfarin with a rising product."""
    site.patients("T1", "T2", "T3")
    site.labs("history.csv", *monthly("T1", last, HIGH, HIGH, HIGH, HIGH, HIGH), *monthly("T2", last, CALM, CALM, CALM),
              *monthly("T3", last, CALM, CALM, {"P": 6.1, "CA": 9.6}, {"P": 6.4, "CA": 9.8}))  # fmt: skip
    listed = (last - timedelta(days=5)).isoformat()
    site.medications("list.csv", *({"patient": patient, "drug": drug, "start": "2025-06-01", "listed": listed}
                                   for patient, drug in (("T1", "sevelamer"), ("T2", ""), ("T3", "Warfarin 3 mg"))))  # fmt: skip


def test_the_second_to_fourth_time_store_open_and_send_nothing(site: Site) -> None:
    a_unit(site)
    first = site.night(NIGHT)
    assert first["rows"]["stored"] > 0
    assert first["changes"]["opened"] >= 2
    assert first["messages"]["delivered"] > 0
    before = (site.episodes(), site.changes(), site.outbox_keys())

    by_clock = site.night(NIGHT, live=None)
    again = site.night(NIGHT)
    here = site.here
    run_id = pipeline.begin(pipeline.night_of_run(None, site.clock), here=here)  # a manual trigger has no logical date
    assert run_id == first["run_id"]
    assert pipeline.receive(run_id, here=here) == []
    for shard in pipeline.freeze(run_id, here=here):
        pipeline.judge(shard, here=here)
    assert not pipeline.reconcile(run_id, here=here)
    pipeline.seal(run_id, here=here)
    assert not pipeline.deliver(here=here)

    for other in (by_clock, again):
        assert other["run_id"] == first["run_id"]
        assert set(other["rows"].values()) == {0}
        assert set(other["changes"].values()) == {0}
        assert not other["messages"].get("delivered")
    assert (site.episodes(), site.changes(), site.outbox_keys()) == before


def test_late_data_for_tonight_is_judged_again_and_told_once(site: Site) -> None:
    a_unit(site)
    site.night(NIGHT)
    site.patients("T4", name="late.csv")
    site.labs("late.csv", *monthly("T4", NIGHT - timedelta(days=1), HIGH, HIGH, HIGH, HIGH))
    second = site.night(NIGHT)
    assert second["rows"]["stored"] == 9
    assert second["changes"]["opened"] == 1
    assert site.night(NIGHT)["changes"]["opened"] == 0


@pytest.mark.parametrize("order", ["after, newest first", "at once"])
def test_back_filled_nights_leave_the_same_episodes_as_in_order(two_sites: tuple[Site, Site], order: str) -> None:
    """Nights 16 and 17 were missed; 18 is live."""
    plain, other = two_sites
    nights = [NIGHT + timedelta(days=n) for n in (1, 2, 3)]
    for site in two_sites:
        a_unit(site)
        site.night(NIGHT)
        site.labs("sixteenth.csv", *draw("T2", nights[0] - timedelta(days=1), P=7.9, CA=9.0))
        site.labs("seventeenth.csv", *draw("T3", nights[1] - timedelta(days=1), P=7.0, CA=9.9))
    plain.night(nights[0], live=False)
    plain.night(nights[1], live=False)
    plain.night(nights[2])

    if order == "at once":
        failures: list[BaseException] = []

        def one(night: date, live: bool) -> None:
            try:
                other.night(night, live=live)
            except BaseException as problem:  # a thread must not hide its failure
                failures.append(problem)

        workers = [threading.Thread(target=one, args=(night, night == nights[2])) for night in reversed(nights)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert not failures
    else:
        other.night(nights[2])
        other.night(nights[1], live=False)
        other.night(nights[0], live=False)

    assert other.episodes() == plain.episodes()
    assert other.changes() == plain.changes()
    assert other.outbox_keys() == plain.outbox_keys()


@pytest.mark.parametrize("nights_lost", [1, 3, 10])
def test_hazard_1_after_an_outage_nothing_still_firing_stays_untold(site: Site, nights_lost: int) -> None:
    a_unit(site)
    site.night(NIGHT)
    fell_ill = NIGHT + timedelta(days=1)
    site.patients("T5", name="new.csv")
    site.labs("outage.csv", *monthly("T5", fell_ill, {"P": 6.8, "CA": 9.5}, HIGH, HIGH, HIGH, HIGH))
    back = NIGHT + timedelta(days=1 + nights_lost)
    summary = site.night(back)
    assert summary["changes"]["opened"] == 1
    untold = [e for e in site.episodes() if e["patient"] == "T5" and not e["told"]]
    assert untold == []
    told_once = [key for key in site.outbox_keys() if key[1] == "alert"]
    site.night(back + timedelta(days=1))
    assert [key for key in site.outbox_keys() if key[1] == "alert"] == told_once


def test_an_alert_that_could_not_be_sent_is_still_sent_later(site: Site) -> None:
    a_unit(site)
    site.night(NIGHT)
    untold = {e["patient"] for e in site.episodes() if e["severity"] == "HIGH" and not e["baseline"] and not e["told"]}
    assert untold == set()


def test_the_clock_decides_between_tonight_and_a_back_fill(site: Site) -> None:
    assert is_live(NIGHT, site.clock)
    assert is_live(NIGHT - timedelta(days=1), site.clock)
    assert not is_live(NIGHT - timedelta(days=2), site.clock)
    a_unit(site)
    site.night(NIGHT)
    retrospective = site.night(NIGHT - timedelta(days=9), live=None)
    assert retrospective["live"] is False
    assert set(retrospective["changes"].values()) == {0}
