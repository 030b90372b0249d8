"""What comes late, over whole nights: a critical value, a result that seemed missing, a stay in hospital."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitors import knowledge
from monitors.database import Role
from tests.nights.test_one_night import CALM, NIGHT, a_unit
from tests.site import Site, draw


def limbs(site: Site, patient: str, group: str) -> dict[str, tuple[str, str]]:
    """Rule -> (outcome, severity) of a patient's episode of a group."""
    (episode,) = (e for e in site.episodes() if (e["patient"], e["group"]) == (patient, group))
    return {limb[0]: (limb[1], limb[2]) for limb in episode["limbs"]}


@pytest.mark.hazard(17)
def test_a_critical_value_that_arrives_after_a_newer_one_is_judged_all_the_same(site: Site) -> None:
    a_unit(site)
    site.patients("L1", "L2", name="late.csv")
    newest = NIGHT - timedelta(days=1)
    site.labs("late-1.csv", *draw("L1", newest, CA=12.4, P=4.8), *draw("L2", newest, CA=9.2, P=4.8))
    site.night(NIGHT)
    assert not [e for e in site.episodes() if e["patient"] == "L2" and e["group"] == "calcium_high"]
    site.labs("late-2.csv", *draw("L1", newest, hour=3, CA=13.4), *draw("L2", newest, hour=3, CA=13.4))
    site.night(NIGHT + timedelta(days=1))
    assert limbs(site, "L1", "calcium_high")["R05"] == ("firing", "CRITICAL")
    assert not [e for e in site.episodes() if e["patient"] == "L2" and e["group"] == "calcium_high"], "superseded: nobody is told"


def test_an_overdue_alert_whose_result_had_been_drawn_in_time_is_resolved_and_not_withdrawn(site: Site) -> None:
    a_unit(site)
    site.patients("L3", since=str(NIGHT - timedelta(days=90)), name="overdue.csv")
    site.labs("overdue.csv", *draw("L3", NIGHT - timedelta(days=70), uln=65, **CALM, PTH=200))
    site.night(NIGHT)
    assert limbs(site, "L3", "gap")["R19"][0] == "firing"
    site.labs("overdue-late.csv", *draw("L3", NIGHT - timedelta(days=25), **CALM))
    site.night(NIGHT + timedelta(days=1))
    reasons = [(change[4], change[5]) for change in site.changes() if change[:2] == ("L3", "gap")]
    assert reasons[-1] == ("resolved", "late_results")


@pytest.mark.hazard(9)
def test_a_stay_in_hospital_the_census_tells_of_reaches_the_rules_as_a_fact(site: Site) -> None:
    a_unit(site)
    site.patients("L4", since=str(NIGHT - timedelta(days=200)), name="stay-0.csv")
    site.patients("L4", since=str(NIGHT - timedelta(days=40)), status="admitted", name="stay-1.csv")
    site.patients("L4", since=str(NIGHT - timedelta(days=10)), name="stay-2.csv")
    site.labs("stay.csv", *draw("L4", NIGHT - timedelta(days=60), uln=65, **CALM, PTH=200))
    site.night(NIGHT)
    here = site.here
    with here.db.begin(Role.PIPELINE) as connection:
        known = knowledge.max_batch(connection)
    read = knowledge.read_shard(here.db, here.config, known, NIGHT, 1, 1_000_000)
    (stay,) = read.facts.itertuples()
    assert (stay.fact, stay.end_day - stay.day) == ("admission", 30)
    assert set(read.series["known_since"]) <= set(range(1, known + 1))
    assert not [e for e in site.episodes() if (e["patient"], e["group"]) == ("L4", "gap")], "60 days, 30 of them in hospital"
