CREATE TEMP TABLE rule_events ON COMMIT DROP AS
SELECT e.* FROM nephrowatch.rule_events e CROSS JOIN pg_temp.moment m WHERE e.recorded_at <= m.at
