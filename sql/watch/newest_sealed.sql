-- The newest live night whose lists were made.
SELECT max(r.night) FROM nephrowatch.judgements j JOIN nephrowatch.runs r USING (run_id)
WHERE j.live AND j.sealed_at IS NOT NULL
