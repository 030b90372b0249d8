"""Hazards of the life of an alert, each by its number, against the real database (docs/hazards.md)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from test_actions import DIETITIAN, DOCTOR, ref_of
from test_episodes import NIGHT, NOW, House

from monitors import actions, night_list
from monitors.config import Routes
from monitors.database import Database, Role, sql
from monitors.delivery import outbox
from monitors.history import ledger
from monitors.human import Refused
from monitors.people import People
from monitors.records import Change

HIGH = {1: {"R01": "firing HIGH"}}


@pytest.fixture
def house(database: Database) -> House:
    home = House(database).settle()
    home.config = home.config.model_copy(update={"people": People(people=[DIETITIAN, DOCTOR])})
    return home


def night(house: House, days: int, found: dict[int, dict[str, str]], **given: Any) -> int:
    judgement = house.judged(NIGHT + timedelta(days=days), found, **given)
    house.reconcile(judgement, NOW + timedelta(days=days))
    return judgement


def press(house: House, action: str, days: int = 0, **given: Any) -> Change:
    given = {"source": "web", "evidence_opened": True, **given}
    with house.db.begin(Role.WEB) as connection:
        return actions.act(connection, house.config, ref_of(house, 1), action, DIETITIAN, NOW + timedelta(days=days), **given)


def section(house: House, judgement: int, days: int, code: str, unit: str = "N1") -> int:
    """How many episodes stand in a section of a unit's morning list."""
    with house.db.begin(Role.PIPELINE) as connection:
        late = timedelta(days=days)
        made = night_list.lists(connection, house.config, judgement, NIGHT + late, NOW + late)
        lists = {one["unit"]: one for one in made}
    return next(part["episodes"] for part in lists[unit]["sections"] if part["code"] == code)


def for_review(house: House) -> list[int]:
    with house.db.begin(Role.WEB) as connection:
        return list(connection.execute(sql("read/safety_review")).scalars())


def sent(house: House, kinds: str = "alert") -> list[tuple[str, int]]:
    return house.run(  # type: ignore[no-any-return]
        "SELECT destination, change_seq FROM nephrowatch.outbox WHERE kind = :k ORDER BY change_seq, destination", k=kinds
    )


def lose(house: House) -> None:
    """Every message on its way is refused for good."""
    with house.db.begin(Role.DELIVERY) as connection:
        while claims := outbox.claim(connection, NOW + timedelta(days=30), 20):
            for one in claims:
                outbox.finish(connection, one, outbox.Answer("permanent", "no such channel"), NOW, ledger.append)


# ------------------------------------------------------------------------------------------------------------------ 8
@pytest.mark.parametrize("said", ["", "acknowledge", "snooze", "dismiss"])
def test_hazard_8_a_transfer_is_told_to_both_units_whatever_the_old_one_had_said(house: House, said: str) -> None:
    slack = {"kind": "slack", "channel": "C0TEST01"}
    house.config = house.config.model_copy(update={"routes": Routes.model_validate({
        "destinations": {"one": slack, "two": slack},
        "routes": [{"to": ["one"], "units": ["N1"]}, {"to": ["two"], "units": ["N2"]}],
    })})  # fmt: skip
    night(house, 0, HIGH)
    if said:
        until = (NIGHT + timedelta(days=9)) if said == "snooze" else None
        press(house, said, reason="plan", until=until)
    night(house, 1, HIGH, where={1: "N2"})
    assert [row.destination for row in sent(house, "handed_over")] == ["one", "two"]
    assert house.rows("episodes", "unit, state") == [("N2", "open")]
    ((content,),) = house.run("SELECT content FROM nephrowatch.outbox WHERE kind = 'handed_over' AND destination = 'one'")
    assert (content["to_unit"], content["acknowledge_by"] is not None) == ("N2", True)


# ----------------------------------------------------------------------------------------------------------------- 10
@pytest.mark.parametrize("said", ["", "acknowledge", "snooze", "dismiss"])
def test_hazard_10_a_death_tells_nobody_and_leaves_what_was_open_for_review_until_it_was_seen(house: House, said: str) -> None:
    night(house, 0, HIGH)
    if said:
        press(house, said, reason="plan", until=(NIGHT + timedelta(days=9)) if said == "snooze" else None)
    before = sent(house)
    judgement = night(house, 1, HIGH, where={1: "N1 died"})
    assert house.rows("episodes", "state") == [("closed",)]
    assert (sent(house), sent(house, "withdrawn")) == (before, [])
    assert (len(for_review(house)), section(house, judgement, 1, "safety_review")) == (1, 1)
    judgement = night(house, 5, {}, where={1: "N1 died"})
    assert section(house, judgement, 5, "safety_review") == 1, "it stands there until somebody looked"
    assert press(house, "outcome", 5, outcome="reviewed").to_state == "closed"
    judgement = night(house, 6, {}, where={1: "N1 died"})
    assert (for_review(house), section(house, judgement, 6, "safety_review")) == ([], 0)


def test_hazard_10_what_was_recorded_before_the_death_is_no_review_of_it(house: House) -> None:
    night(house, 0, HIGH)
    press(house, "outcome", outcome="plan_recorded")
    with pytest.raises(Refused) as caught:
        press(house, "outcome", outcome="reviewed")
    assert caught.value.code == "not_ended"
    night(house, 1, HIGH, where={1: "N1 died"})
    assert len(for_review(house)) == 1


@pytest.mark.parametrize(("found", "ends"), [({1: {"R01": "firing WARNING"}}, "N1 died"), (HIGH, "N1 left")])
def test_hazard_10_a_warning_and_a_departure_are_listed_on_their_night_at_most(
    house: House, found: dict[int, dict[str, str]], ends: str
) -> None:
    night(house, 0, found)
    night(house, 1, found, where={1: ends})
    judgement = night(house, 2, {}, where={1: ends})
    assert (for_review(house), section(house, judgement, 2, "safety_review")) == ([], 0)


# ----------------------------------------------------------------------------------------------------------------- 21
def test_hazard_21_what_was_stored_but_never_told_is_told_and_a_new_cause_too(house: House) -> None:
    """The episode's severity is HIGH from the first night; its message died, so HIGH is told again; then a second cause
    joins at the same severity, and is told although nothing else changed."""
    both = {1: {"R01": "firing HIGH", "R02": "firing HIGH"}}
    night(house, 0, HIGH)
    assert [seq for _, seq in sent(house)] == [1, 1]
    lose(house)
    night(house, 1, HIGH)
    assert [seq for _, seq in sent(house)] == [1, 1, 2, 2]
    night(house, 2, both)
    assert [seq for _, seq in sent(house)] == [1, 1, 2, 2, 3, 3]
    night(house, 3, both)
    assert [seq for _, seq in sent(house)] == [1, 1, 2, 2, 3, 3]
    lose(house)
    night(house, 4, both)
    assert [kind for (kind,) in house.rows("changes", "kind", "seq")] == ["opened", "told_late", "worsened", "told_late"]


# --------------------------------------------------------------------------------------------------- what came of it
def test_what_came_of_an_acknowledged_alert_is_asked_for_later_until_it_is_recorded(house: House) -> None:
    night(house, 0, HIGH)
    press(house, "acknowledge")
    assert section(house, night(house, 6, HIGH), 6, "outcome_due") == 0
    assert section(house, night(house, 7, HIGH), 7, "outcome_due") == 1
    press(house, "outcome", 7, outcome="plan_recorded")
    assert section(house, night(house, 8, HIGH), 8, "outcome_due") == 0
