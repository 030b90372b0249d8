INSERT INTO nephrowatch.attempts (outbox_id, attempt, claimed_at) VALUES (:outbox_id, :attempt, :now)
