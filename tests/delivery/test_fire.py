"""The crash matrix: points x faults x two workers, with processes really killed. `make matrix` runs all of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from monitors.database import Database, Role
from monitors.history import ledger
from monitors.settings import Settings
from tests.delivery.builders import with_token
from tests.delivery.fire import Range, cases, chosen, table

CUT = 13  # every 13th case in `make test`


def fire(database: Database, settings: Settings, step: int, show: Callable[[str], None]) -> Range:
    with Range(database, with_token(settings)) as field:
        for number, case in chosen(step):
            field.run(number, case)
    show(table(field.tally))
    assert (field.tally["lost"], field.tally["silent duplicates"]) == (0, 0)
    assert field.tally["killed"] > field.tally["cases"] / 4, "hardly anything was killed: the points are not reached"
    with database.begin(Role.WEB) as connection:
        assert ledger.verify(connection).first_bad is None
    return field


@pytest.mark.crash
def test_a_cut_of_the_matrix_loses_nothing_and_repeats_nothing_in_silence(
    database: Database, settings: Settings, show: Callable[[str], None]
) -> None:
    field = fire(database, settings, CUT, show)
    met = {(case.channel, case.point) for _, case in chosen(CUT)}
    assert len(met) > 20, "the cut has become lopsided"
    assert field.tally["cases"] >= 50


@pytest.mark.crash
@pytest.mark.long
def test_the_whole_matrix_loses_nothing_and_repeats_nothing_in_silence(
    database: Database, settings: Settings, show: Callable[[str], None]
) -> None:
    assert fire(database, settings, 1, show).tally["cases"] == len(cases())


def test_the_judge_sees_a_loss_and_a_silent_duplicate(database: Database, settings: Settings) -> None:
    """The oracle itself: a message that never came, and one that came twice without a mark."""
    with Range(database, with_token(settings)) as field:
        field._judge("NW-NEVER", killed=False)
        for _ in range(2):
            field.slack.accepted.add({"to": "slack", "method": "chat.postMessage", "text": "x", "blocks": "Ref NW-TWICE"})
        field._judge("NW-TWICE", killed=False)
    assert (field.tally["lost"], field.tally["silent duplicates"]) == (1, 1)
