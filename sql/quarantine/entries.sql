-- The newest entry of each row, with how it ended, if it did. lines: of a broken part, how many it has.
SELECT DISTINCT ON (q.row_no) q.quarantine_id, q.row_no, q.reason, q.remedy, q.releasable, e.ended,
       CASE WHEN q.kind = '' THEN coalesce(cardinality(regexp_split_to_array(q.raw ->> 'line', '\r\n?|\n')), 1) ELSE 1 END AS lines
FROM nephrowatch.quarantine q LEFT JOIN nephrowatch.quarantine_ends e USING (quarantine_id)
WHERE q.file_id = :file_id
ORDER BY q.row_no, q.batch DESC
