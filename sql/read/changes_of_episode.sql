SELECT c.seq, c.night, c.kind, c.reason, c.sentence, c.from_state, c.to_state, c.severity, c.withheld, c.recorded_at,
       j.known, j.ruleset,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('destination', o.destination, 'kind', o.kind, 'state', o.state,
                'attempts', o.attempt, 'possible_repeat', o.possible_repeat) ORDER BY o.destination), '[]')
          FROM nephrowatch.outbox o WHERE o.episode_id = c.episode_id AND o.change_seq = c.seq) AS messages
FROM nephrowatch.changes c LEFT JOIN nephrowatch.judgements j USING (judgement_id)
WHERE c.episode_id = :episode_id ORDER BY c.seq
