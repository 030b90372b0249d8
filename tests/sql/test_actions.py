"""What people do, against the real database: as each login that serves people, twice, at once, and in the ledger."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from test_episodes import BREACH, NIGHT, NOW, House

from monitors import actions
from monitors.config import Route, Routes
from monitors.database import Database, Role
from monitors.delivery.message import render
from monitors.history import ledger
from monitors.human import Refused
from monitors.people import People, Person
from monitors.records import Change

DIETITIAN = Person.model_validate({"name": "Diet Example", "login": "diet", "role": "dietitian", "units": ["N1"]})
DOCTOR = Person.model_validate({"name": "Dr. Example", "login": "doctor", "role": "nephrologist", "units": ["*"]})


@pytest.fixture
def house(database: Database) -> House:
    home = House(database).settle()
    home.config = home.config.model_copy(update={"people": People(people=[DIETITIAN, DOCTOR])})
    home.reconcile(home.judged(NIGHT, BREACH))
    return home


def ref_of(house: House, patient: int, group: str = "phosphate") -> str:
    found = house.run("SELECT ref FROM nephrowatch.episodes WHERE patient_id = :p AND cause_group = :g", p=patient, g=group)
    return str(found[0][0])


def do(house: House, action: str, who: Person = DIETITIAN, patient: int = 1, role: Role = Role.PIPELINE, **given: Any) -> Change:
    given = {"evidence_opened": True, **given}
    with house.db.begin(role) as connection:
        return actions.act(connection, house.config, ref_of(house, patient), action, who, NOW, **given)


def state(house: House, patient: int = 1) -> tuple[str, int]:
    found = house.run("SELECT state, version FROM nephrowatch.episodes WHERE ref = :r", r=ref_of(house, patient))
    return found[0][0], found[0][1]


@pytest.mark.parametrize("role", [Role.PIPELINE, Role.WEB, Role.DELIVERY])
def test_each_login_that_serves_people_can_act(house: House, role: Role) -> None:
    source = {Role.WEB: "web", Role.DELIVERY: "slack"}.get(role, "cli")
    change = do(house, "acknowledge", role=role, source=source)
    assert (change.kind, change.to_state, change.version) == ("acknowledged", "acknowledged", 1)
    assert state(house) == ("acknowledged", 2)
    assert house.rows("human_actions", "action, actor, role, seq, evidence_seq, severity, source", "action_id") == [
        ("acknowledge", "diet", "dietitian", 2, 1, "HIGH", source), ("opened", "diet", "dietitian", None, 1, "HIGH", source),
    ]  # fmt: skip
    assert (2, "acknowledged", "acknowledged", "open", "acknowledged", None) in house.rows(
        "changes", "seq, kind, reason, from_state, to_state, judgement_id")  # fmt: skip
    assert house.ledger()[-2:] == ["evidence_opened", "episode_acknowledged"]


def test_the_limbs_of_a_human_change_are_those_that_stood(house: House) -> None:
    do(house, "take")
    first, second = house.run("SELECT limbs FROM nephrowatch.changes c JOIN nephrowatch.episodes e USING (episode_id) "
                              "WHERE e.ref = :r ORDER BY seq", r=ref_of(house, 1))  # fmt: skip
    assert first == second


@pytest.mark.hazard(11)
def test_h11_accepted_seen_opened_and_acknowledged_are_four_facts(house: House) -> None:
    with house.db.begin(Role.WEB) as connection:
        assert actions.record_opened(connection, house.config, ref_of(house, 1), DIETITIAN, NOW, source="web")
        assert not actions.record_opened(connection, house.config, ref_of(house, 1), DIETITIAN, NOW, source="web")
    do(house, "acknowledge", evidence_opened=False)
    with house.db.begin(Role.WEB) as connection:
        facts = actions.facts_of(connection, house.rows("human_actions", "episode_id")[0][0])
    assert [(fact["fact"], fact["who"]) for fact in facts] == [
        ("acknowledged", "Diet Example"), ("opened", "Diet Example"), ("seen", "Diet Example"),
    ]  # fmt: skip
    assert house.ledger().count("evidence_opened") == 1


@pytest.mark.hazard(11)
def test_h11_what_was_opened_before_the_evidence_changed_does_not_count(house: House) -> None:
    with house.db.begin(Role.WEB) as connection:
        actions.record_opened(connection, house.config, ref_of(house, 1), DIETITIAN, NOW)
    house.reconcile(house.judged(NIGHT + timedelta(days=1), {1: {"R01": "firing CRITICAL"}, 3: BREACH[3]}))
    with pytest.raises(Refused, match="as it stands now") as caught:
        do(house, "acknowledge", evidence_opened=False)
    assert caught.value.code == "evidence_not_opened"


@pytest.mark.parametrize(("who", "patient", "action", "code"), [
    (DIETITIAN, 3, "take", "not_your_unit"),
    (DOCTOR, 3, "dismiss", "critical_not_dismissed"),
    (Person.model_validate({"name": "E", "role": "data engineer", "units": ["*"]}), 1, "take", "role_may_not"),
])  # fmt: skip
def test_a_refused_action_writes_nothing_but_that_it_was_tried(
    house: House, who: Person, patient: int, action: str, code: str
) -> None:
    before = house.everything()
    with pytest.raises(Refused) as caught:
        do(house, action, who, patient, reason="known")
    assert caught.value.code == code
    assert house.everything() == before
    with house.db.begin(Role.WEB) as connection:
        actions.refused(connection, ref_of(house, patient), action, who.key, caught.value, "web")
    assert house.ledger()[-1] == "action_refused"


def test_twice_is_refused_by_name_and_a_card_of_an_earlier_change_still_names_its_episode(house: House) -> None:
    with house.db.begin(Role.DELIVERY) as connection:
        actions.act(connection, house.config, f"{ref_of(house, 1)}-1".lower(), "take", DIETITIAN, NOW, source="slack")
    with pytest.raises(Refused) as caught:
        do(house, "take")
    assert caught.value.code == "already_yours"
    assert state(house) == ("open", 2)


def test_two_at_once_leave_one_change(house: House) -> None:
    def press(_: int) -> str:
        try:
            return do(house, "acknowledge").kind
        except Refused as problem:
            return problem.code

    with ThreadPoolExecutor(4) as several:
        assert sorted(several.map(press, range(4))) == ["acknowledged", *["already_acknowledged"] * 3]
    assert state(house) == ("acknowledged", 2)


def test_nothing_is_done_about_an_episode_that_has_ended_but_an_outcome(house: House) -> None:
    house.reconcile(house.judged(NIGHT + timedelta(days=1), {1: {"R01": "clear"}, 3: BREACH[3]}))
    assert state(house)[0] in ("resolved", "retracted")
    with pytest.raises(Refused) as caught:
        do(house, "acknowledge")
    assert caught.value.code == "episode_ended"
    assert do(house, "outcome", outcome="already_known").kind == "outcome"


OPERATIONS = {"to": ["pager"], "messages": ["operations"]}
FEEDBACK = {"to": ["slack"], "messages": ["feedback"]}


@pytest.mark.parametrize(("routes", "reached"), [
    ([OPERATIONS], "pager"), ([OPERATIONS, FEEDBACK], "slack"), ([OPERATIONS, FEEDBACK | {"owners": ["dietitian"]}], "slack"),
    ([OPERATIONS, FEEDBACK | {"owners": ["pharmacist"]}], "pager"), ([OPERATIONS, FEEDBACK | {"units": ["N2"]}], "pager"),
])  # fmt: skip
def test_that_a_rule_is_wrong_reaches_its_owner_else_operations_without_the_reason_given(
    house: House, routes: list[dict[str, Any]], reached: str
) -> None:
    given = house.config.routes.model_dump()
    wider = Routes.model_validate({**given, "routes": given["routes"] + routes})
    house.config = house.config.model_copy(update={"routes": wider})
    do(house, "outcome", outcome="rule_is_wrong", reason="Mr. Secret eats late")
    found = house.run("SELECT destination, content FROM nephrowatch.outbox WHERE dedup_key LIKE 'feedback/%'")
    assert [row.destination for row in found] == [reached]
    content = {"reason": "rule_is_wrong", "unit": "N1", "rules": ["R01"], "ref": ref_of(house, 1), "owner": "dietitian"}
    assert found[0].content == content
    shown = render("operations", content, house.config.site, "email", "d-1").text
    assert "Rules: R01" in shown
    assert "Answered for by: dietitian" in shown


def test_owners_are_named_for_feedback_only() -> None:
    with pytest.raises(ValueError, match="owners go with messages"):
        Route.model_validate({"to": ["slack"], "owners": ["dietitian"]})


@pytest.mark.parametrize(("first", "second", "ends", "other"), [
    ("acknowledge", "acknowledge", "acknowledged", "already_acknowledged"),
    ("dismiss", "dismiss", "dismissed", "already_dismissed"),
    ("take", "take", "open", "taken_by_another"), ("dismiss", "acknowledge", None, "not_open"),
])  # fmt: skip
def test_two_people_at_once_leave_one_change_and_a_named_refusal(
    house: House, first: str, second: str, ends: str | None, other: str
) -> None:
    """Whoever is second hears by name what the first did; where both count (acknowledged, then dismissed), both are kept."""
    barrier = Barrier(2)

    def press(given: tuple[str, Person]) -> str:
        action, who = given
        barrier.wait()
        try:
            return do(house, action, who, reason="" if action == "take" else "known").kind
        except Refused as problem:
            return problem.code

    with ThreadPoolExecutor(2) as several:
        said = sorted(several.map(press, [(first, DIETITIAN), (second, DOCTOR)]))
    made = [kind for (kind,) in house.rows("changes", "kind", "episode_id, seq") if kind not in ("opened",)]
    if ends is not None:
        assert (said, state(house)) == (sorted([made[0], other]), (ends, 2))
    else:
        assert said in (["acknowledged", "dismissed"], ["dismissed", "not_open"])
        assert state(house) == ("dismissed", 1 + len(made))


@pytest.mark.parametrize(("action", "code"), [
    ("take", "episode_ended"), ("release", "episode_ended"), ("acknowledge", "episode_ended"), ("unacknowledge", "episode_ended"),
    ("snooze", "episode_ended"), ("dismiss", "episode_ended"),
])  # fmt: skip
@pytest.mark.parametrize("how", ["closed", "resolved"])
def test_a_button_of_an_old_card_on_an_ended_episode_has_a_name(house: House, action: str, code: str, how: str) -> None:
    found = {3: BREACH[3]} if how == "closed" else {1: {"R01": "clear", "R10": "clear"}, 3: BREACH[3]}
    house.reconcile(house.judged(NIGHT + timedelta(days=1), found, where={1: "N1 died"} if how == "closed" else None))
    assert state(house)[0] == how
    before = house.everything()
    with pytest.raises(Refused) as caught:
        do(house, action, reason="plan", until=NIGHT + timedelta(days=3))
    assert (caught.value.code, house.everything()) == (code, before)


def test_a_snooze_is_kept_with_its_day_and_what_stood(house: House) -> None:
    do(house, "snooze", reason="diet review booked", until=date(2026, 5, 1))
    rows = house.rows("human_actions", "action, reason, until, basis", "action_id")
    assert ("snooze", "diet review booked", date(2026, 5, 1), {"R01": "HIGH"}) in rows


@pytest.mark.parametrize("values", [
    "'acknowledge', 'resolved', '', '', 'resolved'", "'take', 'taken', '', '', 'closed'", "'dismiss', 'opened', '', '', 'open'",
])  # fmt: skip
def test_no_login_takes_an_episode_where_no_person_may(house: House, values: str) -> None:
    statement = f"SELECT nephrowatch.act(1, 1, '2026-04-15', now(), {values}, 'a', 'a', 'nurse', '', NULL, NULL, 'web')"
    with pytest.raises(sa.exc.DBAPIError, match=r"nephrowatch\.act: "), house.db.begin(Role.WEB) as connection:
        connection.execute(sa.text(statement))


def test_the_ledger_names_actor_and_role_and_no_patient(house: House) -> None:
    do(house, "take", DOCTOR)
    with house.db.begin(Role.PIPELINE) as connection:
        body = [entry.body for entry in ledger.entries(connection)][-1] or {}
    assert (body["actor"], body["role"], body["seq"], body["from_state"]) == ("doctor", "nephrologist", 2, "open")
    assert not {"patient", "name"} & set(body)
