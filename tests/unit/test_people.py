# ruff: noqa: E501
"""Who may do what about an episode, and from which state: drawn, and by sentence."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from monitors import documents
from monitors.errors import ConfigError
from monitors.human import Deed, Refused, Subject, decide
from monitors.people import People
from monitors.records import Severity, State

NOW = datetime(2026, 4, 15, 12, 0, tzinfo=UTC)
TEXT = """
people:
  - {name: Dr. Example, login: example, role: nephrologist, units: [N1], email: doctor@renal.example, slack: U0DOCTOR,
     on_call: [{first: "2026-04-15T08:00+01:00", until: "2026-04-16T08:00+01:00"}]}
  - {name: Nurse Example, login: nurse, roles: [{role: nurse, last: "2026-04-14"}, {role: dietitian, first: "2026-04-15"}],
     units: ["*"]}
  - {name: Engineer Example, role: data engineer, units: [N1], email: data@renal.example}
"""


def people(text: str = TEXT) -> People:
    return documents.parse(text, "people.yaml", People)


def test_a_person_is_found_by_login_mail_and_slack_and_by_nothing_else() -> None:
    known = people()
    assert known.by_login("EXAMPLE") is known.by_login("doctor@renal.example") is known.by_slack("U0DOCTOR") is known.people[0]
    assert known.by_email("Doctor@Renal.example") is known.people[0]
    assert [known.by_login(""), known.by_email(""), known.by_slack(""), known.by_login("Dr. Example")] == [None] * 4


def test_a_role_counts_on_the_days_on_which_it_is_held() -> None:
    nurse = people().people[1]
    assert nurse.roles_at(NOW) == ("dietitian",)
    assert nurse.roles_at(datetime(2026, 4, 14, 12, tzinfo=UTC)) == ("nurse",)


def test_whoever_is_on_call_stands_first() -> None:
    known = people()
    assert [one.name for one in known.on_call("N1", "nephrologist", NOW)] == ["Dr. Example"]
    assert known.on_call("N1", "nephrologist", datetime(2026, 4, 16, 7, 0, tzinfo=UTC)) == []
    assert known.on_call("N2", "nephrologist", NOW) == []


@pytest.mark.parametrize(("who", "action", "owner", "role"), [
    (0, "acknowledge", "nephrologist", "nephrologist"), (0, "dismiss", "dietitian", "nephrologist"),
    (1, "acknowledge", "dietitian", "dietitian"), (1, "acknowledge", "nephrologist", None), (1, "take", "nephrologist", "dietitian"),
    (2, "take", "dietitian", None), (2, "outcome", "dietitian", None),
])  # fmt: skip
def test_judging_the_evidence_is_for_the_owner_and_those_who_cover_it(who: int, action: str, owner: str, role: str | None) -> None:
    known = people()
    assert known.may(known.people[who], action, owner, NOW) == role


@pytest.mark.parametrize(("text", "says"), [
    ("people:\n  - {name: A, role: nurse, units: [N1], slack: '@nurse'}", "people.yaml:2"),
    ("people:\n  - {name: A, login: a, role: x, units: []}\n  - {name: B, login: A, role: x, units: []}", "two people have the login a"),
    ("roles:\n  nurse: {may: [prescribe]}\npeople: []", "'prescribe' is no action"),
])  # fmt: skip
def test_a_mistake_in_people_names_the_line(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        people(text)


def subject(state: str = "open", severity: str = "HIGH", **given: object) -> Subject:
    return Subject("NW-4F7K", State(state), Severity(severity), "N1", {"R01": Severity(severity)}, **{"opened": True, **given})


def deed(action: str, **given: object) -> Deed:
    return Deed(action, "example", **{"role": "nephrologist", "in_unit": True, "today": date(2026, 4, 15), **given})


ENDED = ("resolved", "retracted", "closed")
TABLE = {  # action -> state -> state or the name of the refusal
    "take": dict.fromkeys(("open", "acknowledged", "snoozed", "dismissed", "stale"), "same") | dict.fromkeys(ENDED, "episode_ended"),
    "release": dict.fromkeys(("open", "stale"), "not_taken") | dict.fromkeys(ENDED, "episode_ended"),
    "acknowledge": {"open": "acknowledged", "stale": "acknowledged", "acknowledged": "already_acknowledged", "snoozed": "not_open",
                    "dismissed": "not_open"} | dict.fromkeys(ENDED, "episode_ended"),
    "unacknowledge": {"open": "not_acknowledged", "stale": "not_acknowledged", "acknowledged": "open", "snoozed": "open",
                      "dismissed": "open"} | dict.fromkeys(ENDED, "episode_ended"),
    "snooze": {"open": "snoozed", "stale": "snoozed", "acknowledged": "snoozed", "snoozed": "snoozed", "dismissed": "not_open"}
              | dict.fromkeys(ENDED, "episode_ended"),
    "dismiss": {"open": "dismissed", "stale": "dismissed", "acknowledged": "dismissed", "snoozed": "dismissed",
                "dismissed": "already_dismissed"} | dict.fromkeys(ENDED, "episode_ended"),
    "outcome": dict.fromkeys(State, "same"),
}  # fmt: skip


@pytest.mark.parametrize("action", TABLE)
def test_what_each_action_makes_of_each_state(action: str) -> None:
    given = {"reason": "plan", "until": date(2026, 4, 20), "outcome": "plan_recorded"}
    assert {str(state): _becomes(subject(state), deed(action, **given)) for state in TABLE[action]} == {
        str(state): str(state) if to == "same" else to for state, to in TABLE[action].items()
    }


def _becomes(found: Subject, wanted: Deed) -> str:
    try:
        return str(decide(found, wanted).to_state)
    except Refused as problem:
        return problem.code


@pytest.mark.parametrize(("found", "wanted", "code"), [
    (subject(), deed("take", in_unit=False), "not_your_unit"),
    (subject(), deed("take", role=None), "role_may_not"),
    (subject(), deed("prescribe"), "unknown_action"),
    (subject(taken_by="example"), deed("take"), "already_yours"),
    (subject(taken_by="other", taken_by_name="Other"), deed("take"), "taken_by_another"),
    (subject(taken_by="other", taken_by_name="Other"), deed("release"), "taken_by_another"),
    (subject(), deed("snooze", until=date(2026, 4, 20)), "reason_needed"),
    (subject(), deed("snooze", reason="plan"), "until_needed"),
    (subject(), deed("snooze", reason="plan", until=date(2026, 4, 15)), "until_past"),
    (subject(), deed("snooze", reason="plan", until=date(2026, 5, 16)), "until_too_long"),
    (subject(severity="CRITICAL"), deed("snooze", reason="plan", until=date(2026, 4, 18)), "until_too_long"),
    (subject(), deed("dismiss", reason=" "), "reason_needed"),
    (subject(), deed("outcome", outcome="cured"), "outcome_unknown"),
    (subject(), deed("outcome", outcome="rule_is_wrong"), "reason_needed"),
    (subject(said=frozenset({"already_known"})), deed("outcome", outcome="already_known"), "already_recorded"),
    (subject(), deed("take", reason="x" * 501), "reason_too_long"),
])  # fmt: skip
def test_a_refusal_has_a_name(found: Subject, wanted: Deed, code: str) -> None:
    assert _becomes(found, wanted) == code


@pytest.mark.parametrize("action", ["acknowledge", "snooze", "dismiss"])
def test_h11_nothing_is_judged_unseen(action: str) -> None:
    wanted = deed(action, reason="plan", until=date(2026, 4, 20))
    assert _becomes(subject(opened=False), wanted) == "evidence_not_opened"
    assert _becomes(subject(opened=True), wanted) not in ("evidence_not_opened", "open")


@pytest.mark.hazard(11)
def test_h11_taking_needs_nothing_opened() -> None:
    assert _becomes(subject(opened=False), deed("take")) == "open"


@pytest.mark.hazard(12)
def test_h12_a_critical_is_dismissed_by_nobody() -> None:
    assert _becomes(subject(severity="CRITICAL"), deed("dismiss", reason="known")) == "critical_not_dismissed"


def test_another_takes_it_over_with_a_reason() -> None:
    found = decide(subject(taken_by="other", taken_by_name="Other"), deed("take", reason="the other went home"))
    assert (found.reason, found.to_state) == ("taken_over", State.OPEN)


def test_no_sentence_holds_a_name_or_the_reason_given() -> None:
    for action in TABLE:
        wanted = deed(action, reason="Mrs. Example refuses", until=date(2026, 4, 20), outcome="plan_recorded")
        state = "acknowledged" if action == "unacknowledge" else "open"
        taken = {"taken_by": "example", "taken_by_name": "Dr. Example"} if action == "release" else {}
        said = decide(subject(state, **taken), wanted).sentence
        assert "Example" not in said
        assert "nephrologist" in said


def test_every_shipped_person_has_a_role_and_a_place() -> None:
    path = Path(__file__).resolve().parents[2] / "config" / "people.yaml"
    shipped = documents.parse(path.read_text(), "people.yaml", People)
    assert all(person.login and person.units and person.roles_at(NOW) for person in shipped.people)
    assert {"nephrologist", "nurse", "dietitian", "pharmacist"} <= {role for p in shipped.people for role in p.roles_at(NOW)}
