-- One message into the outbox; the same dedup_key a second time changes nothing and returns no row.
INSERT INTO nephrowatch.outbox
    (dedup_key, kind, destination, severity, unit, night, episode_id, change_seq, content, next_attempt_at, created_at)
VALUES (:dedup_key, :kind, :destination, :severity, :unit, :night, :episode_id, :change_seq,
        CAST(:content AS jsonb), :now, :now)
ON CONFLICT (dedup_key) DO NOTHING
RETURNING outbox_id
