SELECT feed, unit, kind, count(*) AS alarms FROM nephrowatch.feed_alarms WHERE cleared_at IS NULL GROUP BY feed, unit, kind ORDER BY 1, 2, 3
