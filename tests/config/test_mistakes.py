"""One file per mistake a site can make in its configuration; the file's name is the mistake."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml

from monitors import config
from monitors.errors import ConfigError
from tests.site import REPOSITORY

MISTAKES = sorted((Path(__file__).parent / "mistakes").glob("*.yaml"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(REPOSITORY / "config", tmp_path / "config", ignore=shutil.ignore_patterns("examples")))


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda path: path.stem)
def test_a_mistake_is_refused_at_start_with_file_line_and_rule(folder: Path, mistake: Path) -> None:
    case = yaml.safe_load(mistake.read_text())
    path = folder / case["file"]
    text = path.read_text()
    assert case["find"] in text, "the shipped configuration no longer has the line this mistake is made in"
    path.write_text(text.replace(case["find"], case["write"], 1))
    with pytest.raises(ConfigError) as refused:
        config.load(folder)
    assert case["says"] in str(refused.value)
    assert refused.value.file.endswith(case["file"].rsplit("/", 1)[-1])
    if "reach nobody" not in case["says"]:
        assert re.match(r".+:\d+: ", str(refused.value)), f"no line in: {refused.value}"


def test_the_shipped_configuration_is_accepted() -> None:
    loaded = config.load(REPOSITORY / "config")
    assert {rule.id for rule in loaded.rules} >= {"R01", "R09", "R10", "R13"}
    assert len(loaded.ruleset) == 16


def test_a_missing_folder_and_a_missing_file_say_what_to_do(folder: Path) -> None:
    with pytest.raises(ConfigError, match="set NEPHROWATCH_CONFIG"):
        config.load(folder / "nowhere")
    (folder / "routes.yaml").unlink()
    with pytest.raises(ConfigError, match=r"routes\.yaml: the file is missing"):
        config.load(folder)


def test_the_rule_set_changes_with_a_limit_and_not_with_a_comment(folder: Path) -> None:
    before = config.load(folder).ruleset
    rule = folder / "rules" / "R01.yaml"
    rule.write_text("# a comment\n" + rule.read_text())
    assert config.load(folder).ruleset == before
    rule.write_text(rule.read_text().replace("5.5 mg/dL | 1.78 mmol/L", "5.6 mg/dL | 1.81 mmol/L", 1))
    assert config.load(folder).ruleset != before


def test_a_frozen_rule_set_reads_back_the_same() -> None:
    loaded = config.load(REPOSITORY / "config")
    assert config.RulesetBody.model_validate_json(loaded.ruleset_body).rules == loaded.rules
