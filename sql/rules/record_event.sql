INSERT INTO nephrowatch.rule_events (rule, version, content, limits, kind, unit, actor, role, reason, recorded_at)
VALUES (:rule, :version, :content, :limits, :kind, :unit, :actor, :role, :reason, :now)
