-- Results in quarantine that would be critical if true, still open, by unit where the row said it. ids: the newest.
SELECT f.feed, q.unit, q.analyte, q.critical, count(*) AS results,
       (array_agg(q.quarantine_id ORDER BY q.quarantine_id DESC))[1:10] AS ids
FROM nephrowatch.quarantine q
JOIN nephrowatch.files f USING (file_id)
LEFT JOIN nephrowatch.quarantine_ends e USING (quarantine_id)
WHERE q.critical IS NOT NULL AND e.quarantine_id IS NULL
GROUP BY f.feed, q.unit, q.analyte, q.critical ORDER BY f.feed, q.unit, q.analyte, q.critical
