"""The simulated unit, small and seeded: it can be burdened too much, miss rises, and see the future; here it may not."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from monitors import config
from monitors.records import Change, ChangeKind, Limb, Outcome, Severity, State, Telling
from monitors.rules.judge import judge
from monitors.rules.standing import FIRING, HOLDING
from monitors.simulate import assumptions, plain
from monitors.simulate.cohort import cohort
from monitors.simulate.count import MONTH_WEEKS
from monitors.simulate.draws import day_of, feed
from monitors.simulate.page import _shown, charts, page
from monitors.simulate.run import HISTORY, run
from monitors.simulate.watch import TEAM, applied, watch

ROOT = Path(__file__).parents[2]
STATED = ROOT / "benchmarks" / "simulated_unit.yaml"
SITE = config.load(ROOT / "config")


@pytest.fixture(scope="module")
def given():
    return assumptions.read(STATED)


@pytest.fixture(scope="module")
def result(given):
    """200 patients, 12 months, a night every other week."""
    return run(given, SITE, patients=200, months=12, seed=7, every=2, rises=100)


@pytest.fixture(scope="module")
def fed(given):
    rng = np.random.default_rng(3)
    return feed(given, rng, cohort(given, rng, 200, 52), SITE.analytes, SITE.drugs)


def test_alerts_stay_within_what_the_large_run_found(result):
    overall = result.counted.rates(["what"])["overall"]

    assert 2.0 < overall["notified"] < 9.0
    assert 3.0 < overall["list_only"] < 9.0
    assert overall["message"] < 2.0


def test_persistence_and_hysteresis_each_save_alerts(result):
    naive, persistence, both = (result.plain.loc[name, ["monthly", "four-weekly"]].mean() for name in plain.POLICIES)

    assert 25 < naive < 60  # 42 in the reference
    assert naive > 3 * persistence > 3 * both
    assert both < 6


def test_true_rises_are_noticed(result):
    assert result.rises["third"].mean() >= 0.95
    assert set(result.rises["unit"]) == set(assumptions.CADENCES)


def test_every_assumption_counts_and_none_is_made_silently(result):
    assert set(result.given.stated) == result.given.used
    with pytest.raises(KeyError):
        result.given.of("moon_phase")


def test_the_page_says_it_all(result):
    text, drawn = page(result), charts(result)

    assert all(f"]({name})" in text for name in drawn)
    assert all(ElementTree.fromstring(svg).tag.endswith("svg") for svg in drawn.values())
    assert "--patients 200 --months 12 --seed 7" in text
    assert text.count("\n| 1 |") == 1
    assert not re.findall(r"\bnan\b", text)


def test_the_published_page_has_the_assumptions_of_the_file(given):
    published = (ROOT / "docs" / "burden.md").read_text(encoding="utf-8")

    for name, one in given.stated.items():
        assert f"| {name.replace('_', ' ')} | {_shown(one.value)} | {one.tag} | {one.source} |" in published, name


def test_the_same_seed_gives_the_same_figures_and_another_others(given):
    first, again, other = (seen_with(given, seed) for seed in (5, 5, 6))

    assert first.events == again.events != other.events
    assert len(first.events) > 20


def seen_with(given, seed):
    rng = np.random.default_rng(seed)
    small = feed(given, rng, cohort(given, rng, 60, 40), SITE.analytes, SITE.drugs)
    return watch(small, range(30, 40, 4), SITE.rules, SITE.analytes, given.of("not_fed"))


def test_a_night_sees_nothing_of_later(fed):
    series, people, drugs, facts = fed.frames(40)
    tonight = day_of(40) + 1

    assert series["at"].max() < people["as_of"].iloc[0]
    assert series["day"].max() == tonight - 1
    for column in ("start_day", "stop_day", "listed_day"):
        assert drugs[column].max() < tonight
    assert facts["day"].max() < tonight
    assert facts["end_day"].max() < tonight
    assert (drugs["stop_day"] >= 0).any()
    assert (facts["end_day"] == -1).any()


def test_values_vary_as_assumed(fed):
    stable = (fed.unit.onset < 0) & (fed.took.sum(axis=1) > 20)
    values = np.where(fed.took & ~fed.marked, fed.phosphate, np.nan)[stable] / fed.unit.phosphate[stable]

    assert np.nanmedian(values) == pytest.approx(1.0, abs=0.02)
    spread = np.nanpercentile(values, [15.87, 84.13])
    assert (spread[1] - spread[0]) / 2 == pytest.approx(0.131, abs=0.01)


def test_the_engine_and_the_plain_way_agree_who_has_high_phosphate(fed):
    """Written apart: row by row here, vectorised there."""
    series, people, drugs, facts = fed.frames(51)
    judged = judge(series, people, drugs, SITE.rules, SITE.analytes, facts=facts)
    standing = zip(judged.patients.tolist(), judged.outcomes["R01"].tolist(), strict=True)
    engine = {patient for patient, outcome in standing if outcome in (FIRING, HOLDING)}
    latched = plain.latched(fed) & set(judged.patients.tolist())
    found = [finding for finding in judged.findings if finding.rule == "R01"]
    stale = {finding.patient_id for finding in found if finding.outcome is Outcome.NOT_ASSESSABLE}

    assert engine == latched - stale
    assert len(engine) > 50


def test_an_episode_remembers_what_its_readers_were_told():
    limb = Limb("R06", Outcome.FIRING, Severity.HIGH, "exposed")
    change = Change(1, "calcium_low", "weekly", ChangeKind.OPENED, "raised", "", State.OPEN, Severity.HIGH, {"R06": limb},
                    tellings=(Telling(TEAM, "raised"),))  # fmt: skip
    opened = applied(change, None, date(2026, 1, 7))
    milder = Limb("R06", Outcome.FIRING, Severity.WARNING, "exposed")
    eased = Change(1, "calcium_low", "weekly", ChangeKind.EASED, "severity_down", "", State.OPEN, Severity.WARNING,
                   {"R06": milder})  # fmt: skip
    quiet = applied(eased, opened, date(2026, 1, 14))

    assert opened.told == quiet.told == {TEAM: {"R06": Severity.HIGH}}
    assert (quiet.opened_night, quiet.changed_night) == (date(2026, 1, 7), date(2026, 1, 14))


def test_a_month_is_a_month(result):
    people = result.counted.census
    monthly = result.counted.months(people[people["week"] > HISTORY])

    assert monthly.sum() * 100 == pytest.approx(200 * 12, rel=0.08)
    assert pytest.approx(4.348, abs=0.001) == MONTH_WEEKS
