-- What became of every row received, by feed.
SELECT feed, count(*) AS files, coalesce(sum(rows_received), 0)::bigint AS received, coalesce(sum(rows_stored), 0)::bigint AS stored,
       coalesce(sum(rows_known), 0)::bigint AS known, coalesce(sum(rows_quarantined), 0)::bigint AS quarantined
FROM nephrowatch.files
GROUP BY feed ORDER BY feed
