-- What each deadline is held against. deadlines: [{feed, unit ('' the feed as a whole), hours, repeats}].
-- rows: usable rows of the last hours; of a unit, those stored new. What had come before counts where `repeats` (a census
-- may say the same again; a laboratory that does has nothing new). files: all the feed ever sent.
-- watched_since: its first file, else our first night. newest: the last arrival with a usable row.
WITH asked AS (
    SELECT d.feed, d.unit, d.repeats, CAST(:now AS timestamptz) - make_interval(hours => d.hours) AS since
    FROM jsonb_to_recordset(CAST(:deadlines AS jsonb)) AS d(feed text, unit text, hours integer, repeats boolean)
), arrived AS MATERIALIZED (
    SELECT f.file_id, f.feed, f.batch, f.rows_stored + CASE WHEN a.repeats THEN f.rows_known ELSE 0 END AS usable
    FROM asked a JOIN nephrowatch.files f ON f.feed = a.feed
    WHERE a.unit = '' AND f.received_at > a.since AND f.received_at <= :now AND f.state IN ('stored', 'known')
), said AS (
    SELECT file_id, unit FROM nephrowatch.results WHERE batch >= (SELECT min(batch) FROM arrived)
    UNION ALL
    SELECT file_id, unit FROM nephrowatch.census WHERE batch >= (SELECT min(batch) FROM arrived)
    UNION ALL
    SELECT file_id, unit FROM nephrowatch.facts WHERE batch >= (SELECT min(batch) FROM arrived)
), of_units AS (
    SELECT f.feed, s.unit, count(*) AS rows FROM said s JOIN arrived f USING (file_id) GROUP BY f.feed, s.unit
), of_feeds AS (
    SELECT feed, sum(usable) AS rows FROM arrived GROUP BY feed
), ever AS (
    SELECT a.feed, count(f.file_id) AS files,
           coalesce(min(f.received_at), (SELECT min(begun_at) FROM nephrowatch.runs)) AS watched_since,
           max(f.received_at) FILTER (WHERE f.state IN ('stored', 'known')
                                      AND f.rows_stored + CASE WHEN a.repeats THEN f.rows_known ELSE 0 END > 0) AS newest
    FROM asked a LEFT JOIN nephrowatch.files f ON f.feed = a.feed
    WHERE a.unit = '' GROUP BY a.feed
)
SELECT a.feed, a.unit, coalesce(t.rows, 0)::bigint AS feed_rows,
       CASE WHEN a.unit = '' THEN coalesce(t.rows, 0) ELSE coalesce(u.rows, 0) END::bigint AS rows,
       e.files, coalesce(e.watched_since <= a.since, false) AS watched_for_long, e.newest
FROM asked a
JOIN ever e USING (feed)
LEFT JOIN of_feeds t USING (feed)
LEFT JOIN of_units u ON u.feed = a.feed AND u.unit = a.unit
ORDER BY a.feed, a.unit
