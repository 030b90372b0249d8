SELECT feed, unit, kind, reason, state, rows, first_received, last_received
FROM nephrowatch.feed_counts ORDER BY feed, unit, kind, reason, state
