INSERT INTO nephrowatch.files (run_id, feed, kind, name, sha256, size_bytes, archived, received_at)
VALUES (:run_id, :feed, :kind, :name, :sha256, :size_bytes, :archived, :now)
ON CONFLICT (feed, name, sha256) DO NOTHING
RETURNING file_id
