SELECT feed, kind, reason, 'open' AS state, rows, last_received FROM nephrowatch.open_counts ORDER BY feed, rows DESC
