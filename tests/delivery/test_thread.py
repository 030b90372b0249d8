"""In Slack, an episode is one post with a thread: later messages hang under it, and it is brought up to date."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from monitors.database import Database
from monitors.demo.standins import SlackStandIn, SmtpStandIn
from monitors.settings import Settings
from tests.delivery.builders import episode, queue, rows, states
from tests.delivery.test_deliver import World


@pytest.fixture
def world(database: Database, settings: Settings) -> Iterator[World]:
    with SlackStandIn() as slack, SmtpStandIn() as smtp:
        world = World(database, settings, slack, smtp)
        queue(database, "NW-1-1", episode_id=episode(database))
        world.deliver()
        queue(database, "NW-1-2", kind="withdrawn", episode_id=1)
        yield world


def updates(world: World) -> list[dict[str, str]]:
    return [entry for entry in world.slack.accepted.entries if entry["method"] == "chat.update"]


def test_a_later_message_hangs_under_the_first_which_then_says_the_same(world: World) -> None:
    first = world.slack.posts[0]
    assert "thread_ts" not in first
    assert world.deliver() == {"delivered": 2}
    later = world.slack.posts[1]
    assert (later["thread_ts"], later["reply_broadcast"]) == (first["ts"], True)  # seen in the channel as well
    updated = updates(world)[0]
    assert updated["ts"] == first["ts"]
    assert "WITHDRAWN" in str(updated["blocks"])
    assert "UPDATED: this post shows the newest state" in str(updated["blocks"])
    assert "<!" not in str(updated) + str(later)  # nobody is mentioned
    assert "<@" not in str(updated) + str(later)
    assert world.deliver() == {}


def test_a_third_message_hangs_under_the_first_too(world: World) -> None:
    world.deliver()
    queue(world.database, "NW-1-3", episode_id=1)
    world.deliver()
    assert {post.get("thread_ts") for post in world.slack.posts[1:]} == {world.slack.posts[0]["ts"]}
    assert len(updates(world)) == 2


def test_an_edit_of_unknown_outcome_is_made_again_without_a_mark(world: World) -> None:
    world.slack.fault("slow", "accept_then_drop")
    assert world.deliver() == {"delivered": 1, "deferred": 1}
    assert world.deliver(10) == {"delivered": 1}
    assert len(updates(world)) == 2
    assert "POSSIBLE REPEAT" not in str(updates(world))


def test_a_first_post_that_was_deleted_loses_nothing(world: World) -> None:
    world.slack.fault("slow", "ok_false:message_not_found")
    assert world.deliver() == {"delivered": 1, "permanent": 1}
    assert not [key for key in states(world.database) if key.startswith(("operations/", "instead/"))]


def test_only_what_tells_counts_as_told(world: World) -> None:
    world.deliver()
    assert rows(world.database, "SELECT count(*) AS n FROM nephrowatch.told")[0]["n"] == 1  # the alert; an edit tells nobody
