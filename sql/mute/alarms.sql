-- Alarms of these feeds that were open at a moment; unit '' is one of a whole feed.
SELECT a.feed, a.unit FROM nephrowatch.feed_alarms a
WHERE a.feed = ANY (:feeds) AND a.raised_at <= :now AND (a.cleared_at IS NULL OR a.cleared_at > :now)
