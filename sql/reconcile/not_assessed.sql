-- Patients of each unit whom at least one live rule of the cause group could not judge. Who is no longer active is looked up in
-- a hash: of a judgement written a moment ago there are no statistics, and a join would go through all pairs.
SELECT f.unit, r.cause_group, count(DISTINCT f.patient_id) AS patients
FROM nephrowatch.findings f
JOIN unnest(CAST(:rules AS text[]), CAST(:groups AS text[])) AS r (rule, cause_group) USING (rule)
WHERE f.judgement_id = :judgement_id AND f.outcome = 'not_assessable'
  AND f.patient_id NOT IN (SELECT patient_id FROM nephrowatch.standings
                            WHERE judgement_id = :judgement_id AND status NOT IN ('active', 'admitted'))
GROUP BY f.unit, r.cause_group
