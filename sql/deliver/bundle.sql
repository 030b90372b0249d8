-- These alerts are told by another message; what becomes of it becomes of them.
UPDATE nephrowatch.outbox SET state = 'bundled', bundled_in = :bundle WHERE outbox_id = ANY (:messages)
