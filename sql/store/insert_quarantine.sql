INSERT INTO nephrowatch.quarantine (file_id, row_no, line_no, reason, sentence, remedy, raw, batch)
SELECT :file_id, row_no, line_no, reason, sentence, remedy, raw, :batch FROM incoming_quarantine ORDER BY row_no
ON CONFLICT (file_id, row_no) DO NOTHING
