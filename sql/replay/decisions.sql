-- Every moment at which a live judgement decided, oldest first. complete: it went through all patients then; else a crash or
-- a repeat, and only what it recorded can be held against what it would record.
SELECT j.judgement_id, r.night, j.known, j.ruleset, t.body, p.body AS site_body, d.at, d.at = j.reconciled_at AS complete
FROM nephrowatch.judgements j
JOIN nephrowatch.runs r USING (run_id)
JOIN nephrowatch.rulesets t USING (ruleset)
LEFT JOIN nephrowatch.sites p USING (site)
CROSS JOIN LATERAL (
    SELECT j.reconciled_at AS at
    UNION
    SELECT c.recorded_at FROM nephrowatch.changes c WHERE c.judgement_id = j.judgement_id) d
WHERE j.live AND j.reconciled_at IS NOT NULL AND r.night BETWEEN :first AND :last
ORDER BY d.at, j.judgement_id
