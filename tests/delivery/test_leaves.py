"""Leave to show details: recorded with who and why, for one place, until a day; and nothing else counts as leave."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from monitors import cli, detail_leaves, pipeline
from monitors.config import Config
from monitors.database import Database, Role
from monitors.delivery import leaves
from monitors.delivery.leaves import Leave
from monitors.errors import NotReadyError, UserError
from monitors.people import People
from tests.delivery.builders import NOW, config, ledger_kinds, rows

PEOPLE = People.model_validate({"people": [
    {"name": "Dr. Near", "login": "near", "role": "nephrologist", "units": ["N3"], "email": "near@renal.example"},
    {"name": "Dr. Gone", "login": "gone", "roles": [{"role": "nephrologist", "last": "2026-04-14"}], "units": ["N3"]},
]})  # fmt: skip
WHY: dict[str, Any] = {"actor": "A. Engineer", "reason": "the unit's own ward channel; data protection agreed"}
LAST = date(2026, 4, 30)


@pytest.fixture
def site() -> Config:
    return config().model_copy(update={"people": PEOPLE})


def allow(
    database: Database, site: Config, to: str = "slack", until: date = LAST, by: str = "near", now: datetime = NOW
) -> Leave:
    return detail_leaves.allow(database, site, to, now, until=until, approved_by=by, **WHY)


def holds(database: Database, site: Config, to: str = "slack", now: datetime = NOW) -> bool:
    with database.begin(Role.DELIVERY) as connection:
        return leaves.holding(connection, to, site.routes.destinations[to], now) is not None


def test_nothing_but_a_recorded_leave_lets_details_out(database: Database, site: Config) -> None:
    assert not any(holds(database, site, to) for to in site.routes.destinations)
    leave = allow(database, site)
    assert [to for to in site.routes.destinations if holds(database, site, to)] == ["slack"]
    [entry] = rows(database, """SELECT kind, convert_from(body, 'UTF8')::jsonb AS body FROM history.ledger
                                JOIN history.bodies USING (seq)""")
    assert entry["kind"] == "detail_allowed"
    said = {name: entry["body"][name] for name in ("destination", "until", "approved_by", "approver_role", "actor", "reason")}
    assert said == {"destination": "slack", "until": "2026-04-30", "approved_by": "near", "approver_role": "nephrologist", **WHY}
    assert (leave.approver_name, leave.place) == ("Dr. Near", "slack C0TEST at http://127.0.0.1:9/api/")


def test_it_ends_with_its_day_and_at_once_when_withdrawn(database: Database, site: Config) -> None:
    allow(database, site)
    end = datetime(2026, 5, 1, tzinfo=UTC)
    assert holds(database, site, now=end - timedelta(microseconds=1))
    assert not holds(database, site, now=end)
    allow(database, site, until=date(2026, 4, 15))  # the newer decision counts, also where it is the shorter one
    assert not holds(database, site, now=NOW + timedelta(days=1))
    detail_leaves.withdraw(database, site, "slack", NOW, **WHY)
    assert not holds(database, site)
    assert ledger_kinds(database) == ["detail_allowed", "detail_allowed", "detail_withdrawn"]
    with pytest.raises(UserError, match="nothing to withdraw"):
        detail_leaves.withdraw(database, site, "slack", NOW, **WHY)
    allow(database, site)
    assert holds(database, site)


def test_it_counts_for_the_place_it_was_given_for(database: Database, site: Config) -> None:
    for to in ("slack", "mail"):
        allow(database, site, to)
    moved = config().routes.model_copy(deep=True)
    moved.destinations["slack"] = moved.destinations["slack"].model_copy(update={"channel": "C0OTHER"})
    moved.destinations["mail"] = moved.destinations["mail"].model_copy(update={"to": "else@renal.example"})
    elsewhere = site.model_copy(update={"routes": moved})
    assert [holds(database, site, to) for to in ("slack", "mail")] == [True, True]
    assert [holds(database, elsewhere, to) for to in ("slack", "mail")] == [False, False]
    found = {one["destination"]: one["holds"] for one in detail_leaves.standings(database, elsewhere, NOW)}
    assert found == {"slack": "moved", "mail": "moved", "ops": "never"}


@pytest.mark.parametrize(("changed", "said"), [
    ({"to": "nowhere"}, "no destination 'nowhere'"),
    ({"by": "somebody"}, "nobody in people.yaml"),
    ({"by": "gone"}, "a role today"),
    ({"until": date(2026, 4, 14)}, "ends today at the earliest"),
    ({"until": date(2027, 4, 17)}, "after 366 days at the latest"),
])  # fmt: skip
def test_what_is_no_leave_is_refused_and_recorded_nowhere(
    database: Database, site: Config, changed: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        allow(database, site, **changed)
    assert ledger_kinds(database) == []


def test_a_pager_never_shows_details(database: Database, site: Config) -> None:
    routes = site.routes.model_validate(site.routes.model_dump() | {"destinations": {
        **site.routes.model_dump()["destinations"], "pager": {"kind": "webhook", "url": "https://pager.example/x"}}})
    with pytest.raises(UserError, match="details never go there"):
        allow(database, site.model_copy(update={"routes": routes}), "pager")


@pytest.mark.parametrize("role", [Role.DELIVERY, Role.WEB])
def test_only_the_pipelines_login_may_record_one(database: Database, role: Role) -> None:
    with pytest.raises((sa.exc.ProgrammingError, NotReadyError)), database.begin(role) as connection:
        connection.execute(sa.text("INSERT INTO nephrowatch.detail_leaves (destination, kind, place, actor, reason, recorded_at) "
                                   "VALUES ('slack', 'withdrawn', 'x', 'me', 'x', now())"))  # fmt: skip


def test_operations_hears_once_some_days_before_the_end(database: Database, site: Config) -> None:
    allow(database, site)

    def look(now: datetime) -> list[str]:
        with database.begin(Role.PIPELINE) as connection:
            return detail_leaves.look(connection, site, now)

    told = "SELECT destination, content FROM nephrowatch.outbox"
    assert look(datetime(2026, 4, 23, 23, 59, tzinfo=UTC)) == []
    for day in (24, 25, 30):
        assert look(datetime(2026, 4, day, tzinfo=UTC)) == ["slack"]
    [message] = rows(database, told)
    assert message["destination"] == "ops"
    assert message["content"] == {"event": "detail_ends", "destination": "slack", "until": "2026-04-30"}
    assert look(datetime(2026, 5, 1, tzinfo=UTC)) == []
    allow(database, site, until=date(2026, 5, 10), now=datetime(2026, 5, 1, tzinfo=UTC))  # another leave: told of anew
    assert look(datetime(2026, 5, 9, tzinfo=UTC)) == ["slack"]
    assert len(rows(database, told)) == 2


@given(st.dates(date(2026, 1, 1), date(2026, 12, 31)), st.integers(0, 366 * 24 * 60))
def test_a_leave_holds_on_its_days_and_no_other(until: date, minutes: int) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    leave = Leave(1, "slack", "allowed", "there", until, "near", "Dr. Near", "nephrologist", "A", "B", NOW)
    assert leave.standing("there", now) == ("allowed" if now.date() <= until else "expired")
    assert leave.standing("elsewhere", now) != "allowed"


def test_the_command_records_shows_and_withdraws(database: Database, site: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    real = pipeline.opened
    here = pipeline.Here(None, site, database, lambda: NOW)  # type: ignore[arg-type]
    monkeypatch.setattr(pipeline, "opened", lambda given=None, found=None: real(given or here))

    def ask(*words: str) -> str:
        answer = CliRunner().invoke(cli.app, ["destinations", "detail", *words])
        assert answer.exit_code == 0, answer.output
        return " ".join(answer.output.split())

    who = ["--actor", "A. Engineer", "--reason", "agreed"]
    assert "through 2026-04-30 (UTC), approved by Dr. Near, nephrologist" in ask(
        "allow", "slack", "--until", "2026-04-30", "--approved-by", "near", *who)
    assert "slack details 2026-04-30 Dr. Near, nephrologist A. Engineer agreed" in ask("list")
    assert "mail no details" in ask("list")
    assert "no details from the next message on" in ask("withdraw", "slack", *who)
    assert "slack no details (withdrawn)" in ask("list")
    for missing in ("--actor", "--reason", "--until", "--approved-by"):
        words = ["allow", "slack", "--until", "2026-04-30", "--approved-by", "near", *who]
        at = words.index(missing)
        assert CliRunner().invoke(cli.app, ["destinations", "detail", *words[:at], *words[at + 2 :]]).exit_code != 0
