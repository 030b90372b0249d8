"""The reason of a change in words. Holds no value and nothing of the patient, so that it may travel in a message. Pure."""

from __future__ import annotations

from monitors.records import ChangeKind, Severity

SENTENCES: dict[tuple[ChangeKind, str], str] = {
    (ChangeKind.OPENED, "raised"): "{rules} raised: a new episode at {severity}.",
    (ChangeKind.OPENED, "present_at_start"): "{rules} was raised before the rule or the unit went live.",
    (ChangeKind.WORSENED, "severity_up"): "{rules} became worse: {was} before, {severity} now.",
    (ChangeKind.WORSENED, "new_limb"): "{rules} came on top of what was open; severity is {severity}.",
    (ChangeKind.EASED, "severity_down"): "{rules} is less severe: {was} before, {severity} now.",
    (ChangeKind.EASED, "limb_cleared"): "{rules} cleared while the rest goes on at {severity}.",
    (ChangeKind.EASED, "evidence_corrected"): "A result of {rules} was corrected; {severity} remains.",
    (ChangeKind.REFRESHED, "assessable_again"): "There are values to judge by again; severity is {severity}.",
    (ChangeKind.TOLD_LATE, "not_told_before"): "{rules} still fires at {severity}; not everybody was told.",
    (ChangeKind.REOPENED, "snooze_ended"): "Its snooze has ended; it is open again at {severity}.",
    (ChangeKind.REOPENED, "dismissal_ended"): "A dismissal lasts no longer than this; it is open again at {severity}.",
    (ChangeKind.REOPENED, "unattended"): "It was acknowledged a while ago and still fires at {severity}; it is open again.",
    (ChangeKind.REOPENED, "critical_not_dismissed"): "{rules} fires at CRITICAL, which no dismissal holds back; open again.",
    (ChangeKind.REOPENED, "severity_up"): "{rules} is more severe than when somebody looked; it is open again at {severity}.",
    (ChangeKind.REOPENED, "new_limb"): "{rules} was not there when somebody looked; it is open again at {severity}.",
    (ChangeKind.REOPENED, "value_worse"): "A value of {rules} is further beyond its limit than when somebody looked; open again.",
    (ChangeKind.HANDED_OVER, "unit_changed"): "The patient moved to another unit, open at {severity}.",
    (ChangeKind.RESOLVED, "cleared_by_values"): "Newer values cleared it.",
    (ChangeKind.RESOLVED, "aged_out"): "What raised it is older than the rule looks back, and nothing raised it since.",
    (ChangeKind.RESOLVED, "late_results"): "Results that were missing arrived late: they had been drawn in time.",
    (ChangeKind.RETRACTED, "evidence_corrected"): "Withdrawn: the results it rested on were corrected.",
    (ChangeKind.CLOSED, "died"): "Closed by the census: the patient died.",
    (ChangeKind.CLOSED, "transplanted"): "Closed by the census: the patient was transplanted.",
    (ChangeKind.CLOSED, "left"): "Closed by the census: the patient left.",
    (ChangeKind.CLOSED, "merged"): "Closed: the patient's number was merged into another, which is judged with all results.",
}


def sentence(kind: ChangeKind, reason: str, rules: str, was: Severity, severity: Severity) -> str:
    """Raises KeyError for a kind and reason that no change has."""
    if reason == "rule_stopped":
        return f"A person stopped the rule; nothing about the patient changed ({kind})."
    if reason == "rule_changed":
        return f"The rules changed, not the patient's values ({kind})."
    if kind is ChangeKind.STALE:
        return f"Nothing new to judge by ({reason}); it stays {severity}."
    return SENTENCES[kind, reason].format(rules=rules, was=was, severity=severity)
