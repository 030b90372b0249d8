CREATE TEMP TABLE incoming_labs (
    row_no bigint NOT NULL, person integer NOT NULL, assay integer,
    analyte smallint NOT NULL, collected_at timestamptz NOT NULL, value double precision, flags integer NOT NULL,
    unit text NOT NULL, issued_at timestamptz NOT NULL, issue_stated boolean NOT NULL, status text NOT NULL, accession text,
    specimen text, specimen_kind text NOT NULL, value_text text NOT NULL, comparator text NOT NULL, unit_text text NOT NULL,
    code text NOT NULL, comment text, reference_range text, abnormal text, condition text
) ON COMMIT DROP
