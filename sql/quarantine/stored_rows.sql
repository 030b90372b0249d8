-- Rows of a file that a table holds.
SELECT row_no FROM nephrowatch.results WHERE file_id = :file_id
UNION SELECT row_no FROM nephrowatch.medications WHERE file_id = :file_id
UNION SELECT row_no FROM nephrowatch.census WHERE file_id = :file_id
UNION SELECT row_no FROM nephrowatch.facts WHERE file_id = :file_id
UNION SELECT row_no FROM nephrowatch.identity_events WHERE file_id = :file_id
