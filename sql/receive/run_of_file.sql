SELECT run_id FROM nephrowatch.files WHERE file_id = :file_id
