-- Held files nobody has decided on yet, with the units their rows name.
SELECT f.file_id, f.feed, f.reason,
       (SELECT coalesce(array_agg(DISTINCT q.unit) FILTER (WHERE q.unit IS NOT NULL), '{}')
        FROM nephrowatch.quarantine q WHERE q.file_id = f.file_id) AS units
FROM nephrowatch.files f
LEFT JOIN nephrowatch.file_decisions d USING (file_id)
WHERE f.state = 'held' AND d.file_id IS NULL
ORDER BY f.file_id
