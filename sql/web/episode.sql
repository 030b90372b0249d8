-- One episode by its reference, with whom it is about; nothing where the reader does not see its unit.
SELECT e.episode_id, e.ref, e.unit, u.name AS unit_name, u.zone, e.patient_id, e.severity, e.cause_group, e.state, e.opened_night,
       e.changed_night, e.baseline, s.family_name, s.given_name, s.date_of_birth, s.identifier, s.authority
FROM nephrowatch.episodes e
JOIN nephrowatch.units u USING (unit)
JOIN nephrowatch.subjects s ON s.subject_id = e.patient_id
WHERE e.ref = :ref
