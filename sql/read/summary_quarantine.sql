-- Rows set aside by reason, in files that were not held as a whole.
SELECT q.reason, count(*) AS rows, min(q.remedy) AS remedy, array_agg(DISTINCT f.feed ORDER BY f.feed) AS feeds
FROM nephrowatch.quarantine q JOIN nephrowatch.files f USING (file_id)
WHERE f.state NOT IN ('held', 'unreadable')
GROUP BY q.reason ORDER BY count(*) DESC, q.reason
