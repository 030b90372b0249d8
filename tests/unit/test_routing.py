"""Nested routes against a plain account of them, and what they may never do: lose an alert."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors import config
from monitors.cli_routes import asks, drawn, why
from monitors.records import Severity
from monitors.routes import Routes, schema
from monitors.routing import Asked
from tests.site import REPOSITORY

UNITS, GROUPS = ["N1", "N2"], ["phosphate", "pth"]
SEVERITIES = ["WARNING", "HIGH", "CRITICAL"]
MAIL = {"kind": "email", "sender": "s@x.example", "host": "127.0.0.1", "tls": "none"}
TO = {name: {**MAIL, "to": f"{name}@x.example"} for name in "abcde"}
ALERTS = list(product(UNITS, SEVERITIES, GROUPS))


def some(names: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True)


MATCHERS = {"units": some(UNITS), "severities": some(SEVERITIES), "groups": some(GROUPS), "to": some(list("abcde")),
            "messages": some(["alert", "digest", "operations"])}  # fmt: skip
CHILDREN = st.recursive(
    st.fixed_dictionaries({}, optional={**MATCHERS, "continue": st.booleans()}),
    lambda below: st.fixed_dictionaries(
        {}, optional={**MATCHERS, "continue": st.booleans(), "routes": st.lists(below, max_size=3)}),
    max_leaves=6,
)  # fmt: skip
TOPS = st.fixed_dictionaries(
    {"to": some(list("abcde"))},
    optional={name: value for name, value in MATCHERS.items() if name != "to"} | {"routes": st.lists(CHILDREN, max_size=3)},
)


def routes(tops: list[dict[str, Any]]) -> Routes:
    return Routes.model_validate({"destinations": TO, "routes": tops})


def plainly(route: dict[str, Any], above: dict[str, Any], unit: str, severity: str, group: str) -> tuple[bool, list[str]]:
    """Whether a route takes an alert, and who gets it: the account in the docs, word for word."""
    says = {**above, **{key: value for key, value in route.items() if key not in ("routes", "continue")}}
    if "alert" not in says["messages"] or severity not in says["severities"]:
        return False, []
    if unit not in says.get("units", UNITS) or group not in says.get("groups", GROUPS):
        return False, []
    got: list[str] = []
    for child in route.get("routes", []):
        takes, who = plainly(child, says, unit, severity, group)
        if takes:
            got += who
            if not child.get("continue"):
                break
    return True, got or says["to"]


@given(st.lists(TOPS, min_size=1, max_size=3))
def test_an_alert_goes_where_the_plain_account_says_and_nesting_never_loses_one(tops: list[dict[str, Any]]) -> None:
    nested = routes(tops)
    flat = routes([{key: value for key, value in top.items() if key != "routes"} for top in tops])
    again = Routes.model_validate_json(nested.model_dump_json(by_alias=True))
    for unit, severity, group in ALERTS:
        found = nested.alert(unit, Severity(severity), group)
        base = {"messages": ["alert"], "severities": ["HIGH", "CRITICAL"]}
        who = [name for top in tops for name in plainly(top, base, unit, severity, group)[1]]
        assert found == tuple(dict.fromkeys(who))
        assert bool(found) == bool(flat.alert(unit, Severity(severity), group)), "what changes below is who, not whether"
        assert again.alert(unit, Severity(severity), group) == found, "as kept with a judgement"
    for unit in UNITS:
        assert bool(nested.digest(unit)) == bool(flat.digest(unit))
    assert bool(nested.operations()) == bool(flat.operations())


TREE = [
    {"to": ["a"], "messages": ["alert", "digest", "operations"], "routes": [
        {"units": ["N1"], "to": ["b"], "routes": [
            {"severities": ["CRITICAL"], "to": ["c"], "continue": True}, {"groups": ["pth"], "to": ["d"]},
            {"severities": ["CRITICAL"]}]},
        {"groups": ["phosphate"], "to": ["e"]}]},
]  # fmt: skip
WAYS = """
message    unit severity group      to   taken by
alert      N1   CRITICAL pth        c,d  1.1.1 1.1.2
alert      N1   CRITICAL phosphate  c,b  1.1.1 1.1.3
alert      N1   HIGH     pth        d    1.1.2
alert      N1   HIGH     phosphate  b    1.1
alert      N2   HIGH     phosphate  e    1.2
alert      N2   CRITICAL pth        a    1
digest     N1   -        -          b    1.1
digest     N2   -        -          a    1
operations -    -        -          a    1
"""


@pytest.mark.parametrize("row", [row for row in WAYS.splitlines()[2:] if row.strip()])
def test_what_a_message_does_not_have_never_matches_below(row: str) -> None:
    message, unit, severity, group, to, paths = row.split(maxsplit=5)
    has = {"units": unit, "severities": severity, "groups": group}
    asked = Asked(message, **{label: name for label, name in has.items() if name != "-"})  # type: ignore[arg-type]
    seen = list(routes(TREE).way(asked))
    assert ",".join(dict.fromkeys(name for one in seen if not one.refused for name in one.node.to)) == to
    assert " ".join(one.node.name for one in seen if not one.refused) == paths


def test_every_route_says_why() -> None:
    asked = Asked("alert", "N1", "HIGH", "pth")
    said = {one.node.name: why(one, asked) for one in routes(TREE).way(asked)}
    assert said == {
        "1": "matches; a route below takes it", "1.1": "matches; a route below takes it",
        "1.1.1": "not taken: its severities are CRITICAL, not HIGH", "1.1.2": "takes it",
        "1.1.3": "not asked: route 1.1.2 took it and does not say continue",
        "1.2": "not asked: route 1.1 took it and does not say continue",
    }  # fmt: skip


def test_the_tree_is_drawn() -> None:
    assert drawn(routes(TREE)) == [
        "1 alert, digest, operations; HIGH, CRITICAL -> a (what no route below takes)",
        "└─ 1.1 alert, digest; units N1; HIGH, CRITICAL -> b (what no route below takes)",
        "   └─ 1.1.1 alert; units N1; CRITICAL -> c; goes on",
        "   └─ 1.1.2 alert; units N1; HIGH, CRITICAL; causes pth -> d",
        "   └─ 1.1.3 alert; units N1; CRITICAL -> b",
        "└─ 1.2 alert; HIGH, CRITICAL; causes phosphate -> e",
    ]
    assert len(drawn(routes(TREE), "N2")) == 2
    assert asks(next(routes(TREE).tops())).startswith("alert, digest, operations")


def test_flat_routes_send_to_everyone_that_matches_as_ever() -> None:
    shipped = config.load(REPOSITORY / "config").routes
    assert shipped.alert("N1", Severity.HIGH, "pth") == ("n1-slack", "n1-mail")
    assert json.loads(shipped.model_dump_json(by_alias=True))["routes"][0]["routes"] == []


def test_the_schema_for_editors_is_current() -> None:
    written = (REPOSITORY / "config/schema/routes.schema.json").read_text("utf-8")
    assert written == schema(), "run: make schema"
