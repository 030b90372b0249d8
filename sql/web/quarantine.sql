SELECT feed, kind, reason, state, sum(rows)::bigint AS rows, max(last_received) AS last_received
FROM nephrowatch.feed_counts WHERE state = 'open' GROUP BY 1, 2, 3, 4 ORDER BY 1, 5 DESC
