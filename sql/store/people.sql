-- The patients of one file as they are known now.
CREATE TEMP TABLE people (
    person integer PRIMARY KEY, identifier text NOT NULL, subject_id bigint NOT NULL, patient_id bigint NOT NULL
) ON COMMIT DROP
