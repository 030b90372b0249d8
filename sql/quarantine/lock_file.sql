SELECT file_id, feed, state, archived, batch, rows_received, rows_stored, rows_known, rows_quarantined
FROM nephrowatch.files WHERE file_id = :file_id AND state <> 'received'
FOR UPDATE
