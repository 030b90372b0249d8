SELECT other.file_id
FROM nephrowatch.files this JOIN nephrowatch.files other USING (feed, sha256)
WHERE this.file_id = :file_id AND other.file_id <> this.file_id AND other.state = :state
ORDER BY other.file_id LIMIT 1
