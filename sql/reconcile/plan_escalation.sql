INSERT INTO nephrowatch.escalations (episode_id, change_seq, step, due_at, minutes, destinations)
VALUES (:episode_id, :seq, :step, :due_at, :minutes, CAST(:destinations AS jsonb))
ON CONFLICT DO NOTHING
