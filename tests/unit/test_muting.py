"""What mutes, drawn as lives; and that it never loses an alert, whatever happens."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitors.muting import Inhibition, Muted, Mutes, circle
from monitors.records import Episode, Finding, Outcome, Severity, State, rank
from tests.timelines.timeline import FIRST, Facts, Life, fires, live, notifies

RULES = {"R01": Facts(), "R10": Facts("anticoagulant"), "R13": Facts("pth")}
BOTH = frozenset({Severity.WARNING, Severity.HIGH})


def inhibition(name: str = "covered", **said: Any) -> Inhibition:
    made = Inhibition(
        name, frozenset({"anticoagulant"}), frozenset(Severity), frozenset(), frozenset({"phosphate"}), BOTH, None, 30
    )
    return replace(made, **said)


COVERED = Mutes((inhibition(),))
GAP = inhibition("gap", groups=frozenset(), feeds=frozenset({"labs"}), units=frozenset({"N1"}))
SILENT = Mutes((GAP,), frozenset({("labs", "")}))


def life(mutes: Mutes) -> Life:
    return Life(RULES, mutes=mutes)


def reasons(lived: Life, number: int) -> set[tuple[str, str]]:
    return {(item.destination, item.reason) for item in lived.changes[number][1].withheld}


def test_a_source_mutes_its_target_until_it_has_ended() -> None:
    lived = live("""
        night | R10         | R01         | changes                                                    | told
        1     | firing HIGH | firing HIGH | opened raised; opened raised                               | mail-N1, slack
        2     | firing HIGH | firing HIGH |                                                            |
        3     | cleared     | firing HIGH | resolved cleared_by_values; told_late not_told_before      | mail-N1 late, slack late
        4     | cleared     | firing HIGH |                                                            |
    """, life(COVERED))  # fmt: skip
    assert reasons(lived, 1) == {("mail-N1", "inhibited:covered"), ("slack", "inhibited:covered")}


def test_a_target_that_ends_before_its_source_is_told_to_nobody() -> None:
    live("""
        night | R10         | R01         | changes                      | told
        1     | firing HIGH | firing HIGH | opened raised; opened raised | mail-N1, slack
        2     | firing HIGH | cleared     | resolved cleared_by_values   |
        3     | cleared     | cleared     | resolved cleared_by_values   |
    """, life(COVERED))  # fmt: skip


def test_critical_is_never_muted() -> None:
    live("""
        night | R10         | R01             | changes                      | told
        1     | firing HIGH | firing HIGH     | opened raised; opened raised | mail-N1, slack
        2     | firing HIGH | firing CRITICAL | worsened severity_up         | mail-N1, slack
    """, life(COVERED))  # fmt: skip


def test_a_source_nobody_knows_of_mutes_nothing() -> None:
    live("""
        night | R10            | R01         | then | changes                      | told
        1     | firing WARNING | firing HIGH |      | opened raised; opened raised | mail-N1, slack
    """, life(COVERED))  # fmt: skip
    live("""
        night | R10         | R01         | then | changes                                              | told
        1     | firing HIGH |             | dead | opened raised                                        | mail-N1, slack
        2     | firing HIGH | firing HIGH |      | told_late not_told_before; opened raised             | mail-N1 late, slack late
    """, life(COVERED))  # fmt: skip


def test_what_a_person_dismissed_mutes_nothing() -> None:
    live("""
        night | R10         | R01         | then      | changes       | told
        1     | firing HIGH |             | dismissed | opened raised | mail-N1, slack
        2     | firing HIGH | firing HIGH |           | opened raised | mail-N1, slack
    """, life(COVERED))  # fmt: skip


def test_it_is_told_after_so_many_days_all_the_same() -> None:
    live("""
        night | R10         | R01         | changes                      | told
        1     | firing HIGH | firing HIGH | opened raised; opened raised | mail-N1, slack
        3     | firing HIGH | firing HIGH |                              |
        4     | firing HIGH | firing HIGH | told_late not_told_before    | mail-N1 late, slack late
    """, life(Mutes((inhibition(days=3),))))  # fmt: skip


def test_a_silent_feed_mutes_where_its_alarm_has_a_unit_or_the_inhibition_names_one() -> None:
    lived = life(SILENT)
    live("""
        night | R01         | changes       | told
        1     | firing HIGH | opened raised |
        2     | firing HIGH |               |
    """, lived)  # fmt: skip
    assert reasons(lived, 0) == {("mail-N1", "inhibited:gap"), ("slack", "inhibited:gap")}
    lived.mutes = replace(SILENT, alarms=frozenset())
    assert [change.kind for change in lived.night(FIRST + timedelta(days=2), {"R01": fires("R01", Severity.HIGH, noon(0))})] == [
        "told_late"
    ]


@pytest.mark.parametrize(("units", "alarm", "mutes"), [
    (None, "", False), (None, "N1", True), (None, "N2", False), ({"N1"}, "", True), ({"N2"}, "", False), ({"N1"}, "N2", False),
])  # fmt: skip
def test_what_a_message_does_not_have_never_matches(units: set[str] | None, alarm: str, mutes: bool) -> None:
    one = inhibition("gap", groups=frozenset(), feeds=frozenset({"labs"}), units=None if units is None else frozenset(units))
    asked = Muted("N1", "phosphate", Severity.HIGH, "slack", 0)
    assert bool(Mutes((one,), frozenset({("labs", alarm)})).inhibits(asked, {})) is mutes
    assert not Mutes((one,), frozenset({("other", "N1")})).inhibits(asked, {})


def test_a_circle_is_named() -> None:
    back = inhibition("back", groups=frozenset({"phosphate"}), target_groups=frozenset({"anticoagulant"}))
    assert circle([inhibition(), back]) == "back"
    assert circle([inhibition("itself", groups=frozenset({"phosphate"}))]) == "itself"
    assert circle([inhibition(), inhibition("on", groups=frozenset({"phosphate"}), target_groups=frozenset({"pth"}))]) == ""


def noon(day: int) -> datetime:
    return datetime.combine(FIRST + timedelta(days=day), time(12), UTC) - timedelta(days=1)


TELLS = st.sampled_from([None, "WARNING", "HIGH", "HIGH", "CRITICAL"])
NIGHT = st.tuples(
    st.fixed_dictionaries(dict.fromkeys(RULES, TELLS)), st.sets(st.sampled_from(["N1", "N2", ""])),
    st.sampled_from(["N1", "N1", "N2"]),
    st.sampled_from(["", "", "", "dead", "snoozed", "dismissed", "acknowledged"]),
)  # fmt: skip
SOME = [
    inhibition(), inhibition("on", groups=frozenset({"phosphate"}), target_groups=frozenset({"pth"}), days=4),
    inhibition("gap", groups=frozenset(), feeds=frozenset({"labs"}), target_groups=frozenset({"pth", "anticoagulant"})),
    inhibition("whole", groups=frozenset(), feeds=frozenset({"labs"}), units=frozenset({"N2"}), days=2),
]  # fmt: skip


@settings(max_examples=150)
@given(st.lists(NIGHT, min_size=1, max_size=8), st.sets(st.sampled_from(SOME)))
def test_what_fires_is_told_or_muted_by_name_and_told_when_that_ends(nights: list[Any], some: set[Inhibition]) -> None:
    lived = life(Mutes())
    told: dict[str, Finding] = {}
    unit = "N1"
    for day, (severities, alarms, unit, then) in enumerate(nights):
        lived.mutes = Mutes(tuple(sorted(some, key=lambda one: one.name)), frozenset(("labs", at) for at in alarms))
        told = found(severities, day)
        lived.night(FIRST + timedelta(days=day), told, unit)
        owed(lived, told, day)
        assert lived.night(FIRST + timedelta(days=day), told, unit) == [], "a night run again changes nothing"
        if then == "dead":
            lived.dies()
        elif then and not (then == "dismissed" and any(e.severity is Severity.CRITICAL for e in lived.open())):
            lived.human(State(then), FIRST + timedelta(days=day + 1))
    lived.mutes = Mutes()
    lived.night(FIRST + timedelta(days=len(nights)), told, unit)
    owed(lived, told, len(nights))


def found(severities: dict[str, str | None], day: int) -> dict[str, Finding]:
    return {
        name: fires(name, Severity(severity), noon(day)) if severity else Finding(
            1, name, Outcome.CLEAR, "clear", "", cleared_at=noon(day) + timedelta(hours=1))
        for name, severity in severities.items()
    }  # fmt: skip


def owed(lived: Life, findings: dict[str, Finding], day: int) -> None:
    """Every destination of what fires knows it, or an inhibition that is in force keeps it back, or a person's word does."""
    episodes = {episode.group: episode for episode in lived.open()}
    for name, finding in findings.items():
        if finding.outcome is not Outcome.FIRING or finding.severity is None:
            continue
        episode = episodes[RULES[name].group]
        for destination in notifies(episode.unit, finding.severity, episode.group):
            if rank(episode.told.get(destination, {}).get(name)) >= finding.severity.rank:
                continue
            assert finding.severity is not Severity.CRITICAL, "CRITICAL is always told"
            if episode.state in (State.SNOOZED, State.DISMISSED, State.ACKNOWLEDGED):
                continue
            assert any(in_force(one, lived, episode, destination, episodes, day) for one in lived.mutes.inhibitions)


def in_force(one: Inhibition, lived: Life, target: Episode, destination: str, episodes: dict[str, Episode], day: int) -> bool:
    """The account in docs/states.md, word for word."""
    if target.group not in one.target_groups or day - (target.opened_night - FIRST).days >= one.days:
        return False
    if one.units is not None and target.unit not in one.units:
        return False
    known = [e for e in episodes.values() if e.group in one.groups and e.told.get(destination) and e.state is not State.DISMISSED]
    places = {at for _, at in lived.mutes.alarms}
    return bool(known) or (bool(one.feeds) and (target.unit in places or (one.units is not None and "" in places)))
