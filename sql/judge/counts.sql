SELECT unit, rule, outcome, reason, sum(patients)::bigint AS patients
FROM nephrowatch.finding_counts WHERE judgement_id = :judgement_id
GROUP BY unit, rule, outcome, reason ORDER BY unit, rule, outcome, reason
