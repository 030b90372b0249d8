-- Waiting for over an hour, or given up within the last day (older ones were told of when they were new).
SELECT count(*) FROM nephrowatch.outbox
WHERE state IN ('permanent', 'ambiguous', 'dead') AND created_at > CAST(:now AS timestamptz) - interval '1 day'
   OR (state IN ('pending', 'claimed') AND coalesce(not_before, created_at) < CAST(:now AS timestamptz) - interval '1 hour')
