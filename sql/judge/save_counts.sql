INSERT INTO nephrowatch.finding_counts (judgement_id, shard_id, unit, rule, outcome, reason, patients)
SELECT :judgement_id, :shard_id, unit, rule, outcome, reason, patients FROM judged_counts
ON CONFLICT DO NOTHING
