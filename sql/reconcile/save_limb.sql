INSERT INTO nephrowatch.limbs AS l (episode_id, rule, outcome, severity, reason, evidence, listed)
VALUES (:episode_id, :rule, :outcome, :severity, :reason, CAST(:evidence AS jsonb), :listed)
ON CONFLICT (episode_id, rule) DO UPDATE
SET outcome = excluded.outcome, severity = excluded.severity, reason = excluded.reason,
    evidence = excluded.evidence, listed = excluded.listed
