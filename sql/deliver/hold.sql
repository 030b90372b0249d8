-- Is the claim still ours? The lock keeps it so until the sending is noted.
SELECT outbox_id
FROM nephrowatch.outbox
WHERE outbox_id = :outbox_id AND claim_token = :claim_token AND state = 'claimed' AND lease_until > :now
FOR UPDATE
