SELECT feed, unit, kind, raised_at, sentence FROM nephrowatch.feed_alarms WHERE cleared_at IS NULL ORDER BY raised_at
