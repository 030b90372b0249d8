UPDATE nephrowatch.attempts
SET finished_at = :now, outcome = :outcome, sentence = :sentence
WHERE outbox_id = :outbox_id AND attempt = :attempt
RETURNING payload_sha256, detail
