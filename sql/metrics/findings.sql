-- The newest live judgement: how many patients each rule answered how for.
SELECT c.rule, c.outcome, sum(c.patients)::bigint AS patients
FROM nephrowatch.finding_counts c
WHERE c.judgement_id = (SELECT j.judgement_id FROM nephrowatch.judgements j JOIN nephrowatch.runs r USING (run_id)
                        WHERE j.live AND j.sealed_at IS NOT NULL ORDER BY r.night DESC, j.judgement_id DESC LIMIT 1)
GROUP BY c.rule, c.outcome ORDER BY c.rule, c.outcome
