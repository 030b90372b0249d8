-- What was ever said about whose number one is: each version of the link of every number of a patient, newest last.
WITH asked AS (
    SELECT DISTINCT l.patient_id
    FROM nephrowatch.subjects s JOIN nephrowatch.links l USING (subject_id)
    WHERE s.identifier = :identifier AND (:authority = '' OR s.authority = :authority)
)
SELECT DISTINCT s.authority, s.identifier, p.authority AS patient_authority, p.identifier AS patient, l.reason, l.batch,
       b.recorded_at
FROM nephrowatch.links l
JOIN nephrowatch.links mine ON mine.subject_id = l.subject_id
JOIN asked a ON a.patient_id = mine.patient_id
JOIN nephrowatch.subjects s ON s.subject_id = l.subject_id
JOIN nephrowatch.subjects p ON p.subject_id = l.patient_id
JOIN nephrowatch.batches b ON b.batch = l.batch
ORDER BY l.batch, s.authority, s.identifier
