-- Rows set aside since operations was last told of the feed, by reason; held and unreadable files are told apart.
-- Batches order by commit, so no row slips between two tellings.
WITH told AS (
    SELECT content ->> 'feed' AS feed, max((content ->> 'through')::bigint) AS through
    FROM nephrowatch.outbox WHERE kind = 'operations' AND content ->> 'reason' = 'rows_quarantined' GROUP BY 1
)
SELECT f.feed, q.reason, count(*) AS rows, max(q.batch) AS through
FROM nephrowatch.files f
JOIN nephrowatch.quarantine q USING (file_id)
LEFT JOIN told t ON t.feed = f.feed
LEFT JOIN nephrowatch.quarantine_ends e USING (quarantine_id)
WHERE f.state = 'stored' AND q.batch > coalesce(t.through, 0)
  AND q.row_no > 0 AND e.quarantine_id IS NULL AND q.reason <> ALL(CAST(:planned AS text[]))
GROUP BY f.feed, q.reason ORDER BY f.feed, count(*) DESC, q.reason
