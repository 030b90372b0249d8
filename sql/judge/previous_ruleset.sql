-- The rule set of the newest sealed live night before this one, if it was another: differences between the two are
-- changes of the rules, not of patients.
SELECT j.ruleset
FROM nephrowatch.judgements j JOIN nephrowatch.runs r USING (run_id)
WHERE j.live AND j.sealed_at IS NOT NULL AND r.night < :night
ORDER BY r.night DESC, j.judgement_id DESC
LIMIT 1
