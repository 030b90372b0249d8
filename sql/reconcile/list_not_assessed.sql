-- Patients a rule that opens episodes could not assess, by the first rule of each cause group that says so.
SELECT unit, rule, reason, sum(patients)::bigint AS patients
FROM nephrowatch.finding_counts
WHERE judgement_id = :judgement_id AND outcome = 'not_assessable'
GROUP BY unit, rule, reason ORDER BY unit, rule, reason
