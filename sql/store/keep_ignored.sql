UPDATE nephrowatch.files SET ignored = CAST(:ignored AS jsonb) WHERE file_id = :file_id
