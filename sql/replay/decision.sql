-- One moment at which a judgement decided. complete: it went through all patients then; else a crash or a repeat, and only what
-- it recorded can be held against what it would record.
SELECT j.judgement_id, r.night, j.known, j.ruleset, t.body, p.body AS site_body, CAST(:at AS timestamptz) AS at,
       CAST(:at AS timestamptz) = j.reconciled_at AS complete
FROM nephrowatch.judgements j
JOIN nephrowatch.runs r USING (run_id)
JOIN nephrowatch.rulesets t USING (ruleset)
LEFT JOIN nephrowatch.sites p USING (site)
WHERE j.judgement_id = :judgement_id
