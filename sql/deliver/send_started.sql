-- Committed before the network is touched: without it a lost worker has certainly sent nothing.
UPDATE nephrowatch.attempts
SET send_started_at = :now, payload_sha256 = :payload_sha256, detail = CAST(:detail AS jsonb)
WHERE outbox_id = :outbox_id AND attempt = :attempt
