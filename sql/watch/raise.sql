-- Alarms that are not open yet: one each, however many watches look at once.
INSERT INTO nephrowatch.feed_alarms (feed, unit, kind, raised_at, sentence)
SELECT a.feed, a.unit, a.kind, :now, a.sentence
FROM jsonb_to_recordset(CAST(:alarms AS jsonb)) AS a(feed text, unit text, kind text, sentence text)
ORDER BY a.feed, a.unit, a.kind
ON CONFLICT (feed, unit, kind) WHERE cleared_at IS NULL DO NOTHING
RETURNING feed, unit, kind, raised_at
