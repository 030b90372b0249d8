-- Raw files that hold rows of a patient, with their place in the archive.
SELECT DISTINCT f.file_id, f.archived
FROM nephrowatch.files f
WHERE f.file_id IN (
    SELECT r.file_id FROM nephrowatch.results r WHERE r.subject_id IN (SELECT subject_id FROM nephrowatch.links WHERE patient_id = :patient)
    UNION SELECT m.file_id FROM nephrowatch.medications m WHERE m.subject_id IN (SELECT subject_id FROM nephrowatch.links WHERE patient_id = :patient)
    UNION SELECT c.file_id FROM nephrowatch.census c WHERE c.subject_id IN (SELECT subject_id FROM nephrowatch.links WHERE patient_id = :patient)
    UNION SELECT x.file_id FROM nephrowatch.facts x WHERE x.subject_id IN (SELECT subject_id FROM nephrowatch.links WHERE patient_id = :patient))
ORDER BY f.file_id
