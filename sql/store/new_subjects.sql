-- Patients never seen before, by identifier, ids without a gap (the batch is locked). A number whose date of
-- birth is in doubt gets no subject.
INSERT INTO nephrowatch.subjects (subject_id, authority, identifier, date_of_birth, family_name, given_name, sex,
                                  second_identifier, batch)
SELECT (SELECT coalesce(max(subject_id), 0) FROM nephrowatch.subjects) + row_number() OVER (ORDER BY p.identifier COLLATE "C"),
       :authority, p.identifier, p.birth_first, p.family_name, p.given_name, p.sex, p.second_identifier, :batch
FROM incoming_people p
WHERE NOT EXISTS (SELECT FROM nephrowatch.subjects s WHERE s.authority = :authority AND s.identifier = p.identifier)
  AND p.birth_first IS NOT DISTINCT FROM p.birth_last
