"""A number merged into another while its episode is open: that episode ends by name, the survivor is judged and told."""

from __future__ import annotations

from datetime import date, timedelta

from tests.site import Site, monthly

NIGHT = date(2026, 4, 15)
LINKS = """
  links:
    kind: links
    location: feeds/links
    authority: HOSP
    zone: Europe/London
    optional: true
    mapping:
      columns: {patient: survivor, merged_patient: merged, effective_at: at, action: action}
"""


def test_the_episode_of_a_merged_number_is_closed_and_the_survivor_is_told(site: Site) -> None:
    (site.root / "config" / "feeds" / "links").mkdir()
    feeds = site.root / "config" / "feeds.yaml"
    feeds.write_text(feeds.read_text() + LINKS)
    site.patients("T3", "T4")
    rising = ({"P": 5.0, "CA": 9.0}, {"P": 6.1, "CA": 9.6}, {"P": 6.4, "CA": 9.8})
    site.labs("1.csv", *monthly("T3", NIGHT - timedelta(days=1), *rising))
    site.medications("1.csv", *({"patient": patient, "drug": "Warfarin 3 mg", "start": "2025-06-01", "listed": "2026-04-10"}
                                for patient in ("T3", "T4")))  # fmt: skip
    site.night(NIGHT)
    site.file("links", "1.csv", ("survivor", "merged", "at", "action"), [
        {"survivor": "T4", "merged": "T3", "at": "2026-04-15 12:00", "action": "merge"}])  # fmt: skip
    site.night(NIGHT + timedelta(days=1))
    after = {(e["patient"], e["group"]): e for e in site.episodes()}
    groups = {group for patient, group in after if patient == "T3"}
    assert {after["T3", group]["state"] for group in groups} == {"closed"}
    assert {change[5] for change in site.changes() if change[0] == "T3" and change[4] == "closed"} == {"merged"}
    for group in groups:
        assert after["T4", group]["state"] == "open"
    assert {change[5] for change in site.changes() if change[0] == "T4" and change[4] == "opened"} == {"raised"}
    told = {episode: sorted(where["told"]) for episode, where in after.items() if where["told"]}
    assert {patient for patient, _ in told} >= {"T4"}
