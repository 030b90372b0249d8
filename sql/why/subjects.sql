-- The numbers a patient may be meant by, and the patient each belongs to as known at a batch.
SELECT s.subject_id, s.authority, s.identifier,
       (SELECT l.patient_id FROM nephrowatch.links l
         WHERE l.subject_id = s.subject_id AND l.batch <= :known ORDER BY l.batch DESC LIMIT 1) AS patient_id
FROM nephrowatch.subjects s
WHERE s.identifier = :identifier AND (:authority = '' OR s.authority = :authority) AND s.batch <= :known
ORDER BY s.subject_id
