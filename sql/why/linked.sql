-- The subjects of one patient, as known at a batch.
SELECT s.subject_id, s.identifier
FROM nephrowatch.subjects s
WHERE :patient_id = (SELECT l.patient_id FROM nephrowatch.links l
                      WHERE l.subject_id = s.subject_id AND l.batch <= :known ORDER BY l.batch DESC LIMIT 1)
ORDER BY s.subject_id
