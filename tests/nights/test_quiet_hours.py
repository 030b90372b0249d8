"""Quiet hours, steps while nobody answers, and a night that is not finished: through whole nights."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from monitors import pipeline
from tests.site import Site, draw, monthly

NIGHT = date(2026, 4, 15)
HIGH = {"P": 7.4, "CA": 9.6}
MORE = """quiet_hours:
  - {start: "22:00", end: "06:30", units: [N1]}
escalations:
  - {after_minutes: 30}
  - {after_minutes: 60, to: [list]}
"""


def settle(site: Site) -> None:
    """A night with nobody ill, and the hours in force."""
    routes = site.root / "config" / "routes.yaml"
    routes.write_text(routes.read_text() + MORE)
    site.patients("T1")
    site.labs("calm.csv", *monthly("T1", NIGHT - timedelta(days=30), *[{"P": 4.6, "CA": 9.2}] * 3))
    site.clock = datetime.combine(NIGHT, datetime.min.time(), UTC) + timedelta(hours=2)
    pipeline.night(NIGHT - timedelta(days=1), live=True, here=site.here)


def at(site: Site, hours: float) -> None:
    site.clock = datetime.combine(NIGHT, datetime.min.time(), UTC) + timedelta(hours=hours)


@pytest.mark.hazard(1, 18)
def test_high_waits_for_the_morning_and_critical_for_nothing(site: Site) -> None:
    settle(site)
    at(site, 2)
    site.patients("T2", name="new.csv")
    drawn = NIGHT - timedelta(days=1)
    site.labs("ill.csv", *monthly("T2", drawn, *[HIGH] * 5), *draw("T1", drawn, CA=5.9, ALB=4.0))
    pipeline.night(NIGHT, live=True, here=site.here)
    texts = [str(post["blocks"]) for post in site.slack_standin.posts]
    assert [("CRITICAL" in text, "HIGH" in text) for text in texts] == [(True, False)]
    at(site, 4)
    assert not pipeline.watch(here=site.here)["stuck"], "what waits for the end of quiet hours is not stuck"
    at(site, 5.6)
    pipeline.deliver(here=site.here)
    assert any("HIGH ·" in str(post["blocks"]) for post in site.slack_standin.posts)
    waiting = site.rows("SELECT FROM nephrowatch.outbox WHERE state = 'pending'")
    assert waiting == []


def test_the_steps_of_a_change_are_those_of_its_time_and_end_with_an_answer(site: Site) -> None:
    settle(site)
    at(site, 2)
    site.labs("ill.csv", *draw("T1", NIGHT - timedelta(days=1), CA=5.9, ALB=4.0))
    pipeline.night(NIGHT, live=True, here=site.here)
    routes = site.root / "config" / "routes.yaml"
    text = routes.read_text().replace("to: [list]}\n", "to: [ops]}\n")
    routes.write_text(text.replace("after_minutes: 30", "after_minutes: 5"))
    at(site, 2.2)
    pipeline.deliver(here=site.here)
    assert "REMINDER" not in str(site.slack_standin.posts)
    at(site, 3.2)
    pipeline.deliver(here=site.here)
    assert "REMINDER" in str(site.slack_standin.posts)
    escalated = [mail for mail in site.smtp_standin.mails if "ESCALATED" in mail["text"]]
    assert [mail["headers"]["To"] for mail in escalated] == ["list@renal.example"]


@pytest.mark.hazard(19)
def test_a_list_that_is_due_and_not_there_is_said_once(site: Site) -> None:
    settle(site)
    at(site, 4.9)
    assert pipeline.watch(here=site.here)["unfinished"] == []
    at(site, 5.1)  # 06:06 in London; 01:06 in New York
    for _ in range(2):
        found = pipeline.watch(here=site.here)
        assert (found["unfinished"], found["heartbeat"]) == (["N1"], "withheld")
    at(site, 10.1)
    assert pipeline.watch(here=site.here)["unfinished"] == ["N1", "N2"]
    pipeline.deliver(here=site.here)
    said = [mail for mail in site.smtp_standin.mails if "NOT FINISHED" in mail["text"]]
    assert [mail["headers"]["To"] for mail in said] == ["list@renal.example"] * 2
    assert "That no message came means nothing today" in said[0]["text"]
    pipeline.night(NIGHT, live=True, here=site.here)
    assert pipeline.watch(here=site.here)["unfinished"] == []


def with_shifts(site: Site, more: str = "") -> None:
    file = site.root / "config" / "site.yaml"
    zone = "zone: Europe/London,"
    file.write_text(file.read_text().replace(zone, f"{zone} shifts: [\"12:30\", \"06:30\"], {more}"))


def the_lists(site: Site, unit: str = "N1") -> list[str]:
    """The morning lists of a unit that came, in order; the first is that of the night before."""
    return [str(mail["text"]) for mail in site.smtp_standin.mails if f"Morning list · Unit {unit}" in mail["text"]]


@pytest.mark.hazard(18, 19)
def test_the_list_is_due_before_the_first_shift_and_says_so_when_it_is_late(site: Site) -> None:
    with_shifts(site)
    settle(site)
    at(site, 4.7)
    assert pipeline.watch(here=site.here)["unfinished"] == []
    at(site, 4.8)  # 05:48 in London, 42 minutes before the first shift
    assert pipeline.watch(here=site.here)["unfinished"] == ["N1"]
    pipeline.night(NIGHT, live=True, here=site.here)
    assert "LATE: this list comes after the time it was due" in the_lists(site)[-1]
    assert "This list was due Wed 15 Apr 05:45 BST (3 min ago)." in the_lists(site)[-1]


@pytest.mark.hazard(18)
def test_a_list_that_is_ready_early_is_held_only_where_the_unit_says_until_when(site: Site) -> None:
    with_shifts(site, "list_from: \"05:00\",")
    settle(site)
    at(site, 3)
    pipeline.night(NIGHT, live=True, here=site.here)
    assert (len(the_lists(site)), len(the_lists(site, "N2"))) == (1, 2)
    at(site, 3.9)
    pipeline.deliver(here=site.here)
    assert len(the_lists(site)) == 1
    found = pipeline.watch(here=site.here)
    assert (found["unfinished"], found["stuck"]) == ([], 0)
    at(site, 4)
    pipeline.deliver(here=site.here)
    assert len(the_lists(site)) == 2
    assert "LATE" not in the_lists(site)[-1]


@pytest.mark.hazard(19)
def test_a_site_that_never_ran_is_told_nothing(site: Site) -> None:
    at(site, 10)
    assert pipeline.watch(here=site.here)["unfinished"] == []
