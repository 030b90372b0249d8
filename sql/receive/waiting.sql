SELECT file_id FROM nephrowatch.files WHERE state = 'received' ORDER BY file_id
