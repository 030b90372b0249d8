SELECT destination, state, count(*) AS messages,
    coalesce(extract(epoch FROM CAST(:now AS timestamptz) - min(coalesce(not_before, created_at)) FILTER (WHERE state IN ('pending', 'claimed'))), 0)::float8
        AS oldest_seconds
FROM nephrowatch.outbox GROUP BY destination, state ORDER BY destination, state
