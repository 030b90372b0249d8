SELECT s.identifier, s.subject_id, s.date_of_birth, b.said_by, s.second_identifier
FROM nephrowatch.subjects s
LEFT JOIN LATERAL (SELECT said_by FROM nephrowatch.births WHERE births.subject_id = s.subject_id
                   ORDER BY births.batch DESC LIMIT 1) b ON TRUE
WHERE s.authority = :authority AND s.identifier = ANY (:identifiers)
