-- What people decided about rules, oldest first.
SELECT rule, version, content, limits, kind, unit, actor, role, reason, recorded_at
FROM nephrowatch.rule_events ORDER BY rule_event_id
