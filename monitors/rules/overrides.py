"""A site's own limits, without a copy of the rule: config/overrides.yaml.

    overrides:
      R07:
        critical: {limit: 7.2 mg/dL | 1.80 mmol/L, reason: agreed with the laboratory, author: Dr Example}

Each names a rule, a signal of it, and the limit that signal raises at instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_validator

from monitors import documents
from monitors.documents import Document
from monitors.errors import ConfigError
from monitors.rules.breaches import UpperLimit
from monitors.rules.model import Rule
from monitors.units import Limit


class Override(Document):
    """The limit a signal raises at instead of its own; reason and author stand in the rule set."""

    limit: Limit | UpperLimit
    reason: str = Field(min_length=3)
    author: str = Field(min_length=1)

    @field_validator("limit", mode="before")
    @classmethod
    def _both_systems(cls, value: Any) -> Any:
        return value if isinstance(value, Mapping | UpperLimit) else Limit.parse(str(value))


class Overrides(Document):
    """rule -> signal -> override."""

    overrides: dict[str, dict[str, Override]] = {}


def overridden(rules: Mapping[str, Rule], changes: Overrides, file: str, text: str) -> dict[str, Rule]:
    """The rules that change, each with its new limits; who changed what and why is added to its provenance."""
    changed: dict[str, Rule] = {}
    for name, limbs in changes.overrides.items():
        if name not in rules:
            raise ConfigError(file, documents.line_in(text, "overrides", name), f"override of rule {name}, which is not here")
        rule = rules[name]
        for limb, override in limbs.items():
            line = documents.line_in(text, "overrides", name, limb)
            signal = next((one for one in rule.signals if one.name == limb), None)
            if signal is None:
                names = ", ".join(one.name for one in rule.signals)
                raise ConfigError(file, line, f"{name} has no signal '{limb}'; it has {names}")
            if signal.raise_ is None or not signal.raise_.compares:
                raise ConfigError(file, line, f"{name}: signal '{limb}' has no limit of its own to override")
            raises = signal.raise_.model_copy(update={signal.raise_.comparison: override.limit})
            mended = signal.model_copy(update={"raise_": raises})
            note = f"Site limit of {limb}: {_words(override)} ({override.reason}; {override.author})"
            source = rule.provenance.sources[0].model_copy(update={"text": note, "tag": "design"})
            provenance = rule.provenance.model_copy(update={"sources": [*rule.provenance.sources, source]})
            signals = [mended if one is signal else one for one in rule.signals]
            rule = rule.model_copy(update={"signals": signals, "provenance": provenance})
        changed[name] = rule
    return changed


def _words(override: Override) -> str:
    limit = override.limit
    return str(limit) if isinstance(limit, Limit) else f"{limit.times:g} times the upper limit, else {limit.otherwise}"
