-- Quarantined rows by feed and reason; the parameters are those of read/quarantine.
SELECT f.feed, q.reason, count(*) AS rows, min(q.sentence) AS sentence, min(q.remedy) AS remedy,
       count(*) FILTER (WHERE q.critical IS NOT NULL) AS critical
FROM nephrowatch.quarantine q
JOIN nephrowatch.files f USING (file_id)
LEFT JOIN nephrowatch.quarantine_ends e USING (quarantine_id)
WHERE (:feed = '' OR f.feed = :feed) AND (:unit = '' OR q.unit = :unit) AND (:reason = '' OR q.reason = :reason OR (f.state = 'held' AND f.reason = :reason))
  AND (:file_id = 0 OR q.file_id = :file_id)
  AND (NOT :critical OR q.critical IS NOT NULL)
  AND (:ended OR e.quarantine_id IS NULL)
GROUP BY f.feed, q.reason ORDER BY f.feed, count(*) DESC, q.reason
