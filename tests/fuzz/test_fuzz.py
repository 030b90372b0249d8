"""A small run of every format; `make fuzz` runs a million each."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.fuzz import harness

MUTANTS = 20_000


@pytest.mark.parametrize("name", harness.FORMATS)
def test_no_mutant_escapes_gets_lost_or_reaches_another_patient(name: str, show: Callable[[str], None]) -> None:
    outcome = harness.fuzz(name, MUTANTS, seed=20260301)
    show("\n".join(harness.report(outcome)))
    assert outcome.failures == []
    refused = sum(count for what, count in outcome.counts.items() if what.startswith("files refused"))
    assert outcome.counts["files read"] + refused == MUTANTS
    assert outcome.counts["labs: good rows"] > MUTANTS / 10  # the damage leaves enough whole to be worth a look


def test_a_seed_without_damage_is_read_whole() -> None:
    for name in harness.FORMATS:
        module = harness.format_module(name)
        for raw in module.seeds():
            reading = module.read(raw, module.feed())
            assert not reading.refused
            assert not reading.lost
            assert sum(map(len, reading.rows.values()))
