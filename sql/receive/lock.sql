SELECT file_id, feed, name, sha256, archived FROM nephrowatch.files
WHERE file_id = :file_id AND state = 'received'
FOR UPDATE
