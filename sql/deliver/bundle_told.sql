-- The destination now knows every episode the message told of.
INSERT INTO nephrowatch.told (outbox_id, episode_id, destination, severity, limbs, told_at)
SELECT o.outbox_id, o.episode_id, :destination, o.severity, coalesce(o.content -> 'limbs', '{}'), :now
FROM nephrowatch.outbox o
WHERE o.bundled_in = :bundle AND o.episode_id IS NOT NULL
ON CONFLICT (outbox_id) DO NOTHING
