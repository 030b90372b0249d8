CREATE TEMP TABLE judged_standings (patient_id bigint, unit text, status text, newest_result timestamptz) ON COMMIT DROP
