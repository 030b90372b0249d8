"""Lives of alerts, night by night, drawn for a clinician to check. How to read them: timeline.py."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from monitors.records import Change, ChangeKind, Outcome, Severity, State
from tests.timelines.timeline import FIRST, Facts, Life, findings_of, live

MAIL = "mail-N1, slack"


def life(**rules: Facts) -> Life:
    return Life(rules or {"R01": Facts(), "R02": Facts()})


def withheld(change: Change) -> set[tuple[str, str]]:
    return {(item.destination, item.reason) for item in change.withheld}


def test_open_worsen_ease_resolve() -> None:
    lived = live("""
        night | R01             | changes                    | told
        1     | firing WARNING  | opened raised              |
        2     | firing WARNING  |                            |
        3     | firing HIGH     | worsened severity_up       | mail-N1, slack
        4     | firing HIGH     |                            |
        5     | holding HIGH    |                            |
        6     | holding WARNING | eased severity_down        |
        7     | cleared         | resolved cleared_by_values |
        8     | cleared         |                            |
        9     | firing HIGH     | opened raised              | mail-N1, slack
    """, life())  # fmt: skip
    reasons = [withheld(change) for _, change in lived.changes]
    quiet = {("*", "quiet_resolution")}
    assert reasons == [{("*", "list_only")}, set(), quiet, quiet, set()]
    assert [episode.state for episode in lived.episodes] == [State.RESOLVED, State.OPEN]


def test_a_result_that_was_missing_and_comes_late_ends_an_overdue_limb_and_corrects_nobody() -> None:
    lived = live("""
        night | R19         | changes               | told
        1     | firing HIGH | opened raised         | mail-N1, slack
        2     | gone        | resolved late_results |
    """, life(R19=Facts(group="gap", awaits=True)))  # fmt: skip
    assert withheld(lived.changes[-1][1]) == {("*", "quiet_resolution")}
    live("""
        night | R01         | changes                      | told
        1     | firing HIGH | opened raised                | mail-N1, slack
        2     | gone        | retracted evidence_corrected | mail-N1, slack
    """, life())  # fmt: skip


def test_a_stale_episode_keeps_its_severity_until_there_is_a_value_again() -> None:
    lived = live("""
        night | R01                 | changes                    | told
        1     | firing HIGH         | opened raised              | mail-N1, slack
        2     | no_recent:phosphate | stale no_recent:phosphate  |
        3     | no_recent:phosphate |                            |
        4     | firing HIGH         | refreshed assessable_again |
        5     | no_recent:phosphate | stale no_recent:phosphate  |
        6     | cleared             | resolved cleared_by_values |
    """, life())  # fmt: skip
    stale = lived.changes[1][1]
    assert (stale.severity, stale.to_state) == (Severity.HIGH, State.STALE)
    assert withheld(stale) == {("*", "stale")}
    assert withheld(lived.changes[2][1]) == {("mail-N1", "already_told"), ("slack", "already_told")}


def test_one_limb_without_values_does_not_make_the_episode_stale() -> None:
    live("""
        night | R01                 | R02            | changes                   | told
        1     | firing HIGH         | firing WARNING | opened raised             | mail-N1, slack
        2     | no_recent:phosphate | firing WARNING |                           |
        3     | no_recent:phosphate | cleared        | stale no_recent:phosphate |
    """, life())  # fmt: skip


@pytest.mark.hazard(1)
@pytest.mark.parametrize("nights", [1, 3, 10])
def test_what_an_outage_swallowed_is_told_once_and_marked_late(nights: int) -> None:
    lines = ["night | how | R01 | changes | told", "1 | | | |"]
    lines += [f"{2 + n} | missed | firing HIGH | |" for n in range(nights)]
    lines += [f"{2 + nights} | | firing HIGH | opened raised | mail-N1 late, slack late"]
    lines += [f"{3 + nights} | | firing HIGH | |"]
    lived = live("\n".join(lines), life())
    assert len(lived.changes) == 1


@pytest.mark.hazard(21)
def test_an_outage_swallows_no_worsening_either() -> None:
    live("""
        night | how    | R01            | changes              | told
        1     |        | firing WARNING | opened raised        |
        2     | missed | firing HIGH    |                      |
        3     |        | firing HIGH    | worsened severity_up | mail-N1 late, slack late
        4     |        | firing HIGH    |                      |
    """, life())  # fmt: skip


def test_what_began_and_ended_within_an_outage_is_told_to_nobody() -> None:
    live("""
        night | how    | R01          | changes | told
        1     |        |              |         |
        2     | missed | firing HIGH  |         |
        3     |        | holding HIGH |         |
        4     |        | cleared      |         |
    """, life())  # fmt: skip


def test_what_is_new_after_an_outage_is_not_late() -> None:
    live("""
        night | how    | R01         | changes       | told
        1     |        |             |               |
        2     | missed |             |               |
        3     |        | firing HIGH | opened raised | mail-N1, slack
    """, life())  # fmt: skip


def test_nights_filled_in_backwards_touch_nothing() -> None:
    straight = live("""
        night | R01            | changes              | told
        1     | firing WARNING | opened raised        |
        4     | firing HIGH    | worsened severity_up | mail-N1, slack
        3     | cleared        |                      |
        2     | gone           |                      |
        4     | firing HIGH    |                      |
    """, life())  # fmt: skip
    assert [change.kind for _, change in straight.changes] == [ChangeKind.OPENED, ChangeKind.WORSENED]


def test_corrected_evidence_withdraws_the_alert_to_the_same_people() -> None:
    lived = live("""
        night | R01         | changes                      | told
        1     | firing HIGH | opened raised                | mail-N1, slack
        2     | gone        | retracted evidence_corrected | mail-N1, slack
        3     | firing HIGH | opened raised                | mail-N1, slack
    """, life())  # fmt: skip
    assert {telling.reason for telling in lived.changes[1][1].tellings} == {"withdrawn"}


def test_a_withdrawn_episode_that_nobody_was_told_of_is_withdrawn_quietly() -> None:
    lived = live("""
        night | R01            | changes                      | told
        1     | firing WARNING | opened raised                |
        2     | gone           | retracted evidence_corrected |
    """, life())  # fmt: skip
    assert withheld(lived.changes[1][1]) == {("*", "never_told")}


def test_an_old_clear_left_standing_by_a_correction_is_a_retraction_not_a_resolution() -> None:
    """The last clear is older than the draw the alert rested on: that draw was corrected."""
    lived = live("""
        night | R01         | changes       | told
        1     | cleared     |               |
        2     | firing HIGH | opened raised | mail-N1, slack
    """, life())  # fmt: skip
    old = findings_of({"R01": "cleared"}, ["R01"], {}, FIRST)
    (change,) = lived.night(FIRST + timedelta(days=2), old)
    assert (change.kind, change.reason) == (ChangeKind.RETRACTED, "evidence_corrected")


def test_a_corrected_limb_is_withdrawn_while_the_rest_goes_on() -> None:
    lived = live("""
        night | R01         | R02           | changes                  | told
        1     | firing HIGH | firing HIGH   | opened raised            | mail-N1, slack
        2     | firing HIGH | gone          | eased evidence_corrected | mail-N1, slack
        3     | firing HIGH |               |                          |
        4     | firing HIGH | firing HIGH   | worsened new_limb        | mail-N1, slack
    """, life())  # fmt: skip
    assert {telling.reason for telling in lived.changes[1][1].tellings} == {"withdrawn"}


def test_a_value_corrected_downwards_withdraws_the_higher_severity() -> None:
    lived = live("""
        night | R01                  | changes                  | told
        1     | firing HIGH          | opened raised            | mail-N1, slack
        2     | firing WARNING fixed | eased evidence_corrected | mail-N1, slack
        3     | firing WARNING fixed |                          |
        4     | firing HIGH          | worsened severity_up     | mail-N1, slack
    """, life())  # fmt: skip
    assert {telling.reason for telling in lived.changes[1][1].tellings} == {"withdrawn"}


def test_what_was_there_on_the_first_night_is_listed_and_told_only_once_it_is_worse() -> None:
    lived = live("""
        night | R01             | changes                 | told
        1     | firing HIGH     | opened present_at_start |
        2     | firing HIGH     |                         |
        3     | firing CRITICAL | worsened severity_up    | mail-N1, slack
        4     | firing HIGH     | eased severity_down     |
        5     | firing CRITICAL | worsened severity_up    |
    """, Life({"R01": Facts()}, frozenset({("N1", "R01")})))  # fmt: skip
    assert withheld(lived.changes[0][1]) == {("mail-N1", "baseline"), ("slack", "baseline")}
    assert lived.episodes[0].baseline


def test_critical_and_exempt_rules_are_told_on_the_first_night_too() -> None:
    both = frozenset({("N1", "R01"), ("N1", "R10")})
    rules = {"R01": Facts(), "R10": Facts("vitamin_k_antagonist", tell_at_baseline=True)}
    live("""
        night | R01             | R10         | changes                 | told
        1     | firing CRITICAL |             | opened present_at_start | mail-N1, slack
        1     | firing CRITICAL | firing HIGH | opened present_at_start | mail-N1, slack
        2     | firing CRITICAL | firing HIGH |                         |
    """, Life(rules, both))  # fmt: skip


def test_a_baseline_night_run_again_stays_a_baseline_night() -> None:
    live("""
        night | R01         | R02         | changes                 | told
        1     | firing HIGH |             | opened present_at_start |
        1     | firing HIGH | firing HIGH | worsened new_limb       |
        2     | firing HIGH | firing HIGH |                         |
    """, Life({"R01": Facts(), "R02": Facts()}, frozenset({("N1", "R01"), ("N1", "R02")})))  # fmt: skip


@pytest.mark.hazard(8)
def test_a_transfer_is_told_to_both_units_and_starts_afresh() -> None:
    lived = live("""
        night | R01         | where | changes                  | told
        1     | firing HIGH |       | opened raised            | mail-N1, slack
        2     | firing HIGH | N2    | handed_over unit_changed | mail-N1, mail-N2, slack
        3     | firing HIGH | N2    |                          |
    """, life())  # fmt: skip
    assert lived.episodes[0].unit == "N2"


def test_a_transfer_of_what_the_old_unit_only_had_listed_is_told_to_the_new_one() -> None:
    live("""
        night | R01         | where | then | changes                  | told
        1     | firing HIGH |       |      | opened present_at_start  |
        2     | firing HIGH | N2    | dead | handed_over unit_changed | mail-N1, mail-N2, slack
        3     | firing HIGH | N2    |      | told_late not_told_before | mail-N2 late, slack late
    """, Life({"R01": Facts()}, frozenset({("N1", "R01")})))  # fmt: skip


def test_a_list_only_episode_moves_quietly() -> None:
    lived = live("""
        night | R01            | where | changes                  | told
        1     | firing WARNING |       | opened raised            |
        2     | firing WARNING | N2    | handed_over unit_changed |
        3     | cleared        | N1    | resolved cleared_by_values |
    """, life())  # fmt: skip
    assert withheld(lived.changes[1][1]) == {("*", "list_only")}


@pytest.mark.hazard(10)
@pytest.mark.parametrize(
    ("status", "reason"),
    [("died", "died"), ("transplanted", "transplanted"), ("transferred", "left"), ("left", "left")],
)
def test_the_census_closes_an_episode_without_a_message(status: str, reason: str) -> None:
    lived = live(f"""
        night | R01             | where    | changes         | told
        1     | firing HIGH     |          | opened raised   | mail-N1, slack
        2     | firing CRITICAL | {status} | closed {reason} |
        3     | firing CRITICAL | {status} |                 |
    """, life())  # fmt: skip
    closed = lived.changes[1][1]
    assert (closed.to_state, closed.severity, withheld(closed)) == (
        State.CLOSED, Severity.HIGH, {("*", "closed_by_census")},
    )  # fmt: skip


def test_a_rule_change_is_listed_and_never_told() -> None:
    lived = live("""
        night | R01                   | R02                     | changes               | told
        1     |                       | firing HIGH             | opened raised         | mail-N1, slack
        2     | firing HIGH was clear | firing HIGH was firing  | worsened rule_changed |
        2     | firing HIGH was clear | firing HIGH was firing  |                       |
        3     | firing HIGH           | cleared                 | eased limb_cleared    |
        4     | firing HIGH           |                         |                       |
        5     | firing CRITICAL       |                         | worsened severity_up  | mail-N1, slack
    """, life())  # fmt: skip
    assert ("slack", "rule_changed") in withheld(lived.changes[1][1])


def test_a_rule_change_opens_and_ends_episodes_without_a_message() -> None:
    lived = live("""
        night | R01                    | changes               | told
        1     | firing HIGH was clear  | opened rule_changed   |
        2     | firing HIGH            |                       |
        3     | gone was firing        | resolved rule_changed |
        4     |                        |                       |
    """, life())  # fmt: skip
    assert withheld(lived.changes[1][1]) == {("*", "rule_changed")}


def test_a_rule_that_is_switched_off_ends_its_episodes_as_a_rule_change() -> None:
    lived = live("night | R01 | changes | told\n1 | firing HIGH | opened raised | " + MAIL, life())
    lived.rules = {"R01": Facts(shadow=True)}
    (change,) = lived.night(FIRST + timedelta(days=1), {})
    assert (change.kind, change.reason, change.tellings) == (ChangeKind.RESOLVED, "rule_changed", ())


def test_a_message_that_died_is_told_again() -> None:
    live("""
        night | R01         | then | changes                   | told
        1     | firing HIGH | dead | opened raised             | mail-N1, slack
        2     | firing HIGH | dead | told_late not_told_before | mail-N1 late, slack late
        3     | firing HIGH |      | told_late not_told_before | mail-N1 late, slack late
        4     | firing HIGH |      |                           |
    """, life())  # fmt: skip


@pytest.mark.parametrize("state", ["acknowledged", "snoozed", "dismissed"])
def test_what_people_said_of_an_episode_stands_until_it_gets_worse(state: str) -> None:
    lived = live(f"""
        night | R01                 | then    | changes                    | told
        1     | firing HIGH         | {state} | opened raised              | mail-N1, slack
        2     | no_recent:phosphate |         | stale no_recent:phosphate  |
        3     | firing HIGH         |         | refreshed assessable_again |
        4     | firing CRITICAL     |         | worsened severity_up       | mail-N1, slack
    """, life())  # fmt: skip
    states = [change.to_state.value for _, change in lived.changes]
    assert states == ["open", state, state, "open"]


@pytest.mark.hazard(21)
@pytest.mark.parametrize("state", ["acknowledged", "snoozed", "dismissed"])
def test_a_new_cause_opens_a_silenced_episode_again(state: str) -> None:
    live(f"""
        night | R01         | R02         | then    | changes           | told
        1     | firing HIGH |             | {state} | opened raised     | mail-N1, slack
        2     | firing HIGH | firing HIGH |         | worsened new_limb | mail-N1, slack
    """, life())  # fmt: skip


def test_a_telling_a_snooze_withholds_is_named_so() -> None:
    lived = live("""
        night | R01                 | then    | changes                    | told
        1     | firing HIGH         | dead    | opened raised              | mail-N1, slack
        1     | firing HIGH         | snoozed | told_late not_told_before  | mail-N1 late, slack late
        2     | no_recent:phosphate | dead    | stale no_recent:phosphate  |
        3     | firing HIGH         |         | refreshed assessable_again |
    """, life())  # fmt: skip
    assert withheld(lived.changes[-1][1]) == {("mail-N1", "snoozed"), ("slack", "snoozed")}


@pytest.mark.hazard(12)
def test_a_dismissal_never_withholds_a_critical() -> None:
    lived = live("""
        night | R01             | then | changes       | told
        1     | firing CRITICAL | dead | opened raised | mail-N1, slack
    """, life())  # fmt: skip
    lived.human(State.DISMISSED)
    live("""
        night | R01             | changes                         | told
        2     | firing CRITICAL | reopened critical_not_dismissed | mail-N1 late, slack late
    """, lived)  # fmt: skip
    assert lived.episodes[0].state is State.OPEN


# ---------------------------------------------------------------------- what people said of an episode, and when it is over
def test_a_snooze_ends_after_its_last_day_and_whoever_was_told_is_told_again_once() -> None:
    lived = live("""
        night | R01         | then         | changes               | told
        1     | firing HIGH | snoozed to 3 | opened raised         | mail-N1, slack
        2     | firing HIGH |              |                       |
        3     | firing HIGH |              |                       |
        4     | firing HIGH |              | reopened snooze_ended | mail-N1, slack
        4     | firing HIGH |              |                       |
        5     | firing HIGH |              |                       |
    """, life())  # fmt: skip
    change = lived.changes[-1][1]
    assert (change.from_state, change.to_state) == (State.SNOOZED, State.OPEN)
    assert {telling.reason for telling in change.tellings} == {"snooze_ended"}
    assert change.sentence == "Its snooze has ended; it is open again at HIGH."


@pytest.mark.parametrize("nights", [1, 3, 10])
@pytest.mark.parametrize(("then", "reason"), [("snoozed to 2", "snooze_ended"), ("dismissed", "dismissal_ended"),
                                              ("acknowledged", "unattended")])  # fmt: skip
def test_what_ended_in_an_outage_is_opened_again_after_it_once_and_marked_late(nights: int, then: str, reason: str) -> None:
    lines = ["night | how | R01 | then | changes | told", f"1 | | firing HIGH | {then} | opened raised | {MAIL}"]
    lived = live("\n".join([*lines, "2 | | firing HIGH | | |"]), life())
    lived.endings = replace(lived.endings, dismissed_days=2, acknowledged_days=dict.fromkeys(Severity, 2))
    lines = [lines[0], *(f"{3 + n} | missed | firing HIGH | | |" for n in range(nights))]
    lines += [f"{3 + nights} | | firing HIGH | | reopened {reason} | mail-N1 late, slack late"]
    lines += [f"{4 + nights} | | firing HIGH | | |"]
    live("\n".join(lines), lived)


@pytest.mark.parametrize("state", ["acknowledged", "snoozed", "dismissed"])
def test_a_value_further_beyond_its_limit_ends_what_was_said(state: str) -> None:
    """The stated amount is a quarter of the limit of 5.5: 1.375 above the 6.8 that somebody looked at."""
    lived = live(f"""
        night | R01              | then    | changes              | told
        1     | firing HIGH 6.8  | {state} | opened raised        | mail-N1, slack
        2     | firing HIGH 7.4  |         |                      |
        3     | firing HIGH 8.1  |         |                      |
        4     | firing HIGH 8.2  |         | reopened value_worse | mail-N1, slack
        5     | firing HIGH 9.9  |         |                      |
    """, life())  # fmt: skip
    assert lived.changes[-1][1].to_state is State.OPEN


def test_the_comparison_is_with_what_stood_when_somebody_looked_not_with_yesterday() -> None:
    live("""
        night | R01                | then      | changes              | told
        1     | firing HIGH        |           | opened raised        | mail-N1, slack
        2     | firing WARNING     | dismissed | eased severity_down  |
        3     | firing HIGH        |           | worsened severity_up | mail-N1, slack
        4     | firing HIGH        | snoozed   |                      |
        5     | firing WARNING     |           | eased severity_down  |
        6     | firing HIGH        |           | worsened severity_up |
    """, life())  # fmt: skip


def test_a_list_only_episode_that_was_dismissed_stands_on_the_list_again_when_a_cause_is_new() -> None:
    lived = live("""
        night | R01            | R02            | then      | changes           | told
        1     | firing WARNING |                | dismissed | opened raised     |
        2     | firing WARNING | firing WARNING |           | worsened new_limb |
    """, life())  # fmt: skip
    assert (lived.episodes[0].state, withheld(lived.changes[-1][1])) == (State.OPEN, {("*", "list_only")})


def test_a_dismissal_ends_after_ninety_days_and_an_acknowledgement_of_high_after_thirty() -> None:
    for then, day, reason in (("dismissed", 91, "dismissal_ended"), ("acknowledged", 31, "unattended")):
        lived = live(f"night | R01 | then | changes | told\n1 | firing HIGH | {then} | opened raised | {MAIL}", life())
        for night in range(2, day):
            assert lived.night(FIRST + timedelta(days=night - 1), findings_of({"R01": "firing HIGH"}, ["R01"], {}, FIRST)) == []
        live(f"""
            night     | R01         | changes           | told
            {day}     | firing HIGH | reopened {reason} | mail-N1, slack
            {day + 1} | firing HIGH |                   |
        """, lived)  # fmt: skip


def test_an_acknowledgement_holds_while_nothing_fires() -> None:
    lived = live(f"night | R01 | then | changes | told\n1 | firing HIGH | acknowledged | opened raised | {MAIL}", life())
    live("""
        night | R01         | changes             | told
        40    | holding HIGH |                    |
        41    | firing HIGH  | reopened unattended | mail-N1, slack
    """, lived)  # fmt: skip


def test_what_a_rule_change_brought_up_does_not_end_a_dismissal_neither_tonight_nor_tomorrow() -> None:
    lived = live("""
        night | R01         | R02                   | then      | changes               | told
        1     | firing HIGH |                       | dismissed | opened raised         | mail-N1, slack
        2     | firing HIGH | firing HIGH was clear |           | worsened rule_changed |
        3     | firing HIGH | firing HIGH           |           |                       |
    """, life())  # fmt: skip
    assert lived.episodes[0].state is State.DISMISSED


def test_a_snooze_that_ends_without_values_goes_back_on_the_list_and_tells_nobody() -> None:
    lived = live("""
        night | R01                 | then         | changes                    | told
        1     | firing HIGH         | snoozed to 2 | opened raised              | mail-N1, slack
        2     | no_recent:phosphate |              | stale no_recent:phosphate  |
        3     | no_recent:phosphate |              | reopened snooze_ended      |
        4     | firing HIGH         |              | refreshed assessable_again |
    """, life())  # fmt: skip
    assert [change.to_state for _, change in lived.changes[2:]] == [State.STALE, State.OPEN]


def test_a_limb_that_ran_out_and_comes_back_while_another_stands_is_firing_again_in_the_episode() -> None:
    lived = live("""
        night | R01                 | R02         | changes                    | told
        1     | firing HIGH         |             | opened raised              | mail-N1, slack
        2     | no_recent:phosphate |             | stale no_recent:phosphate  |
        3     | no_recent:phosphate | firing HIGH | worsened new_limb          | mail-N1, slack
        4     | firing HIGH         | firing HIGH | refreshed assessable_again |
        5     | firing HIGH         | firing HIGH |                            |
    """, life())  # fmt: skip
    assert [limb.outcome for limb in lived.episodes[0].limbs.values()] == [Outcome.FIRING, Outcome.FIRING]


def test_who_was_told_of_what_is_corrected_away_hears_so_on_the_night_the_rest_comes_back() -> None:
    lived = live("""
        night | R01                 | R02                 | changes                    | told
        1     | firing HIGH         | firing HIGH         | opened raised              | mail-N1, slack
        2     | no_recent:phosphate | no_recent:phosphate | stale no_recent:phosphate  |
        3     | firing HIGH         | gone                | refreshed assessable_again | mail-N1, slack
    """, life())  # fmt: skip
    assert {telling.reason for telling in lived.changes[-1][1].tellings} == {"withdrawn"}


def test_a_snooze_that_ends_on_the_night_of_a_correction_withdraws_what_is_gone_and_opens_the_rest() -> None:
    lived = live("""
        night | R01         | R02         | then         | changes               | told
        1     | firing HIGH | firing HIGH | snoozed to 1 | opened raised         | mail-N1, slack
        2     | firing HIGH | gone        |              | reopened snooze_ended | mail-N1, slack
    """, life())  # fmt: skip
    assert {telling.reason for telling in lived.changes[-1][1].tellings} == {"withdrawn"}


@pytest.mark.parametrize("state", ["acknowledged", "snoozed", "dismissed"])
def test_what_one_unit_said_does_not_bind_the_next(state: str) -> None:
    lived = live(f"""
        night | R01         | where | then    | changes                  | told
        1     | firing HIGH |       | {state} | opened raised            | mail-N1, slack
        2     | firing HIGH | N2    |         | handed_over unit_changed | mail-N1, mail-N2, slack
        3     | firing HIGH | N2    |         |                          |
    """, life())  # fmt: skip
    assert lived.episodes[0].state is State.OPEN


@pytest.mark.parametrize("state", ["acknowledged", "snoozed", "dismissed"])
@pytest.mark.parametrize(("cell", "where", "changes", "told", "ends"), [
    ("gone", "", "retracted evidence_corrected", MAIL, "retracted"),
    ("cleared", "", "resolved cleared_by_values", "", "resolved"),
    ("firing CRITICAL", "died", "closed died", "", "closed"),
])  # fmt: skip
def test_every_end_is_reached_from_what_people_said(
    state: str, cell: str, where: str, changes: str, told: str, ends: str
) -> None:
    lived = live(f"""
        night | R01         | where   | then    | changes       | told
        1     | firing HIGH |         | {state} | opened raised | mail-N1, slack
        2     | {cell}      | {where} |         | {changes}     | {told}
        3     |             |         |         |               |
    """, life())  # fmt: skip
    assert lived.episodes[0].state == ends
