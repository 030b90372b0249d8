-- What was frozen for one judgement.
SELECT j.judgement_id, j.known, j.ruleset, j.live, r.night, s.body
FROM nephrowatch.judgements j
JOIN nephrowatch.runs r USING (run_id)
JOIN nephrowatch.rulesets s USING (ruleset)
WHERE j.judgement_id = :judgement_id
