-- Alarms of feeds, open ones first, then the newest.
SELECT feed, unit, kind, raised_at, cleared_at, sentence
FROM nephrowatch.feed_alarms
WHERE :cleared OR cleared_at IS NULL
ORDER BY (cleared_at IS NOT NULL), raised_at DESC, feed, unit, kind
