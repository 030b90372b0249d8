"""Every way Slack can answer, and what the outbox is told about it."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
from collections.abc import Iterator

import pytest

from monitors.delivery.slack import SlackChannel
from monitors.demo.standins import SlackStandIn
from monitors.errors import DeliveryError
from tests.delivery.builders import NOW, message, slack_to


@pytest.fixture
def slack() -> Iterator[SlackStandIn]:
    with SlackStandIn() as stand_in:
        yield stand_in


def channel(slack: SlackStandIn, timeout: float = 5.0) -> SlackChannel:
    return SlackChannel(slack_to(slack.api_url), "xoxb-test", timeout)


FAULTS = {  # fault -> (outcome, posts accepted)
    "429": ("deferred", 0),
    "ok_false:ratelimited": ("deferred", 0),
    "ok_false:invalid_auth": ("permanent", 0),
    "ok_false:channel_not_found": ("permanent", 0),
    "ok_false:is_archived": ("permanent", 0),
    "ok_false:not_in_channel": ("permanent", 0),
    "ok_false:token_revoked": ("permanent", 0),
    "ok_false:msg_blocks_too_long": ("permanent", 0),
    "ok_false:internal_error": ("ambiguous", 0),
    "ok_false:fatal_error": ("ambiguous", 0),
    "500": ("ambiguous", 0),
    "bad_json": ("ambiguous", 0),
    "drop": ("ambiguous", 0),
    "hang": ("ambiguous", 0),
    "accept_then_drop": ("ambiguous", 1),
    "accept_then_hang": ("ambiguous", 1),
    "accept_then_500": ("ambiguous", 1),
}


@pytest.mark.parametrize(("fault", "expected"), FAULTS.items(), ids=FAULTS)
def test_every_fault_has_its_outcome_and_is_sent_once(
    slack: SlackStandIn, fault: str, expected: tuple[str, int]
) -> None:
    slack.fault(fault)
    with pytest.raises(DeliveryError) as refused:
        channel(slack, 0.3 if fault.endswith("hang") else 5.0).send(message(), NOW)
    assert (refused.value.outcome, len(slack.posts)) == expected
    assert slack.requests == ["chat.postMessage"]
    assert "xoxb" not in str(refused.value)


def test_retry_after_is_passed_on(slack: SlackStandIn) -> None:
    slack.fault("429")
    with pytest.raises(DeliveryError) as refused:
        channel(slack).send(message(), NOW)
    assert refused.value.retry_after == 7.0


def test_a_refused_connection_and_an_unknown_host_are_a_definite_no() -> None:
    with socket.socket() as closed:  # bound, never listening: a port where nobody answers
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        for url in (f"http://127.0.0.1:{port}/api/", "http://slack.invalid/api/"):
            with pytest.raises(DeliveryError) as refused:
                SlackChannel(slack_to(url), "xoxb-test").send(message(), NOW)
            assert refused.value.outcome == "deferred"


@pytest.mark.parametrize("fault", ["", "slow"])
def test_a_post_gives_its_receipt(slack: SlackStandIn, fault: str) -> None:
    if fault:
        slack.fault(fault)
    receipt = channel(slack).send(message(), NOW)
    assert receipt == {"channel": "C0TEST", "ts": slack.posts[0]["ts"]}


def test_what_is_posted_cannot_ping_unfurl_or_carry_more_than_an_opaque_id(slack: SlackStandIn) -> None:
    channel(slack).send(message(unit="<!channel>"), NOW)
    post = slack.posts[0]
    assert post["metadata"] == {"event_type": "nephrowatch_alert", "event_payload": {"delivery_id": "d-1"}}
    assert (post["unfurl_links"], post["unfurl_media"], post["link_names"], post["mrkdwn"]) == (False,) * 4
    assert post["text"] == "Unit &lt;!channel&gt;: 1 lab review needs acknowledgement (HIGH)"
    assert "mrkdwn" not in json.dumps(post["blocks"])


def test_an_earlier_copy_is_found_by_its_delivery_id(slack: SlackStandIn) -> None:
    slack.fault("accept_then_drop")
    ours = channel(slack)
    with pytest.raises(DeliveryError):
        ours.send(message(), NOW)
    assert ours.find("d-1", NOW) == {"channel": "C0TEST", "ts": slack.posts[0]["ts"], "found": True}
    assert ours.find("d-2", NOW) is None


def test_without_the_scope_to_read_nothing_is_found_and_nothing_fails() -> None:
    with SlackStandIn(history=False) as slack:
        ours = channel(slack)
        ours.send(message(), NOW)
        assert ours.find("d-1", NOW) is None


def test_no_log_at_any_level_holds_a_body_or_the_token(
    slack: SlackStandIn, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    slack.fault("slow", "500", "bad_json")
    for _ in range(3):
        with contextlib.suppress(DeliveryError):
            channel(slack).send(message(unit_name="Oxenhope House"), NOW)
    assert "Oxenhope" not in caplog.text
    assert "xoxb" not in caplog.text


def test_a_broken_token_is_named_by_its_variable_and_never_shown(slack: SlackStandIn) -> None:
    with pytest.raises(DeliveryError, match="SLACK_BOT_TOKEN") as refused:
        SlackChannel(slack_to(slack.api_url), "xoxb-a\nb")
    assert "xoxb-a" not in str(refused.value)
