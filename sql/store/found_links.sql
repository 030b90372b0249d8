-- Every new subject founds a patient of its own.
INSERT INTO nephrowatch.links (subject_id, patient_id, reason, batch)
SELECT subject_id, subject_id, 'founded', batch
FROM nephrowatch.subjects s
WHERE batch = :batch AND NOT EXISTS (SELECT FROM nephrowatch.links l WHERE l.subject_id = s.subject_id)
ORDER BY subject_id
