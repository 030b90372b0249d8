INSERT INTO nephrowatch.silenced
    (episode_id, change_seq, destination, silence_id, unit, severity, night, content, recorded_at)
VALUES (:episode_id, :change_seq, :destination, :silence_id, :unit, :severity, :night, CAST(:content AS jsonb), :now)
