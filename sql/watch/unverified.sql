-- Rows of a file that would be critical if true. repeated: the same row was quarantined before, in an earlier reading
-- of this file or word for word in another file of the feed, and was told (or listed) then.
SELECT q.quarantine_id, q.row_no, q.batch, q.unit, q.analyte, q.critical, q.reason, q.collected_at,
       EXISTS (
           SELECT FROM nephrowatch.quarantine p JOIN nephrowatch.files g USING (file_id)
           WHERE p.critical IS NOT NULL AND p.quarantine_id < q.quarantine_id AND g.feed = f.feed
             AND CASE WHEN p.file_id = q.file_id THEN p.row_no = q.row_no AND p.batch < q.batch ELSE p.raw = q.raw END
       ) AS repeated
FROM nephrowatch.quarantine q
JOIN nephrowatch.files f USING (file_id)
WHERE q.file_id = :file_id AND q.critical IS NOT NULL
ORDER BY q.quarantine_id
