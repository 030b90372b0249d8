-- Take what is due, worst first. A row waits while an earlier one of the same episode and destination is
-- unfinished, so nothing overtakes, and while its destination asked for a pause. The attempt is counted here: a row that
-- kills its worker runs out too.
WITH due AS MATERIALIZED (
    SELECT o.outbox_id
    FROM nephrowatch.outbox o
    WHERE o.state = 'pending' AND (o.next_attempt_at <= :now
            -- or it keeps a CRITICAL one of its episode waiting, which no quiet hours may do
            OR (o.not_before > :now AND o.attempt = 0 AND EXISTS (
                SELECT FROM nephrowatch.outbox c
                WHERE c.episode_id = o.episode_id AND c.destination = o.destination AND c.outbox_id > o.outbox_id
                    AND c.severity = 'CRITICAL' AND c.state = 'pending')))
        AND NOT EXISTS (
            SELECT FROM nephrowatch.outbox earlier
            WHERE earlier.episode_id = o.episode_id AND earlier.destination = o.destination
                AND earlier.outbox_id < o.outbox_id AND earlier.state IN ('pending', 'claimed'))
        AND NOT EXISTS (
            SELECT FROM nephrowatch.paces p
            WHERE p.destination = o.destination AND p.free_at > CAST(:now AS timestamptz) + interval '30 seconds')
    ORDER BY CASE o.severity WHEN 'CRITICAL' THEN 0 WHEN 'HIGH' THEN 1 ELSE 2 END, o.outbox_id
    LIMIT :limit
    FOR UPDATE OF o SKIP LOCKED
)
UPDATE nephrowatch.outbox o
SET state = 'claimed', attempt = o.attempt + 1, lease_until = :lease_until, claim_token = gen_random_uuid()
FROM due
WHERE o.outbox_id = due.outbox_id
RETURNING o.outbox_id, o.dedup_key, o.kind, o.destination, o.severity, o.unit, o.night, o.episode_id, o.change_seq,
    o.content, o.attempt, o.claim_token, o.possible_repeat, o.created_at, NULL::timestamptz AS send_started_at
