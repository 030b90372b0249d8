CREATE TEMP TABLE judged_counts (unit text, rule text, outcome text, reason text, patients bigint) ON COMMIT DROP
