SELECT count(*) FROM nephrowatch.outbox
WHERE state IN ('permanent', 'ambiguous', 'dead')
   OR (state IN ('pending', 'claimed') AND created_at < CAST(:now AS timestamptz) - interval '1 hour')
