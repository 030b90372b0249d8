INSERT INTO people (person, identifier, subject_id, patient_id)
SELECT p.person, p.identifier, s.subject_id, l.patient_id
FROM incoming_people p
JOIN nephrowatch.subjects s ON s.authority = :authority AND s.identifier = p.identifier
CROSS JOIN LATERAL (SELECT patient_id FROM nephrowatch.links WHERE links.subject_id = s.subject_id
                    ORDER BY links.batch DESC LIMIT 1) l
