-- Each feed: its newest arrival, what its files held, and what waits.
SELECT f.feed, count(*) AS files, max(f.received_at) AS last_received,
       count(*) FILTER (WHERE f.state IN ('held', 'unreadable')) AS held, count(*) FILTER (WHERE f.state = 'received') AS waiting,
       coalesce(sum(f.rows_received), 0)::bigint AS received, coalesce(sum(f.rows_stored), 0)::bigint AS stored,
       coalesce(sum(f.rows_known), 0)::bigint AS known, coalesce(sum(f.rows_quarantined), 0)::bigint AS quarantined
FROM nephrowatch.files f GROUP BY f.feed ORDER BY f.feed
