-- Quarantined rows for people, newest first; '' and 0 mean any. Codes not monitored only when asked for by name.
-- state: open, or how the row was ended, by itself or with its file.
SELECT q.quarantine_id, f.feed, f.file_id, f.name AS file, f.state AS file_state, f.reason AS file_reason,
       f.sentence AS file_sentence, q.kind, q.unit, q.row_no, q.line_no, q.reason,
       q.sentence, q.remedy, q.critical, q.analyte, q.collected_at, q.releasable, q.raw,
       coalesce(e.ended, 'open') AS state, e.reason AS ended_reason, e.actor AS ended_by, e.ended_at
FROM nephrowatch.quarantine q
JOIN nephrowatch.files f USING (file_id)
LEFT JOIN nephrowatch.quarantine_ends e USING (quarantine_id)
WHERE (:feed = '' OR f.feed = :feed) AND (:unit = '' OR q.unit = :unit) AND (:reason = '' OR q.reason = :reason OR (f.state = 'held' AND f.reason = :reason))
  AND (:file_id = 0 OR q.file_id = :file_id) AND (:quarantine_id = 0 OR q.quarantine_id = :quarantine_id)
  AND (NOT :critical OR q.critical IS NOT NULL)
  AND (:ended OR e.quarantine_id IS NULL)
  AND (:reason <> '' OR :quarantine_id <> 0 OR q.reason <> 'not_monitored')
ORDER BY q.quarantine_id DESC LIMIT :most
