-- Every moment at which a live judgement decided, oldest first.
SELECT j.judgement_id, d.at
FROM nephrowatch.judgements j
JOIN nephrowatch.runs r USING (run_id)
CROSS JOIN LATERAL (
    SELECT j.reconciled_at AS at
    UNION
    SELECT c.recorded_at FROM nephrowatch.changes c WHERE c.judgement_id = j.judgement_id) d
WHERE j.live AND j.reconciled_at IS NOT NULL AND r.night BETWEEN :first AND :last
ORDER BY d.at, j.judgement_id
