"""That what people said of an episode ends, recorded together and once, whoever runs a night again."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from test_actions import DIETITIAN, DOCTOR, ref_of
from test_episodes import NIGHT, NOW, House, a_rule

from monitors import actions
from monitors.database import Database, Role
from monitors.people import People
from monitors.units import Limit

HIGH = {1: {"R01": "firing HIGH"}}
DRAWN = NOW - timedelta(hours=17)


@pytest.fixture
def house(database: Database) -> House:
    home = House(database).settle()
    home.config = home.config.model_copy(update={"people": People(people=[DIETITIAN, DOCTOR])})
    home.reconcile(home.judged(NIGHT, HIGH))
    return home


def press(house: House, action: str, now: datetime = NOW, **given: Any) -> None:
    given = {"source": "web", "evidence_opened": True, **given}
    with house.db.begin(Role.WEB) as connection:
        actions.act(connection, house.config, ref_of(house, 1), action, DIETITIAN, now, **given)


def night(house: House, days: int, found: dict[int, dict[str, str]] = HIGH, **given: Any) -> dict[str, int]:
    judgement = house.judged(NIGHT + timedelta(days=days), found, drawn=DRAWN, **given)
    return house.reconcile(judgement, now=NOW + timedelta(days=days))


WAYS = [
    ("snooze", {"reason": "plan", "until": date(2026, 4, 20)}, 6, "snooze_ended"),
    ("dismiss", {"reason": "known"}, 90, "dismissal_ended"),
    ("acknowledge", {}, 30, "unattended"),
]


@pytest.mark.parametrize(("action", "given", "days", "reason"), WAYS)
def test_it_ends_on_its_night_and_not_before_with_change_ledger_entry_and_messages(
    house: House, action: str, given: dict[str, Any], days: int, reason: str
) -> None:
    press(house, action, **given)
    assert night(house, days - 1) == {}
    assert night(house, days) == {"reopened": 1}
    ended = NIGHT + timedelta(days=days)
    assert house.rows("changes", "seq, night, kind, reason, to_state")[-1] == (3, ended, "reopened", reason, "open")
    assert house.rows("episodes", "state, version, changed_night") == [("open", 3, ended)]
    assert [key for (key,) in house.rows("outbox", "dedup_key") if "/3/" in key] == [
        "1/phosphate/2026-04-15/3/pager", "1/phosphate/2026-04-15/3/slack"]  # fmt: skip
    ((content,),) = house.run("SELECT content FROM nephrowatch.outbox WHERE dedup_key LIKE '%/3/slack'")
    assert (content["change_kind"], content["reason"], content["late"]) == ("reopened", reason, False)
    assert house.ledger()[-1] == "episode_reopened"


@pytest.mark.parametrize(("action", "given", "days", "reason"), WAYS)
def test_run_again_killed_and_filled_in_twice_it_is_opened_again_once(
    house: House, action: str, given: dict[str, Any], days: int, reason: str
) -> None:
    press(house, action, **given)

    def kill(point: str) -> None:
        if point == "reconcile_applied":
            raise KeyboardInterrupt

    judgement = house.judged(NIGHT + timedelta(days=days), HIGH, drawn=DRAWN)
    before, entries = house.everything(), house.ledger()
    with pytest.raises(KeyboardInterrupt):
        house.reconcile(judgement, crash=kill)
    assert house.everything()[:4] == before[:4]  # the frontier moves first, by itself
    assert house.ledger() == entries
    assert house.reconcile(judgement) == {"reopened": 1}
    once, entries = house.everything(), house.ledger()
    assert house.reconcile(judgement) == {}
    for _ in range(2):
        assert night(house, days) == {}
        assert night(house, days - 2) == {}
        assert night(house, days - 3, live=False) == {}
    assert house.everything() == once
    assert [kind for kind in house.ledger() if kind != "night_retrospective"] == entries


def test_who_acknowledges_again_is_reminded_again_only_after_the_limit(house: House) -> None:
    press(house, "acknowledge")
    night(house, 30)
    press(house, "acknowledge", NOW + timedelta(days=30))
    assert night(house, 30) == night(house, 31) == night(house, 59) == {}
    assert night(house, 60) == {"reopened": 1}


def test_the_limits_are_those_of_the_site(house: House) -> None:
    house.config = house.config.model_copy(update={"site": house.config.site.model_copy(update={"dismissed_days": 7})})
    press(house, "dismiss", reason="known")
    assert night(house, 6) == {}
    assert night(house, 7) == {"reopened": 1}


@pytest.mark.parametrize(("found", "reason"), [
    ({1: {"R01": "firing CRITICAL"}}, "severity_up"), ({1: {"R01": "firing HIGH", "R02": "firing WARNING"}}, "new_limb"),
])  # fmt: skip
def test_hazard_12_a_dismissal_ends_on_worse_evidence_and_never_holds_a_critical_back(
    house: House, found: dict[int, dict[str, str]], reason: str
) -> None:
    press(house, "dismiss", reason="known")
    assert night(house, 1, found) == {"worsened": 1}
    assert house.rows("changes", "seq, kind, reason, from_state, to_state")[-1] == (3, "worsened", reason, "dismissed", "open")
    assert {key.rsplit("/", 1)[1] for (key,) in house.rows("outbox", "dedup_key") if "/3/" in key} == {"pager", "slack"}


def test_hazard_12_a_value_further_beyond_its_limit_ends_a_dismissal_whatever_the_unit_it_is_reported_in(house: House) -> None:
    press(house, "dismiss", reason="known")
    near, far = 2.5, 2.7  # mmol/L: 1.40 and 1.52 times the limit; 6.8 mg/dL is 1.24 times
    for days, value, made in ((1, near, {}), (2, far, {"reopened": 1})):
        assert night(house, days, value=(value, "mmol/L")) == made
    assert house.rows("changes", "seq, kind, reason")[-1] == (3, "reopened", "value_worse")


def test_what_somebody_saw_is_the_newest_value_not_the_one_that_made_the_last_change(house: House) -> None:
    """Opened at 6.8; 9.9 changed nothing; whoever dismisses it then has seen 9.9."""
    assert night(house, 1, value=(9.9, "mg/dL")) == {}
    press(house, "dismiss", NOW + timedelta(days=1, hours=3), reason="known")
    assert night(house, 1, value=(9.9, "mg/dL")) == night(house, 2, value=(10.9, "mg/dL")) == {}
    assert night(house, 3, value=(11.4, "mg/dL")) == {"reopened": 1}


def test_a_share_of_the_limit_is_the_same_in_both_unit_systems_and_points_away_from_the_good_side() -> None:
    high = a_rule("R01", "phosphate")
    low = high.model_copy(update={"signals": [high.signals[0].model_copy(update={
        "raise_": high.signals[0].raise_.model_copy(update={"above": None, "below": Limit.parse("8.0 mg/dL | 2.00 mmol/L")})
    })]})  # fmt: skip
    assert high.beyond("phosphate", 6.6, "mg/dL") == pytest.approx(0.2)
    assert high.beyond("phosphate", 2.136, "mmol/L") == pytest.approx(0.2)
    assert low.beyond("phosphate", 7.2, "mg/dL") == pytest.approx(0.1)
    assert low.beyond("phosphate", 1.8, "mmol/L") == pytest.approx(0.1)
