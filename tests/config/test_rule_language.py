"""The language around the rules: the schema editors use, and a site's own limits."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from monitors import config
from monitors.rules.schema import rule_schema
from monitors.units import Limit
from tests.site import REPOSITORY

CATALOGUE = [f"R{number:02}" for number in range(1, 25)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(REPOSITORY / "config", tmp_path / "config", ignore=shutil.ignore_patterns("examples")))


def test_the_schema_is_current() -> None:
    written = (REPOSITORY / "config/schema/rule.schema.json").read_text("utf-8")
    assert written == rule_schema(), "run: make schema"


def test_the_whole_catalogue_is_here_and_says_where_it_comes_from() -> None:
    rules = {rule.id: rule for rule in config.load(REPOSITORY / "config").rules}
    assert sorted(rules) == CATALOGUE
    assert {rule.id for rule in rules.values() if rule.shadow} == {"R18", "R21", "R22", "R23"}
    assert {rule.id for rule in rules.values() if not rule.opens} == {"R09", "R24"}
    for rule in rules.values():
        assert rule.provenance.review == "none (draft from literature)"
        assert {source.tag for source in rule.provenance.sources} <= {"found", "design", "knowledge"}


def test_limbs_that_are_not_live_are_those_that_were_decided() -> None:
    rules = config.load(REPOSITORY / "config").rules
    quiet = {(rule.id, signal.name): signal.mode for rule in rules for signal in rule.signals if signal.mode != "live"}
    assert quiet[("R11", "without_vka")] == "shadow"
    assert quiet[("R15", "marked")] == quiet[("R15", "rising")] == "page_only"
    assert {rule for rule, _ in quiet} == {"R11", "R15", "R19"}


def test_an_override_changes_one_limit_the_rule_set_and_the_provenance(folder: Path) -> None:
    before = config.load(folder)
    own = {"limit": "7.2 mg/dL | 1.80 mmol/L", "reason": "the laboratory phones from here", "author": "Dr Example"}
    (folder / "overrides.yaml").write_text(yaml.safe_dump({"overrides": {"R07": {"critical": own}}}))
    after = config.load(folder)
    (r07,) = (rule for rule in after.rules if rule.id == "R07")
    limits = {signal.name: signal.raise_.limit for signal in r07.signals if signal.raise_}
    assert limits["critical"] == Limit.parse("7.2 mg/dL | 1.80 mmol/L")
    assert limits["low"] == Limit.parse("7.5 mg/dL | 1.87 mmol/L")
    assert "the laboratory phones from here; Dr Example" in r07.provenance.sources[-1].text
    assert after.ruleset != before.ruleset
    assert [rule for rule in after.rules if rule.id != "R07"] == [rule for rule in before.rules if rule.id != "R07"]


def test_a_site_may_have_no_file_of_overrides(folder: Path) -> None:
    (folder / "overrides.yaml").unlink()
    assert config.load(folder).ruleset == config.load(REPOSITORY / "config").ruleset


def test_every_rule_reads_back_from_its_frozen_text() -> None:
    loaded = config.load(REPOSITORY / "config")
    assert config.RulesetBody.model_validate_json(loaded.ruleset_body).rules == loaded.rules
