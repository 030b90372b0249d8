-- The newest files whose raw bytes the archive should have.
SELECT file_id, feed, archived FROM nephrowatch.files ORDER BY file_id DESC LIMIT :newest
