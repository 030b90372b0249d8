-- An alert that is told by another message: it never goes out by itself.
INSERT INTO nephrowatch.outbox
    (dedup_key, kind, destination, severity, unit, night, episode_id, change_seq, content, next_attempt_at, created_at, state,
     bundled_in)
VALUES (:dedup_key, 'alert', :destination, :severity, :unit, :night, :episode_id, :change_seq, CAST(:content AS jsonb), :now, :now,
        'bundled', :bundle)
