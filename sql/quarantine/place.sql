SELECT file_id, row_no FROM nephrowatch.quarantine WHERE quarantine_id = :quarantine_id
