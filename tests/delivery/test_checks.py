"""Tokens, membership and privacy, asked at the start: each with its name, operations told once, nothing kept waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from monitors import detail_leaves, presses
from monitors.database import Database, Role
from monitors.delivery import checks
from monitors.delivery.deliver import deliver
from monitors.demo.slack_standin import SlackStandIn
from monitors.demo.socket_standin import SocketStandIn
from monitors.history import ledger
from monitors.settings import Settings, settings_from
from tests.delivery.builders import NOW, config, later, ledger_kinds, queue, rows, slack_to, states, with_token
from tests.delivery.test_leaves import PEOPLE, WHY

Break = Callable[[SlackStandIn], None]
STANDINGS: dict[str, tuple[Break, bool, str]] = {  # what is wrong -> (how, whether there is leave to show details, outcome)
    "nothing": (lambda slack: None, True, "ok"),
    "revoked": (lambda slack: setattr(slack, "signed_out", "token_revoked"), False, "token_refused"),
    "of another app": (lambda slack: setattr(slack, "signed_out", "invalid_auth"), False, "token_refused"),
    "not there": (lambda slack: setattr(slack, "info_fault", "channel_not_found"), False, "channel_not_found"),
    "a scope too few": (lambda slack: setattr(slack, "info_fault", "missing_scope"), False, "missing_scope"),
    "archived": (lambda slack: slack.about.update(is_archived=True), False, "archived"),
    "not invited": (lambda slack: slack.about.update(is_member=False), False, "not_a_member"),
    "public, no details": (lambda slack: slack.about.update(is_private=False), False, "ok"),
    "public, details": (lambda slack: slack.about.update(is_private=False), True, "channel_not_private"),
    "shared, details": (lambda slack: slack.about.update(is_ext_shared=True), True, "channel_shared"),
    "unwell": (lambda slack: setattr(slack, "signed_out", "fatal_error"), False, "unreachable"),
}


class Here:
    """A database, Slack, and one destination there."""

    def __init__(self, database: Database, settings: Settings, slack: SlackStandIn) -> None:
        self.database, self.slack, self.settings = database, slack, with_token(settings)
        self.config = config(slack.api_url).model_copy(update={"people": PEOPLE})

    def look(self, minutes: float = 0, **changed: Any) -> dict[str, str]:
        given = {"settings": self.settings, **changed}
        return checks.look(self.database, self.config, given["settings"], lambda: later(minutes), ledger.append)

    def told(self) -> list[str]:
        found = rows(self.database, "SELECT content FROM nephrowatch.outbox WHERE kind = 'operations' ORDER BY outbox_id")
        return [row["content"]["outcome"] for row in found]


@pytest.fixture
def here(database: Database, settings: Settings) -> Any:
    with SlackStandIn() as slack:
        yield Here(database, settings, slack)


@pytest.mark.parametrize("case", STANDINGS)
def test_each_way_to_stand_has_its_name_and_operations_is_told_once(here: Here, case: str) -> None:
    breaks, details, outcome = STANDINGS[case]
    breaks(here.slack)
    if details:
        detail_leaves.allow(here.database, here.config, "slack", NOW, until=date(2026, 4, 30), approved_by="near", **WHY)
    assert outcome in checks.OUTCOMES
    for hours in (0, 1, 2):
        assert here.look(60 * hours) == {"slack": outcome}
    silent = outcome in ("ok", "unreachable")
    assert here.told() == ([] if silent else [outcome])
    assert ledger_kinds(here.database).count("delivery_check") == (0 if silent else 1)
    assert here.slack.accepted.entries == []


def test_a_token_that_is_not_set_has_a_name_too(here: Here, settings: Settings) -> None:
    assert here.look(settings=settings) == {"slack": "no_token"}
    odd = settings_from({**settings.environment, "SLACK_BOT_TOKEN": "\n"})
    assert here.look(61, settings=odd) == {"slack": "no_token"}
    assert here.told() == ["no_token"]


def test_it_is_asked_once_an_hour_and_at_once_where_the_destination_leads_elsewhere(here: Here) -> None:
    assert [here.look(minutes) for minutes in (0, 5, 59)] == [{"slack": "ok"}, {}, {}]
    assert here.look(60) == {"slack": "ok"}
    here.config.routes.destinations["slack"] = slack_to(here.slack.api_url).model_copy(update={"channel": "C0OTHER"})
    assert here.look(61) == {"slack": "ok"}
    assert here.told() == []


def test_what_is_mended_and_breaks_again_is_told_again(here: Here) -> None:
    for hour, token in enumerate(("token_revoked", "", "token_revoked", "fatal_error", "token_revoked", "")):
        here.slack.signed_out = token
        here.look(60 * hour)
    assert here.told() == ["token_refused", "token_refused"]
    assert ledger_kinds(here.database) == ["delivery_check"] * 4
    [row] = rows(here.database, "SELECT outcome, since FROM nephrowatch.destination_checks")
    assert (row["outcome"], row["since"]) == ("ok", NOW + timedelta(hours=5))


def test_a_worker_asks_before_it_sends_and_sends_all_the_same(here: Here) -> None:
    here.slack.info_fault = "missing_scope"
    queue(here.database, "NW-1")
    deliver(here.database, here.config, here.settings, lambda: NOW, ledger.append, wait=lambda seconds: None)
    assert here.slack.requests[:3] == ["auth.test", "conversations.info", "chat.postMessage"]
    assert states(here.database)["NW-1"] == "delivered"
    assert here.told() == ["missing_scope"]


def test_a_listener_asks_at_its_start_whenever_a_worker_asked(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    to = slack_to(here.slack.api_url).model_copy(update={"app_token": "SLACK_APP_TOKEN"})
    here.config.routes.destinations["slack"] = to
    secrets = settings_from({**here.settings.environment, "SLACK_APP_TOKEN": "xapp-test"})
    here.look()
    here.slack.about["is_member"] = False
    noted: list[str] = []
    monkeypatch.setattr(presses, "_note", noted.append)
    stop = threading.Event()
    with SocketStandIn(here.slack):
        presses.listen(here.database, here.config, secrets, lambda: NOW, stop, ready=stop.set)
    assert noted == ["destination_not_a_member"]
    assert here.told() == ["not_a_member"]


def test_only_delivery_writes_it(here: Here) -> None:
    import sqlalchemy as sa

    from monitors.errors import NotReadyError

    for role in (Role.PIPELINE, Role.WEB):
        with pytest.raises((sa.exc.ProgrammingError, NotReadyError)), here.database.begin(role) as connection:
            connection.execute(sa.text("DELETE FROM nephrowatch.destination_checks"))
