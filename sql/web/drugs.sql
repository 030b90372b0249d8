-- A patient's drugs: the newest version of each.
SELECT DISTINCT ON (m.medication_key) m.drug_text, m.ingredient, m.classes, m.started_on, m.ended_on, m.listed_on, m.dose, m.status
FROM nephrowatch.medications m
WHERE m.subject_id = :patient_id AND m.drug_text <> ''
ORDER BY m.medication_key, m.batch DESC, m.medication_id DESC
