SELECT DISTINCT ON (subject_id) subject_id, patient_id
FROM nephrowatch.links WHERE subject_id = ANY (:subjects)
ORDER BY subject_id, batch DESC
