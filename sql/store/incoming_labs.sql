-- Contested results, with their keys (monitors/store_keys.py).
CREATE TEMP TABLE incoming_labs (
    row_no bigint NOT NULL, person integer NOT NULL, assay_id bigint, draw bigint NOT NULL,
    result_key uuid NOT NULL, content_key uuid NOT NULL, rank smallint NOT NULL,
    analyte smallint NOT NULL, collected_at timestamptz NOT NULL, value double precision, flags integer NOT NULL,
    unit text NOT NULL, issued_at timestamptz NOT NULL, issue_stated boolean NOT NULL, status text NOT NULL, accession text,
    specimen text, value_text text NOT NULL, comparator text NOT NULL, unit_text text NOT NULL,
    code text NOT NULL, comment text, reference_range text, abnormal text, condition text
) ON COMMIT DROP
