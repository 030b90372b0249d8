-- Patients of each unit whom at least one live rule of the cause group could not judge.
SELECT f.unit, r.cause_group, count(DISTINCT f.patient_id) AS patients
FROM nephrowatch.findings f
JOIN unnest(CAST(:rules AS text[]), CAST(:groups AS text[])) AS r (rule, cause_group) USING (rule)
JOIN nephrowatch.standings s ON s.judgement_id = f.judgement_id AND s.patient_id = f.patient_id
WHERE f.judgement_id = :judgement_id AND f.outcome = 'not_assessable' AND s.status IN ('active', 'admitted')
GROUP BY f.unit, r.cause_group
