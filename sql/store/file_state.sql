SELECT state, rows_received, rows_stored, rows_known, rows_quarantined FROM nephrowatch.files WHERE file_id = :file_id FOR UPDATE
