-- A file held whole: every row is in quarantine for the file's reason. The rows stand in the archived file.
INSERT INTO nephrowatch.quarantine (file_id, row_no, line_no, reason, sentence, remedy, batch)
SELECT :file_id, row_no, 0, :reason, :sentence, :remedy, :batch
FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS row_no
ON CONFLICT (file_id, row_no) DO NOTHING
