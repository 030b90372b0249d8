-- End open alarms. ended: [{feed, unit, kind}]; of two watches one finds each.
UPDATE nephrowatch.feed_alarms a SET cleared_at = :now
FROM jsonb_to_recordset(CAST(:ended AS jsonb)) AS e(feed text, unit text, kind text)
WHERE a.feed = e.feed AND a.unit = e.unit AND a.kind = e.kind AND a.cleared_at IS NULL
RETURNING a.feed, a.unit, a.kind, a.raised_at
