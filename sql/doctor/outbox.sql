-- Messages that should have left by now, and those that were given up, with the destination that has most of them.
SELECT destination,
    count(*) FILTER (WHERE state IN ('pending', 'claimed') AND coalesce(not_before, created_at) < CAST(:now AS timestamptz) - interval '1 hour') AS waiting,
    count(*) FILTER (WHERE state IN ('permanent', 'dead') AND created_at > CAST(:now AS timestamptz) - interval '7 days') AS given_up,
    count(*) FILTER (WHERE state = 'ambiguous' AND created_at > CAST(:now AS timestamptz) - interval '7 days') AS unknown
FROM nephrowatch.outbox
GROUP BY destination
HAVING count(*) FILTER (WHERE state IN ('pending', 'claimed') AND coalesce(not_before, created_at) < CAST(:now AS timestamptz) - interval '1 hour') > 0
    OR count(*) FILTER (WHERE state IN ('permanent', 'dead', 'ambiguous') AND created_at > CAST(:now AS timestamptz) - interval '7 days') > 0
ORDER BY destination
