CREATE TEMP TABLE judged_findings (
    patient_id bigint, rule text, unit text, outcome text, reason text, sentence text, severity text,
    since timestamptz, cleared_at timestamptz, evidence jsonb, facts jsonb, previous text, previous_severity text
) ON COMMIT DROP
