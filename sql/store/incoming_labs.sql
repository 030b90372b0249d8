CREATE TEMP TABLE incoming_labs (
    row_no bigint NOT NULL, person integer NOT NULL, date_of_birth date, assay integer,
    analyte smallint NOT NULL, collected_at timestamptz NOT NULL, value double precision, flags integer NOT NULL,
    unit text NOT NULL, issued_at timestamptz NOT NULL, status text NOT NULL, accession text, specimen text,
    value_text text NOT NULL, comparator text NOT NULL, unit_text text NOT NULL, code text NOT NULL, comment text
) ON COMMIT DROP
