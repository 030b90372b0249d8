-- Patients never seen before, by identifier, ids without a gap (the batch is locked).
INSERT INTO nephrowatch.subjects (subject_id, authority, identifier, batch)
SELECT (SELECT coalesce(max(subject_id), 0) FROM nephrowatch.subjects) + row_number() OVER (ORDER BY p.identifier COLLATE "C"),
       :authority, p.identifier, :batch
FROM incoming_people p
WHERE NOT EXISTS (SELECT FROM nephrowatch.subjects s WHERE s.authority = :authority AND s.identifier = p.identifier)
