SELECT feed, count(*) AS files, max(received_at) AS last_received, (array_agg(name ORDER BY file_id DESC))[1] AS last_file,
       count(*) FILTER (WHERE state IN ('held', 'unreadable')) AS held,
       count(*) FILTER (WHERE state = 'received') AS waiting,
       coalesce(sum(rows_received), 0)::bigint AS received, coalesce(sum(rows_stored), 0)::bigint AS stored,
       coalesce(sum(rows_known), 0)::bigint AS known, coalesce(sum(rows_quarantined), 0)::bigint AS quarantined
FROM nephrowatch.files GROUP BY feed ORDER BY feed
