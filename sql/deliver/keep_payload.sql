-- What is about to be shown, encrypted, and who can see it.
INSERT INTO nephrowatch.payloads (outbox_id, attempt, key_id, sealed, audience, kept_at)
VALUES (:outbox_id, :attempt, :key_id, :sealed, CAST(:audience AS jsonb), :now)
ON CONFLICT (outbox_id, attempt) DO NOTHING
