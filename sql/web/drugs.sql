-- A patient's drugs, under whichever of their identifiers they came: the newest version of each that was known at :known (0: now).
SELECT DISTINCT ON (m.medication_key) m.drug_text, m.ingredient, m.classes, m.started_on, m.ended_on, m.listed_on, m.dose, m.status,
       CASE WHEN m.subject_id <> :patient_id THEN s.identifier || ' (' || s.authority || ')' ELSE '' END AS under
FROM nephrowatch.medications m JOIN nephrowatch.subjects s USING (subject_id)
WHERE m.subject_id IN (SELECT nephrowatch.subjects_of(:patient_id)) AND m.drug_text <> '' AND (:known = 0 OR m.batch <= :known)
ORDER BY m.medication_key, m.batch DESC, m.medication_id DESC
