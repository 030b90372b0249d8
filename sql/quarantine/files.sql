SELECT f.file_id
FROM nephrowatch.files f
WHERE f.state IN ('stored', 'held', 'unreadable')
  AND (:file_id = 0 OR f.file_id = :file_id) AND (CAST(:feed AS text) = '' OR f.feed = :feed)
  AND (f.file_id = :file_id
       OR EXISTS (SELECT FROM nephrowatch.quarantine q
                   WHERE q.file_id = f.file_id
                     AND (CAST(:reason AS text) = '' OR q.reason = :reason OR (f.state <> 'stored' AND f.reason = :reason))
                     AND NOT EXISTS (SELECT FROM nephrowatch.quarantine_ends e WHERE e.quarantine_id = q.quarantine_id)))
ORDER BY f.file_id
