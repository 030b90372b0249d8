CREATE TEMP TABLE incoming_medications (
    row_no bigint NOT NULL, person integer NOT NULL,
    drug_text text NOT NULL, ingredient text, classes text[] NOT NULL, order_no text,
    started_on date, ended_on date, days_supply double precision, listed_on date, dose text, status text NOT NULL
) ON COMMIT DROP
