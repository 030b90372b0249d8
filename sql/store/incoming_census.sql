CREATE TEMP TABLE incoming_census (
    row_no bigint NOT NULL, person integer NOT NULL, effective_on date NOT NULL,
    unit text NOT NULL, status text NOT NULL, modality text, schedule text, clinician text, location text
) ON COMMIT DROP
