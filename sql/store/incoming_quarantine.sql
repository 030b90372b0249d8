CREATE TEMP TABLE incoming_quarantine (
    row_no bigint NOT NULL, line_no bigint NOT NULL, reason text NOT NULL, sentence text NOT NULL, remedy text NOT NULL,
    raw jsonb
) ON COMMIT DROP
