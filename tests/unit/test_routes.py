"""`routes`: an alert's way drawn as a table, and what a careful site would not leave so."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from monitors import cli, config
from monitors.cli_routes import doubts, told
from monitors.errors import UserError
from monitors.records import Severity
from monitors.routes import Escalation, QuietHours
from tests.conftest import REPOSITORY

# ruff: noqa: E501  (a row of a table is read as one line)
HOURS = [QuietHours.model_validate({"start": "22:00", "end": "06:30", "units": ["N1"]})]
STEPS = [Escalation.model_validate(one) for one in (
    {"after_minutes": 60, "to": ["operations-mail"]}, {"after_minutes": 30}, {"after_minutes": 90, "to": ["n2-mail"], "units": ["N2"]},
    {"after_minutes": 240, "severities": ["HIGH"], "groups": ["pth"]})]  # fmt: skip
WAYS = """
unit severity group      decided            way
N1   CRITICAL phosphate  2026-04-15T03:00   at once n1-slack,n1-mail | after 30 min n1-slack,n1-mail | after 60 min operations-mail
N1   HIGH     phosphate  2026-04-15T03:00   2026-04-15 05:30 UTC n1-slack,n1-mail
N1   HIGH     phosphate  2026-04-15T12:00   at once n1-slack,n1-mail
N1   HIGH     pth        2026-04-15T12:00   at once n1-slack,n1-mail | after 240 min n1-slack,n1-mail
N2   CRITICAL pth        2026-04-15T03:00   at once n2-slack,n2-mail | after 30 min n2-slack,n2-mail | after 60 min operations-mail | after 90 min n2-mail

N1   WARNING  phosphate  2026-04-15T03:00   2026-04-15 05:30 UTC -
"""


@pytest.fixture(scope="module")
def site() -> config.Config:
    found = config.load(REPOSITORY / "config")
    return found.model_copy(update={"routes": found.routes.model_copy(update={"quiet_hours": HOURS, "escalations": STEPS})})


@pytest.mark.hazard(8)
@pytest.mark.parametrize("row", [row for row in WAYS.splitlines()[2:] if row.strip()])
def test_the_way_of_an_alert(site: config.Config, row: str) -> None:
    unit, severity, group, decided, way = row.split(maxsplit=4)
    answer = told(site, unit, Severity(severity), group, datetime.fromisoformat(decided).replace(tzinfo=UTC))
    assert " | ".join(f"{step['when']} {','.join(step['to']) or '-'}" for step in answer["steps"]) == way


def test_an_unknown_unit_or_cause_is_said(site: config.Config) -> None:
    now = datetime(2026, 4, 15, tzinfo=UTC)
    with pytest.raises(UserError, match="not in site"):
        told(site, "N9", Severity.HIGH, "phosphate", now)
    with pytest.raises(UserError, match=r"there are .*phosphate"):
        told(site, "N1", Severity.HIGH, "phosphat", now)


def test_what_is_worth_a_thought(site: config.Config) -> None:
    assert doubts(site) == []
    bare = site.model_copy(update={"routes": site.routes.model_copy(update={"escalations": []})})
    assert len(doubts(bare)) == 5
    assert "Nothing happens while nobody answers" in doubts(bare)[0]


@pytest.mark.parametrize("words", [["check"], ["show"], ["show", "--unit", "N1"], ["test", "N1", "HIGH", "phosphate"],
                                   ["show", "--json"], ["test", "N1", "CRITICAL", "pth", "--at", "2026-04-15T03:00"]])  # fmt: skip
def test_the_commands_answer(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEPHROWATCH_CONFIG", str(REPOSITORY / "config"))
    found = CliRunner().invoke(cli.app, ["routes", *words])
    assert found.exit_code == 0, found.output
    assert "n1-slack" in found.output or words == ["check"]
