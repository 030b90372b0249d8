-- The episode is told to this destination from now on.
INSERT INTO nephrowatch.told (outbox_id, episode_id, destination, severity, limbs, told_at)
VALUES (:outbox_id, :episode_id, :destination, :severity, CAST(:limbs AS jsonb), :now)
ON CONFLICT (outbox_id) DO NOTHING
