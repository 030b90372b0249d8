"""What is muted is withheld by name, said wherever it is looked for, and told when that ends: through whole nights."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from monitors import pipeline
from tests.nights.test_one_night import HIGH, NIGHT, a_unit
from tests.site import Site, draw, monthly

INHIBITION = """inhibitions:
  - {name: phosphate-first, source: {groups: [phosphate]}, target: {groups: [potassium]}}
"""


def later(days: int) -> date:
    return NIGHT + timedelta(days=days)


def write(site: Site, more: str) -> None:
    routes = site.root / "config" / "routes.yaml"
    routes.write_text(routes.read_text() + more)


def ill(site: Site, patient: str = "T9", drawn: date = NIGHT - timedelta(days=1)) -> None:
    """A patient whose phosphate and potassium are HIGH: potassium, for the draw is over a day old."""
    site.patients(patient, name=f"{patient}.csv")
    site.labs(f"{patient}.csv", *monthly(patient, drawn, *[{**HIGH, "K": 6.8}] * 4))


def of(site: Site, group: str, patient: str = "T9") -> dict[str, Any]:
    return next(one for one in site.episodes() if (one["patient"], one["group"]) == (patient, group))


def withheld(site: Site, group: str) -> list[tuple[str, str]]:
    rows = site.rows(f"SELECT c.withheld FROM nephrowatch.changes c JOIN nephrowatch.episodes e USING (episode_id) "
                     f"WHERE e.cause_group = '{group}' ORDER BY c.episode_id, c.seq")  # fmt: skip
    return [(one["destination"], one["reason"]) for row in rows for one in row.withheld]


def morning_list(site: Site, night: date, unit: str = "N1") -> dict[str, Any]:
    ((content,),) = site.rows(
        f"SELECT content FROM nephrowatch.outbox WHERE kind = 'digest' AND unit = '{unit}' AND night = '{night}'")
    return dict(content)


@pytest.mark.hazard(1, 21)
def test_an_inhibited_alert_is_withheld_by_name_and_told_when_its_source_has_ended(site: Site) -> None:
    write(site, INHIBITION)
    a_unit(site)
    site.night(NIGHT)
    ill(site)
    site.night(later(1))
    assert of(site, "phosphate")["told"] == [("mail", "HIGH"), ("slack", "HIGH")]
    assert of(site, "potassium")["told"] == []
    assert withheld(site, "potassium") == [("mail", "inhibited:phosphate-first"), ("slack", "inhibited:phosphate-first")]
    assert morning_list(site, later(1))["withheld"] == [{"reason": "inhibited:phosphate-first", "episodes": 1}]
    (mail,) = [one for one in site.smtp_standin.mails if "Morning list" in one["text"] and "muted by" in one["text"]]
    assert "muted by phosphate-first (routes.yaml): 1" in mail["text"]
    assert pipeline.watch(here=site.here)["untold"] == []
    (said,) = pipeline.explain("HOSP|T9", rules=["R20"], here=site.here)["decisions"]
    assert said["told"].startswith("nobody:")
    assert said["told"].endswith("phosphate-first")
    site.labs("better.csv", *draw("T9", later(0), P=3.6, CA=9.2), *draw("T9", later(28), P=3.6, CA=9.2))
    site.night(later(29))
    assert of(site, "phosphate")["state"] == "resolved"
    assert of(site, "potassium")["told"] == [("mail", "HIGH"), ("slack", "HIGH")]
    assert morning_list(site, later(29))["withheld"] == []
    assert pipeline.history_replay(here=site.here).differences == []


def test_one_that_is_untold_for_longer_than_it_may_be_is_an_alarm(site: Site) -> None:
    write(site, INHIBITION)
    a_unit(site)
    site.night(NIGHT)
    ill(site)
    site.night(later(1))
    site.clock += timedelta(days=40)  # no night ran since
    assert len(pipeline.watch(here=site.here)["untold"]) == 1


