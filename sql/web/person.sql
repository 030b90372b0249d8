-- Who a patient is, under which other numbers, and where; nothing where the reader does not see their unit.
SELECT s.subject_id AS patient_id, s.family_name, s.given_name, s.date_of_birth, s.sex, s.identifier, s.authority,
       s.second_identifier, nephrowatch.unit_of(s.subject_id) AS unit, c.schedule, c.modality, c.clinician, c.status,
       ARRAY(SELECT o.identifier || ' (' || o.authority || ')' FROM nephrowatch.subjects o
              WHERE o.subject_id IN (SELECT nephrowatch.subjects_of(:patient_id)) AND o.subject_id <> s.subject_id
              ORDER BY o.subject_id) AS also
FROM nephrowatch.subjects s
LEFT JOIN LATERAL (SELECT schedule, modality, clinician, status FROM nephrowatch.census c
                    WHERE c.subject_id IN (SELECT nephrowatch.subjects_of(:patient_id))
                    ORDER BY c.effective_on DESC, c.batch DESC, c.census_id DESC LIMIT 1) c ON true
WHERE s.subject_id = :patient_id
