-- The newest sealed live night: its date at midnight UTC, how long it took, when it was sealed.
SELECT extract(epoch FROM r.night)::float8 AS night, extract(epoch FROM j.sealed_at)::float8 AS sealed,
    extract(epoch FROM j.sealed_at - greatest(r.begun_at, j.frozen_at - interval '1 day'))::float8 AS seconds
FROM nephrowatch.judgements j JOIN nephrowatch.runs r USING (run_id)
WHERE j.live AND j.sealed_at IS NOT NULL ORDER BY r.night DESC, j.judgement_id DESC LIMIT 1
