-- One message into the outbox; the same dedup_key a second time changes nothing and returns no row.
INSERT INTO nephrowatch.outbox
    (dedup_key, kind, destination, severity, unit, night, episode_id, change_seq, content, next_attempt_at, not_before,
     created_at, possible_repeat)
VALUES (:dedup_key, :kind, :destination, :severity, :unit, :night, :episode_id, :change_seq,
        CAST(:content AS jsonb), coalesce(CAST(:not_before AS timestamptz), :now), :not_before, :now,
        -- an earlier send of this episode there whose outcome nobody knows: what follows may repeat it, and says so
        EXISTS (SELECT FROM nephrowatch.outbox o WHERE o.episode_id = :episode_id AND o.destination = :destination
                  AND o.possible_repeat AND o.state IN ('dead', 'ambiguous')))
ON CONFLICT (dedup_key) DO NOTHING
RETURNING outbox_id
