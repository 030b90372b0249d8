SELECT p.outbox_id, p.attempt, p.key_id, p.sealed, p.audience, p.kept_at
FROM nephrowatch.payloads p
WHERE p.outbox_id = :outbox_id
ORDER BY p.attempt
