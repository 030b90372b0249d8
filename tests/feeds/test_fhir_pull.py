"""Pulling from a FHIR server that does what servers do: late, torn, elsewhere, twice, expired."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import fhir_builders
import fhir_standin
import pytest
from fhir_standin import StandIn

from monitors.config import Feed
from monitors.errors import FeedError, UserError
from monitors.feeds import fhir, pull
from monitors.feeds.fhir_server import Secrets

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
SECRETS = Secrets("nightly", "s3cret")


class Clock:
    """Time that passes only by waiting."""

    def __init__(self) -> None:
        self.now, self.waits = NOW, list[float]()

    def __call__(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def server() -> Iterator[StandIn]:
    with fhir_standin.running() as stand_in:
        stand_in.pages = [[result("o1", "2026-03-01T10:00:00Z")], [result("o2", "2026-03-01T11:00:00Z")]]
        yield stand_in


@pytest.fixture
def clock() -> Clock:
    return Clock()


def result(number: str, changed: str) -> dict[str, Any]:
    return fhir_builders.observation(id=number, meta={"lastUpdated": changed})


def feed(server: StandIn, **change: Any) -> Feed:
    return fhir_builders.feed(location=server.address, pull={"resources": ["Observation"], "attempts": 3, **change})


def read(server: StandIn, clock: Clock, since: datetime | None = None, **change: Any) -> list[pull.Page]:
    described = feed(server, **change)
    secrets = SECRETS if "token_url" in change else None
    with pull.open_client(described, secrets, clock=clock, wait=clock.wait) as client:
        return list(pull.pages("lab", described, {"Observation": since} if since else {}, client))


def refused(server: StandIn, clock: Clock, **change: Any) -> tuple[str, str]:
    with pytest.raises(FeedError) as problem:
        read(server, clock, **change)
    return problem.value.reason, str(problem.value)


def test_pages_come_as_they_are_and_the_last_one_moves_the_mark(server: StandIn, clock: Clock) -> None:
    first, last = read(server, clock)
    assert (first.last, first.read_to) == (False, None)
    assert (last.last, last.read_to) == (True, datetime(2026, 3, 1, 10, 55, tzinfo=UTC))
    assert server.asked[0] == {"_count": ["200"], "_sort": ["_lastUpdated"]}
    assert len(fhir.parse(first.raw, feed(server)).refused) == 1  # its patient is in no earlier file
    again = read(server, clock, since=last.read_to)
    assert server.asked[2]["_lastUpdated"] == ["ge2026-03-01T10:55:00.000Z"]
    assert [page.name for page in again] == [first.name, last.name]


def test_the_mark_never_passes_the_servers_clock_nor_goes_back(server: StandIn, clock: Clock) -> None:
    server.pages = [[result("o1", "2031-01-01T00:00:00Z")]]
    assert read(server, clock)[-1].read_to == NOW - timedelta(seconds=300)
    since = datetime(2026, 3, 2, 2, 59, tzinfo=UTC)
    assert read(server, clock, since=since)[-1].read_to == since
    server.pages = []
    [empty] = read(server, clock, since=since)
    assert (empty.last, empty.read_to) == (True, None)


def test_what_went_or_moved_between_pages_keeps_the_mark(server: StandIn, clock: Clock) -> None:
    server.total = 3
    assert read(server, clock)[-1].read_to is None
    server.total = 2
    assert read(server, clock)[-1].read_to is not None


def test_late_and_torn_answers_are_asked_for_again(server: StandIn, clock: Clock) -> None:
    server.faults.extend([(429, {"Retry-After": "7"}), "cut", (503, {"Retry-After": "Mon, 02 Mar 2026 03:00:21 GMT"}), (500, {})])
    assert refused(server, clock)[0] == "unreachable"
    assert clock.waits == [7.0, 4.0]
    clock.waits.clear()
    server.faults.clear()
    server.faults.extend([(429, {"Retry-After": "7"}), "cut"])
    assert len(read(server, clock)) == 2
    assert clock.waits == [7.0, 4.0]


def test_a_server_that_asks_for_hours_is_left_for_the_next_night(server: StandIn, clock: Clock) -> None:
    server.faults.append((503, {"Retry-After": "7200"}))
    assert refused(server, clock)[0] == "unreachable"
    assert clock.waits == []


def test_an_outcome_says_its_code_and_nothing_of_a_patient(server: StandIn, clock: Clock) -> None:
    server.faults.append((410, {}))
    reason, sentence = refused(server, clock)
    assert (reason, "processing" in sentence, "Example" in sentence) == ("server_refused", True, False)


@pytest.mark.parametrize(
    "link",
    ["http://127.0.0.1:1/fhir/Observation?page=1", "https://other.example/x", "file:///x", "http://a@127.0.0.1/x", "http://[x"],
)
def test_a_next_link_elsewhere_is_not_followed(server: StandIn, clock: Clock, link: str) -> None:
    server.next_links[0] = link
    assert refused(server, clock)[0] == "wrong_link"
    assert len(server.asked) == 1


def test_pages_that_go_in_circles_or_never_end_are_left(server: StandIn, clock: Clock) -> None:
    server.next_links[1] = f"{server.address}/Observation?page=1"
    assert refused(server, clock)[0] == "endless_paging"
    server.next_links.clear()
    assert refused(server, clock, max_pages=1)[0] == "endless_paging"


def test_a_token_is_renewed_before_its_end_and_once_when_refused(server: StandIn, clock: Clock) -> None:
    secret = {"token_url": f"{server.address}/token", "client_id": "ID", "client_secret": "SECRET"}
    server.needs_token = True
    assert len(read(server, clock, **secret)) == 2
    assert server.tokens == 1
    server.faults.append((401, {}))
    assert len(read(server, clock, **secret)) == 2
    assert server.tokens == 3
    server.faults.extend([(401, {}), (401, {})])
    assert refused(server, clock, **secret)[0] == "refused_login"
    server.tokens, server.lifetime = 0, 61
    server.faults.append((429, {"Retry-After": "60"}))
    assert len(read(server, clock, **secret)) == 2
    assert server.tokens == 2
    server.token_faults.append(400)
    assert refused(server, clock, **secret)[0] == "refused_login"


def test_secrets_are_named_and_never_shown(server: StandIn) -> None:
    named = feed(server, token_url=f"{server.address}/token", client_id="ID", client_secret="SECRET")
    secrets = pull.secrets_of(named, {"ID": "nightly", "SECRET": "s3cret"}.__getitem__)
    assert secrets == SECRETS
    assert "s3cret" not in repr(secrets)
    assert pull.secrets_of(feed(server), str) is None
    with pytest.raises(UserError):
        pull.secrets_of(feed(server, token_url="http://127.0.0.1/t"), str)


def test_a_page_that_is_too_large_or_no_searchset_is_refused(server: StandIn, clock: Clock) -> None:
    small = fhir_builders.feed(location=server.address, pull={"resources": ["Observation"]}, caps={"bytes": 100})
    with pull.open_client(small, None, clock=clock, wait=clock.wait) as client, pytest.raises(FeedError, match="bytes"):
        list(pull.pages("lab", small, {}, client))
    server.pages = [[{"resourceType": "OperationOutcome", "id": "x", "issue": [{"severity": "error", "code": "timeout"}]}]]
    assert refused(server, clock)[0] == "server_refused"


def test_a_server_that_is_not_there_is_told_as_such(clock: Clock) -> None:
    with fhir_standin.running() as gone:
        pass
    assert refused(gone, clock)[0] == "unreachable"
    assert clock.waits == [2.0, 4.0]
