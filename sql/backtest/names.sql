-- How people name some patients: the number each was founded with.
SELECT subject_id AS patient_id, authority, identifier FROM nephrowatch.subjects WHERE subject_id = ANY (:patients)
