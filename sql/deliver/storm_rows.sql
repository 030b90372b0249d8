-- The alerts of a storm that nobody has begun to send.
SELECT o.outbox_id, o.severity, o.content, o.not_before
FROM nephrowatch.outbox o
WHERE o.state = 'pending' AND o.attempt = 0 AND o.kind = 'alert' AND o.severity <> 'CRITICAL'
    AND NOT o.content ? 'instead_of' AND o.unit = :unit AND o.night = :night AND o.destination = :destination
ORDER BY o.outbox_id
FOR UPDATE OF o SKIP LOCKED
