-- Age of the newest file of each feed that held a usable row, and rows ever received.
SELECT f.feed, sum(f.rows_received)::bigint AS received,
    extract(epoch FROM CAST(:now AS timestamptz) - max(f.received_at) FILTER (WHERE f.rows_stored + f.rows_known > 0))::float8 AS age_seconds
FROM nephrowatch.files f GROUP BY f.feed ORDER BY f.feed
