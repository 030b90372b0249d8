"""What is muted is withheld by name, said wherever it is looked for, and told when that ends: through whole nights."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from monitors import pipeline
from monitors.delivery.deliver import deliver
from monitors.errors import UserError
from monitors.history import ledger
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


def one_inhibited(site: Site) -> None:
    """A patient whose potassium is withheld, for the phosphate was told."""
    write(site, INHIBITION)
    a_unit(site)
    site.night(NIGHT)
    ill(site)
    site.night(later(1))


@pytest.mark.hazard(1, 21)
def test_an_inhibited_alert_is_withheld_by_name_and_told_when_its_source_has_ended(site: Site) -> None:
    one_inhibited(site)
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
    one_inhibited(site)
    site.clock += timedelta(days=40)  # no night ran since
    assert len(pipeline.watch(here=site.here)["untold"]) == 1



def moment(day: int, hour: int) -> datetime:
    return datetime.combine(later(day), time(hour), UTC)


def quiet(site: Site, **asked: Any) -> int:
    asked = {"units": ["N1"], "ends": moment(4, 8), "actor": "A. Nurse", "reason": "the analyser is being replaced", **asked}
    return pipeline.silence_add(**asked, here=site.here)


def posts(site: Site, words: str) -> list[str]:
    return [text for post in site.slack_standin.posts if words in (text := str(post["blocks"]))]


@pytest.mark.hazard(1)
def test_what_a_silence_withheld_is_said_every_morning_and_told_as_one_message_when_it_ends(site: Site) -> None:
    a_unit(site)
    site.night(NIGHT)
    number = quiet(site, destinations=["slack"])
    for patient in ("T7", "T8", "T9"):
        ill(site, patient)
    site.night(later(1))
    site.night(later(2))
    assert withheld(site, "potassium") == [("slack", f"silenced:{number}")] * 3, "once, not every night"
    assert of(site, "potassium")["told"] == [("mail", "HIGH")]
    assert morning_list(site, later(2))["silences"] == [{
        "silence": number, "until": "2026-04-19T08:00:00Z", "episodes": 6, "rules": [], "groups": [], "destinations": ["slack"]}]
    assert pipeline.watch(here=site.here)["untold"] == []
    site.clock = moment(4, 9)
    before = len(site.slack_standin.posts)
    assert len(pipeline.watch(here=site.here)["untold"]) == 6, "a silence that is over keeps nobody waiting for long"
    pipeline.deliver(here=site.here)
    (message,) = posts(site, "told after a silence")
    assert len(site.slack_standin.posts) == before + 1
    assert "Phosphate: 3" in message
    assert "Potassium: 3" in message
    assert of(site, "potassium")["told"] == [("mail", "HIGH"), ("slack", "HIGH")]
    assert pipeline.watch(here=site.here)["untold"] == []
    assert site.night(later(5))["changes"]["told_late"] == 0
    assert morning_list(site, later(5))["silences"] == []
    assert pipeline.history_replay(here=site.here).differences == []
    kinds = [row.kind for row in site.rows("SELECT kind FROM history.ledger WHERE kind LIKE '%silence%' ORDER BY seq")]
    assert kinds == ["silence_added", "delivery_silence_over"]


def test_the_night_that_finds_a_silence_over_tells_in_one_message_too(site: Site) -> None:
    a_unit(site)
    site.night(NIGHT)
    quiet(site, ends=moment(2, 1))
    for patient in ("T8", "T9"):
        ill(site, patient)
    before = len(posts(site, "HIGH"))
    site.night(later(1))
    assert len(posts(site, "HIGH")) == before
    assert site.night(later(2))["changes"]["told_late"] == 0
    assert len(posts(site, "told after a silence: 4")) == 1


def test_critical_is_told_through_a_silence_and_what_has_ended_or_was_answered_is_not_told_after_it(site: Site) -> None:
    a_unit(site)
    site.night(NIGHT)
    number = quiet(site)
    ill(site)
    ill(site, "T8")
    site.labs("low.csv", *draw("T2", NIGHT, CA=5.9, ALB=4.0))
    site.night(later(1))
    assert of(site, "calcium_low", "T2")["told"] == [("mail", "CRITICAL"), ("slack", "CRITICAL")]
    site.patients("T8", since="2026-04-16", status="died", name="died.csv")
    site.night(later(2))
    found = pipeline.silences_list(here=site.here)
    assert [(one["silence_id"], one["state"], one["withheld"], one["waiting"]) for one in found] == [(number, "in force", 8, 4)]
    assert pipeline.silence_end(number, actor="A. Nurse", reason="it runs again", here=site.here) == 4
    pipeline.deliver(here=site.here)
    assert len(posts(site, "told after a silence: 2")) == 1
    outcomes = site.rows("SELECT outcome, count(*) AS n FROM nephrowatch.silenced GROUP BY 1 ORDER BY 1")
    assert [tuple(row) for row in outcomes] == [("ended", 4), ("told", 4)]
    with pytest.raises(UserError, match="no silence 1 to end"):
        pipeline.silence_end(number, actor="A. Nurse", reason="again", here=site.here)


class Killed(BaseException):
    """Stands for a kill: every step before it is committed, nothing after it runs."""


@pytest.mark.hazard(1)
def test_a_worker_killed_while_a_silence_is_told_of_loses_nothing_and_tells_once(site: Site) -> None:
    a_unit(site)
    site.night(NIGHT)
    quiet(site, ends=moment(2, 12))
    for patient in ("T8", "T9"):
        ill(site, patient)
    site.night(later(1))
    site.clock = moment(3, 9)
    here = site.here

    def killed_at(point: str) -> list[tuple[str, int]]:
        def crash(reached: str) -> None:
            if reached == point:
                raise Killed

        with pytest.raises(Killed):
            deliver(site.db, here.config, here.settings, here.clock, ledger.append, wait=here.wait, crash=crash)
        assert posts(site, "told after a silence") == []
        found = site.rows("SELECT coalesce(outcome, 'waits'), count(*) FROM nephrowatch.silenced GROUP BY 1")
        return [tuple(row) for row in found]

    assert killed_at("before_release_commit") == [("waits", 8)], "what is not committed still waits"
    assert killed_at("after_release") == [("told", 8)]
    assert of(site, "potassium")["told"] == [], "queued is not told"
    assert pipeline.watch(here=site.here)["untold"] == []
    pipeline.deliver(here=site.here)
    pipeline.deliver(here=site.here)
    assert len(posts(site, "told after a silence: 4")) == 1
    assert of(site, "potassium")["told"] == [("mail", "HIGH"), ("slack", "HIGH")]


def test_another_silence_takes_over_what_one_that_ends_withheld(site: Site) -> None:
    a_unit(site)
    site.night(NIGHT)
    first = quiet(site, ends=moment(2, 12))
    quiet(site, rules=["R20"], ends=moment(5, 12))
    ill(site)
    site.night(later(1))
    site.clock = moment(3, 9)
    pipeline.deliver(here=site.here)
    assert first == 1
    assert len(posts(site, "told after a silence: 1")) == 1
    assert of(site, "phosphate")["told"] == [("mail", "HIGH"), ("slack", "HIGH")]
    assert of(site, "potassium")["told"] == []
    assert pipeline.watch(here=site.here)["untold"] == []


@pytest.mark.parametrize(("asked", "said"), [
    ({"units": []}, "nobody silences everything"), ({"units": ["N9"]}, "--unit 'N9' is not known"),
    ({"rules": ["R99"]}, "--rule 'R99' is not known"), ({"destinations": ["pager"]}, "--destination 'pager' is not known"),
    ({"ends": moment(-1, 8)}, "lies before it begins"), ({"ends": moment(9, 8)}, "7 days at most"),
    ({"begins": moment(3, 9), "ends": moment(3, 8)}, "lies before it begins"),
])  # fmt: skip
def test_a_silence_is_bounded_and_names_what_there_is(site: Site, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        quiet(site, **asked)
    assert pipeline.silences_list(here=site.here) == []
