SELECT outcome, sum(patients)::bigint AS patients FROM nephrowatch.finding_counts
WHERE judgement_id = :judgement_id GROUP BY outcome
