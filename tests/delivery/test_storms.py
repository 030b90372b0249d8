"""Many alerts of one unit and night: one message, none lost, none told twice in silence, a CRITICAL one on its own."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.database import Role
from monitors.delivery import storms
from monitors.delivery.deliver import POINTS
from monitors.history import ledger
from tests.delivery.builders import ALERT, NOW, SITE, episode, ledger_kinds, queue, rows, states
from tests.delivery.test_deliver import Killed, World, die_at, settle, world

__all__ = ["world"]
LIMIT = 3


@pytest.fixture
def few(world: World) -> World:
    """A site that bundles more than three."""
    world.config = world.config.model_copy(update={"site": SITE.model_copy(update={"storm_limit": LIMIT})})
    return world


def alerts(world: World, count: int, *, severity: str = "HIGH", first: int = 1, destination: str = "slack") -> None:
    for number in range(first, first + count):
        of = episode(world.database, number)
        queue(world.database, f"a{number}", severity=severity, destination=destination, episode_id=of)


def kinds(world: World) -> dict[str, int]:
    found = rows(world.database, "SELECT kind, state, count(*) AS n FROM nephrowatch.outbox GROUP BY 1, 2")
    return {f"{row['kind']} {row['state']}": row["n"] for row in found}


def told(world: World) -> list[int]:
    return [row["episode_id"] for row in rows(world.database, "SELECT episode_id FROM nephrowatch.told ORDER BY 1")]


BUNDLED = """
alerts  critical  withdrawals  posts  of them storms
     3         0            0      3               0   as many as the limit
     4         0            0      1               1   one more
     4         1            0      2               1   a CRITICAL one is told on its own
     3         2            0      5               0   and counts for nothing
     4         0            2      3               1   a withdrawal is never bundled

    40         0            0      1               1
"""


@pytest.mark.parametrize("row", [row for row in BUNDLED.splitlines()[2:] if row.strip()])
def test_more_than_the_limit_is_one_message(few: World, row: str) -> None:
    high, critical, withdrawn, posts, bundles = map(int, row.split()[:5])
    alerts(few, high)
    alerts(few, critical, severity="CRITICAL", first=101)
    for number in range(withdrawn):
        queue(few.database, f"w{number}", kind="withdrawn", episode_id=episode(few.database, 200 + number))
    few.deliver()
    shown = [str(post["blocks"]) for post in few.slack.posts]
    assert (len(shown), sum("lab reviews at once" in text for text in shown)) == (posts, bundles)
    assert set(states(few.database).values()) == {"delivered"}
    assert told(few) == [*range(1, high + 1), *range(101, 101 + critical)]
    assert ledger_kinds(few.database).count("delivery_bundled") == bundles
    assert few.deliver(300) == {}


def test_what_comes_later_that_night_is_bundled_too_and_the_next_night_begins_anew(few: World) -> None:
    alerts(few, 3)
    few.deliver()
    assert len(few.slack.posts) == 3
    alerts(few, 2, first=10)
    few.deliver()
    assert len(few.slack.posts) == 4
    alerts(few, 1, first=20)  # one alone is told as it is
    few.deliver()
    assert len(few.slack.posts) == 5
    assert told(few) == [1, 2, 3, 10, 11, 20]


def test_each_destination_and_channel_is_bundled_for_itself(few: World) -> None:
    alerts(few, 2)
    alerts(few, 4, first=10, destination="mail")
    few.deliver()
    assert (len(few.slack.posts), len(few.smtp.mails)) == (2, 1)
    assert "4 lab reviews" in few.smtp.mails[0]["headers"]["Subject"]


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_any_point_loses_none_and_repeats_none_in_silence(few: World, point: str) -> None:
    alerts(few, 5)
    alerts(few, 1, severity="CRITICAL", first=50)
    with contextlib.suppress(Killed):
        few.deliver(crash=die_at(point))
    settle(few)
    of_storm = [str(post["blocks"]) for post in few.slack.posts if "lab reviews at once" in str(post["blocks"])]
    assert len(of_storm) >= 1
    assert all("POSSIBLE REPEAT" in text for text in of_storm[1:])
    assert kinds(few) == {"alert delivered": 6, "storm delivered": 1}
    assert told(few) == [1, 2, 3, 4, 5, 50]
    with few.database.begin(Role.WEB) as connection:
        assert ledger.verify(connection).first_bad is None


def test_two_workers_at_once_make_one_message(few: World) -> None:
    alerts(few, 30)

    def gather(_: int) -> int:
        with few.database.begin(Role.DELIVERY) as connection:
            return storms.gather(connection, LIMIT, NOW, ledger.append)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(gather, range(4))) == [0, 0, 0, 30]
    assert kinds(few) == {"alert bundled": 30, "storm pending": 1}


def test_the_copy_for_a_stand_in_tells_of_the_same_episodes(few: World) -> None:
    alerts(few, 4)
    few.slack.fault("ok_false:channel_not_found")
    few.deliver()
    assert any("SENT HERE INSTEAD" in mail["text"] for mail in few.smtp.mails)
    assert told(few) == [1, 2, 3, 4]
    assert kinds(few) == {"alert delivered": 4, "storm permanent": 1, "storm delivered": 1, "operations delivered": 1}
    assert {row["destination"] for row in rows(few.database, "SELECT destination FROM nephrowatch.told")} == {"mail"}


def test_one_that_reaches_nobody_leaves_its_episodes_untold(few: World) -> None:
    alerts(few, 4)
    few.slack.fault("ok_false:channel_not_found")
    few.smtp.fault("550", "550", "550")
    few.deliver()
    assert told(few) == []
    assert kinds(few)["alert permanent"] == 4
    assert not few.smtp.mails


@given(st.lists(st.tuples(st.sampled_from(["HIGH", "WARNING"]), st.sampled_from(["phosphate", "pth", "calcium"]),
                          st.booleans()), min_size=2, max_size=60))  # fmt: skip
def test_the_message_counts_every_alert_once_and_starts_with_the_worst(found: list[tuple[str, str, bool]]) -> None:
    content = storms.told([(severity, {**ALERT, "group": group, "late": late}) for severity, group, late in found], LIMIT)
    assert sum(line["episodes"] for line in content["lines"]) == content["episodes"] == len(found)
    assert content["severity"] == ("HIGH" if any(severity == "HIGH" for severity, *_ in found) else "WARNING")
    assert content["severity"] == content["lines"][0]["severity"]
    assert content["late"] == any(late for *_, late in found)
    assert content["acknowledge_by"] == ALERT["acknowledge_by"]
