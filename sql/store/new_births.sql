-- Dates of birth that were not known, or are corrected.
INSERT INTO nephrowatch.births (subject_id, batch, date_of_birth, said_by)
SELECT s.subject_id, :batch, p.date_of_birth, p.said_by
FROM incoming_people p
JOIN nephrowatch.subjects s ON s.authority = :authority AND s.identifier = p.identifier
WHERE p.date_of_birth IS DISTINCT FROM s.date_of_birth AND p.date_of_birth IS NOT NULL
