"""A night on which a whole unit is ill at once: one message a destination, the CRITICAL one on its own, everybody told."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.site import Site, draw, monthly

NIGHT = date(2026, 4, 15)
CALM, HIGH = {"P": 4.6, "CA": 9.2}, {"P": 7.4, "CA": 9.4}
MANY = [f"T{number}" for number in range(1, 301)]


@pytest.mark.hazard(1)
def test_300_new_episodes_in_one_unit_are_one_message_and_a_critical_one_is_its_own(site: Site) -> None:
    last = NIGHT - timedelta(days=1)
    site.patients("T901")
    site.labs("calm.csv", *monthly("T901", last - timedelta(days=28), *[CALM] * 3))
    site.night(NIGHT - timedelta(days=7))
    before = len(site.slack_standin.posts)
    site.patients(*MANY, name="many.csv")
    site.labs("ill.csv", *(row for one in MANY for row in monthly(one, last, *[HIGH] * 5)), *draw("T901", last, CA=5.9, ALB=4.0))
    summary = site.night(NIGHT)
    assert summary["changes"]["opened"] >= 301
    posts = [str(post["blocks"]) for post in site.slack_standin.posts[before:]]
    storms = [text for text in posts if "lab reviews at once" in text]
    assert (len(storms), len(posts)) == (1, 2)
    assert sum("CRITICAL ·" in text and "1 patient" in text for text in posts) == 1
    untold = [e for e in site.episodes() if e["state"] == "open" and e["severity"] in ("HIGH", "CRITICAL") and not e["told"]]
    assert untold == []
    again = len(site.slack_standin.posts), len(site.smtp_standin.mails)
    site.night(NIGHT)
    assert (len(site.slack_standin.posts), len(site.smtp_standin.mails)) == again
