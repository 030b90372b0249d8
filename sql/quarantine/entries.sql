-- The newest entry of each row, with how it ended, if it did.
SELECT DISTINCT ON (q.row_no) q.quarantine_id, q.row_no, q.reason, q.remedy, q.releasable, e.ended
FROM nephrowatch.quarantine q LEFT JOIN nephrowatch.quarantine_ends e USING (quarantine_id)
WHERE q.file_id = :file_id
ORDER BY q.row_no, q.batch DESC
