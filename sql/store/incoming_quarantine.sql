CREATE TEMP TABLE incoming_quarantine (
    row_no bigint NOT NULL, line_no bigint NOT NULL, kind text NOT NULL, reason text NOT NULL, sentence text NOT NULL,
    remedy text NOT NULL, raw jsonb, unit text, critical text, analyte text, collected_at timestamptz, releasable boolean NOT NULL,
    said uuid
) ON COMMIT DROP
