-- What became of one message, and what its last attempt said.
SELECT o.state, (SELECT a.sentence FROM nephrowatch.attempts a WHERE a.outbox_id = o.outbox_id ORDER BY a.attempt DESC LIMIT 1)
    AS sentence
FROM nephrowatch.outbox o
WHERE o.dedup_key = :dedup_key
