-- The one entry of a file without rows, which is counted nowhere.
INSERT INTO nephrowatch.quarantine (file_id, row_no, line_no, reason, sentence, remedy, batch)
VALUES (:file_id, 0, 0, :reason, :sentence, :remedy, :batch)
