-- Open alarms, the oldest first. newest: when the feed last gave a row that could be used.
SELECT a.feed, a.unit, a.kind, a.raised_at, a.sentence,
       (SELECT max(f.received_at) FROM nephrowatch.files f
        WHERE f.feed = a.feed AND f.state IN ('stored', 'known') AND f.rows_stored + f.rows_known > 0) AS newest
FROM nephrowatch.feed_alarms a
WHERE a.cleared_at IS NULL
ORDER BY a.raised_at, a.feed, a.unit, a.kind
