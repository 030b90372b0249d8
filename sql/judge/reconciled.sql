-- Judgements of a night that were decided by and not sealed yet.
SELECT j.judgement_id, j.live, j.known, j.ruleset, r.night
FROM nephrowatch.judgements j JOIN nephrowatch.runs r USING (run_id)
WHERE j.run_id = :run_id AND j.reconciled_at IS NOT NULL AND j.sealed_at IS NULL
ORDER BY j.reconciled_at, j.judgement_id
