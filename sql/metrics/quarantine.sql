SELECT feed, reason, state, sum(rows)::bigint AS rows FROM nephrowatch.feed_counts GROUP BY feed, reason, state ORDER BY feed, reason, state
