CREATE TEMP TABLE incoming_facts (
    row_no bigint NOT NULL, person integer NOT NULL, fact text NOT NULL, code text, text text, value double precision,
    happened_on date NOT NULL, ended_on date, status text NOT NULL, unit text
) ON COMMIT DROP
