-- Fenced: only the holder of the claim says what became of it.
UPDATE nephrowatch.outbox
SET state = :state, next_attempt_at = :next_attempt_at, possible_repeat = :possible_repeat,
    receipt = COALESCE(CAST(:receipt AS jsonb), receipt), lease_until = NULL, claim_token = NULL
WHERE outbox_id = :outbox_id AND claim_token = :claim_token AND state = 'claimed'
