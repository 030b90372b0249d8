-- What each live night was decided from, and under which rules.
SELECT r.night, max(j.known)::bigint AS known, (array_agg(j.ruleset ORDER BY j.known DESC, j.judgement_id DESC))[1] AS ruleset
FROM nephrowatch.judgements j JOIN nephrowatch.runs r USING (run_id)
WHERE j.live AND j.reconciled_at IS NOT NULL
GROUP BY r.night ORDER BY r.night
