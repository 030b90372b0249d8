SELECT q.quarantine_id, f.feed, f.name AS file, q.row_no, q.line_no, q.reason, q.sentence, q.remedy, q.raw, f.state AS file_state
FROM nephrowatch.quarantine q JOIN nephrowatch.files f USING (file_id)
WHERE (:reason = '' OR q.reason = :reason) AND (:feed = '' OR f.feed = :feed)
  AND (:reason <> '' OR q.reason <> 'not_monitored')
ORDER BY q.quarantine_id DESC LIMIT :most
