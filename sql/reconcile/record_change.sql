INSERT INTO nephrowatch.changes
    (episode_id, seq, night, judgement_id, kind, reason, sentence, from_state, to_state, severity, limbs, withheld,
     recorded_at)
VALUES (:episode_id, :seq, :night, :judgement_id, :kind, :reason, :sentence, :from_state, :to_state, :severity,
        CAST(:limbs AS jsonb), CAST(:withheld AS jsonb), :now)
