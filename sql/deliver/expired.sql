-- Claims whose worker has gone. send_started_at tells whether it can have sent anything.
SELECT o.outbox_id, o.dedup_key, o.kind, o.destination, o.severity, o.unit, o.night, o.episode_id, o.change_seq,
    o.content, o.attempt, o.claim_token, o.possible_repeat, o.created_at, a.send_started_at
FROM nephrowatch.outbox o
LEFT JOIN nephrowatch.attempts a ON a.outbox_id = o.outbox_id AND a.attempt = o.attempt
WHERE o.state = 'claimed' AND o.lease_until <= :now
ORDER BY o.outbox_id
LIMIT :limit
FOR UPDATE OF o SKIP LOCKED
