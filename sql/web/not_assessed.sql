-- Patients a rule could not assess in the newest live judgement, by unit and reason: the worst rule counts.
SELECT f.unit, f.reason, f.rule, sum(f.patients)::bigint AS patients
FROM nephrowatch.finding_counts f
WHERE f.judgement_id = (SELECT max(j.judgement_id) FROM nephrowatch.judgements j WHERE j.live AND j.reconciled_at IS NOT NULL)
  AND f.outcome = 'not_assessable'
GROUP BY f.unit, f.reason, f.rule ORDER BY f.unit, f.reason, f.rule
