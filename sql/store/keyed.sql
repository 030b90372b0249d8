-- The file's results with their keys.
CREATE TEMP TABLE keyed (
    row_no bigint NOT NULL, subject_id bigint NOT NULL, patient_id bigint NOT NULL, assay_id bigint, draw bigint NOT NULL,
    result_key uuid NOT NULL, content_key uuid NOT NULL, rank smallint NOT NULL, issued_at timestamptz NOT NULL,
    issue_stated boolean NOT NULL
) ON COMMIT DROP
