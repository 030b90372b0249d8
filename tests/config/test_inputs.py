"""What a site has no feed of: what no feed can bring, and what it says itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from monitors import config
from monitors.errors import ConfigError
from monitors.inputs import lacking
from tests.site import REPOSITORY


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(REPOSITORY / "config", tmp_path / "config", ignore=shutil.ignore_patterns("examples")))


def fed(folder: Path, *names: str) -> set[str]:
    """What is lacking with no feeds but those named."""
    loaded = config.load(folder)
    return set(lacking(loaded.rules, [loaded.feeds[name] for name in names], loaded.analytes, ()))


def test_an_input_no_feed_can_bring_is_lacking(folder: Path) -> None:
    none = fed(folder)
    assert {"phosphate", "alt", "medications", "fact:session", "fact:pregnancy", "fact:admission"} <= none
    assert "ca_p" not in none
    assert "phosphate" not in fed(folder, "n1-labs")
    assert "fact:session" in fed(folder, "n1-labs", "n1-medications", "n1-census")
    assert not {"medications", "fact:admission"} & fed(folder, "n1-medications", "n1-census")


def test_a_feed_of_every_kind_may_bring_any_fact(folder: Path) -> None:
    loaded = config.load(folder)
    feed = loaded.feeds["n5-resources"].model_copy(update={"kinds": []})
    assert not [name for name in lacking(loaded.rules, [feed], loaded.analytes, ()) if name.startswith("fact:")]


def test_a_site_may_say_that_it_lacks_more(folder: Path) -> None:
    site = yaml.safe_load((folder / "site.yaml").read_text())
    before = config.load(folder).ruleset
    (folder / "site.yaml").write_text(yaml.safe_dump({**site, "no_feed_of": [*site.get("no_feed_of", []), "crp"]}))
    after = config.load(folder)
    assert "crp" in config.RulesetBody.model_validate_json(after.ruleset_body).lacking
    assert after.ruleset != before


def test_a_site_cannot_lack_what_nobody_knows(folder: Path) -> None:
    site = yaml.safe_load((folder / "site.yaml").read_text())
    (folder / "site.yaml").write_text(yaml.safe_dump({**site, "no_feed_of": ["fact:mood"]}))
    with pytest.raises(ConfigError, match="'fact:mood' is no analyte"):
        config.load(folder)
