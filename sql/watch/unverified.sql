-- Rows of a file that would be critical if true. repeated: a row set aside earlier said the same of the same result, in
-- whatever file, and was told (or listed) then.
SELECT q.quarantine_id, q.row_no, q.batch, q.unit, q.analyte, q.critical, q.reason, q.collected_at,
       EXISTS (SELECT FROM nephrowatch.quarantine p
               WHERE p.said = q.said AND p.critical IS NOT NULL AND p.quarantine_id < q.quarantine_id) AS repeated
FROM nephrowatch.quarantine q
WHERE q.file_id = :file_id AND q.critical IS NOT NULL
ORDER BY q.quarantine_id
