"""What a list-only rule sees goes to the cards of what else is open."""

from __future__ import annotations

from monitors import config
from monitors.episode_records import patterns
from monitors.records import Finding, Outcome, Severity
from tests.site import REPOSITORY

RULES = {rule.id: rule for rule in config.load(REPOSITORY / "config").rules}


def found(rule: str, outcome: Outcome, *met: str) -> dict[str, Finding]:
    severity = None if outcome is Outcome.CLEAR else Severity.WARNING
    return {rule: Finding(1, rule, outcome, "conditions_met", "drawn", severity, facts={"met": list(met)})}


def test_only_what_a_list_only_rule_sees_tonight_is_a_pattern() -> None:
    assert patterns(found("R24", Outcome.FIRING, "high_turnover", "tertiary"), RULES) == ("high_turnover", "tertiary")
    assert patterns(found("R24", Outcome.HOLDING), RULES) == ()
    assert patterns(found("R24", Outcome.CLEAR, "tertiary"), RULES) == ()
    assert patterns(found("R13", Outcome.FIRING, "high"), RULES) == ()
    assert patterns({}, RULES) == ()
