"""What must hold of every life, however it goes; and the morning list."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from monitors.alerts import Standing, digest, reconcile
from monitors.records import Change, ChangeKind, Episode, Finding, Limb, Outcome, Severity, State, Unit, rank
from monitors.reopening import BY_PEOPLE
from tests.timelines.timeline import FIRST, Facts, Life, fires, notifies

RULES = {"R01": Facts(), "R02": Facts(), "R13": Facts("pth"), "R90": Facts("pth", shadow=True)}
NAMES = st.sampled_from(sorted(RULES))
SEVERITIES = st.sampled_from(list(Severity))


class Lives(RuleBasedStateMachine):
    """One patient: evidence arrives, is corrected away, is cleared; nights run, again, or too late."""

    @initialize(baseline=st.sets(NAMES))
    def begin(self, baseline: set[str]) -> None:
        self.life = Life(RULES, frozenset(("N1", name) for name in baseline))
        self.night = FIRST
        self.findings: dict[str, Finding] = {}

    @rule(name=NAMES, severity=SEVERITIES, outcome=st.sampled_from([Outcome.FIRING, Outcome.HOLDING]))
    def arrive(self, name: str, severity: Severity, outcome: Outcome) -> None:
        self.findings[name] = fires(name, severity, self.drawn())._replace(outcome=outcome)

    @rule(name=NAMES)
    def correct(self, name: str) -> None:
        self.findings.pop(name, None)

    @rule(name=NAMES)
    def clear(self, name: str) -> None:
        at = self.drawn()
        self.findings[name] = Finding(1, name, Outcome.CLEAR, "clear", "cleared", cleared_at=at)

    @rule(name=NAMES)
    def run_out(self, name: str) -> None:
        self.findings[name] = Finding(1, name, Outcome.NOT_ASSESSABLE, "no_recent:phosphate", "no value")

    @rule(state=st.sampled_from([State.ACKNOWLEDGED, State.SNOOZED, State.DISMISSED]))
    def answer(self, state: State) -> None:
        """Nobody can dismiss a CRITICAL; `human.decide` refuses it."""
        critical = any(limb.severity is Severity.CRITICAL for one in self.life.open() for limb in one.limbs.values())
        if not (state is State.DISMISSED and critical):
            self.life.human(state)

    @rule()
    def lose_messages(self) -> None:
        self.life.dies()

    @rule(days=st.integers(1, 4), moved=st.booleans())
    def live_night(self, days: int, moved: bool) -> None:
        self.night += timedelta(days=days)
        self.unit = "N2" if moved else "N1"
        before = {episode.episode_id: episode for episode in self.life.open()}
        self.check(self.life.night(self.night, self.findings, self.unit), before)
        self.nobody_owed()

    @rule()
    def run_again(self) -> None:
        """The same night again says at most what a lost message left untold; the third time, nothing."""
        if self.life.judged_through is not None:
            again = self.life.night(self.life.judged_through, self.findings_then, self.unit)
            assert {change.kind for change in again} <= {ChangeKind.TOLD_LATE}
            assert self.life.night(self.life.judged_through, self.findings_then, self.unit) == []

    @rule(days=st.integers(1, 30))
    def fill_in(self, days: int) -> None:
        if self.life.judged_through is not None:
            before = list(self.life.episodes)
            assert self.life.night(self.life.judged_through - timedelta(days=days), self.findings) == []
            assert self.life.episodes == before

    def check(self, changes: list[Change], before: dict[int, Episode]) -> None:
        self.findings_then = dict(self.findings)
        assert [change.group for change in changes] == sorted({change.group for change in changes})
        for change in changes:
            assert change.reason
            assert change.sentence
            assert change.tellings or change.withheld, "a telling not made has a named reason"
            old = before.get(change.episode_id) if change.episode_id is not None else None
            for telling in change.tellings:
                if telling.reason in ("withdrawn", "handed_over") or (old and old.state in BY_PEOPLE):
                    continue  # whoever was told hears again when what a person said is over
                told = old.told.get(telling.destination, {}) if old else {}
                firing = [limb for limb in change.limbs.values() if limb.outcome is Outcome.FIRING]
                assert any(
                    rank(limb.severity) > max(rank(told.get(limb.rule)), rank(limb.listed)) for limb in firing
                ), "never told twice of the same limb and severity"

    def nobody_owed(self) -> None:
        """After a live night whatever fires is told, listed, or withheld by what a person said."""
        by_group = {episode.group: episode for episode in self.life.open()}
        for name, finding in self.findings.items():
            if finding.outcome is not Outcome.FIRING or RULES[name].shadow:
                continue
            assert finding.severity is not None
            episode = by_group[RULES[name].group]
            limb = episode.limbs[name]
            assert limb.active
            for destination in notifies(episode.unit, finding.severity, episode.group):
                told = rank(episode.told.get(destination, {}).get(name))
                withdrawn = self.life.changes[-1][1].reason == "evidence_corrected"
                quiet = episode.state in BY_PEOPLE
                assert max(told, rank(limb.listed)) >= finding.severity.rank or quiet or withdrawn

    def drawn(self) -> datetime:
        return datetime.combine(self.night, time(7), UTC)

    @invariant()
    def at_most_one_open_episode_a_group(self) -> None:
        groups = [episode.group for episode in self.life.open()] if hasattr(self, "life") else []
        assert len(groups) == len(set(groups))

    @invariant()
    def a_shadow_rule_reaches_no_episode(self) -> None:
        episodes = self.life.episodes if hasattr(self, "life") else []
        assert not any("R90" in episode.limbs for episode in episodes)

    @invariant()
    def an_ended_episode_never_changes_again(self) -> None:
        ended: set[int] = set()
        for _, change in self.life.changes if hasattr(self, "life") else []:
            assert change.episode_id not in ended
            if change.to_state.ended and change.episode_id is not None:
                ended.add(change.episode_id)


Lives.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestLives = Lives.TestCase


def test_a_raised_finding_without_severity_is_refused() -> None:
    finding = fires("R01", Severity.HIGH, datetime(2026, 4, 1, tzinfo=UTC))._replace(severity=None)
    with pytest.raises(ValueError, match="R01 has no severity"):
        reconcile(Standing(1, "N1"), {"R01": finding}, [], RULES, FIRST, (), notifies)


def test_an_episode_changed_on_a_later_night_is_left_alone() -> None:
    episode = an_episode("open", Severity.HIGH, opened=FIRST + timedelta(days=3))
    assert reconcile(Standing(1, "N1"), {}, [episode], RULES, FIRST, (), notifies) == []


def test_a_sentence_says_what_changed_without_any_value() -> None:
    finding = fires("R01", Severity.HIGH, datetime(2026, 4, 1, tzinfo=UTC))
    (change,) = reconcile(Standing(1, "N1"), {"R01": finding}, [], RULES, FIRST, (), notifies)
    assert change.sentence == "R01 raised: a new episode at HIGH."
    assert change.kind is ChangeKind.OPENED
    assert "6.8" not in change.sentence


# ------------------------------------------------------------------------------------------ the morning list
UNIT = Unit("N1", "Unit One", "Europe/London")


def an_episode(
    state: str, severity: Severity, *, opened: date = FIRST, group: str = "phosphate", **facts: Any
) -> Episode:
    outcome = Outcome.NOT_ASSESSABLE if state == "stale" else Outcome.FIRING
    return Episode(1, 1, group, "N1", State(state), severity, opened, facts.get("changed", opened), 1,
                   {"R01": Limb("R01", outcome, severity, "persistent")})  # fmt: skip


def a_list(*episodes: Episode, **facts: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"active": 96, "not_assessed": {}, "oldest_input": None, "newest_input": None}
    return digest(UNIT, FIRST, episodes, **(given | facts))


def test_the_morning_list_counts_in_the_order_in_which_it_is_read() -> None:
    yesterday = FIRST - timedelta(days=1)
    found = a_list(
        an_episode("open", Severity.HIGH), an_episode("open", Severity.CRITICAL, group="pth"),
        an_episode("acknowledged", Severity.HIGH, opened=yesterday), an_episode("open", Severity.WARNING),
        an_episode("stale", Severity.HIGH, opened=yesterday),
        an_episode("retracted", Severity.HIGH, opened=yesterday, changed=FIRST),
        an_episode("closed", Severity.CRITICAL, opened=yesterday, changed=FIRST),
    )  # fmt: skip
    counts = {section["code"]: section["episodes"] for section in found["sections"]}
    assert counts == {
        "needs_a_look": 3, "new": 3, "present_at_start": 0, "unacknowledged": 4, "outcome_due": 0, "withdrawn": 1,
        "safety_review": 1, "stale": 1, "silent_phase": 0, "rule_stopped": 0,
    }  # fmt: skip
    assert list(counts) == ["needs_a_look", "new", "present_at_start", "unacknowledged", "outcome_due", "withdrawn",
                            "safety_review", "stale", "silent_phase", "rule_stopped"]  # fmt: skip
    assert found["sections"][0]["lines"] == [
        {"severity": "CRITICAL", "group": "pth", "episodes": 1},
        {"severity": "HIGH", "group": "phosphate", "episodes": 2},
    ]  # fmt: skip
    assert found["open"] == 5


@pytest.mark.hazard(4)
def test_what_was_not_assessed_stands_beside_what_was_with_the_age_of_the_input() -> None:
    found = a_list(
        not_assessed={"phosphate": {"no_recent:phosphate": 3, "outside_population:age_unknown": 1}},
        oldest_input=datetime(2026, 1, 2, tzinfo=UTC), newest_input=datetime(2026, 3, 31, 17, tzinfo=UTC),
        feeds={"held": 2},
    )  # fmt: skip
    assert found["not_assessed"] == [
        {"group": "phosphate", "reason": "no_recent:phosphate", "patients": 3},
        {"group": "phosphate", "reason": "outside_population:age_unknown", "patients": 1},
    ]
    assert (found["assessed"], found["overdue"], found["active"]) == ({"phosphate": 92}, 3, 96)
    assert (found["oldest_input"], found["newest_input"]) == ("2026-01-02T00:00:00Z", "2026-03-31T17:00:00Z")
    assert found["feeds"] == {"held": 2}


@pytest.mark.hazard(4)
def test_an_empty_list_reassures_nobody() -> None:
    text = str(a_list()).casefold()
    assert not any(word in text for word in ("normal", "safe ", "all clear", "nothing to"))
