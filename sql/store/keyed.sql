-- The file's results with their keys. before: whether this version, or another of the same key, was known.
CREATE TEMP TABLE keyed (
    row_no bigint NOT NULL, subject_id bigint NOT NULL, assay_id bigint, draw bigint NOT NULL,
    result_key uuid NOT NULL, content_key uuid NOT NULL, rank smallint NOT NULL
) ON COMMIT DROP
